from __future__ import annotations

import logging
import socket
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from idenfy_kyc import services
from idenfy_kyc.choices import BatchState, EventKind, PauseReason, Reason, State
from idenfy_kyc.models import RequestBatch, Verification
from idenfy_kyc.testing import Fault
from tests.factories import make_batch, make_queue, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


ANSWERS = [
    (Fault.UNAUTHORIZED, State.QUEUED, BatchState.STOPPED, PauseReason.UNAUTHORIZED),
    (Fault.UNAUTHORIZED_400, State.QUEUED, BatchState.STOPPED, PauseReason.UNAUTHORIZED),
    (Fault.NO_FUNDS, State.QUEUED, BatchState.STOPPED, PauseReason.CONTRACT),
    (Fault.CONTRACT, State.QUEUED, BatchState.STOPPED, PauseReason.CONTRACT),
    (Fault.FORBIDDEN, State.QUEUED, BatchState.STOPPED, PauseReason.PERMISSION),
    (Fault.PERMISSIONS_400, State.QUEUED, BatchState.STOPPED, PauseReason.PERMISSION),
    (Fault.RATE_LIMITED, State.QUEUED, BatchState.WAITING, PauseReason.RATE_LIMITED),
    (Fault.RATE_LIMITED_400, State.QUEUED, BatchState.WAITING, PauseReason.RATE_LIMITED),
    (Fault.RETRY_AFTER, State.QUEUED, BatchState.WAITING, PauseReason.RATE_LIMITED),
    (Fault.NOT_FOUND, State.REFUSED, BatchState.DONE, ""),
    (Fault.BAD_VALUE, State.REFUSED, BatchState.DONE, ""),
    (Fault.HTML_NOT_FOUND, State.UNKNOWN, BatchState.DONE, Reason.NOT_IDENFY),
    (Fault.REDIRECT, State.UNKNOWN, BatchState.DONE, Reason.REDIRECTED),
    (Fault.TIMEOUT, State.UNKNOWN, BatchState.DONE, Reason.SERVER_ERROR),
    (Fault.INTERNAL_400, State.UNKNOWN, BatchState.DONE, Reason.SERVER_ERROR),
    (Fault.SERVER_ERROR, State.UNKNOWN, BatchState.DONE, Reason.SERVER_ERROR),
    (Fault.SERVER_ERROR_HTML, State.UNKNOWN, BatchState.DONE, Reason.SERVER_ERROR),
    (Fault.BAD_GATEWAY, State.UNKNOWN, BatchState.DONE, Reason.SERVER_ERROR),
    (Fault.BAD_GATEWAY_HTML, State.UNKNOWN, BatchState.DONE, Reason.SERVER_ERROR),
    (Fault.UNAVAILABLE, State.UNKNOWN, BatchState.DONE, Reason.SERVER_ERROR),
    (Fault.UNAVAILABLE_HTML, State.UNKNOWN, BatchState.DONE, Reason.SERVER_ERROR),
    (Fault.LOST, State.UNKNOWN, BatchState.DONE, Reason.SERVER_ERROR),
    (Fault.CUT_BEFORE, State.UNKNOWN, BatchState.DONE, Reason.NO_ANSWER),
    (Fault.CUT_AFTER, State.UNKNOWN, BatchState.DONE, Reason.NO_ANSWER),
    (Fault.DRIP, State.UNKNOWN, BatchState.DONE, Reason.NO_ANSWER),
    (Fault.NONSENSE, State.UNKNOWN, BatchState.DONE, Reason.UNREADABLE),
    (Fault.EMPTY, State.UNKNOWN, BatchState.DONE, Reason.UNREADABLE),
    (Fault.NO_TOKEN, State.UNKNOWN, BatchState.DONE, Reason.UNREADABLE),
    (Fault.OVERSIZED, State.UNKNOWN, BatchState.DONE, Reason.UNREADABLE),
    (Fault.NO_SESSION_URL, State.ISSUED, BatchState.DONE, ""),
]
LINES = {State.UNKNOWN: EventKind.UNKNOWN, State.REFUSED: EventKind.REFUSED, State.ISSUED: EventKind.ISSUED}


