"""What happens around an erasure: before it, while it runs, and after it; nothing may bring anything back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.api import InformationSession
from idenfy_kyc.choices import DeliveryProblem, EventKind, PauseReason, Reason, State
from idenfy_kyc.exceptions import BeingAsked, NotEligible
from idenfy_kyc.models import InformationRequest, RequestEvent, Verification, WebhookDelivery
from idenfy_kyc.services.answers import outcome_of
from idenfy_kyc.services.claims import Claim, asks_of, write
from idenfy_kyc.services.ending import cancel_ineligible
from idenfy_kyc.services.record import note_requests
from idenfy_kyc.testing import identification, signed_headers
from idenfy_kyc.testing.faults import Fault
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_batch, make_queue, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


def receive(event: str, payload: Any) -> WebhookDelivery:
    body = json.dumps(payload).encode()
    return services.receive(event_type=event, body=body, signature=signed_headers(event, body)["Idenfy-Signature"])


@contextmanager
def before_the_first_update(act: Callable[[], object]) -> Iterator[None]:
    """Somebody else acts just then, as far as one connection can show it."""
    began: list[str] = []

    def wrapper(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        if sql.startswith("UPDATE") and not began:
            began.append(sql)
            act()
        return execute(sql, *args)

    with connection.execute_wrapper(wrapper):
        yield
    assert began


class TestADelivery:
    TOLD = ("IDENTIFICATION_AUTO_FINISHED", identification("scan-1", client_id="C-1042"))

    @pytest.fixture
    def verification(self) -> Verification:
        return make_verification(scan_ref="scan-1", client_id="C-1042")

    def test_that_is_told_again_within_minutes_brings_no_body_back(
        self, verification: Verification, officer: Any
    ) -> None:
        receive(*self.TOLD)
        services.erase([verification], by=officer)

        receive(*self.TOLD)

        delivery = WebhookDelivery.objects.get()
        assert (delivery.receipts, delivery.body, delivery.problem) == (2, "", "")

    @pytest.mark.parametrize(
        "told",
        [
            ("IDENTIFICATION_MANUAL_FINISHED", identification("scan-1", final=False)),
            ("COMPANY_AUTO_FINISHED", identification("scan-1")),
        ],
        ids=["that does not fit its event", "that is about something else"],
    )
    def test_keeps_no_body_afterwards(self, verification: Verification, officer: Any, told: tuple[str, Any]) -> None:
        services.erase([verification], by=officer)

        receive(*told)

        assert WebhookDelivery.objects.get().body == ""
        assert not WebhookDelivery.objects.failed().exists()

    def test_keeps_its_body_where_nobody_was_erased(self, verification: Verification) -> None:
        receive("COMPANY_AUTO_FINISHED", identification("scan-1"))

        assert WebhookDelivery.objects.get().body

    def test_that_waited_to_be_handled_waits_no_more(self, verification: Verification, officer: Any) -> None:
        WebhookDelivery.objects.create(digest="d", scan_ref="scan-1", body="{}", problem=DeliveryProblem.BROKE_OFF)

        services.erase([verification], by=officer)

        delivery = WebhookDelivery.objects.get()
        assert (delivery.is_handled, delivery.problem, delivery.body) == (True, DeliveryProblem.ERASED, "")


class TestALateAnswer:
    def test_of_a_sender_presumed_dead_leaves_no_link(self, officer: Any) -> None:
        batch = make_batch(confirmed=True)
        request = make_request(State.UNKNOWN, batch=batch)
        claimed = Claim(request, request.claim, asks_of(batch, request))  # type: ignore[arg-type]
        services.erase([request.verification], by=officer)

        taken = write(claimed, outcome_of(InformationSession(session_url="https://late.test/", token="late")))

        request.refresh_from_db()
        assert not taken
        assert (request.state, request.session_url, request.token) == (State.CANCELLED, "", "")
        assert not RequestEvent.objects.filter(kind=EventKind.LATE_LINK).exists()


class TestARequest:
    def test_that_is_open_says_why_it_was_withdrawn_and_by_whom(self, officer: Any) -> None:
        request = make_request(State.QUEUED)

        services.erase([request.verification], by=officer)

        line = RequestEvent.objects.get(request=request)
        assert (line.kind, line.params, line.actor) == (EventKind.WITHDRAWN, {"reason": "erased"}, officer)

    def test_keeps_no_digest_of_its_client(self, officer: Any) -> None:
        request = make_request(State.COMPLETED)
        assert request.client_key

        services.erase([request.verification], by=officer)

        request.refresh_from_db()
        assert request.client_key is None

    def test_that_is_under_way_stops_everything_before_it_begins(self, officer: Any) -> None:
        """Also where it belongs to another transaction than the first."""
        free, busy = make_verifications(500), make_request(State.SENDING).verification

        with pytest.raises(BeingAsked):
            services.erase([*free, busy], by=officer)

        assert not Verification.objects.filter(erased_at__isnull=False).exists()

    def test_that_a_sender_claims_in_this_very_moment_undoes_it(self, officer: Any) -> None:
        request = make_request(State.QUEUED)

        def claim() -> None:
            InformationRequest.objects.filter(pk=request.pk).move(State.SENDING, sent_at=timezone.now())

        with before_the_first_update(claim), pytest.raises(BeingAsked):
            services.erase([request.verification], by=officer)

        verification = Verification.objects.get()
        assert (verification.erased_at, bool(verification.name)) == (None, True)

    def test_of_a_dead_sender_is_no_reason_to_wait(self, officer: Any) -> None:
        request = make_request(State.SENDING, sent_at=timezone.now() - timedelta(hours=1))

        assert services.erase([request.verification], by=officer) == 1

        request.refresh_from_db()
        assert (request.state, request.reason) == (State.CANCELLED, Reason.ERASED)

    def test_that_is_queued_all_the_same_never_holds_a_sender_up(self, officer: Any) -> None:
        batch = make_queue(1)
        Verification.objects.update(erased_at=timezone.now())

        assert cancel_ineligible(batch.requests.all()) == 1


class TestAPlan:
    def test_leaves_the_client_out_and_says_why(self, officer: Any) -> None:
        one, other = make_verifications(2)
        batch = services.plan([one, other], planned_by=officer)

        services.erase([one], by=officer)

        rows = batch.requests.order_by("verification").values_list("state", "reason", "reason_params")
        assert list(rows) == [(State.SKIPPED, Reason.ERASED, {}), (State.DRAFT, "", {})]

    def test_that_was_made_in_this_very_moment_says_so_when_it_is_confirmed(self, officer: Any) -> None:
        one, other = make_verifications(2)
        batch = services.plan([one, other], planned_by=officer, note="review", questionnaire="q")
        Verification.objects.filter(pk=one.pk).update(erased_at=timezone.now())

        services.confirm(batch, by=officer)

        assert batch.requests.get(verification=one).reason == Reason.ERASED
        assert batch.requests.get(verification=other).state == State.QUEUED

    def test_of_erased_clients_asks_nobody(self, officer: Any) -> None:
        verification = make_verification()
        services.erase([verification], by=officer)

        batch = services.plan(Verification.objects.all(), planned_by=officer)

        assert (batch.requests.get().state, batch.requests.get().reason) == (State.SKIPPED, Reason.ERASED)

    def test_of_one_from_python_is_refused(self, officer: Any) -> None:
        verification = make_verification()
        services.erase([verification], by=officer)

        with pytest.raises(NotEligible):
            services.request_information(verification, requested_by=officer, note="n", questionnaire="q", send=False)


class TestAnImport:
    def test_that_had_read_the_client_before_writes_nothing(self, officer: Any) -> None:
        verification = make_verification(scan_ref="scan-1", name="Rasa Example")

        with before_the_first_update(lambda: services.erase([verification], by=officer)):
            services.record_verifications([{"scan_ref": "scan-1", "name": "Rasa Again", "client_id": "C-1042"}])

        verification.refresh_from_db()
        assert (verification.name, verification.client_id) == ("", "")


class TestIdenfysWords:
    def test_go_from_every_line_and_nothing_else_does(self, officer: Any) -> None:
        request = make_request(State.REFUSED)
        note_requests(EventKind.REFUSED, [request] * 150, message="RASA EXAMPLE", status_code=400)
        note_requests(EventKind.DOCUMENT_EXPIRES, [request], day="2031-05-01")

        with CaptureQueriesContext(connection) as captured:
            services.erase([request.verification], by=officer)

        lines = RequestEvent.objects.filter(request=request)
        assert {json.dumps(line.params) for line in lines} == {'{"status_code": 400}', "{}"}
        assert len(captured) < 30

    def test_that_stopped_a_batch_name_no_client_in_particular(self, fake_idenfy: RunningFake, officer: Any) -> None:
        fake_idenfy.fake.misbehave(Fault.BAD_VALUE)
        batch = services.plan(make_verifications(6), planned_by=officer, note="review", questionnaire="q")
        services.confirm(batch, by=officer)

        services.send(batch)

        batch.refresh_from_db()
        assert batch.pause_reason == PauseReason.REFUSALS
        assert not any(char.isdigit() for char in batch.pause_params["message"])


@pytest.mark.no_cover
class TestThousands:
    def test_go_in_portions(self, officer: Any) -> None:
        verifications = make_verifications(1100)

        assert services.erase(verifications, by=officer) == 1100

        assert RequestEvent.objects.filter(kind=EventKind.ERASED).count() == 1100
        assert not Verification.objects.exclude(client_id="").exists()
        assert len(set(Verification.objects.values_list("erased_client", flat=True))) == 1100


class TestPruning:
    def test_leaves_a_body_that_came_again_while_it_was_at_work(self) -> None:
        """Else an answer could be lost that nobody has handled yet."""
        receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))
        WebhookDelivery.objects.update(last_received_at=timezone.now() - timedelta(days=31))

        with before_the_first_update(lambda: WebhookDelivery.objects.update(last_received_at=timezone.now())):
            pruned = services.prune()

        assert pruned.bodies == 0
        assert WebhookDelivery.objects.get().body


@pytest.mark.django_db(transaction=True)
class TestADeliveryInTheMiddleOfAnErasure:
    """It finds the verification as it was before, since nothing is committed yet."""

    @pytest.fixture
    def half_erased(self) -> Iterator[Future[int]]:
        """``scan-1`` is being erased by another connection, which has forgotten its deliveries, and commits soon."""
        verification, forgotten = make_verification(scan_ref="scan-1"), Event()

        def pause(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
            if sql.startswith("INSERT") and RequestEvent._meta.db_table in sql:
                forgotten.set()
                time.sleep(0.5)
            return execute(sql, *args)

        def erase() -> int:
            with connection.execute_wrapper(pause):
                return services.erase([verification], by=None)

        with ThreadPoolExecutor(max_workers=1) as pool:
            erasing = pool.submit(erase)
            assert forgotten.wait(10)
            yield erasing
            pool.submit(connections.close_all).result()

    @pytest.mark.parametrize(
        ("event", "told"),
        [
            ("IDENTIFICATION_AUTO_FINISHED", identification("scan-1")),
            ("IDENTIFICATION_MANUAL_FINISHED", identification("scan-1", final=False)),
            ("COMPANY_AUTO_FINISHED", identification("scan-1")),
        ],
        ids=["that is in order", "that does not fit its event", "that is about something else"],
    )
    def test_keeps_no_body(self, half_erased: Future[int], event: str, told: Any) -> None:
        receive(event, told)

        assert half_erased.result() == 1
        assert WebhookDelivery.objects.get().body == ""
        assert Verification.objects.get().name == ""
