from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.exceptions import PlanChanged, TooMany
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

OVER = (State.UNKNOWN, State.REFUSED, State.EXPIRED, State.CANCELLED, State.COMPLETED)
RUNS = (State.QUEUED, State.SENDING, State.ISSUED)


def again(*requests: InformationRequest, by: Any = None) -> RequestBatch:
    return services.ask_again(requests, planned_by=by)


def reasons(batch: RequestBatch) -> list[tuple[str, str]]:
    return list(batch.requests.order_by("pk").values_list("state", "reason"))


class TestAskAgain:
    @pytest.mark.parametrize("state", OVER)
    def test_plans_a_new_request_linked_to_the_one_before(self, officer: Any, state: State) -> None:
        request = make_request(state)

        batch = again(request, by=officer)

        request.refresh_from_db()
        draft = batch.requests.get()
        assert (draft.state, draft.verification, draft.again_of) == (State.DRAFT, request.verification, request)
        assert (batch.planned_by, batch.is_plan, request.state) == (officer, True, state)

    @pytest.mark.parametrize("state", RUNS)
    def test_leaves_alone_whom_something_open_waits_for(self, state: State) -> None:
        request = make_request(state)

        batch = again(request)

        assert reasons(batch) == [(State.SKIPPED, Reason.OPEN_REQUEST)]
        assert batch.requests.get().reason_params["by"] == "Rasa Kazlauskienė"

    def test_takes_an_overdue_one_for_ended(self) -> None:
        request = make_request(State.ISSUED, expires_at=timezone.now())

        batch = again(request)

        request.refresh_from_db()
        assert reasons(batch) == [(State.DRAFT, "")]
        assert request.state == State.EXPIRED

    def test_takes_rows_of_plans_for_no_requests(self) -> None:
        assert not again(make_request(State.DRAFT), make_request(State.SKIPPED)).requests.exists()

    def test_begins_with_what_was_asked_before(self) -> None:
        asks = {
            "note": "annual review",
            "lifetime": timedelta(hours=36),
            "questionnaire": "q",
            "bank_card_verification": True,
            "per_verification": True,
        }
        request = make_request(State.REFUSED, batch=make_batch(confirmed=True, **asks))

        batch = again(request)

        assert {name: getattr(batch, name) for name in asks} == asks

    def test_begins_with_what_several_batches_have_in_common(self) -> None:
        first = make_batch(confirmed=True, note="January", questionnaire="q", lifetime=timedelta(days=3))
        second = make_batch(confirmed=True, note="February", questionnaire="q", per_verification=True)
        running = make_batch(confirmed=True, note="March", questionnaire="another")

        batch = again(
            make_request(State.REFUSED, batch=first),
            make_request(State.EXPIRED, batch=second),
            make_request(State.ISSUED, batch=running),
        )

        assert (batch.questionnaire, batch.note, batch.lifetime) == ("q", "", timedelta(days=14))
        assert not batch.per_verification

    def test_keeps_the_digits_of_each_clients_card(self, officer: Any) -> None:
        asked = make_batch(confirmed=True, bank_card_verification=True)
        rows = [make_request(State.REFUSED, batch=asked, bank_card_expected_last_four=str(1000 + n)) for n in range(2)]

        batch = again(*rows)
        services.confirm(batch, by=officer)

        assert [row.bank_card_expected_last_four for row in batch.requests.order_by("pk")] == ["1000", "1001"]

    @pytest.mark.parametrize(("looks", "digits", "kept"), [(False, None, ""), (True, "", ""), (True, "4242", "4242")])
    def test_lets_the_digits_be_changed(self, looks: bool, digits: str | None, kept: str) -> None:
        asked = make_batch(confirmed=True, bank_card_verification=True)
        batch = again(make_request(State.REFUSED, batch=asked, bank_card_expected_last_four="1000"))
        batch.bank_card_verification = looks

        services.confirm(batch, by=None, last_four=digits)

        assert batch.requests.get().bank_card_expected_last_four == kept

    def test_plans_a_verification_once_after_its_last_request(self) -> None:
        verification = make_verification()
        first, second = (make_request(State.REFUSED, verification=verification) for _ in range(2))

        assert again(second, first).requests.get().again_of == second

    def test_goes_by_the_uncertain_one_if_there_is_one(self) -> None:
        verification = make_verification()
        uncertain = make_request(State.UNKNOWN, verification=verification)
        refused = make_request(State.REFUSED, verification=verification)

        draft = again(refused, uncertain).requests.get()

        assert (draft.state, draft.again_of) == (State.DRAFT, uncertain)

    def test_says_of_whom_may_not_be_asked_why(self) -> None:
        batch = again(make_request(State.REFUSED, verification=make_verification(status="DELETED")))

        assert reasons(batch) == [(State.SKIPPED, Reason.INELIGIBLE)]

    def test_follows_only_the_last_of_a_chain(self) -> None:
        first = make_request(State.REFUSED)
        make_request(State.COMPLETED, verification=first.verification, again_of=first)

        assert reasons(again(first)) == [(State.SKIPPED, Reason.OVERTAKEN)]

    def test_is_not_kept_by_plans_that_nobody_confirmed(self) -> None:
        first = make_request(State.REFUSED)
        again(first)

        assert reasons(again(first)) == [(State.DRAFT, "")]

    def test_takes_as_many_as_a_batch_may_hold(self, configure: Any) -> None:
        configure(MAX_BATCH_SIZE=2)
        requests = [make_request(State.REFUSED) for _ in range(3)]

        assert again(*requests[:2]).requests.count() == 2
        for chosen in (requests, InformationRequest.objects.all()):
            with pytest.raises(TooMany):
                services.ask_again(chosen, planned_by=None)

    def test_needs_as_many_queries_for_few_as_for_many(self, django_assert_max_num_queries: Any) -> None:
        batch = make_batch(confirmed=True)
        for verification in make_verifications(120):
            make_request(State.UNKNOWN, batch=batch, verification=verification)

        with django_assert_max_num_queries(20):
            plan = services.ask_again(batch.requests.all(), planned_by=None)
        with django_assert_max_num_queries(40):
            services.confirm(plan, by=None, expected=120)


