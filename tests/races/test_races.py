"""Several processes at one moment, in one database: the one the tests run on."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import (
    Answer,
    InformationRequest,
    RequestBatch,
    RequestEvent,
    Verification,
    WebhookDelivery,
    client_digest,
)
from idenfy_kyc.services.account import fingerprint
from idenfy_kyc.testing import CREDENTIALS, FakeIdenfy, identification
from idenfy_kyc.testing.deliveries import FINISHED
from idenfy_kyc.testing.server import spawn_fake
from tests.factories import make_batch, make_queue, make_request, make_verification, make_verifications
from tests.processes import workers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.no_cover]

MANY = int(os.environ.get("IDENFY_TEST_RACE_ROWS", "1000"))
OFFICERS = 4
FOR_EVER = 60.0
"""Seconds after which a press has waited for a lock that never comes. What it takes, ``make bench`` measures."""


def plan_in_any_order(verifications: Iterable[Verification], *, seed: int) -> RequestBatch:
    """A plan whose rows stand in an order of their own."""
    batch, shuffled = make_batch(), list(verifications)
    random.Random(seed).shuffle(shuffled)
    InformationRequest.objects.bulk_create(
        InformationRequest(batch=batch, verification=v, client_key=client_digest(v.client_id)) for v in shuffled
    )
    return batch


def one_of_each_client(clients: int) -> list[Verification]:
    """A new verification of each of the same clients."""
    made = make_verifications(clients)
    for number, verification in enumerate(made):
        verification.client_id = f"client-{number}"
    Verification.objects.bulk_update(made, ["client_id"])
    return made


def errors(results: list[dict[str, Any]]) -> list[str]:
    return [result["error"] for result in results if "error" in result]


def say(what: str, results: list[dict[str, Any]]) -> None:
    """The figures, for ``pytest -s``."""
    sys.stdout.write(f"\n{what}: {results}\n")


class TestConfirming:
    def confirm(self, plans: list[RequestBatch]) -> list[dict[str, Any]]:
        with workers("confirm", [{"batch": plan.pk} for plan in plans]) as crew:
            crew.go()
            results = crew.results()
        say(f"confirm {plans[0].requests.count()} rows each", results)
        assert errors(results) == []
        assert max(result["longest"] for result in results) < FOR_EVER
        return results

    def test_the_same_verifications_in_different_orders_asks_each_client_once(self) -> None:
        verifications = make_verifications(MANY)
        plans = [plan_in_any_order(verifications, seed=seed) for seed in range(OFFICERS)]

        results = self.confirm(plans)

        assert sum(result["confirmed"] for result in results) == 1
        assert InformationRequest.objects.filter(state=State.QUEUED).count() == MANY
        assert not InformationRequest.objects.filter(state=State.DRAFT).exists()

    def test_different_verifications_of_the_same_clients_asks_each_client_once(self) -> None:
        clients = MANY // OFFICERS
        plans = [plan_in_any_order(one_of_each_client(clients), seed=seed) for seed in range(OFFICERS)]

        self.confirm(plans)

        asked = InformationRequest.objects.filter(state=State.QUEUED).values_list("verification__client_id", flat=True)
        assert len(asked) == len(set(asked)) == clients

    def test_plans_that_overlap_asks_each_client_once(self) -> None:
        verifications = make_verifications(MANY // 4)
        half = len(verifications) // 2
        parts = [verifications[:half], verifications[half // 2 : -half // 2], verifications[half:], verifications]
        plans = [plan_in_any_order(part, seed=seed) for seed, part in enumerate(parts)]

        self.confirm(plans)

        asked = InformationRequest.objects.filter(state=State.QUEUED).values_list("verification_id", flat=True)
        assert len(asked) == len(set(asked)) == len(verifications)

    def test_one_plan_twice_does_it_once(self) -> None:
        plan = plan_in_any_order(make_verifications(300), seed=0)

        results = self.confirm([plan] * OFFICERS)

        assert sum(result["confirmed"] for result in results) == 1
        assert plan.rows_in(State.QUEUED).count() == 300
        assert RequestEvent.objects.filter(kind=EventKind.CONFIRMED).count() == 1


class TestChangingAPlan:
    def test_never_reaches_into_a_batch_that_is_confirmed_meanwhile(self) -> None:
        plan = plan_in_any_order(make_verifications(40), seed=0)
        services.leave_out(plan, plan.requests.order_by("pk").values_list("pk", flat=True)[:20], by=None)

        with (
            workers("change_mind", [{"batch": plan.pk}] * 2) as minds,
            workers("confirm", [{"batch": plan.pk}]) as crew,
        ):
            minds.go()
            crew.go()
            results = [*minds.results(), *crew.results()]
        say("change a plan while it is confirmed", results)

        plan.refresh_from_db()
        queued = plan.rows_in(State.QUEUED).count()
        assert errors(results) == []
        assert not plan.is_plan
        assert RequestEvent.objects.get(kind=EventKind.CONFIRMED).params == {"clients": queued}
        assert not plan.rows_in(State.DRAFT).exists()


class TestSending:
    @pytest.fixture
    def fake(self, tmp_path: Path, settings: Any) -> Any:
        path = tmp_path / "fake.sqlite3"
        with FakeIdenfy(path, latency=0.01) as fake, spawn_fake(path) as running:
            self.kyc: dict[str, Any] = {
                "BASE_URL": running.url,
                "API_KEY": CREDENTIALS[0],
                "API_SECRET": CREDENTIALS[1],
            }
            settings.IDENFY_KYC = {**settings.IDENFY_KYC, **self.kyc}
            yield fake

    def send(self, batch: RequestBatch, **options: Any) -> list[dict[str, Any]]:
        RequestBatch.objects.update(fingerprint=fingerprint())
        with workers("send", [{"batch": batch.pk, **options}] * OFFICERS, **self.kyc) as crew:
            crew.go()
            results = crew.results()
        say("send", results)
        assert errors(results) == []
        return results

    def test_one_batch_by_four_asks_each_client_once(self, fake: FakeIdenfy) -> None:
        batch = make_queue(200)

        results = self.send(batch, rounds=20)

        assert sum(result["calls"] for result in results) == 200
        assert Counter(fake.count_posts().values()) == {1: 200}
        assert batch.rows_in(State.ISSUED).count() == 200
        assert len(RequestEvent.objects.filter(kind=EventKind.ISSUED)) == 200

    def test_several_batches_by_four_stay_within_the_quota(self, fake: FakeIdenfy) -> None:
        self.kyc |= {"HOURLY_QUOTA": 45}
        batches = [make_queue(40) for _ in range(OFFICERS)]
        RequestBatch.objects.update(fingerprint=fingerprint())

        with workers("send", [{"batch": batch.pk, "rounds": 20} for batch in batches], **self.kyc) as crew:
            crew.go()
            results = crew.results()

        say("quota", results)
        assert errors(results) == []
        assert len(fake.posts()) == 45
        assert InformationRequest.objects.filter(state=State.ISSUED).count() == 45
        assert InformationRequest.objects.filter(state=State.QUEUED, attempts=0).count() == 115

    def test_a_wrong_questionnaire_by_four_still_costs_about_five(self, fake: FakeIdenfy) -> None:
        """One more for each other sender that begins between the fifth refusal and the stop that follows it."""
        fake.questionnaires = frozenset()
        batch = make_queue(50)

        results = self.send(batch, rounds=40)

        batch.refresh_from_db()
        assert batch.is_stopped()
        assert 5 <= sum(result["calls"] for result in results) <= 5 + OFFICERS - 1

    def test_one_client_by_four_from_python_asks_once(self, fake: FakeIdenfy) -> None:
        verifications = [make_verification(client_id="C-1") for _ in range(OFFICERS)]

        with workers("ask", [{"verification": v.pk} for v in verifications], **self.kyc) as crew:
            crew.go()
            results = crew.results()

        assert errors(results) == []
        assert Counter(str(result.get("state", result.get("refused"))) for result in results) == {
            State.ISSUED.value: 1,
            "AlreadyOpen": OFFICERS - 1,
        }
        assert len(fake.posts()) == 1


class TestReceiving:
    def test_two_hundred_of_one_verification_by_eight_loses_none_and_handles_none_twice(self) -> None:
        """Twenty-five, each told by all eight, in eight orders: thirteen answers, one of which is the request's."""
        request = make_request(State.ISSUED, verification=make_verification(scan_ref="scan-1"))
        told = [
            [f"IDENTIFICATION_{event}", identification("scan-1", final=final, finishTime=FINISHED + number)]
            for number in range(13)
            for event, final in (("RESUBMITTED", False), ("MANUAL_FINISHED", True))
        ][:25]

        with workers("receive", [{"deliveries": told, "seed": seed} for seed in range(8)]) as crew:
            crew.go()
            results = crew.results()
        say("receive", results)

        assert errors(results) == []
        assert WebhookDelivery.objects.aggregate(all=Sum("receipts"))["all"] == 200
        assert WebhookDelivery.objects.filter(handled_at__isnull=False, problem="").count() == 25
        request.refresh_from_db()
        assert request.state == State.COMPLETED
        lines = Counter(RequestEvent.objects.values_list("kind", flat=True))
        assert (lines[EventKind.ANSWERED], lines[EventKind.ANSWERED_ELSEWHERE]) == (1, 12)
        assert Answer.objects.count() == 13


class TestImporting:
    def test_the_same_verifications_by_four_adds_each_once(self) -> None:
        with workers("record", [{"count": 1500, "seed": seed} for seed in range(OFFICERS)]) as crew:
            crew.go()
            results = crew.results()
        say("record", results)

        assert errors(results) == []
        assert Verification.objects.count() == 1500
