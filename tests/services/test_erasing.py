from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import DeliveryProblem, EventKind, Reason, State
from idenfy_kyc.exceptions import BeingAsked
from idenfy_kyc.models import (
    Answer,
    InformationRequest,
    RequestBatch,
    RequestEvent,
    Verification,
    WebhookDelivery,
    WebhookRejection,
    client_digest,
)
from idenfy_kyc.models.verification import erased_digests
from idenfy_kyc.services.erasing import of_clients
from idenfy_kyc.services.record import note_requests
from idenfy_kyc.testing import identification, signed_headers
from tests.factories import LINK, make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
QUESTION = {"title": "Q", "type": "TEXT", "value": "a secret"}
QUESTIONS = {"title": "T", "sections": [{"title": "S", "questions": [QUESTION]}]}


def receive(event: str, payload: Any) -> WebhookDelivery:
    body = json.dumps(payload).encode()
    return services.receive(event_type=event, body=body, signature=signed_headers(event, body)["Idenfy-Signature"])


def everything() -> str:
    """Every column of every row of ours, as text, decrypted."""
    models = (Verification, InformationRequest, RequestBatch, RequestEvent, Answer, WebhookDelivery)
    return json.dumps([list(model._default_manager.values()) for model in models], default=str)


class TestErase:
    @pytest.fixture
    def verification(self) -> Verification:
        """A client who was told of, asked, and has answered, with another request open."""
        receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1", client_id="C-1042"))
        verification = Verification.objects.get()
        answered = make_request(State.ISSUED, verification=verification, bank_card_expected_last_four="4242")
        receive("IDENTIFICATION_RESUBMITTED", identification("scan-1", questionnaire=QUESTIONS, risk={"riskScore": 9}))
        refused = make_request(State.REFUSED, verification=verification, message="RASA EXAMPLE is not known")
        note_requests(EventKind.REFUSED, [refused], message="RASA EXAMPLE is not known", status_code=400)
        make_request(State.ISSUED, verification=verification)
        assert answered.pk
        return verification

    def test_leaves_nothing_personal_anywhere(self, verification: Verification, officer: Any) -> None:
        # The digits in quotes, as JSON has them whole: in a digest they may stand by chance.
        words = ("RASA", "EXAMPLE", "C-1042", "a secret", '"4242"', LINK, "FACE_MATCH", "AB1234567")
        assert all(word in everything() for word in words)

        assert services.erase([verification], by=officer) == 1

        assert [word for word in words if word in everything()] == []

    def test_keeps_the_evidence(self, verification: Verification, officer: Any) -> None:
        before = list(InformationRequest.objects.order_by("pk").values_list("pk", "batch", "sent_at", "status_code"))

        services.erase([verification], by=officer)

        verification.refresh_from_db()
        assert (verification.scan_ref, verification.erased_client) == ("scan-1", erased_digests("C-1042")[0])
        assert verification.erased_at is not None
        after = list(InformationRequest.objects.order_by("pk").values_list("pk", "batch", "sent_at", "status_code"))
        assert after == before
        line = RequestEvent.objects.get(kind=EventKind.ERASED)
        assert (line.actor, line.actor_name, line.verification) == (officer, "Rasa Kazlauskienė", verification)

    def test_keeps_a_hash_of_the_client_id_that_needs_a_key(
        self, verification: Verification, officer: Any, settings: Any
    ) -> None:
        """IDs that count up are soon tried, one after the other, by whoever has the table and no key."""
        services.erase([verification], by=officer)

        stored = Verification.objects.get().erased_client
        assert (len(stored), stored in erased_digests("C-1042")) == (64, True)
        assert stored != client_digest("C-1042")
        settings.SECRET_KEY = "another one"
        assert stored not in erased_digests("C-1042")

    def test_goes_for_whatever_chose_the_client_by_name_or_id(self, verification: Verification, officer: Any) -> None:
        batch = services.plan([verification], planned_by=officer, selection="Found by c-1042, “Rasa Example”, XC-10421")
        other = services.plan([make_verification()], planned_by=officer, selection="Not C-1042")

        services.erase([verification], by=officer)

        batch.refresh_from_db()
        other.refresh_from_db()
        assert (batch.selection, other.selection) == ("Found by …, “…”, XC-10421", "Not C-1042")

    def test_withdraws_what_is_open(self, verification: Verification, officer: Any) -> None:
        services.erase([verification], by=officer)

        states = sorted(InformationRequest.objects.values_list("state", "reason"))
        assert states == [(State.CANCELLED, Reason.ERASED), (State.COMPLETED, ""), (State.REFUSED, "")]

    def test_brings_nothing_back_by_a_delivery_or_an_import(self, verification: Verification, officer: Any) -> None:
        services.erase([verification], by=officer)

        receive("IDENTIFICATION_MANUAL_FINISHED", identification("scan-1", client_id="C-1042"))
        recorded = services.record_verifications([{"scan_ref": "scan-1", "client_id": "C-1042", "name": "Rasa"}])

        assert recorded.unchanged == 1
        assert not any(word in everything() for word in ("RASA", "Rasa Example", "C-1042"))

    def test_lets_nobody_ask_the_client_again(self, verification: Verification, officer: Any) -> None:
        services.erase([verification], by=officer)

        assert not Verification.objects.get().is_eligible

    def test_does_nothing_twice(self, verification: Verification, officer: Any) -> None:
        services.erase([verification], by=officer)

        assert services.erase([verification], by=officer) == 0
        assert RequestEvent.objects.filter(kind=EventKind.ERASED).count() == 1

    def test_waits_for_a_call_that_is_under_way(self, verification: Verification, officer: Any) -> None:
        InformationRequest.objects.filter(state=State.ISSUED).update(state=State.SENDING)

        with pytest.raises(BeingAsked):
            services.erase([verification], by=officer)

        verification.refresh_from_db()
        assert (verification.erased_at, verification.client_id) == (None, "C-1042")

    def test_leaves_other_clients_alone(self, verification: Verification, officer: Any) -> None:
        other = make_verification(name="Somebody Else")

        services.erase([verification], by=officer)

        other.refresh_from_db()
        assert (other.name, other.erased_at) == ("Somebody Else", None)