class TestSameClient:
    """An uncertain request keeps its client from being asked, save by the row that follows that very one."""

    def test_is_asked_of_the_verification_that_was_uncertain(self) -> None:
        uncertain, other = make_verifications(2, client_id="C-1")
        request, ended = (
            make_request(State.UNKNOWN, verification=uncertain),
            make_request(State.REFUSED, verification=other),
        )

        batch = again(request, ended)

        assert {row.verification: row.reason for row in batch.requests.all()} == {
            uncertain: "",
            other: Reason.OPEN_REQUEST,
        }

    def test_is_not_asked_after_another_request_than_the_uncertain_one(self) -> None:
        uncertain, other = make_verifications(2, client_id="C-1")
        make_request(State.UNKNOWN, verification=uncertain)

        assert reasons(again(make_request(State.REFUSED, verification=other))) == [(State.SKIPPED, Reason.OPEN_REQUEST)]

    def test_is_asked_once_for_each_verification_if_it_was_so_before(self) -> None:
        before = make_batch(confirmed=True, per_verification=True)
        requests = [
            make_request(State.UNKNOWN, batch=before, verification=v) for v in make_verifications(2, client_id="C")
        ]

        batch = again(*requests)
        services.confirm(batch, by=None, expected=2)

        assert batch.rows_in(State.QUEUED).count() == 2
        assert before.rows_in(State.CANCELLED).count() == 2

    def test_is_not_asked_while_another_uncertain_one_stays(self) -> None:
        for verification in make_verifications(2, client_id="C"):
            batch = make_batch(confirmed=True, per_verification=verification.pk % 2 == 0)
            make_request(State.UNKNOWN, batch=batch, verification=verification)

        batch = services.ask_again(InformationRequest.objects.all(), planned_by=None)

        assert not batch.per_verification
        assert reasons(batch) == [(State.SKIPPED, Reason.OPEN_REQUEST)] * 2


