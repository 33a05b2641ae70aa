from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from unittest.mock import create_autospec

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from idenfy_kyc import services, signals
from idenfy_kyc.api import IdenfyClient
from idenfy_kyc.api.deliveries import Event, sign
from idenfy_kyc.choices import EventKind, PauseReason, Reason, Refreshed, State
from idenfy_kyc.exceptions import TooMany
from idenfy_kyc.models import Answer, RequestEvent, Verification
from idenfy_kyc.testing import Fault, identification
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_request, make_user, make_verification, make_verifications

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def verification() -> Verification:
    return make_verification(scan_ref="scan-1", status="APPROVED", is_final=True, changed_after_review_at=NOON)


def refresh(*verifications: Verification) -> dict[Refreshed, int]:
    """How they ended, without those that nobody did."""
    counts = services.refresh(verifications, by=None).counts
    return {result: count for result, count in counts.items() if count}


class TestRefresh:
    def test_takes_a_result_with_what_stands_behind_it(
        self, fake_idenfy: RunningFake, verification: Verification
    ) -> None:
        fake_idenfy.fake.know("scan-1", status="DENIED", mismatchTags=["NAME"], autoFace="FACE_MISMATCH")

        assert refresh(verification) == {Refreshed.CHANGED: 1}

        verification.refresh_from_db()
        assert (verification.status, verification.is_final) == ("DENIED", True)
        assert verification.checks["mismatch_tags"] == ["NAME"]
        assert verification.checks["auto_face"] == "FACE_MISMATCH"
        assert verification.told_at == verification.refreshed_at

    def test_clears_the_mark_whatever_it_hears(self, fake_idenfy: RunningFake, verification: Verification) -> None:
        fake_idenfy.fake.know("scan-1", status="DENIED")

        refresh(verification)

        verification.refresh_from_db()
        assert verification.changed_after_review_at is None

    def test_keeps_what_the_answer_does_not_speak_of(self, fake_idenfy: RunningFake) -> None:
        checks = {"additional_step": "VALID", "auto_face": ""}
        verification = make_verification(scan_ref="scan-1", client_id="", status="APPROVED", checks=checks)
        fake_idenfy.fake.know("scan-1", status="APPROVED", client_id="C-7")

        assert refresh(verification) == {Refreshed.SAME: 1}

        verification.refresh_from_db()
        assert (verification.checks["additional_step"], verification.checks["auto_face"]) == ("VALID", "FACE_MATCH")
        assert verification.client_id == "C-7"

    def test_lets_what_is_no_result_change_nothing(self, fake_idenfy: RunningFake, verification: Verification) -> None:
        fake_idenfy.fake.know("scan-1", status="REVIEWING")

        assert refresh(verification) == {Refreshed.KEPT: 1}

        verification.refresh_from_db()
        assert (verification.status, verification.changed_after_review_at) == ("APPROVED", None)

    def test_is_on_record_with_who_asked(self, fake_idenfy: RunningFake, verification: Verification) -> None:
        fake_idenfy.fake.know("scan-1", status="APPROVED")
        officer = make_user(full_name="Ona")

        services.refresh([verification], by=officer)

        line = RequestEvent.objects.get()
        assert (line.kind, line.actor, line.actor_name) == (EventKind.REFRESHED, officer, "Ona")
        assert line.params == {"status": "APPROVED"}

    def test_tells_other_apps_what_has_changed(
        self, fake_idenfy: RunningFake, verification: Verification, django_capture_on_commit_callbacks: Any
    ) -> None:
        def prototype(sender: Any, *, verification_id: int, changed: list[str], **kwargs: object) -> None: ...

        receiver = create_autospec(prototype)
        fake_idenfy.fake.know("scan-1", status="DENIED")
        signals.verification_updated.connect(receiver)

        with django_capture_on_commit_callbacks(execute=True):
            refresh(verification)

        signals.verification_updated.disconnect(receiver)
        assert receiver.call_args.kwargs["changed"] == ["checks", "status", "told_at"]

    def test_asks_for_twenty_at_the_most(self, fake_idenfy: RunningFake) -> None:
        with pytest.raises(TooMany):
            refresh(*make_verifications(21))

        assert fake_idenfy.fake.posts() == []

    def test_asks_for_twenty_one_after_the_other_without_threads(self, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CONCURRENCY": 1}
        rows = make_verifications(20)
        for row in rows:
            fake_idenfy.fake.know(row.scan_ref)

        assert refresh(*rows) == {Refreshed.SAME: 20}

    def test_refuses_to_run_in_a_transaction_of_somebody_else(self, fake_idenfy: RunningFake) -> None:
        with transaction.atomic(), pytest.raises(RuntimeError):
            services.refresh([], by=None)

    def test_needs_credentials(self, settings: Any) -> None:
        settings.IDENFY_KYC = {}

        with pytest.raises(ImproperlyConfigured):
            services.refresh([], by=None)


def tell(event: str, **said: Any) -> None:
    body = json.dumps(identification("scan-1", **said)).encode()
    services.receive(event_type=event, body=body, signature=sign(body, "signing-key"))


class TestAnAnswerInReview:
    """As iDenfy tells it: in review until there is a result."""

    def answer(self, status: str = "REVIEWING", **said: Any) -> None:
        tell(Event.RESUBMITTED, status=status, final=False, **said)

    @pytest.mark.parametrize("order", list(permutations(["the answer", "its review"])))
    def test_to_something_that_was_not_asked_here_ends_up_reviewed_in_either_order(
        self, fake_idenfy: RunningFake, verification: Verification, order: tuple[str, str]
    ) -> None:
        """A review that comes first might be an older one, so nobody takes it for this one until somebody asks."""
        for told in order:
            if told == "the answer":
                self.answer()
            else:
                tell(Event.MANUAL_FINISHED, status="DENIED", mismatch_tags=["UTILITY_NAME"])
        assert Answer.objects.get().is_in_review == (order[0] == "its review")
        fake_idenfy.fake.know("scan-1", status="DENIED", mismatchTags=["UTILITY_NAME"])

        refresh(verification)

        answer = Answer.objects.get()
        assert (answer.is_in_review, answer.status, answer.mismatch_tags) == (False, "DENIED", ["UTILITY_NAME"])
        assert RequestEvent.objects.filter(kind=EventKind.REVIEWED, params={"status": "DENIED"}).count() == 1

    def test_to_a_request_of_ours_is_reviewed_though_nobody_told_so(
        self, fake_idenfy: RunningFake, verification: Verification
    ) -> None:
        request = make_request(State.ISSUED, verification=verification, sent_at=timezone.now())
        self.answer(additional_step="INVALID")
        fake_idenfy.fake.know("scan-1", status="APPROVED")

        assert refresh(verification) == {Refreshed.REVIEWED: 1}

        answer = Answer.objects.get()
        assert (answer.reviewed_at is not None, answer.status, answer.additional_step) == (True, "APPROVED", "INVALID")
        assert RequestEvent.objects.get(kind=EventKind.REVIEWED).request == request

    @pytest.mark.parametrize(
        ("came_as", "is_now"), [("REVIEWING", "REVIEWING"), ("REVIEWING", "A-NEW-WORD"), ("APPROVED", "APPROVED")]
    )
    def test_stays_so_where_what_iDenfy_says_proves_nothing(  # noqa: N802
        self, fake_idenfy: RunningFake, verification: Verification, came_as: str, is_now: str
    ) -> None:
        self.answer(came_as)
        fake_idenfy.fake.know("scan-1", status=is_now)

        refresh(verification)

        assert Answer.objects.get().is_in_review

    def test_that_came_after_iDenfy_was_asked_waits_on(  # noqa: N802
        self, fake_idenfy: RunningFake, verification: Verification
    ) -> None:
        self.answer()
        Answer.objects.update(received_at=timezone.now() + HOUR)
        fake_idenfy.fake.know("scan-1", status="APPROVED")

        assert refresh(verification) == {Refreshed.SAME: 1}

        assert Answer.objects.get().is_in_review


class TestOnceAnHour:
    def test_one_is_asked_about(self, fake_idenfy: RunningFake, verification: Verification, clock: Any) -> None:
        fake_idenfy.fake.know("scan-1")

        found: list[Refreshed] = []
        for minutes in (0, 59, 60):
            clock.move_to(NOON + timedelta(minutes=minutes))
            found += refresh(verification)

        assert found == [Refreshed.SAME, Refreshed.TOO_SOON, Refreshed.SAME]
        assert fake_idenfy.fake.count_status_calls() == {"scan-1": 2}

    def test_is_used_up_by_a_call_that_iDenfy_may_have_heard(  # noqa: N802
        self, fake_idenfy: RunningFake, verification: Verification
    ) -> None:
        fake_idenfy.fake.misbehave(Fault.CUT_AFTER, times=1)
        fake_idenfy.fake.know("scan-1")

        assert refresh(verification) == {Refreshed.FAILED: 1}
        assert refresh(verification) == {Refreshed.TOO_SOON: 1}

    def test_is_not_used_up_by_a_call_that_never_left(
        self, fake_idenfy: RunningFake, verification: Verification, settings: Any
    ) -> None:
        fake_idenfy.fake.know("scan-1")
        there = settings.IDENFY_KYC
        settings.IDENFY_KYC = there | {"BASE_URL": "http://127.0.0.1:1"}

        assert refresh(verification) == {Refreshed.FAILED: 1}
        settings.IDENFY_KYC = there
        assert refresh(verification) == {Refreshed.SAME: 1}

    @pytest.mark.django_db(transaction=True)
    def test_is_held_by_the_database_when_several_ask_at_one_moment(self, fake_idenfy: RunningFake) -> None:
        verification = make_verification(scan_ref="scan-1")
        fake_idenfy.fake.know("scan-1")

        def ask(_number: int) -> dict[Refreshed, int]:
            try:
                return refresh(verification)
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(ask, range(4)))

        assert found.count({Refreshed.TOO_SOON: 1}) == 3
        assert fake_idenfy.fake.count_status_calls() == {"scan-1": 1}


