from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError

from idenfy_kyc import services
from idenfy_kyc.choices import MARKABLE, EventKind, Reason, State
from idenfy_kyc.models import InformationRequest, RequestEvent, Verification
from tests.factories import make_request, make_verification

pytestmark = pytest.mark.django_db

FORTNIGHT = timedelta(days=14)


def start_of(request: InformationRequest) -> datetime:
    assert request.sent_at is not None
    return request.sent_at


def end_of(request: InformationRequest) -> datetime:
    assert request.expires_at is not None
    return request.expires_at


class TestWriteDownTime:
    @pytest.mark.parametrize("state", [State.ISSUED, State.UNKNOWN])
    def test_expires_what_is_overdue_and_forgets_its_secrets(self, state: State) -> None:
        request = make_request(state, session_url="https://x.test/", token="t")
        now = request.expires_at

        with time_machine.travel(now, tick=False):
            changed = services.write_down_time()

        request.refresh_from_db()
        assert changed == 1
        assert (request.state, request.ended_at) == (State.EXPIRED, now)
        assert (request.session_url, request.token) == ("", "")
        assert request.events.get().kind == EventKind.EXPIRED

    def test_leaves_what_still_works(self) -> None:
        request = make_request(State.ISSUED)

        with time_machine.travel(end_of(request) - timedelta(seconds=1), tick=False):
            assert services.write_down_time() == 0

        assert not RequestEvent.objects.exists()

    def test_takes_a_claim_nobody_reported_back_on_for_uncertain(self, settings: Any) -> None:
        request = make_request(State.SENDING)

        with time_machine.travel(start_of(request) + timedelta(minutes=15), tick=False):
            changed = services.write_down_time()

        request.refresh_from_db()
        assert changed == 1
        assert (request.state, request.reason) == (State.UNKNOWN, Reason.SENDER_DIED)
        assert request.claim is not None
        assert (request.events.get().kind, request.events.get().params) == (
            EventKind.UNKNOWN,
            {"reason": Reason.SENDER_DIED},
        )

    def test_leaves_a_young_claim_to_its_sender(self) -> None:
        request = make_request(State.SENDING)

        with time_machine.travel(start_of(request) + timedelta(minutes=14, seconds=59), tick=False):
            assert services.write_down_time() == 0

    def test_takes_a_claim_that_died_long_ago_for_over_at_once(self) -> None:
        request = make_request(State.SENDING)

        with time_machine.travel(start_of(request) + timedelta(days=60), tick=False):
            services.write_down_time()

        request.refresh_from_db()
        assert request.state == State.EXPIRED
        assert [line.kind for line in request.events.order_by("pk")] == [EventKind.UNKNOWN, EventKind.EXPIRED]

    def test_notes_each_row_once_however_often_it_is_called(self) -> None:
        request = make_request(State.ISSUED)

        with time_machine.travel(request.expires_at, tick=False):
            changed = [services.write_down_time() for _ in range(3)]

        assert changed == [1, 0, 0]
        assert RequestEvent.objects.count() == 1

    def test_may_be_asked_for_some_only(self) -> None:
        first, second = make_request(State.ISSUED), make_request(State.ISSUED)

        with time_machine.travel(end_of(first) + FORTNIGHT, tick=False):
            services.write_down_time(first.batch.requests.all())

        second.refresh_from_db()
        assert second.state == State.ISSUED

    def test_lets_the_client_be_asked_again(self) -> None:
        request = make_request(State.ISSUED)

        with time_machine.travel(request.expires_at, tick=False):
            services.write_down_time()
            again = make_request(State.QUEUED, verification=request.verification)

        assert again.open_client == request.client_key


