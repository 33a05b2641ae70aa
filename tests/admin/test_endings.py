from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent
from tests.admin.pages import BROWSER, shown, url, words_of
from tests.admin.test_links import LIST, act, messages_of
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


class TestWithdrawingOne:
    @pytest.fixture
    def row(self, db: None) -> InformationRequest:
        return make_request(State.ISSUED, expires_at=datetime(2990, 3, 17, 12, tzinfo=UTC))

    @pytest.fixture
    def url(self, row: InformationRequest) -> str:
        return reverse("admin:idenfy_kyc_informationrequest_withdraw", args=[row.pk])

    def test_asks_why_and_says_what_idenfy_still_holds(self, alice_client: Client, url: str) -> None:
        page = alice_client.get(url)

        assert "Withdraw 1 request" in page.text
        assert "1 client has a link. It stops working here at once." in page.text
        assert "at the latest on 17 March 2990" in page.text
        assert not RequestEvent.objects.exists()

    def test_names_the_client_and_what_was_asked_and_why(self, alice_client: Client) -> None:
        verification = make_verification(name="Jonas <Jonaitis>", client_id="C-1042")
        row = make_request(State.ISSUED, verification=verification)

        page = alice_client.get(reverse("admin:idenfy_kyc_informationrequest_withdraw", args=[row.pk]))

        assert page.context["facts"] == [
            ("Client", "<bdi>Jonas &lt;Jonaitis&gt;</bdi> (C-1042)"),
            ("Asked for", "Questionnaire “source-of-funds”"),
            ("Reason for asking", "annual review"),
        ]

    def test_names_a_client_without_a_name_by_the_id(self, alice_client: Client) -> None:
        row = make_request(State.ISSUED, verification=make_verification(name="", client_id="C-1042"))

        page = alice_client.get(reverse("admin:idenfy_kyc_informationrequest_withdraw", args=[row.pk]))

        assert page.context["facts"][0] == ("Client", "<bdi>C-1042</bdi>")

    def test_withdraws_and_keeps_the_reason(self, alice_client: Client, row: InformationRequest, url: str) -> None:
        fields = {"_withdraw": "1", "note": "The client left", "shown": shown(row)}

        answer = alice_client.post(url, fields, follow=True)

        row.refresh_from_db()
        assert (row.state, row.reason, row.session_url) == (State.CANCELLED, Reason.WITHDRAWN, "")
        assert RequestEvent.objects.get().params["note"] == "The client left"
        assert messages_of(answer) == ["1 request was withdrawn."]
        assert "Withdrawn: “The client left”" in answer.text

    def test_insists_on_a_reason(self, alice_client: Client, row: InformationRequest, url: str) -> None:
        page = alice_client.post(url, {"_withdraw": "1", "note": "  ", "shown": shown(row)})

        assert "Give a reason." in page.text
        assert '<p class="errornote">' in page.text
        assert 'class="required" for="id_note"' in page.text
        assert 'aria-describedby="id_note_helptext' in page.text
        assert "<title>Error:" in page.text
        assert "autofocus" in page.text
        row.refresh_from_db()
        assert row.state == State.ISSUED

    @pytest.mark.parametrize("others", ["", "nonsense"])
    def test_comes_back_when_others_would_be_withdrawn_than_were_shown(
        self, alice_client: Client, row: InformationRequest, url: str, others: str
    ) -> None:
        page = alice_client.post(url, {"_withdraw": "1", "note": "The client left", "shown": others})

        assert messages_of(page) == ["Something changed in the meantime. Look at the numbers, and press again."]
        assert 'value="The client left"' in page.text
        row.refresh_from_db()
        assert row.state == State.ISSUED

    def test_says_so_when_it_is_over_already(self, alice_client: Client) -> None:
        row = make_request(State.COMPLETED)
        page = reverse("admin:idenfy_kyc_informationrequest_change", args=[row.pk])
        url = reverse("admin:idenfy_kyc_informationrequest_withdraw", args=[row.pk])

        answer = alice_client.get(url, follow=True)

        assert answer.redirect_chain == [(page, 302)]
        assert messages_of(answer)[0].startswith("There is nothing to withdraw")
        assert url not in answer.text

    def test_of_a_request_that_is_gone_leads_back(self, alice_client: Client) -> None:
        nowhere = reverse("admin:idenfy_kyc_informationrequest_withdraw", args=["999"])

        assert alice_client.get(nowhere, headers={"Accept": BROWSER}).status_code == 302

    @pytest.mark.parametrize("persona", ["bob_client", "carol_client", "dora_client", "eve_client"])
    def test_is_for_those_who_may_ask(
        self, persona: str, row: InformationRequest, url: str, request: pytest.FixtureRequest
    ) -> None:
        client: Client = request.getfixturevalue(persona)

        assert client.get(url).status_code == 403
        assert client.post(url, {"_withdraw": "1", "note": "x", "shown": shown(row)}).status_code == 403
        row.refresh_from_db()
        assert row.state == State.ISSUED


