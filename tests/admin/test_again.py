from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.admin.again import BATCHES_NAMED
from idenfy_kyc.choices import Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch
from tests.admin.pages import filled_in, messages_of, queries, url, words_of
from tests.admin.test_links import LIST, act
from tests.factories import make_batch, make_request, make_verification

pytestmark = pytest.mark.django_db


def page_of(request: InformationRequest, page: str = "change") -> str:
    return reverse(f"admin:idenfy_kyc_informationrequest_{page}", args=[request.pk])


def ask_again(client: Client, request: InformationRequest) -> RequestBatch:
    """Press the button on the page of a request; the plan that comes of it."""
    answer = client.post(client.get(page_of(request)).context["again_url"])
    plan = RequestBatch.objects.get(confirmed_at=None)
    assert answer.headers["Location"] == url(plan)
    return plan


class TestOne:
    def test_leads_to_a_plan_with_what_was_asked_before(self, alice_client: Client, alice: Any) -> None:
        request = make_request(State.REFUSED, batch=make_batch(confirmed=True, note="Annual review"))

        plan = ask_again(alice_client, request)
        page = alice_client.get(url(plan))

        assert (plan.planned_by, plan.selection) == (alice, "1 asked again, from its page")
        assert "1 client will be asked." in page.text
        assert 'value="source-of-funds"' in page.text
        assert 'value="Annual review"' in page.text
        assert "Asking again" in page.text
        assert url(request.batch) in page.text
        request.refresh_from_db()
        assert request.state == State.REFUSED

    def test_says_that_the_client_has_answered_while_the_page_was_open(self, alice_client: Client) -> None:
        request = make_request(State.EXPIRED)
        button = alice_client.get(page_of(request)).context["again_url"]
        services.mark_answered([request], by=None, note="on paper")

        page = alice_client.post(button, follow=True)

        assert "1 client will be asked." in page.text
        assert "1 has answered the earlier request." in page.text

    def test_keeps_the_digits_of_the_card_to_be_changed(self, alice_client: Client, fake_idenfy: Any) -> None:
        before = make_batch(confirmed=True, bank_card_verification=True)
        plan = ask_again(alice_client, make_request(State.EXPIRED, batch=before, bank_card_expected_last_four="4242"))

        page = alice_client.get(url(plan))
        fields = {"bank_card_verification": "on", "bank_card_expected_last_four": "4343", "expected": "1"}
        alice_client.post(url(plan), filled_in(**fields))

        assert 'value="4242"' in page.text
        assert "Bank card expected to end in 4242" in page.text
        assert plan.requests.get().bank_card_expected_last_four == "4343"

    def test_that_is_uncertain_says_what_is_given_up(self, alice_client: Client, fake_idenfy: Any) -> None:
        end = timezone.now() + timedelta(days=9)
        request = make_request(State.UNKNOWN, expires_at=end)
        plan = ask_again(alice_client, request)

        page = alice_client.get(url(plan))
        alice_client.post(url(plan), filled_in(expected="1"))

        request.refresh_from_db()
        assert "If the first request did reach iDenfy, it refuses this one, until" in words_of(page)
        assert (request.state, request.reason) == (State.CANCELLED, Reason.GIVEN_UP)
        assert plan.requests.get().state == State.ISSUED

    @pytest.mark.parametrize(
        "state", [State.UNKNOWN, State.REFUSED, State.EXPIRED, State.CANCELLED, State.COMPLETED, State.ISSUED]
    )
    def test_is_offered_once_it_is_over_or_uncertain(self, alice_client: Client, state: State) -> None:
        page = alice_client.get(page_of(make_request(state)))

        assert ("Ask again…" in page.text) == (state != State.ISSUED)

    def test_is_offered_when_nobody_has_written_down_that_it_is_over(self, alice_client: Client) -> None:
        request = make_request(State.ISSUED, expires_at=timezone.now() - timedelta(seconds=1))

        assert ask_again(alice_client, request).rows_in(State.DRAFT).count() == 1

    def test_is_not_offered_for_whom_nobody_may_ask(self, alice_client: Client) -> None:
        page = alice_client.get(page_of(make_request(State.REFUSED, verification=make_verification(status="DELETED"))))

        assert "Ask again…" not in page.text

    def test_needs_credentials(self, alice_client: Client, settings: Any) -> None:
        request = make_request(State.REFUSED)
        settings.IDENFY_KYC = {}

        page = alice_client.post(page_of(request, "again"), follow=True)

        assert page.redirect_chain == [(page_of(request), 302)]
        assert messages_of(page)[0].startswith("Nothing can be asked yet.")

    @pytest.mark.urls("tests.admin.urls_two_sites")
    def test_is_not_offered_on_a_site_without_batches(self, alice_client: Client) -> None:
        request = make_request(State.REFUSED)
        address = f"/requests-only/idenfy_kyc/informationrequest/{request.pk}"

        page = alice_client.get(f"{address}/change/")
        a_list = alice_client.get("/requests-only/idenfy_kyc/informationrequest/")

        assert "Ask again…" not in page.text
        assert "Ask again…" not in a_list.text
        assert alice_client.post(f"{address}/again/").status_code == 403