class TestWithdraw:
    @pytest.mark.parametrize("state", [State.QUEUED, State.ISSUED, State.UNKNOWN])
    def test_closes_an_open_request_and_keeps_the_reason(self, officer: Any, state: State) -> None:
        request = make_request(state)

        withdrawn = services.withdraw([request], by=officer, note=" sent in error ")

        request.refresh_from_db()
        assert withdrawn == 1
        assert (request.state, request.reason) == (State.CANCELLED, Reason.WITHDRAWN)
        assert request.reason_params == {"note": "sent in error"}
        assert (request.session_url, request.token) == ("", "")
        line = request.events.get()
        assert (line.kind, line.actor, line.params["note"]) == (EventKind.WITHDRAWN, officer, "sent in error")

    @pytest.mark.parametrize("state", sorted(set(State) - {State.QUEUED, State.ISSUED, State.UNKNOWN}))
    def test_leaves_every_other_state(self, officer: Any, state: State) -> None:
        request = make_request(state)

        assert services.withdraw([request], by=officer, note="n") == 0
        assert InformationRequest.objects.get().state == state
        assert not RequestEvent.objects.exists()

    @pytest.mark.parametrize("note", ["", " \n"])
    def test_needs_a_reason(self, officer: Any, note: str) -> None:
        request = make_request(State.ISSUED)

        with pytest.raises(ValidationError) as refused:
            services.withdraw([request], by=officer, note=note)

        assert list(refused.value.message_dict) == ["note"]
        assert InformationRequest.objects.get().state == State.ISSUED

    def test_does_not_call_withdrawn_what_the_clock_had_ended(self, officer: Any) -> None:
        request = make_request(State.ISSUED)

        with time_machine.travel(request.expires_at, tick=False):
            withdrawn = services.withdraw([request], by=officer, note="n")

        request.refresh_from_db()
        assert withdrawn == 0
        assert request.state == State.EXPIRED

    def test_takes_any_number_of_rows(self, officer: Any) -> None:
        for _ in range(5):
            make_request(State.ISSUED)

        assert services.withdraw(InformationRequest.objects.all(), by=officer, note="n") == 5
        assert RequestEvent.objects.filter(kind=EventKind.WITHDRAWN).count() == 5


class TestMarkAnswered:
    @pytest.mark.parametrize("state", [State.ISSUED, State.UNKNOWN, State.EXPIRED, State.CANCELLED])
    def test_completes_a_request_and_keeps_who_saw_it_where(self, officer: Any, state: State) -> None:
        request = make_request(state)

        marked = services.mark_answered([request], by=officer, note=" in the dashboard ")

        request.refresh_from_db()
        said = {"by": "Rasa Kazlauskienė", "note": "in the dashboard"}
        assert marked == 1
        assert (request.state, request.reason, request.reason_params) == (State.COMPLETED, Reason.MARKED, said)
        assert (request.session_url, request.token, request.open_client) == ("", "", None)
        line = request.events.get()
        assert (line.kind, line.actor, line.params["note"]) == (EventKind.MARKED, officer, "in the dashboard")

    @pytest.mark.parametrize("state", sorted(set(State) - MARKABLE))
    def test_leaves_every_other_state(self, officer: Any, state: State) -> None:
        request = make_request(state)

        assert services.mark_answered([request], by=officer, note="n") == 0
        request.refresh_from_db()
        assert (request.state, request.may_be_marked) == (state, False)
        assert not RequestEvent.objects.exists()

    def test_leaves_what_was_withdrawn_before_it_was_sent(self) -> None:
        request = make_request(State.CANCELLED, sent_at=None)

        assert services.mark_answered([request], by=None, note="n") == 0
        assert not InformationRequest.objects.markable().exists()

    def test_lets_the_clock_have_its_say_first(self) -> None:
        request = make_request(State.ISSUED)

        with time_machine.travel(end_of(request), tick=False):
            services.mark_answered([request], by=None, note="n")

        assert [line.kind for line in request.events.order_by("pk")] == [EventKind.EXPIRED, EventKind.MARKED]

    def test_needs_to_know_where_it_was_seen(self) -> None:
        request = make_request(State.ISSUED)

        with pytest.raises(ValidationError) as refused:
            services.mark_answered([request], by=None, note=" ")

        assert refused.value.message_dict == {"note": ["Say where it was seen."]}


class TestCancelIneligible:
    def test_takes_them_out_of_the_queue_and_nowhere_else(self) -> None:
        queued, issued, fine = make_request(State.QUEUED), make_request(State.ISSUED), make_request(State.QUEUED)
        keys = [queued.verification_id, issued.verification_id]
        Verification.objects.filter(pk__in=keys).update(status="DELETED")

        cancelled = services.cancel_ineligible(InformationRequest.objects.all())

        queued.refresh_from_db()
        assert cancelled == 1
        assert (queued.state, queued.reason) == (State.CANCELLED, Reason.INELIGIBLE)
        assert RequestEvent.objects.get().kind == EventKind.CANCELLED
        assert set(InformationRequest.objects.open_now()) == {issued, fine}

    def test_counts_nothing_in_an_empty_queue(self) -> None:
        make_verification(status="DELETED")

        assert services.cancel_ineligible(InformationRequest.objects.all()) == 0