class TestAnswer:
    def test_has_a_row_for_every_fault(self) -> None:
        assert {fault for fault, *_ in ANSWERS} == set(Fault) - {Fault.LATENCY}

    @pytest.mark.parametrize("row", ANSWERS, ids=[row[0] for row in ANSWERS])
    def test_becomes_what_the_design_says(
        self, fake_idenfy: Any, configure: Any, row: tuple[Fault, State, BatchState, str]
    ) -> None:
        fault, state, batch_state, why = row
        configure(CONNECT_TIMEOUT=0.2, READ_TIMEOUT=0.3)
        fake_idenfy.fake.misbehave(fault)
        batch = make_queue(1)

        calls = services.send(batch)

        batch.refresh_from_db()
        request = batch.requests.get()
        assert calls == len(fake_idenfy.fake.posts()) == 1
        assert (request.state, services.progress_of(batch).state) == (state, batch_state)
        assert request.reason + batch.pause_reason == why
        assert (request.sent_at is None) == (request.claim is None) == (state is State.QUEUED)
        assert [line.kind for line in request.events.all()] == ([LINES[state]] if state in LINES else [])

    def test_of_a_good_day_is_a_link(self, fake_idenfy: Any) -> None:
        batch = make_queue(20)

        calls = services.send(batch)

        assert calls == 20
        assert fake_idenfy.fake.count_posts().most_common(1)[0][1] == 1
        for request in batch.requests.select_related("verification"):
            post = fake_idenfy.fake.issued(request.verification.scan_ref)[0]
            assert request.state == State.ISSUED
            assert request.token == post.token
            assert request.sent_at is not None
            assert request.expires_at == request.sent_at + batch.lifetime
            assert request.issued_at is not None
            assert request.issued_at >= request.sent_at
            assert request.attempts == 1

    def test_of_a_good_day_has_no_link_without_a_session_url(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.misbehave(Fault.NO_SESSION_URL)
        batch = make_queue(1)

        services.send(batch)

        request = batch.requests.get()
        assert (request.session_url, bool(request.token)) == ("", True)

    def test_of_nobody_leaves_everything_in_the_queue(self, fake_idenfy: Any, configure: Any) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            configure(BASE_URL=f"http://127.0.0.1:{nobody.getsockname()[1]}")
            batch = make_queue(3)

            calls = services.send(batch)

        batch.refresh_from_db()
        assert calls == 1
        assert batch.rows_in(State.QUEUED).count() == 3
        assert batch.pause_reason == PauseReason.UNREACHABLE
        assert services.progress_of(batch).state is BatchState.WAITING

    def test_that_says_no_is_kept_in_idenfys_words(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.misbehave(Fault.BAD_VALUE)
        batch = make_queue(1)

        services.send(batch)

        request = batch.requests.get()
        assert (request.status_code, request.identifier) == (400, "BAD_VALUE")
        assert request.message == "This verification cannot be updated."
        assert request.events.get().params["message"] == request.message
        assert request.expires_at is None

    def test_goes_behind_the_others_when_it_must_be_asked_for_again(self, fake_idenfy: Any) -> None:
        batch = make_queue(3)
        first = batch.requests.order_by("pk")[0]
        fake_idenfy.fake.misbehave(Fault.UNAUTHORIZED, times=1)
        services.send(batch)
        services.resume(batch, by=None)

        services.send(batch)

        first.refresh_from_db()
        assert (first.state, first.attempts) == (State.ISSUED, 2)
        scan_refs = [post.scan_ref for post in fake_idenfy.fake.posts()]
        assert scan_refs[0] == first.verification.scan_ref
        assert scan_refs[1] != first.verification.scan_ref

    def test_that_no_code_foresaw_is_uncertain(self, fake_idenfy: Any, caplog: pytest.LogCaptureFixture) -> None:
        batch = make_queue(1)
        Verification.objects.update(scan_ref="..")

        services.send(batch)

        request = batch.requests.get()
        assert (request.state, request.reason) == (State.UNKNOWN, Reason.NO_ANSWER)
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        assert f"request {request.pk}: ValueError" in caplog.text


class TestSend:
    @pytest.mark.django_db(transaction=True)
    def test_refuses_somebody_elses_transaction(self, fake_idenfy: Any) -> None:
        batch = make_queue(1)

        with pytest.raises(RuntimeError), transaction.atomic():
            services.send(batch)

        assert fake_idenfy.fake.posts() == []

    def test_has_nothing_to_do_with_a_plan(self, fake_idenfy: Any) -> None:
        batch = make_request(State.DRAFT).batch

        assert services.send(batch) == 0
        batch.refresh_from_db()
        assert not batch.is_stopped()

    def test_looks_at_the_batch_as_it_is_and_not_as_the_caller_remembers_it(self, fake_idenfy: Any) -> None:
        planned = services.plan(make_verifications(1), planned_by=None, note="n", questionnaire="q")
        services.confirm(RequestBatch.objects.get(), by=None)

        assert services.send(planned) == 1
        assert planned.requests.get().state == State.ISSUED

    @pytest.mark.parametrize("pause", [timedelta(minutes=5), None])
    def test_leaves_a_batch_that_waits_or_has_stopped(self, fake_idenfy: Any, pause: timedelta | None) -> None:
        batch = make_queue(1)
        now = batch.confirmed_at
        assert now is not None
        until = None if pause is None else now + pause
        RequestBatch.objects.update(paused_at=now, paused_until=until, pause_reason=PauseReason.OUTAGE)

        assert services.send(batch) == 0
        assert fake_idenfy.fake.posts() == []

    def test_claims_nothing_once_its_time_is_up(self, fake_idenfy: Any) -> None:
        batch = make_queue(2)

        assert services.send(batch, seconds=0) == 0
        assert batch.rows_in(State.QUEUED).count() == 2

    def test_claims_nothing_once_it_is_told_to_stop_but_writes_what_is_under_way(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.latency = 0.05
        batch = make_queue(30)

        calls = services.send(batch, should_stop=lambda: len(fake_idenfy.fake.posts()) >= 3)

        assert 3 <= calls < 30
        assert batch.rows_in(State.ISSUED).count() == calls
        assert not batch.rows_in(State.SENDING).exists()

    def test_gives_way_to_as_many_calls_as_may_be(self, fake_idenfy: Any, configure: Any) -> None:
        configure(CONCURRENCY=2)
        batch = make_queue(1)
        for state in (State.SENDING, State.SENDING, State.ISSUED):
            make_request(state, batch=batch)

        assert services.send(batch, gives_way=True) == 0
        assert services.send(batch) == 1

    def test_leaves_the_first_call_alone(self, fake_idenfy: Any) -> None:
        batch = make_queue(2)
        make_request(State.SENDING, batch=batch)

        assert services.send(batch) == 0

    def test_stops_when_the_settings_name_another_account(self, fake_idenfy: Any, configure: Any) -> None:
        batch = make_queue(1)
        configure(API_KEY="of another account")

        assert services.send(batch) == 0
        batch.refresh_from_db()
        assert (batch.is_stopped(), batch.pause_reason) == (True, PauseReason.OTHER_ACCOUNT)
        assert fake_idenfy.fake.posts() == []

    def test_stops_when_the_settings_name_none(self, fake_idenfy: Any, configure: Any) -> None:
        batch = make_queue(1)
        configure(API_SECRET="")

        with pytest.raises(ImproperlyConfigured, match="API_KEY and API_SECRET"):
            services.send(batch)

        batch.refresh_from_db()
        assert (batch.is_stopped(), batch.pause_reason) == (True, PauseReason.NOT_CONFIGURED)

    def test_asks_nobody_whose_status_rules_it_out_by_now(self, fake_idenfy: Any) -> None:
        batch = make_queue(3)
        gone = batch.requests.order_by("pk")[0].verification
        Verification.objects.filter(pk=gone.pk).update(status="DELETED")

        services.send(batch)

        request = batch.requests.get(verification=gone)
        assert (request.state, request.reason) == (State.CANCELLED, Reason.INELIGIBLE)
        assert request.events.get().kind == EventKind.CANCELLED
        assert batch.rows_in(State.ISSUED).count() == 2
        assert fake_idenfy.fake.posts(gone.scan_ref) == []

    def test_asks_nobody_whose_status_comes_to_rule_it_out_on_the_way(self, fake_idenfy: Any, configure: Any) -> None:
        configure(CONCURRENCY=1)
        batch = make_queue(6)
        gone = [request.verification_id for request in batch.requests.order_by("-pk")[:2]]

        def someone_deletes_them() -> bool:
            if len(fake_idenfy.fake.posts()) == 2:
                Verification.objects.filter(pk__in=gone).update(status="DELETED")
            return False

        calls = services.send(batch, should_stop=someone_deletes_them)

        assert calls == 4
        assert set(batch.rows_in(State.CANCELLED).values_list("verification_id", flat=True)) == set(gone)

    def test_expires_what_the_clock_has_ended(self, fake_idenfy: Any) -> None:
        batch = make_batch(confirmed=True)
        over = make_request(State.ISSUED, batch=batch, expires_at=batch.confirmed_at)

        services.send(batch)

        over.refresh_from_db()
        assert over.state == State.EXPIRED

    def test_logs_no_secret(self, fake_idenfy: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        batch = make_queue(2)

        services.send(batch)

        for request in batch.requests.all():
            assert request.token not in caplog.text
        assert "fake-secret" not in caplog.text


class TestSecondRequest:
    def test_is_refused_by_idenfy_in_its_own_words(self, fake_idenfy: Any) -> None:
        """It never learns of a withdrawal, so the client's next request is refused, and that is said."""
        verification = make_verification()
        first = services.request_information(verification, requested_by=None, note="n", questionnaire="q")
        services.withdraw([first], by=None, note="sent in error")

        second = services.request_information(verification, requested_by=None, note="n", questionnaire="q")

        assert second.state == State.REFUSED
        assert "already" in second.message