class TestTheChain:
    @pytest.fixture
    def chain(self) -> list[InformationRequest]:
        """Uncertain and given up, asked again, refused."""
        moment = timezone.now() - timedelta(days=2)
        first = make_request(
            State.CANCELLED,
            reason=Reason.GIVEN_UP,
            reason_params={"by": "Rasa"},
            sent_at=moment,
            expires_at=moment + timedelta(days=14),
        )
        second = make_request(State.REFUSED, verification=first.verification, again_of=first, message="pending")
        return [first, second]

    def test_is_seen_from_both_sides(self, bob_client: Client, chain: list[InformationRequest]) -> None:
        first, second = chain

        before, after = bob_client.get(page_of(first)), bob_client.get(page_of(second))

        assert page_of(second) in str(before.context["asked_again"])
        assert "Refused by iDenfy" in str(before.context["asked_again"])
        assert "Given up by Rasa, and asked again" in before.text
        assert page_of(first) in str(after.context["asked_again_after"])
        assert "Asked again after" in words_of(after)

    def test_is_asked_again_at_its_end_only(self, alice_client: Client, chain: list[InformationRequest]) -> None:
        first, second = (alice_client.get(page_of(request)) for request in chain)

        assert (first.context["again_url"], second.context["again_url"]) == ("", page_of(chain[1], "again"))

    def test_says_why_idenfy_may_have_refused(self, bob_client: Client, chain: list[InformationRequest]) -> None:
        page, report = bob_client.get(page_of(chain[1])), bob_client.get(url(chain[1].batch))

        for shown in (page, report):
            assert "An earlier request may have reached iDenfy; if so it refuses new ones until" in words_of(shown)

    def test_says_nothing_of_it_once_the_first_was_over(
        self, bob_client: Client, chain: list[InformationRequest]
    ) -> None:
        InformationRequest.objects.filter(pk=chain[0].pk).update(expires_at=timezone.now() - timedelta(days=1))

        assert "may have reached iDenfy" not in bob_client.get(page_of(chain[1])).text

    def test_is_not_seen_in_a_plan_that_nobody_confirmed(self, bob_client: Client) -> None:
        request = make_request(State.REFUSED)
        services.ask_again([request], planned_by=None)

        page = bob_client.get(page_of(request))

        assert page.context["asked_again"] == ""

    def test_is_told_in_the_history(self, alice_client: Client, fake_idenfy: Any) -> None:
        request = make_request(State.REFUSED)
        plan = ask_again(alice_client, request)

        alice_client.post(url(plan), filled_in(expected="1"))

        lines = alice_client.get(page_of(request)).context["history"].lines
        assert [(line.what, line.who) for line in lines] == [("Asked again", "Alice Example")]

    def test_names_the_batches_on_both_sides(self, bob_client: Client, chain: list[InformationRequest]) -> None:
        first, second = chain

        before, after = bob_client.get(url(first.batch)), bob_client.get(url(second.batch))

        assert [name for name, _links in before.context["chain"]] == ["Asked again in"]
        assert [name for name, _links in after.context["chain"]] == ["Asked again after"]
        assert url(second.batch) in before.text
        assert url(first.batch) in after.text

    def test_names_a_few_batches(self, alice_client: Client) -> None:
        requests = [make_request(State.REFUSED) for _ in range(BATCHES_NAMED + 1)]

        page = alice_client.get(url(services.ask_again(requests, planned_by=None)))

        [(_name, links)] = page.context["chain"]
        assert str(links).count("<a ") == BATCHES_NAMED
        assert str(links).endswith(", and others")