class TestWithdrawingTheTicked:
    def test_says_how_many_of_each_kind_there_are(self, alice_client: Client) -> None:
        states = (State.ISSUED, State.ISSUED, State.UNKNOWN, State.QUEUED, State.SENDING, State.REFUSED)
        rows = [make_request(state) for state in states]

        page = act(alice_client, "withdraw", *rows)

        assert "Withdraw 4 requests" in page.text
        assert "2 clients have a link." in page.text
        assert "1 is uncertain" in page.text
        assert "1 has not been asked yet, and will not be." in page.text
        assert "2 of those you chose are left alone" in page.text

    def test_names_the_first_few_clients_and_what_all_were_asked(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        names = ("Anna", "Borys", "Čiurlionis", "Dovilė", "Eglė")
        rows = [make_request(State.ISSUED, batch=batch, verification=make_verification(name=name)) for name in names]

        facts = dict(act(alice_client, "withdraw", *rows).context["facts"])

        assert [name for name in names if name in facts["Clients"]] == ["Anna", "Borys", "Čiurlionis"]
        assert facts["Clients"].endswith(", and 2 more")
        assert facts["Reason for asking"] == "annual review"

    def test_does_not_say_why_they_were_asked_if_the_reasons_are_several(self, alice_client: Client) -> None:
        page = act(alice_client, "withdraw", make_request(State.ISSUED), make_request(State.ISSUED))

        assert [name for name, _ in page.context["facts"]] == ["Clients"]

    def test_takes_the_same_number_of_queries_for_many(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        rows = [make_request(State.ISSUED, batch=batch) for _ in range(20)]

        with CaptureQueriesContext(connection) as few:
            act(alice_client, "withdraw", *rows[:4])
        with CaptureQueriesContext(connection) as many:
            act(alice_client, "withdraw", *rows)

        assert len(few) == len(many)

    @pytest.mark.no_cover
    def test_groups_thousands(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        InformationRequest.objects.bulk_create(
            InformationRequest(batch=batch, verification=v, open_verification=v, state=State.QUEUED)
            for v in make_verifications(1_200)
        )

        page = act(alice_client, "withdraw", InformationRequest.objects.all()[0], across=True)

        assert page.text.count("Withdraw 1,200 requests") == 3
        assert "1,200 have not been asked yet, and will not be." in page.text

    def test_says_nothing_of_idenfy_where_it_holds_nothing(self, alice_client: Client) -> None:
        page = act(alice_client, "withdraw", make_request(State.QUEUED))

        assert "What iDenfy still holds" not in page.text

    def test_withdraws_what_was_ticked_and_comes_back_to_the_list(self, alice_client: Client) -> None:
        ticked = [make_request(State.ISSUED) for _ in range(2)]
        other = make_request(State.ISSUED)
        page = act(alice_client, "withdraw", *ticked)

        sent = dict(page.context["hidden"][:2])
        answer = act(alice_client, "withdraw", *ticked, _withdraw="1", note="x", shown=shown(*ticked))

        assert sent == {"action": "withdraw", "select_across": "0"}
        assert answer.url == LIST
        assert set(InformationRequest.objects.filter(state=State.CANCELLED)) == set(ticked)
        other.refresh_from_db()
        assert other.state == State.ISSUED

    def test_withdraws_all_that_match_without_a_field_for_each(self, alice_client: Client) -> None:
        rows = [make_request(State.ISSUED) for _ in range(105)]
        page = act(alice_client, "withdraw", *rows[:100], across=True)

        fields = {"_withdraw": "1", "note": "x", "shown": shown(*rows), "typed_count": "105"}
        answer = act(alice_client, "withdraw", rows[0], across=True, **fields)

        assert len(page.context["hidden"]) == 3
        assert answer.status_code == 302
        assert InformationRequest.objects.filter(state=State.CANCELLED).count() == 105

    @pytest.mark.parametrize("typed", ["", "104"])
    def test_has_a_large_number_typed_first(self, alice_client: Client, typed: str) -> None:
        rows = [make_request(State.ISSUED) for _ in range(105)]
        fields = {"_withdraw": "1", "note": "x", "shown": shown(*rows), "typed_count": typed}

        page = act(alice_client, "withdraw", rows[0], across=True, **fields)

        assert "Type 105 to confirm" in page.text
        assert "Type 105 here: this is how many requests it concerns." in page.text
        assert page.text.count("autofocus") == 1
        assert not InformationRequest.objects.filter(state=State.CANCELLED).exists()

    @pytest.mark.parametrize("persona", ["bob_client", "carol_client"])
    def test_is_for_those_who_may_ask(self, persona: str, request: pytest.FixtureRequest) -> None:
        row = make_request(State.ISSUED)

        act(request.getfixturevalue(persona), "withdraw", row, _withdraw="1", note="x", shown=shown(row))

        row.refresh_from_db()
        assert row.state == State.ISSUED


class TestMarkingOne:
    @pytest.fixture
    def row(self, db: None) -> InformationRequest:
        return make_request(State.UNKNOWN)

    def mark(self, client: Client, row: InformationRequest, **fields: str) -> Any:
        address = reverse("admin:idenfy_kyc_informationrequest_mark_answered", args=[row.pk])
        fields = {"_mark": "1", "note": "in the dashboard", "shown": shown(row)} | fields
        return client.post(address, fields, follow=True)

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (State.ISSUED, "1 client has a link. It stops working here at once."),
            (State.UNKNOWN, "1 is uncertain."),
            (State.EXPIRED, "1 had ended without an answer."),
            (State.CANCELLED, "1 was withdrawn."),
        ],
    )
    def test_says_first_what_it_means(self, alice_client: Client, state: State, words: str) -> None:
        row = make_request(state)
        page = alice_client.get(reverse("admin:idenfy_kyc_informationrequest_change", args=[row.pk]))

        mark = alice_client.get(page.context["mark_url"])

        assert "Mark 1 request as answered" in mark.text
        assert words in mark.text
        assert "nobody takes it for an answer that iDenfy reported" in words_of(mark)
        assert not RequestEvent.objects.exists()

    def test_says_who_and_where_wherever_the_answer_is_shown(self, alice_client: Client, alice: Any) -> None:
        row = make_request(State.ISSUED)

        page = self.mark(alice_client, row)

        row.refresh_from_db()
        said = "Marked by Alice Example: “in the dashboard”"
        verification = reverse("admin:idenfy_kyc_verification_change", args=[row.verification_id])
        places = [page.text, *(alice_client.get(place).text for place in (LIST, url(row.batch), verification))]
        places.append(alice_client.get(reverse("admin:idenfy_kyc_verification_changelist")).text)
        assert (row.state, row.reason, row.session_url) == (State.COMPLETED, Reason.MARKED, "")
        assert messages_of(page) == ["1 request was marked as answered."]
        assert ["Answered" in place and said in place for place in places] == [True] * 5
        assert "Marked as answered: “in the dashboard”" in page.text

    def test_insists_on_where_it_was_seen(self, alice_client: Client, row: InformationRequest) -> None:
        page = self.mark(alice_client, row, note=" ")

        row.refresh_from_db()
        assert "Say where it was seen." in page.text
        assert "Nothing was changed." in page.text
        assert row.state == State.UNKNOWN

    def test_comes_back_when_others_would_be_marked_than_were_shown(
        self, alice_client: Client, row: InformationRequest
    ) -> None:
        page = self.mark(alice_client, row, shown=shown(row, make_request(State.UNKNOWN)))

        row.refresh_from_db()
        assert messages_of(page) == ["Something changed in the meantime. Look at the numbers, and press again."]
        assert row.state == State.UNKNOWN

    @pytest.mark.parametrize("state", [State.REFUSED, State.QUEUED, State.SENDING, State.COMPLETED])
    def test_is_not_offered_for_what_nobody_can_have_answered(self, alice_client: Client, state: State) -> None:
        row = make_request(state)

        page = alice_client.get(reverse("admin:idenfy_kyc_informationrequest_change", args=[row.pk]))
        answer = self.mark(alice_client, row)

        assert "Mark as answered…" not in page.text
        assert messages_of(answer)[0].startswith("There is nothing to mark")
        row.refresh_from_db()
        assert row.state == state

    def test_of_an_uncertain_one_comes_after_a_look_at_idenfys_dashboard(
        self, alice_client: Client, row: InformationRequest
    ) -> None:
        page = alice_client.get(reverse("admin:idenfy_kyc_informationrequest_change", args=[row.pk]))

        assert "Look in iDenfy’s dashboard whether the request is there." in page.text
        assert "May block a new request until" in page.text
        assert "Works until" not in page.text

    def test_is_offered_to_those_who_may_ask(self, bob_client: Client, row: InformationRequest) -> None:
        page = bob_client.get(reverse("admin:idenfy_kyc_informationrequest_change", args=[row.pk]))

        assert "A colleague who may ask clients decides what to do." in page.text
        assert "Mark as answered…" not in page.text
        assert "Ask again…" not in page.text


class TestMarkingMany:
    def test_marks_the_ticked_ones_that_can_be(self, alice_client: Client) -> None:
        rows = [make_request(state) for state in (State.ISSUED, State.EXPIRED, State.REFUSED)]
        page = act(alice_client, "mark_answered", *rows)

        answer = act(alice_client, "mark_answered", *rows, _mark="1", note="on paper", shown=shown(*rows[:2]))

        assert "Mark 2 requests as answered" in page.text
        assert "1 of those you chose is left alone" in page.text
        assert answer.url == LIST
        assert InformationRequest.objects.filter(reason=Reason.MARKED).count() == 2
        assert RequestEvent.objects.filter(kind=EventKind.MARKED).count() == 2

    @pytest.fixture
    def batch(self) -> RequestBatch:
        batch = make_batch(confirmed=True)
        for state in (State.ISSUED, State.EXPIRED, State.EXPIRED, State.REFUSED):
            make_request(state, batch=batch)
        make_request(State.ISSUED, batch=batch, expires_at=timezone.now() - timedelta(minutes=1))
        return batch

    def test_marks_one_outcome_of_a_batch(self, alice_client: Client, batch: RequestBatch) -> None:
        fields = {"outcome": "expired"}
        page = alice_client.post(url(batch, "mark_answered"), fields)

        fields |= {"_mark": "1", "note": "by post", "shown": page.context["form"]["shown"].value()}
        answer = alice_client.post(url(batch, "mark_answered"), fields, follow=True)

        assert "Mark 3 requests as answered" in page.text
        assert '<input type="hidden" name="outcome" value="expired">' in page.text
        assert answer.redirect_chain == [(url(batch), 302)]
        assert "Marked as answered by staff: 3" in answer.text
        assert batch.rows_in(State.COMPLETED).count() == 3
        assert batch.rows_in(State.ISSUED).count() == 1

    def test_marks_no_other_than_was_shown_though_they_are_as_many(self, alice_client: Client) -> None:
        row = make_request(State.ISSUED)
        page = alice_client.post(url(row.batch, "mark_answered"), {"outcome": "issued"})
        InformationRequest.objects.filter(pk=row.pk).move(State.EXPIRED)
        other = make_request(State.ISSUED, batch=row.batch)

        fields = {"outcome": "issued", "_mark": "1", "note": "by post", "shown": page.context["form"]["shown"].value()}
        page = alice_client.post(url(row.batch, "mark_answered"), fields)

        other.refresh_from_db()
        assert messages_of(page) == ["Something changed in the meantime. Look at the numbers, and press again."]
        assert (other.state, other.has_link) == (State.ISSUED, True)

    @pytest.mark.parametrize("outcome", ["refused", "nonsense", ""])
    def test_marks_no_other_outcome(self, alice_client: Client, batch: RequestBatch, outcome: str) -> None:
        fields = {"outcome": outcome, "_mark": "1", "note": "by post", "shown": shown(*batch.requests.all())}

        answer = alice_client.post(url(batch, "mark_answered"), fields)

        assert answer.headers["Location"] == url(batch)
        assert not batch.rows_in(State.COMPLETED).exists()