class TestWhoseDataWasErased:
    def test_is_not_asked_about(self, fake_idenfy: RunningFake, verification: Verification) -> None:
        services.erase([verification], by=None)

        assert refresh(verification) == {Refreshed.ERASED: 1}
        assert fake_idenfy.fake.posts() == []

    @pytest.mark.django_db(transaction=True)
    def test_gets_nothing_back_from_an_answer_that_comes_after_it(self, httpserver: HTTPServer, settings: Any) -> None:
        verification = make_verification(scan_ref="scan-1", status="APPROVED")
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"BASE_URL": httpserver.url_for("").rstrip("/")}

        def erase_and_answer(request: Request) -> Response:
            try:
                services.erase([verification], by=None)
            finally:
                connection.close()
            return Response(json.dumps({"status": "DENIED", "clientId": "C-1", "fraudTags": ["DUPLICATE_FACE"]}))

        httpserver.expect_request("/api/v2/status").respond_with_handler(erase_and_answer)

        assert refresh(verification) == {Refreshed.ERASED: 1}

        verification.refresh_from_db()
        assert (verification.status, verification.client_id, verification.checks) == ("APPROVED", "", {})


class TestAFault:
    @pytest.mark.parametrize(
        ("fault", "why"),
        [
            (Fault.UNAUTHORIZED, PauseReason.UNAUTHORIZED),
            (Fault.NO_FUNDS, PauseReason.CONTRACT),
            (Fault.FORBIDDEN, PauseReason.PERMISSION),
            (Fault.RATE_LIMITED, PauseReason.RATE_LIMITED),
            (Fault.SERVER_ERROR, Reason.SERVER_ERROR),
            (Fault.HTML_NOT_FOUND, Reason.NOT_IDENFY),
            (Fault.REDIRECT, Reason.REDIRECTED),
            (Fault.NONSENSE, Reason.UNREADABLE),
            (Fault.EMPTY, Reason.UNREADABLE),
            (Fault.OVERSIZED, Reason.UNREADABLE),
            (Fault.CUT_BEFORE, Reason.NO_ANSWER),
        ],
    )
    def test_that_is_not_about_one_ends_it_after_the_first(
        self, fake_idenfy: RunningFake, fault: Fault, why: str
    ) -> None:
        rows = make_verifications(20)
        for row in rows:
            fake_idenfy.fake.know(row.scan_ref, status="DENIED")
        fake_idenfy.fake.misbehave(fault)

        done = services.refresh(rows, by=None)

        assert done.counts == {Refreshed.FAILED: 1, Refreshed.NOT_REACHED: 19}
        assert done.fault is not None
        assert (done.fault.pause_reason or done.fault.reason) == why
        assert len(fake_idenfy.fake.posts()) == 1
        assert not Verification.objects.exclude(status="APPROVED").exists()
        assert not RequestEvent.objects.exists()

    def test_that_drips_is_cut_off(self, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CONNECT_TIMEOUT": 0.3, "READ_TIMEOUT": 0.3}
        fake_idenfy.fake.know("scan-1")
        fake_idenfy.fake.misbehave(Fault.DRIP)

        assert refresh(make_verification(scan_ref="scan-1")) == {Refreshed.FAILED: 1}

    def test_that_is_about_one_lets_the_others_be_asked_about(self, fake_idenfy: RunningFake) -> None:
        unknown, *others = make_verifications(3)
        for row in others:
            fake_idenfy.fake.know(row.scan_ref)

        done = services.refresh([unknown, *others], by=None)

        assert done.counts == {Refreshed.REFUSED: 1, Refreshed.SAME: 2, Refreshed.NOT_REACHED: 0}
        assert done.fault is None

    def test_of_ours_is_one_call_without_an_answer(
        self, fake_idenfy: RunningFake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(client: IdenfyClient, scan_ref: str) -> None:
            raise ZeroDivisionError(scan_ref)

        monkeypatch.setattr(IdenfyClient, "current_status", broken)

        assert refresh(make_verification(scan_ref="scan-1")) == {Refreshed.FAILED: 1}
        assert caplog.messages == ["Asking iDenfy for a status: ZeroDivisionError"]

    def test_is_that_the_calls_of_the_hour_are_used_up(self, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"HOURLY_QUOTA": 1}
        rows = make_verifications(3)
        for row in rows:
            fake_idenfy.fake.know(row.scan_ref)

        done = services.refresh(rows, by=None)

        assert done.counts == {Refreshed.SAME: 1, Refreshed.NOT_REACHED: 2}
        assert done.fault is not None
        assert done.fault.pause_reason == PauseReason.QUOTA

    def test_is_no_reason_to_hold_up_a_page(self, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"STEP_SECONDS": 0.2}
        rows = make_verifications(3)
        for row in rows:
            fake_idenfy.fake.know(row.scan_ref)
        fake_idenfy.fake.latency = 0.3

        done = services.refresh(rows, by=None)

        assert done.counts == {Refreshed.SAME: 1, Refreshed.NOT_REACHED: 2}
        assert Verification.objects.filter(refreshed_at__lte=timezone.now()).count() == 1
