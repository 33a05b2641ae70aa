"""What people do to a plan before anybody confirms it, and what the database says of it meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.exceptions import PlanChanged
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent, Verification
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


class TestLeaveOut:
    def test_takes_rows_out_of_a_plan_and_says_who_did(self, officer: Any) -> None:
        batch = services.plan(make_verifications(3), planned_by=officer)
        first, second, _third = batch.requests.order_by("pk")

        left_out = services.leave_out(batch, [first.pk, second.pk], by=officer)

        first.refresh_from_db()
        assert left_out == 2
        assert batch.rows_in(State.DRAFT).count() == 1
        assert (first.reason, first.reason_params) == (Reason.LEFT_OUT, {"by": "Rasa Kazlauskienė"})
        assert RequestEvent.objects.filter(kind=EventKind.LEFT_OUT, actor=officer).count() == 2

    def test_notes_a_row_once_however_often_it_is_left_out(self, officer: Any) -> None:
        batch = services.plan(make_verifications(2), planned_by=officer)
        keys = list(batch.requests.values_list("pk", flat=True))

        services.leave_out(batch, keys[:1], by=officer)
        left_out = services.leave_out(batch, keys, by=officer)

        assert left_out == 1
        assert RequestEvent.objects.filter(kind=EventKind.LEFT_OUT).count() == 2

    def test_touches_no_row_of_another_plan_and_none_that_is_asked(self, officer: Any) -> None:
        batch = services.plan(make_verifications(1), planned_by=officer)
        queued = make_request(State.QUEUED)
        foreign = make_request(State.DRAFT)

        left_out = services.leave_out(batch, [queued.pk, foreign.pk], by=officer)
        other = services.leave_out(queued.batch, [queued.pk], by=officer)

        assert (left_out, other) == (0, 0)
        assert not RequestEvent.objects.filter(kind=EventKind.LEFT_OUT).exists()


class TestTakeBack:
    def left_out(self, officer: Any, count: int = 2) -> tuple[RequestBatch, list[int]]:
        """A plan of one more than were left out."""
        batch = services.plan(make_verifications(count + 1), planned_by=officer)
        keys = list(batch.requests.order_by("pk").values_list("pk", flat=True))[:count]
        services.leave_out(batch, keys, by=officer)
        return batch, keys

    def test_takes_rows_back_into_a_plan_and_says_who_did(self, officer: Any) -> None:
        batch, keys = self.left_out(officer)

        taken_back = services.take_back(batch, keys[:1], by=officer)

        first = batch.requests.get(pk=keys[0])
        assert taken_back == 1
        assert batch.rows_in(State.DRAFT).count() == 2
        assert (first.reason, first.reason_params, first.ended_at) == ("", {}, None)
        line = RequestEvent.objects.get(kind=EventKind.TAKEN_BACK)
        assert (line.request, line.actor) == (first, officer)

    def test_notes_a_row_once_however_often_it_is_taken_back(self, officer: Any) -> None:
        batch, keys = self.left_out(officer)

        services.take_back(batch, keys[:1], by=officer)
        taken_back = services.take_back(batch, keys, by=officer)

        assert taken_back == 1
        assert RequestEvent.objects.filter(kind=EventKind.TAKEN_BACK).count() == 2

    @pytest.mark.parametrize("reason", [Reason.OPEN_REQUEST, Reason.SAME_CLIENT, Reason.INELIGIBLE])
    def test_takes_back_nothing_that_is_a_fact(self, officer: Any, reason: Reason) -> None:
        row = make_request(State.SKIPPED, reason=reason)

        assert services.take_back(row.batch, [row.pk], by=officer) == 0

    def test_touches_no_row_of_another_plan_and_none_of_a_batch_that_was_confirmed(self, officer: Any) -> None:
        batch, keys = self.left_out(officer)
        other, _keys = self.left_out(officer)
        confirmed = make_request(
            State.SKIPPED, reason=Reason.LEFT_OUT, batch=make_batch(confirmed=True), verification=make_verification()
        )

        taken_back = services.take_back(other, keys, by=officer)
        too_late = services.take_back(confirmed.batch, [confirmed.pk], by=officer)

        assert (taken_back, too_late) == (0, 0)
        assert batch.rows_in(State.SKIPPED).count() == 2
        assert not RequestEvent.objects.filter(kind=EventKind.TAKEN_BACK).exists()

    def test_leaves_it_to_the_confirmation_whether_the_client_may_still_be_asked(self, officer: Any) -> None:
        batch, keys = self.left_out(officer)
        make_request(State.ISSUED, verification=batch.requests.get(pk=keys[0]).verification)
        batch.note, batch.questionnaire = "review", "q"

        services.take_back(batch, keys, by=officer)
        with pytest.raises(PlanChanged):
            services.confirm(batch, by=officer, expected=3)

        assert batch.requests.get(pk=keys[0]).reason == Reason.OPEN_REQUEST


class TestHasOpenRequest:
    """The database's answer is that of :func:`open_requests`, which confirming goes by."""

    def found(self, batch: RequestBatch) -> bool:
        return batch.rows_in(State.DRAFT).filter(services.has_open_request()).exists()

    @pytest.mark.parametrize("state", [State.QUEUED, State.SENDING, State.ISSUED, State.UNKNOWN])
    def test_holds_for_the_verification_and_for_another_one_of_the_client(self, officer: Any, state: State) -> None:
        verification, other = make_verifications(2)
        plans = [services.plan([v], planned_by=officer) for v in (verification, make_verification(client_id="C-same"))]

        make_request(state, verification=verification)
        make_request(state, verification=make_verification(client_id="C-same"))

        assert [self.found(plan) for plan in plans] == [True, True]
        assert not self.found(services.plan([other], planned_by=officer))

    def test_goes_by_whose_verification_it_is_now(self, officer: Any) -> None:
        batch = services.plan([make_verification(client_id="C-corrected")], planned_by=officer)
        earlier = make_request(State.ISSUED)

        Verification.objects.filter(pk=earlier.verification_id).update(client_id="C-corrected")

        assert self.found(batch)

    def test_takes_nobody_for_somebody_else_without_a_client_id(self, officer: Any) -> None:
        batch = services.plan([make_verification(client_id="")], planned_by=officer)

        make_request(State.ISSUED, verification=make_verification(client_id=""))

        assert not self.found(batch)

    def test_does_not_hold_once_the_time_is_over(self, officer: Any) -> None:
        batch = services.plan([verification := make_verification()], planned_by=officer)
        make_request(State.ISSUED, verification=verification)

        with time_machine.travel(timezone.now() + timedelta(days=15)):
            assert not self.found(batch)

    @pytest.mark.parametrize(("state", "found"), [(State.UNKNOWN, False), (State.ISSUED, True)])
    def test_leaves_an_uncertain_request_aside_that_is_asked_again(self, state: State, found: bool) -> None:
        earlier = make_request(state)
        draft = make_request(State.DRAFT, verification=earlier.verification, again_of=earlier)

        assert self.found(draft.batch) is found


class TestDiscard:
    def test_deletes_a_plan_with_all_that_belongs_to_it(self, officer: Any) -> None:
        batch = services.plan(make_verifications(2), planned_by=officer)
        services.leave_out(batch, [batch.requests.all()[0].pk], by=officer)

        assert services.discard(batch)
        assert not RequestBatch.objects.exists()
        assert not InformationRequest.objects.exists()
        assert not RequestEvent.objects.exists()
        assert Verification.objects.count() == 2

    def test_leaves_what_was_confirmed(self, officer: Any) -> None:
        batch = make_request(State.QUEUED).batch

        assert not services.discard(batch)
        assert InformationRequest.objects.count() == 1