class TestConfirming:
    def test_gives_the_uncertain_one_up_and_says_who_did(self, officer: Any) -> None:
        request = make_request(State.UNKNOWN, reason=Reason.NO_ANSWER)
        batch = again(request, by=officer)

        services.confirm(batch, by=officer, expected=1)

        request.refresh_from_db()
        assert (request.state, request.reason) == (State.CANCELLED, Reason.GIVEN_UP)
        assert request.reason_params == {"by": "Rasa Kazlauskienė"}
        assert (request.open_verification, request.open_client) == (None, None)
        line = request.events.get()
        assert (line.kind, line.actor, line.batch) == (EventKind.GIVEN_UP, officer, request.batch)
        assert batch.requests.get().open_client == request.client_key

    def test_leaves_a_line_on_the_others_too(self, officer: Any) -> None:
        request = make_request(State.REFUSED)

        services.confirm(again(request), by=officer)

        request.refresh_from_db()
        line = request.events.get()
        assert request.state == State.REFUSED
        assert (line.kind, line.actor) == (EventKind.ASKED_AGAIN, officer)

    def test_gives_up_nobody_who_was_left_out(self, officer: Any) -> None:
        requests = [make_request(State.UNKNOWN) for _ in range(2)]
        batch = again(*requests)
        services.leave_out(batch, [batch.requests.get(again_of=requests[0]).pk], by=officer)

        services.confirm(batch, by=officer, expected=1)

        assert InformationRequest.objects.filter(state=State.UNKNOWN).get() == requests[0]

    def test_gives_up_nobody_when_the_number_does_not_hold(self) -> None:
        request = make_request(State.UNKNOWN)

        with pytest.raises(PlanChanged):
            services.confirm(again(request), by=None, expected=2)

        request.refresh_from_db()
        assert request.state == State.UNKNOWN
        assert not request.events.exists()

    def test_asks_each_client_at_idenfy_once_more(self, fake_idenfy: Any, officer: Any) -> None:
        request = make_request(State.UNKNOWN)
        batch = again(request)

        services.confirm(batch, by=officer)
        services.send(batch)

        assert [post.scan_ref for post in fake_idenfy.fake.posts()] == [request.verification.scan_ref]
        assert batch.requests.get().state == State.ISSUED


class TestMeanwhile:
    """Between the plan and its confirmation the world goes on."""

    def refuse(self, batch: RequestBatch, reason: Reason) -> None:
        with pytest.raises(PlanChanged):
            services.confirm(batch, by=None, expected=1)
        assert reasons(batch) == [(State.SKIPPED, reason)]

    def test_a_late_link_is_never_taken_from_the_client(self) -> None:
        request = make_request(State.UNKNOWN)
        batch = again(request)
        InformationRequest.objects.filter(pk=request.pk).move(State.ISSUED, session_url="https://x.test/", token="t")

        self.refuse(batch, Reason.OPEN_REQUEST)

        request.refresh_from_db()
        assert (request.state, request.session_url) == (State.ISSUED, "https://x.test/")

    def test_a_late_refusal_leaves_nothing_to_give_up(self) -> None:
        request = make_request(State.UNKNOWN)
        batch = again(request)
        InformationRequest.objects.filter(pk=request.pk).move(State.REFUSED)

        services.confirm(batch, by=None, expected=1)

        request.refresh_from_db()
        assert request.state == State.REFUSED
        assert batch.requests.get().state == State.QUEUED

    @pytest.mark.parametrize("state", [State.UNKNOWN, State.EXPIRED])
    def test_whoever_has_answered_is_not_asked_again(self, state: State) -> None:
        request = make_request(state)
        batch = again(request)
        services.mark_answered([request], by=None, note="seen in the dashboard")

        self.refuse(batch, Reason.OVERTAKEN)

    def test_whoever_had_answered_before_may_be_asked_again(self) -> None:
        with time_machine.travel(timezone.now() - timedelta(days=1)):
            request = make_request(State.COMPLETED)

        services.confirm(again(request), by=None, expected=1)

        assert InformationRequest.objects.filter(state=State.QUEUED).get().again_of == request

    def test_of_two_officers_one_asks_again(self) -> None:
        request = make_request(State.UNKNOWN)
        first, second = again(request), again(request)

        services.confirm(first, by=None, expected=1)

        self.refuse(second, Reason.OPEN_REQUEST)
        assert RequestEvent.objects.filter(kind=EventKind.GIVEN_UP).count() == 1

    @pytest.mark.parametrize("state", [State.UNKNOWN, State.REFUSED])
    def test_nor_does_the_other_once_that_was_refused(self, state: State) -> None:
        request = make_request(state)
        first, second = again(request), again(request)
        services.confirm(first, by=None)
        for became in (State.SENDING, State.REFUSED):
            first.requests.move(became)

        self.refuse(second, Reason.OVERTAKEN)

    def test_whose_time_is_over_need_not_be_given_up(self) -> None:
        request = make_request(State.UNKNOWN)
        batch = again(request)

        with time_machine.travel(request.expires_at):
            services.confirm(batch, by=None, expected=1)

        request.refresh_from_db()
        assert (request.state, request.reason) == (State.EXPIRED, "")