class TestTheTicked:
    def test_are_planned_together(self, alice_client: Client) -> None:
        rows = [make_request(State.REFUSED), make_request(State.EXPIRED), make_request(State.ISSUED)]

        answer = act(alice_client, "ask_again", *rows)

        plan = RequestBatch.objects.get(confirmed_at=None)
        page = alice_client.get(answer.url)
        assert answer.url == url(plan)
        assert plan.selection == "3 requests, chosen to be asked again"
        assert "2 clients will be asked. 1 verification will not." in words_of(page)
        assert "1 has an open request." in page.text

    def test_may_be_all_that_match(self, alice_client: Client) -> None:
        for _ in range(101):
            make_request(State.REFUSED)
        make_request(State.ISSUED)

        fields = {"action": "ask_again", "_selected_action": "1", "select_across": "1", "index": "0"}
        alice_client.post(f"{LIST}?state=refused", fields)

        assert RequestBatch.objects.get(confirmed_at=None).rows_in(State.DRAFT).count() == 101

    def test_of_plans_are_nobody(self, alice_client: Client) -> None:
        row = make_request(State.SKIPPED)

        page = alice_client.post(
            f"{LIST}?state=skipped",
            {"action": "ask_again", "_selected_action": row.pk, "select_across": "0", "index": "0"},
            follow=True,
        )

        assert messages_of(page) == ["There is nobody here to ask again: nobody was asked."]
        assert RequestBatch.objects.count() == 1

    def test_are_no_more_than_a_batch_may_hold(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = {**settings.IDENFY_KYC, "MAX_BATCH_SIZE": 1}
        rows = [make_request(State.REFUSED) for _ in range(2)]

        answer = act(alice_client, "ask_again", *rows)

        assert "You chose more than 1" in messages_of(alice_client.get(answer.url))[0]
        assert not RequestBatch.objects.filter(confirmed_at=None).exists()

    def test_of_different_batches_say_so(self, alice_client: Client) -> None:
        before = [make_batch(confirmed=True, questionnaire=key) for key in ("a", "b")]
        answer = act(alice_client, "ask_again", *(make_request(State.REFUSED, batch=batch) for batch in before))

        page = alice_client.get(answer.url)

        assert "They were not all asked for the same." in page.text
        assert 'name="questionnaire" value' not in page.text


class TestAnOutcome:
    @pytest.fixture
    def batch(self) -> RequestBatch:
        batch = make_batch(confirmed=True, note="Annual review")
        for state in (State.UNKNOWN, State.REFUSED, State.REFUSED, State.EXPIRED, State.CANCELLED, State.COMPLETED):
            make_request(state, batch=batch)
        make_request(State.ISSUED, batch=batch, expires_at=timezone.now() - timedelta(minutes=1))
        make_request(State.ISSUED, batch=batch)
        return batch

    @pytest.mark.parametrize(("outcome", "count"), [("unknown", 1), ("refused", 2), ("expired", 2), ("cancelled", 1)])
    def test_is_asked_again_as_a_whole(
        self, alice_client: Client, batch: RequestBatch, outcome: str, count: int
    ) -> None:
        report = alice_client.get(url(batch))

        answer = alice_client.post(url(batch, "again"), {"outcome": outcome})

        plan = RequestBatch.objects.get(confirmed_at=None)
        assert f'<input type="hidden" name="outcome" value="{outcome}">' in report.text
        assert answer.headers["Location"] == url(plan)
        assert plan.selection == f"“{State(outcome).label}” of “Annual review”, asked again"
        assert plan.rows_in(State.DRAFT).count() == count

    @pytest.mark.parametrize("outcome", ["issued", "completed", "skipped", "nonsense", ""])
    def test_is_none_of_the_others(self, alice_client: Client, batch: RequestBatch, outcome: str) -> None:
        answer = alice_client.post(url(batch, "again"), {"outcome": outcome})

        assert answer.headers["Location"] == url(batch)
        assert not RequestBatch.objects.filter(confirmed_at=None).exists()

    def test_leads_back_if_it_is_nobodys(self, alice_client: Client) -> None:
        batch = make_request(State.ISSUED).batch

        page = alice_client.post(url(batch, "again"), {"outcome": "refused"}, follow=True)

        assert page.redirect_chain == [(url(batch), 302)]
        assert messages_of(page) == ["There is nobody here to ask again: nobody was asked."]

    def test_is_not_offered_again_once_all_were(self, alice_client: Client, batch: RequestBatch) -> None:
        refused = list(batch.rows_in(State.REFUSED))
        plan = services.ask_again(refused, planned_by=None)
        services.confirm(plan, by=None)

        page = alice_client.get(url(batch))

        found = {outcome.state: outcome for outcome in page.context["outcomes_found"]}
        assert found[State.REFUSED].reasons[-1] == "Asked again since: 2"
        assert 'Ask again…<span class="visually-hidden"> (Refused by iDenfy)' not in page.text
        assert 'Ask again…<span class="visually-hidden"> (Uncertain)' in page.text

    def test_is_offered_to_those_who_may_ask(self, bob_client: Client, batch: RequestBatch) -> None:
        page = bob_client.get(url(batch))

        assert "Ask again…" not in page.text
        assert "as answered…" not in page.text

    def test_takes_the_same_number_of_queries_for_a_large_plan(self, alice_client: Client) -> None:
        plans = []
        for count in (2, 60):
            rows = [make_request(State.UNKNOWN, batch=make_batch(confirmed=True)) for _ in range(count)]
            plans.append(services.ask_again(rows, planned_by=None))
        alice_client.get(url(plans[0]))

        assert queries(alice_client, url(plans[0])) == queries(alice_client, url(plans[1]))