class TestOfClients:
    def test_are_all_verifications_of_the_client(self) -> None:
        one, two = make_verifications(2, client_id="C-1")
        make_verification()

        assert set(of_clients([one])) == {one, two}

    def test_are_one_alone_without_a_client_id(self) -> None:
        one, _two = make_verifications(2, client_id="")

        assert list(of_clients([one])) == [one]

    def test_go_by_every_letter(self) -> None:
        """MariaDB takes ``c-1`` for ``C-1``, and a blank at the end for none."""
        one = make_verification(client_id="C-1")
        for alike in ("c-1", "C-1 ", "Č-1"):
            make_verification(client_id=alike)

        assert list(of_clients([one])) == [one]
        assert list(Verification.objects.of_exactly(["C-1"])) == [one]


class TestPrune:
    @pytest.fixture(autouse=True)
    def clock(self) -> Any:
        with time_machine.travel(NOON, tick=False) as traveller:
            yield traveller

    def test_takes_bodies_in_time_and_leaves_the_rows(self, clock: Any) -> None:
        receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))
        clock.move_to(NOON + timedelta(days=29))
        receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-2"))
        clock.move_to(NOON + timedelta(days=31))

        pruned = services.prune()

        bodies = dict(WebhookDelivery.objects.values_list("scan_ref", "body"))
        assert (pruned.bodies, bodies["scan-1"]) == (1, "")
        assert bodies["scan-2"]
        assert services.prune().bodies == 0

    def test_says_of_a_delivery_that_failed_that_it_can_be_read_no_more(self, clock: Any) -> None:
        receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))
        WebhookDelivery.objects.update(handled_at=None, problem=DeliveryProblem.BROKE_OFF)
        receive("IDENTIFICATION_AUTO_FINISHED", {"no": "reference"})
        clock.move_to(NOON + timedelta(days=31))

        services.prune()

        problems = WebhookDelivery.objects.order_by("pk").values_list("problem", flat=True)
        assert [*problems] == [DeliveryProblem.UNREADABLE, DeliveryProblem.NO_SCAN_REF]

    def test_takes_answers_only_if_the_project_says_so(self, clock: Any, configure: Callable[..., None]) -> None:
        make_verification(scan_ref="scan-1")
        told = identification("scan-1", questionnaire=QUESTIONS, additional_step="VALID")
        receive("IDENTIFICATION_RESUBMITTED", told)
        clock.move_to(NOON + timedelta(days=400))

        assert services.prune().answers == 0
        configure(ANSWER_RETENTION_DAYS=365)
        assert services.prune().answers == 1

        answer = Answer.objects.get()
        assert (answer.questionnaire, answer.erased_at, answer.additional_step) == ({}, timezone.now(), "VALID")
        assert services.prune().answers == 0

    def test_takes_plans_that_nobody_confirmed(self, clock: Any) -> None:
        services.plan(make_verifications(2), planned_by=None, note="old")
        make_batch(confirmed=True)
        clock.move_to(NOON + timedelta(days=31))
        services.plan(make_verifications(2), planned_by=None, note="new")

        assert services.prune().plans == 1
        assert not RequestBatch.objects.filter(note="old").exists()
        assert RequestBatch.objects.count() == 2

    def test_takes_counts_of_rejections_after_a_year(self) -> None:
        for days in (1, 400):
            hour = NOON - timedelta(days=days)
            WebhookRejection.objects.create(hour=hour, count=1, first_at=hour, last_at=hour)

        assert services.prune().rejections == 1

    def test_keeps_what_was_done_when_it_is_interrupted(self, clock: Any) -> None:
        WebhookDelivery.objects.bulk_create(
            WebhookDelivery(digest=str(number), body="{}", received_at=NOON, last_received_at=NOON)
            for number in range(1_200)
        )
        clock.move_to(NOON + timedelta(days=31))
        updates: list[int] = []

        def interrupt(execute: Callable[..., Any], sql: str, params: Any, *args: Any) -> Any:
            if sql.startswith("UPDATE"):
                if updates:
                    raise KeyboardInterrupt
                updates.append(len(params))
            return execute(sql, params, *args)

        with pytest.raises(KeyboardInterrupt), connection.execute_wrapper(interrupt):
            services.prune()

        assert WebhookDelivery.objects.filter(body="").count() == 500
        assert services.prune().bodies == 700
