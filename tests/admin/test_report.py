from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.admin.outcomes import REASONS_SHOWN, Outcome
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import Answer, RequestBatch, RequestEvent
from tests.admin.pages import messages_of, queries, shown, url, words_of
from tests.factories import LINK, TOKEN, make_batch, make_request, make_verification

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch() -> RequestBatch:
    """One of each outcome, and two links."""
    batch = make_batch(confirmed=True, selection="8 chosen by hand")
    for state in (State.ISSUED, State.ISSUED, State.COMPLETED, State.EXPIRED):
        make_request(state, batch=batch)
    make_request(State.REFUSED, batch=batch, message="Questionnaire was not found", identifier="VALIDATION_ERROR")
    make_request(State.UNKNOWN, batch=batch, reason=Reason.NO_ANSWER)
    make_request(State.SKIPPED, batch=batch, reason=Reason.LEFT_OUT, reason_params={"by": "Rasa"})
    make_request(State.CANCELLED, batch=batch, reason=Reason.WITHDRAWN, reason_params={"note": "mistake"})
    return batch


def outcomes_of(page: Any) -> dict[State, Outcome]:
    return {outcome.state: outcome for outcome in page.context["outcomes_found"]}


class TestTheReport:
    def test_says_first_how_many_have_a_link(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        for state in (State.ISSUED, State.ISSUED, State.REFUSED, State.REFUSED, State.UNKNOWN):
            make_request(state, batch=batch)

        page = alice_client.get(url(batch))

        assert "Of 5 clients <strong>2 have a link</strong>, 2 were refused, 1 is uncertain." in words_of(page)
        assert "Done on " in page.text

    def test_says_how_many_got_a_link_once_some_of_them_work_no_more(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        now = timezone.now()
        make_request(State.ISSUED, batch=batch)
        make_request(State.ISSUED, batch=batch, expires_at=now - timedelta(minutes=1))

        page = alice_client.get(url(batch))

        assert "2 got a link</strong>." in page.text
        assert outcomes_of(page)[State.EXPIRED].count == 1

    def test_counts_everybody_who_was_asked_once(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        for state in (State.ISSUED, State.REFUSED, State.UNKNOWN, State.SKIPPED, State.SKIPPED):
            make_request(state, batch=batch)
        for state in (State.CANCELLED, State.EXPIRED, State.COMPLETED):
            make_request(state, batch=batch, issued_at=None)
        make_request(State.UNKNOWN, batch=batch, expires_at=timezone.now() - timedelta(minutes=1))
        make_request(State.CANCELLED, batch=batch, issued_at=timezone.now())

        page = words_of(alice_client.get(url(batch)))

        assert (
            "Of 8 clients <strong>2 got a link</strong>, 1 was refused, 1 is uncertain, 2 ended uncertain, "
            "1 was withdrawn without a link, 1 answered all the same. 2 more verifications were chosen and not asked."
        ) in page

    def test_says_none_where_nobody_has_a_link(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        for _ in range(3):
            make_request(State.REFUSED, batch=batch)

        page = alice_client.get(url(batch))

        assert "Of 3 clients <strong>none has a link</strong>, 3 were refused." in words_of(page)

    def test_says_what_each_outcome_means_and_what_to_do(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.get(url(batch))

        found = outcomes_of(page)
        assert list(found) == [
            State.REFUSED,
            State.UNKNOWN,
            State.ISSUED,
            State.COMPLETED,
            State.EXPIRED,
            State.CANCELLED,
            State.SKIPPED,
        ]
        assert all(outcome.meaning for outcome in found.values())
        assert found[State.REFUSED].reasons == ["“Questionnaire was not found”: 1"]
        assert found[State.UNKNOWN].reasons == ["iDenfy’s answer did not arrive: 1"]
        assert "A new request may be refused until" in found[State.UNKNOWN].meaning
        assert "“Questionnaire was not found”" in page.text

    def test_groups_refusals_by_idenfys_words_and_no_further_than_useful(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        for number in range(REASONS_SHOWN + 3):
            make_request(State.REFUSED, batch=batch, message=f"No {number:02}")
        make_request(State.REFUSED, batch=batch, message="No 00")

        page = alice_client.get(url(batch))

        reasons = outcomes_of(page)[State.REFUSED].reasons
        assert reasons[0] == "“No 00”: 2"
        assert len(reasons) == REASONS_SHOWN + 1
        assert reasons[-1] == "other words: 3"

    def test_says_so_when_idenfy_refused_without_a_word(self, alice_client: Client) -> None:
        batch = make_request(State.REFUSED).batch

        page = alice_client.get(url(batch))

        assert outcomes_of(page)[State.REFUSED].reasons == ["without a word: 1"]

    def test_says_from_when_to_when_the_links_end(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        now = timezone.now()
        make_request(State.ISSUED, batch=batch, expires_at=now + timedelta(days=1))
        make_request(State.ISSUED, batch=batch, expires_at=now + timedelta(days=2))

        page = alice_client.get(url(batch))

        assert "The first link ends on " in outcomes_of(page)[State.ISSUED].meaning

    def test_survives_rows_without_an_end(self, alice_client: Client) -> None:
        batch = make_request(State.ISSUED, expires_at=None).batch

        page = alice_client.get(url(batch))

        assert page.status_code == 200

    def test_says_who_asked_for_what(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.get(url(batch))

        assert "Rasa Kazlauskienė" in page.text
        assert "Questionnaire “source-of-funds”" in page.text
        assert "8 chosen by hand" in page.text
        assert "<h1>annual review" in page.text

    def test_shows_no_link_and_no_token(self, root_client: Client, batch: RequestBatch) -> None:
        page = root_client.get(url(batch))

        assert LINK not in page.text
        assert TOKEN not in page.text
        assert str(batch.rows_in(State.ISSUED)[0].public_id) not in page.text
        assert "••••••••" in page.text

    def test_leads_to_each_request(self, alice_client: Client, batch: RequestBatch) -> None:
        request = batch.rows_in(State.ISSUED)[0]

        page = alice_client.get(url(batch))

        assert reverse("admin:idenfy_kyc_informationrequest_change", args=[request.pk]) in page.text

    def test_is_done_even_if_nothing_was_ever_sent(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        make_request(State.CANCELLED, batch=batch, outcome_at=None)

        page = alice_client.get(url(batch))

        assert "Done. <strong>Withdrawn.</strong>" in words_of(page)

    @pytest.mark.parametrize(("show", "rows"), [("", 8), ("issued", 2), ("refused", 1), ("nonsense", 8)])
    def test_can_show_one_outcome_only(self, alice_client: Client, batch: RequestBatch, show: str, rows: int) -> None:
        page = alice_client.get(url(batch) + f"?show={show}")

        assert len(page.context["rows"].lines()) == rows

    def test_says_so_when_an_outcome_has_nobody(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.get(url(batch) + "?show=sending")

        assert "Nobody." in page.text

    @pytest.mark.parametrize(
        ("asked", "found", "rows"), [("?q=C-104", "2 found.", 2), ("?q=C-104&show=refused", "1 found.", 1)]
    )
    def test_can_be_searched(self, alice_client: Client, asked: str, found: str, rows: int) -> None:
        batch = make_batch(confirmed=True)
        for client_id, state in (("C-1042", State.ISSUED), ("C-1043", State.REFUSED), ("C-2000", State.ISSUED)):
            make_request(state, batch=batch, verification=make_verification(client_id=client_id))

        page = alice_client.get(url(batch) + asked)

        assert found in page.text
        assert len(page.context["rows"].lines()) == rows
        assert 'href="?q=C-104&amp;show=issued#rows"' in page.text

    def test_takes_the_same_number_of_queries_for_a_large_batch(self, alice_client: Client) -> None:
        small, large = make_batch(confirmed=True), make_batch(confirmed=True)
        for batch, count in ((small, 2), (large, 130)):
            for number in range(count):
                make_request(State.ISSUED, batch=batch)
                make_request(State.REFUSED, batch=batch, message=f"No {number}")

        alice_client.get(url(small))

        assert queries(alice_client, url(small)) == queries(alice_client, url(large))


class TestItsTables:
    def test_can_be_reached_and_heard_on_every_screen(self, alice_client: Client, batch: RequestBatch) -> None:
        text = alice_client.get(url(batch)).text

        content = text[text.index('id="content-main"') :]
        assert content.count('class="ik-table" tabindex="0" role="group" aria-label') == 2
        assert content.count("<tr>") == content.count("<td>") == 0
        assert content.count('<th scope="row" role="rowheader" class="ik-who">') == 8


class TestDownloading:
    def test_is_offered_with_the_number_of_links_that_work(self, carol_client: Client, batch: RequestBatch) -> None:
        page = carol_client.get(url(batch))

        assert "Download links (2)" in page.text

    def test_is_not_offered_to_those_who_may_not(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.get(url(batch))

        assert "Download links" not in page.text

    def test_hands_over_our_links_and_records_it(self, carol_client: Client, batch: RequestBatch) -> None:
        request = batch.rows_in(State.ISSUED).order_by("pk")[0]

        answer = carol_client.post(url(batch, "download"))

        assert answer["Content-Type"].startswith("text/csv")
        assert str(request.public_id) in answer.text
        assert TOKEN not in answer.text
        assert len(answer.text.splitlines()) == 3
        assert RequestEvent.objects.filter(kind=EventKind.DOWNLOADED).count() == 2

    def test_goes_back_to_the_page_when_there_is_none(self, carol_client: Client) -> None:
        batch = make_request(State.REFUSED).batch

        page = carol_client.post(url(batch, "download"), follow=True)

        assert page.redirect_chain == [(url(batch), 302)]


class TestClientsWithoutAnAddress:
    def test_are_said_and_not_counted_as_links(self, root_client: Client) -> None:
        batch = make_request(State.ISSUED).batch
        make_request(State.ISSUED, batch=batch, session_url="")

        page = root_client.get(url(batch))

        assert "1 of them has no address" in page.text
        assert "Download links (1)" in page.text
        assert "Of 2 clients <strong>1 has a link</strong>, 1 has only a token for mobile apps." in words_of(page)

    def test_give_nobody_anything_to_send(self, root_client: Client) -> None:
        page = root_client.get(url(make_request(State.ISSUED, session_url="").batch))

        assert outcomes_of(page)[State.ISSUED].next_step == ""


class TestWhatCanBeDone:
    @pytest.mark.parametrize(
        ("persona", "issued", "refused"),
        [
            ("alice_client", "A colleague who may see links can download them", "Read iDenfy’s words"),
            ("carol_client", "Show, copy or download the links", "A colleague who may ask clients"),
            ("bob_client", "A colleague who may see links can download them", "A colleague who may ask clients"),
        ],
    )
    def test_is_what_this_user_may_do_or_else_who_may(
        self, persona: str, issued: str, refused: str, batch: RequestBatch, request: pytest.FixtureRequest
    ) -> None:
        page = request.getfixturevalue(persona).get(url(batch))

        found = outcomes_of(page)
        assert found[State.ISSUED].next_step.startswith(issued)
        assert found[State.REFUSED].next_step.startswith(refused)
        assert found[State.UNKNOWN].next_step.startswith(refused.replace("Read iDenfy’s words", "Look in iDenfy’s"))

    def test_is_nothing_once_all_were_asked_again(self, alice_client: Client) -> None:
        refused = make_request(State.REFUSED)
        make_request(State.ISSUED, verification=refused.verification, again_of=refused)

        page = alice_client.get(url(refused.batch))

        assert outcomes_of(page)[State.REFUSED].next_step == ""


class TestUncertainOnes:
    def test_are_looked_up_at_idenfy_first(self, alice_client: Client) -> None:
        page = alice_client.get(url(make_request(State.UNKNOWN).batch))

        assert outcomes_of(page)[State.UNKNOWN].next_step.startswith("Look in iDenfy’s dashboard")


class TestWithdrawing:
    def test_asks_for_a_reason_first(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.post(url(batch, "withdraw"))

        assert page.status_code == 200
        assert "Withdraw 3 requests" in page.text
        assert batch.rows_in(State.ISSUED).count() == 2

    def test_withdraws_all_that_is_open(self, alice_client: Client, batch: RequestBatch) -> None:
        make_request(State.QUEUED, batch=batch, verification=make_verification())
        open_ones = batch.requests.filter(state__in=[State.QUEUED, State.ISSUED, State.UNKNOWN])
        fields = {"_withdraw": "", "note": "wrong clients", "shown": shown(*open_ones)}

        page = alice_client.post(url(batch, "withdraw"), fields, follow=True)

        assert page.redirect_chain == [(url(batch), 302)]
        assert messages_of(page) == ["4 requests were withdrawn."]
        assert batch.rows_in(State.CANCELLED).count() == 5

    def test_is_not_offered_when_nothing_is_open(self, alice_client: Client) -> None:
        batch = make_request(State.REFUSED).batch

        page = alice_client.get(url(batch))

        assert url(batch, "withdraw") not in page.text


class TestTheButtonsForAll:
    def test_say_how_many_they_are_for(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.get(url(batch))

        assert "Withdraw all 3…" in page.text
        assert "Mark all 2 as answered…" in page.text
        assert "Mark it as answered…" in page.text

    def test_have_no_number_for_one(self, alice_client: Client) -> None:
        page = alice_client.get(url(make_request(State.ISSUED).batch))

        assert "Withdraw it…" in page.text


def answer_in(batch: RequestBatch) -> Answer:
    request = make_request(State.COMPLETED, batch=batch)
    return Answer.objects.create(verification=request.verification, request=request, identity=str(request.pk))


class TestWhatIsNotLookedAt:
    def test_is_counted_and_one_press_away_for_whoever_may_read_it(self, root_client: Client) -> None:
        batch = make_batch(confirmed=True)
        looked_at, *_others = [answer_in(batch) for _ in range(3)]
        answer_in(make_batch(confirmed=True))
        services.look_at([looked_at], by=None)

        page = root_client.get(url(batch))
        listed = root_client.get(page.context["unread_url"])

        assert "2 not looked at</a>" in page.text
        assert len(listed.context["cl"].result_list) == 2

    def test_is_not_mentioned_to_whoever_may_not(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        answer_in(batch)

        assert "not looked at" not in alice_client.get(url(batch)).text


class TestWithdrawingAll:
    def test_says_of_which_kinds_they_are(self, alice_client: Client, batch: RequestBatch) -> None:
        page = words_of(alice_client.get(url(batch)))

        assert "Withdraw all 3…" in page
        assert "Waiting for the client: 2" in page
        assert "Uncertain: 1" in page

    def test_says_no_more_where_they_are_of_one(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        make_request(State.ISSUED, batch=batch)

        assert alice_client.get(url(batch)).context["withdraw_which"] == ""


class TestItsSentences:
    @pytest.mark.parametrize(
        ("state", "one", "two"),
        [
            (State.UNKNOWN, "This client may have been asked", "These clients may have been asked"),
            (State.COMPLETED, "The client answered.", "These clients answered."),
            (State.EXPIRED, "the link works no more", "the links work no more"),
            (State.CANCELLED, "The link does not work", "The links do not work"),
        ],
    )
    def test_speak_of_one_as_of_one(self, alice_client: Client, state: State, one: str, two: str) -> None:
        batch = make_request(state).batch

        single = outcomes_of(alice_client.get(url(batch)))[state].meaning
        make_request(state, batch=batch)
        both = outcomes_of(alice_client.get(url(batch)))[state].meaning

        assert one in single
        assert two in both


class TestItsPages:
    def test_say_on_paper_which_clients_they_show(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        for _ in range(101):
            make_request(State.REFUSED, batch=batch)

        page = alice_client.get(url(batch))

        assert '<p class="ik-print-only">Clients 1 to 100 of 101.</p>' in page.text
