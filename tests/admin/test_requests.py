from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse
from django.utils import timezone

from idenfy_kyc.admin import InformationRequestAdmin
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import InformationRequest
from idenfy_kyc.services.record import note_batch, note_requests
from tests.admin.pages import words_of
from tests.factories import make_batch, make_request, make_user, make_verification, make_verifications

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_informationrequest_changelist")


def page_of(request: InformationRequest, page: str = "change") -> str:
    return reverse(f"admin:idenfy_kyc_informationrequest_{page}", args=[request.pk])


class TestTheList:
    def test_answers_who_asked_whom_for_what_why_and_when(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True, note="Annual review 2026", confirmed_by_name="R. Kazlauskienė")
        verification = make_verification(name="Jonas Jonaitis", client_id="C-1042")
        sent_at = timezone.now() - timedelta(days=400)
        make_request(State.COMPLETED, batch=batch, verification=verification, sent_at=sent_at)

        page = alice_client.get(LIST)

        for words in (
            "Jonas Jonaitis",
            "C-1042",
            "Questionnaire “source-of-funds”",
            "Answered",
            "R. Kazlauskienė",
            f"{sent_at:%b %Y}",
            "Annual review 2026",
        ):
            assert words in page.text

    def test_says_how_long_a_link_still_works_and_whether_it_was_opened(self, alice_client: Client) -> None:
        make_request(State.ISSUED, expires_at=timezone.now() + timedelta(days=3))

        page = alice_client.get(LIST)

        assert "3 days left" in page.text
        assert "Not yet" in page.text

    def test_says_when_a_link_ended_and_when_it_was_opened(self, alice_client: Client) -> None:
        moment = timezone.make_aware(timezone.datetime(2020, 3, 17, 12))  # type: ignore[attr-defined]
        make_request(State.ISSUED, expires_at=moment, opened_at=moment - timedelta(days=1))

        page = alice_client.get(LIST)

        assert '17 Mar 2020 <span class="ik-beneath">ended</span>' in page.text
        assert "16 Mar 2020" in page.text

    def test_names_who_asked_also_before_anything_was_sent(self, alice_client: Client) -> None:
        make_request(State.QUEUED)

        assert '– <span class="ik-beneath">Rasa Kazlauskienė</span>' in alice_client.get(LIST).text

    def test_tells_a_request_apart_from_the_one_that_it_follows(self, alice_client: Client) -> None:
        first = make_request(State.REFUSED)
        assert "asked again" not in alice_client.get(LIST).text

        make_request(State.ISSUED, verification=first.verification, again_of=first)

        assert alice_client.get(LIST).text.count('<span class="ik-beneath">asked again</span>') == 1

    def test_never_loads_a_secret(self, alice_client: Client) -> None:
        make_request(State.ISSUED)

        with CaptureQueriesContext(connection) as queries:
            page = alice_client.get(LIST)

        assert page.status_code == 200
        assert "session_url" not in page.text
        assert not [query for query in queries if "session_url" in query["sql"]]

    @pytest.mark.parametrize("lookup", ["session_url", "token__startswith", "public_id__startswith", "claim"])
    def test_answers_no_question_about_a_secret(self, root_client: Client, lookup: str) -> None:
        make_request(State.ISSUED)

        assert root_client.get(LIST, {lookup: ""}).status_code == 400

    def test_takes_the_same_queries_for_1_row_and_for_100(
        self, alice_client: Client, django_assert_num_queries: Any
    ) -> None:
        make_request(State.ISSUED)
        alice_client.get(LIST)
        with CaptureQueriesContext(connection) as few:
            alice_client.get(LIST)
        for verification in make_verifications(99):
            make_request(State.ISSUED, verification=verification)

        with django_assert_num_queries(len(few)):
            page = alice_client.get(LIST)

        assert len(page.context["cl"].result_list) == 100

    def test_says_so_when_nobody_has_been_asked(self, alice_client: Client) -> None:
        make_request(State.DRAFT)

        page = alice_client.get(LIST)

        assert "Nobody has been asked yet. Choose verifications and “Request information…”." in page.text
        assert "Nothing matches." in alice_client.get(LIST, {"ends": "3d"}).text

    def test_tells_nobody_to_ask_who_may_not(self, bob_client: Client) -> None:
        page = bob_client.get(LIST)

        assert "Nobody has been asked yet." in page.text
        assert "Request information…" not in page.text

    def test_offers_only_what_one_may_do(self, alice_client: Client, bob_client: Client, carol_client: Client) -> None:
        make_request(State.ISSUED)

        offered = [client.get(LIST).text for client in (alice_client, bob_client, carol_client)]

        assert [("Withdraw…" in page, "Download links" in page) for page in offered] == [
            (True, False),
            (False, False),
            (False, True),
        ]

    @pytest.mark.parametrize("persona", ["dora_client", "eve_client", "mallory_client", "anonymous"])
    def test_is_closed_to_outsiders(self, persona: str, request: pytest.FixtureRequest) -> None:
        assert request.getfixturevalue(persona).get(LIST).status_code in {302, 403}


