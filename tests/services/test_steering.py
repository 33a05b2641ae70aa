from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import BatchState, EventKind, PauseReason, Reason, State
from idenfy_kyc.models import RequestBatch, RequestEvent
from tests.factories import make_batch, make_queue, make_request

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
STOPPED = {"paused_at": NOON, "pause_reason": PauseReason.PERSON}
WAITING = {"paused_at": NOON, "paused_until": NOON + timedelta(minutes=1), "pause_reason": PauseReason.OUTAGE}


def batch_of(*states: State, **fields: Any) -> RequestBatch:
    batch = make_batch(confirmed=True, **fields)
    for state in states:
        make_request(state, batch=batch)
    return batch


class TestState:
    @pytest.mark.parametrize(
        ("states", "pause", "expected"),
        [
            ([State.QUEUED], {}, BatchState.SENDING),
            ([State.QUEUED, State.ISSUED], STOPPED, BatchState.STOPPED),
            ([State.QUEUED], WAITING, BatchState.WAITING),
            ([State.SENDING, State.ISSUED], {}, BatchState.SENDING),
            ([State.SENDING], STOPPED, BatchState.SENDING),
            ([State.ISSUED, State.REFUSED], {}, BatchState.DONE),
            ([State.UNKNOWN], STOPPED, BatchState.DONE),
            ([State.UNKNOWN], WAITING, BatchState.DONE),
            ([], {}, BatchState.DONE),
        ],
    )
    def test_is_derived_from_the_pause_and_the_rows(
        self, states: list[State], pause: dict[str, Any], expected: BatchState
    ) -> None:
        batch = batch_of(*states, **pause)

        assert services.progress_of(batch, now=NOON).state is expected

    def test_is_a_plan_until_somebody_confirms(self) -> None:
        batch = make_request(State.DRAFT).batch

        assert services.progress_of(batch).state is BatchState.PLAN

    def test_is_sending_again_once_the_wait_is_over(self) -> None:
        batch = batch_of(State.QUEUED, **WAITING)

        assert services.progress_of(batch, now=NOON + timedelta(minutes=1)).state is BatchState.SENDING


class TestProgress:
    def test_counts_each_row_once_where_it_stands_now(self) -> None:
        batch = batch_of(*State, State.QUEUED)
        make_request(State.ISSUED, batch=batch, issued_at=NOON, expires_at=NOON)

        progress = services.progress_of(batch)

        assert progress.counts == dict.fromkeys(State, 1) | {State.QUEUED: 2, State.EXPIRED: 2}
        assert progress.links == 2
        assert progress.skipped == 1
        assert progress.total == 11
        assert progress.to_go == 3
        assert progress.done == 7
        assert progress.in_flight == 1

    def test_takes_no_dead_sender_for_a_call_under_way(self) -> None:
        batch = batch_of(State.SENDING)

        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            progress = services.progress_of(batch)

        assert progress.in_flight == 0
        assert progress.state is BatchState.SENDING

    def test_takes_two_queries_however_large_the_batch(self, django_assert_num_queries: Any) -> None:
        batch = make_queue(50)

        with django_assert_num_queries(2):
            services.progress_of(batch)

    def test_is_told_for_many_batches_in_two_queries(self, django_assert_num_queries: Any) -> None:
        batches = [batch_of(State.ISSUED), batch_of(State.QUEUED, State.SENDING), batch_of()]

        with django_assert_num_queries(2):
            of_each = services.progress_of_each(batches)

        assert [of_each[batch.pk].total for batch in batches] == [1, 2, 0]
        assert [of_each[batch.pk].in_flight for batch in batches] == [0, 1, 0]


class TestStop:
    def test_stops_what_is_going_and_says_who_did(self, officer: Any) -> None:
        batch = make_queue(1)

        assert services.stop(batch, by=officer)

        batch.refresh_from_db()
        assert batch.is_stopped()
        assert (batch.pause_reason, batch.pause_params["name"]) == (PauseReason.PERSON, "Rasa Kazlauskienė")
        line = RequestEvent.objects.get()
        assert (line.kind, line.actor, line.params["reason"]) == (EventKind.PAUSED, officer, PauseReason.PERSON)

    def test_turns_a_wait_into_a_stop(self, officer: Any) -> None:
        batch = batch_of(State.QUEUED, **WAITING)

        assert services.stop(batch, by=officer)
        batch.refresh_from_db()
        assert batch.is_stopped()

    def test_leaves_what_has_stopped_with_its_reason(self, officer: Any) -> None:
        batch = batch_of(State.QUEUED, **STOPPED | {"pause_reason": PauseReason.UNAUTHORIZED})

        assert not services.stop(batch, by=officer)
        batch.refresh_from_db()
        assert batch.pause_reason == PauseReason.UNAUTHORIZED
        assert not RequestEvent.objects.exists()

    def test_has_nothing_to_do_with_a_plan(self, officer: Any) -> None:
        batch = make_request(State.DRAFT).batch

        assert not services.stop(batch, by=officer)


class TestResume:
    @pytest.mark.parametrize("pause", [STOPPED, WAITING])
    def test_lets_it_go_on_now_and_says_who_did(self, officer: Any, pause: dict[str, Any]) -> None:
        batch = batch_of(State.QUEUED, **pause)

        assert services.resume(batch, by=officer)

        batch.refresh_from_db()
        assert (batch.paused_at, batch.paused_until, batch.pause_reason) == (None, None, "")
        assert batch.continued_at is not None
        assert (RequestEvent.objects.get().kind, RequestEvent.objects.get().actor) == (EventKind.CONTINUED, officer)

    def test_does_nothing_to_what_is_going(self, officer: Any) -> None:
        batch = make_queue(1)

        assert not services.resume(batch, by=officer)
        assert not RequestEvent.objects.exists()

    def test_is_refused_with_another_account(self, officer: Any, settings: Any) -> None:
        batch = batch_of(State.QUEUED, **STOPPED)
        settings.IDENFY_KYC = {**settings.IDENFY_KYC, "API_KEY": "another"}

        assert not services.resume(batch, by=officer)
        batch.refresh_from_db()
        assert batch.is_stopped()


class TestAnswered:
    def test_tells_what_staff_say_from_what_idenfy_said(self) -> None:
        batch = batch_of(State.ISSUED, State.UNKNOWN, State.REFUSED)
        make_request(State.COMPLETED, batch=batch, issued_at=NOON)
        make_request(State.COMPLETED, batch=batch, reason=Reason.MARKED)

        standing = services.progress_of(batch)

        assert standing.counts[State.COMPLETED] == 2
        assert (standing.marked, standing.links, standing.reached) == (1, 2, 3)