class TestThePage:
    @pytest.mark.parametrize(
        ("state", "advice", "is_quiet"),
        [
            (State.REFUSED, "Read iDenfy’s words, settle the reason, then ask again.", True),
            (State.UNKNOWN, "Look in iDenfy’s dashboard whether the request is there.", True),
            (State.EXPIRED, "", False),
        ],
    )
    def test_says_what_to_do_next_before_it_offers_to_ask_again(
        self, alice_client: Client, state: State, advice: str, is_quiet: bool
    ) -> None:
        page = alice_client.get(page_of(make_request(state)))

        assert advice in page.text
        assert ('<button class="ik-button ik-button-quiet">Ask again…' in page.text) is is_quiet
        assert ('<button class="ik-button">Ask again…' in page.text) is not is_quiet

    def test_advises_nothing_once_it_was_asked_again(self, alice_client: Client) -> None:
        refused = make_request(State.REFUSED)
        make_request(State.ISSUED, verification=refused.verification, again_of=refused)

        page = alice_client.get(page_of(refused))

        assert "settle the reason" not in page.text

    def test_tells_the_whole_story(self, bob_client: Client) -> None:
        profile = uuid.uuid4()
        batch = make_batch(confirmed=True, note="Annual review", risk_assessment_profile=profile)
        request = make_request(
            State.REFUSED,
            batch=batch,
            verification=make_verification(name="Jonas Jonaitis", client_id="C-1042"),
            bank_card_expected_last_four="4242",
            identifier="VALIDATION_ERROR",
            message="Already <pending>",
            status_code=400,
        )

        page = bob_client.get(page_of(request))

        for words in (
            "Request to Jonas Jonaitis",
            "C-1042",
            "Refused by iDenfy",
            "iDenfy’s words: “Already &lt;pending&gt;”",
            "VALIDATION_ERROR",
            "HTTP status 400",
            "Annual review",
            "Rasa Kazlauskienė",
            "4242",
            str(profile),
        ):
            assert words in page.text

    def test_says_why_a_request_is_uncertain(self, bob_client: Client) -> None:
        request = make_request(State.UNKNOWN, reason=Reason.NO_ANSWER)

        page = bob_client.get(page_of(request))

        assert "ik-state-unknown" in page.text
        assert "iDenfy’s answer did not arrive" in page.text
        assert "14 days left" in page.text

    @pytest.mark.parametrize("state", [State.COMPLETED, State.EXPIRED, State.CANCELLED])
    def test_says_until_when_he_could_answer_and_whether_he_opened_it_also_when_all_is_over(
        self, bob_client: Client, state: State
    ) -> None:
        moment = datetime(2020, 3, 17, 10, 5, tzinfo=UTC)
        times = {"issued_at": moment, "expires_at": moment + timedelta(days=1)}

        opened = bob_client.get(page_of(make_request(state, opened_at=moment, **times))).text
        ignored = bob_client.get(page_of(make_request(state, **times))).text

        assert "<dt>Time to answer until</dt>" in opened
        assert "18 March 2020, 12:05" in opened
        assert "<dd>17 March 2020, 12:05</dd>" in opened
        assert "<dd>Never</dd>" in ignored

    @pytest.mark.parametrize("state", [State.QUEUED, State.REFUSED])
    def test_says_neither_where_there_was_no_link(self, bob_client: Client, state: State) -> None:
        page = bob_client.get(page_of(make_request(state)))

        assert "until</dt>" not in page.text
        assert "<dt>Opened</dt>" not in page.text

    def test_says_once_whose_times_it_shows(self, bob_client: Client) -> None:
        request = make_request(State.ISSUED)

        verification = reverse("admin:idenfy_kyc_verification_change", args=[request.verification_id])
        for page in (page_of(request), verification):
            assert bob_client.get(page).text.count("Times are those of Europe/Vilnius.") == 1

    def test_shows_a_row_of_a_plan_as_asked_by_nobody(self, bob_client: Client) -> None:
        request = make_request(State.SKIPPED, reason=Reason.LEFT_OUT, reason_params={"by": "Alice"})

        page = bob_client.get(page_of(request))

        assert "Left out by Alice" in page.text
        assert "Nobody yet: this is a plan." in page.text

    def test_shows_its_own_history_and_what_held_up_its_batch(self, bob_client: Client, alice: Any) -> None:
        batch = make_batch(confirmed=True)
        mine, other = (make_request(State.QUEUED, batch=batch) for _ in range(2))
        note_batch(EventKind.CONFIRMED, batch, by=alice, clients=2)
        note_batch(EventKind.PAUSED, batch, by=alice, reason="person")
        note_requests(EventKind.ISSUED, [other])
        InformationRequest.objects.filter(pk=mine.pk).update(outcome_at=timezone.now())
        note_requests(EventKind.ISSUED, [mine])
        note_batch(EventKind.CONTINUED, batch, by=alice)

        history = bob_client.get(page_of(mine)).context["history"]

        assert [(line.what, line.who) for line in history.lines] == [
            ("iDenfy issued a link", "iDenfy"),
            ("Sending stopped", "Alice Example"),
            ("Confirmed: 2 clients to be asked", "Alice Example"),
        ]

    def test_reads_the_same_once_the_officer_is_gone(self, bob_client: Client) -> None:
        officer = make_user(full_name="Rasa Kazlauskienė")
        request = make_request(State.ISSUED, batch=make_batch(confirmed=True, confirmed_by=officer))
        note_requests(EventKind.ISSUED, [request], by=officer)
        places = page_of(request), LIST, reverse("admin:idenfy_kyc_requestbatch_change", args=[request.batch_id])

        def read() -> list[str]:
            pages = [words_of(bob_client.get(place)) for place in places]
            return [re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page) for page in pages]

        before = read()
        officer.delete()

        assert all("Rasa Kazlauskienė" in page for page in before)
        assert read() == before

    def test_is_found_only_among_the_rows_that_one_sees(self, bob_client: Client) -> None:
        nowhere = reverse("admin:idenfy_kyc_informationrequest_change", args=["999"])

        assert bob_client.get(nowhere).status_code == 302

    def test_cannot_be_posted_added_or_deleted(self, root_client: Client) -> None:
        request = make_request(State.ISSUED)
        add = reverse("admin:idenfy_kyc_informationrequest_add")

        assert root_client.post(page_of(request), {"state": "draft"}).status_code == 405
        assert root_client.post(add, {}).status_code == 403
        assert root_client.post(page_of(request, "delete"), {"post": "yes"}).status_code == 403
        request.refresh_from_db()
        assert request.state == State.ISSUED

    @pytest.mark.parametrize("persona", ["dora_client", "eve_client"])
    def test_is_closed_to_whoever_may_not_look(self, persona: str, request: pytest.FixtureRequest) -> None:
        row = make_request(State.ISSUED)

        assert request.getfixturevalue(persona).get(page_of(row)).status_code == 403


class TestViewsThatAct:
    @pytest.mark.parametrize("page", ["show_link", "withdraw"])
    def test_are_never_wrapped_in_a_transaction(self, page: str) -> None:
        urls = [LIST, reverse(f"admin:idenfy_kyc_informationrequest_{page}", args=["1"])]

        for url in urls:
            assert resolve(url).func._non_atomic_requests == {"default"}  # type: ignore[attr-defined]


class OwnRequests(InformationRequestAdmin):
    change_form_template = "a request of our own.html"
    withdraw_template = "a withdrawal of our own.html"


class TestSubclass:
    @pytest.fixture
    def ours(self) -> OwnRequests:
        return OwnRequests(InformationRequest, AdminSite(name="admin"))

    def test_may_have_templates_of_its_own(self, rf: RequestFactory, alice: Any, ours: OwnRequests) -> None:
        row = make_request(State.ISSUED)
        request = rf.get("/")
        request.user = alice

        pages: list[Any] = [view(request, str(row.pk)) for view in (ours.change_view, ours.withdraw_view)]

        assert [page.template_name for page in pages] == ["a request of our own.html", "a withdrawal of our own.html"]

    def test_is_drawn_with_a_template_of_the_project_if_there_is_one(self, alice_client: Client) -> None:
        page: Any = alice_client.get(page_of(make_request(State.ISSUED)))

        assert page.template_name[:2] == [
            "admin/idenfy_kyc/informationrequest/change_form.html",
            "admin/idenfy_kyc/change_form.html",
        ]
