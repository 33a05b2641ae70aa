from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import PauseReason, State
from idenfy_kyc.models import RequestBatch
from idenfy_kyc.services import workers
from idenfy_kyc.testing.plugin import RunningFake
from tests.admin.pages import make_plan
from tests.factories import make_queue, make_verification

TAKEN: list[tuple[int, datetime | None]] = []


def take(batch_id: int, *, run_after: datetime | None = None) -> None:
    """A host's queue."""
    TAKEN.append((batch_id, run_after))


def broken(batch_id: int, *, run_after: datetime | None = None) -> None:
    """A host's queue whose broker is away."""
    raise ConnectionError("redis://:password@broker")


def use(settings: Any, function: str, **kyc: Any) -> None:
    settings.IDENFY_KYC = settings.IDENFY_KYC | {"SENDER": f"{__name__}.{function}"} | kyc


@pytest.fixture(autouse=True)
def _with_a_queue(settings: Any) -> None:
    use(settings, "take")
    TAKEN.clear()


def make_plan_of_two() -> RequestBatch:
    plan = make_plan(2)
    plan.note, plan.questionnaire = "annual review", "q"
    return plan


def paused(batch: RequestBatch, *, until: datetime | None) -> None:
    RequestBatch.objects.filter(pk=batch.pk).update(
        paused_at=timezone.now(), paused_until=until, pause_reason=PauseReason.RATE_LIMITED
    )


@pytest.mark.django_db
class TestHandingOver:
    def test_follows_the_commit_of_a_confirmation(self, django_capture_on_commit_callbacks: Any) -> None:
        plan = make_plan_of_two()

        with django_capture_on_commit_callbacks(execute=True):
            services.confirm(plan, by=None)
            assert TAKEN == []

        assert TAKEN == [(plan.pk, None)]

    def test_follows_when_a_person_continues(self, django_capture_on_commit_callbacks: Any) -> None:
        batch = make_queue(2)
        paused(batch, until=None)

        with django_capture_on_commit_callbacks(execute=True):
            services.resume(batch, by=None)

        assert TAKEN == [(batch.pk, None)]

    def test_follows_a_request_that_is_only_queued(self, django_capture_on_commit_callbacks: Any) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            request = services.request_information(
                make_verification(), requested_by=None, note="n", questionnaire="q", send=False
            )

        assert TAKEN == [(request.batch_id, None)]

    def test_is_not_done_without_a_worker(self, settings: Any, django_capture_on_commit_callbacks: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"SENDER": ""}

        with django_capture_on_commit_callbacks(execute=True) as callbacks:
            services.confirm(make_plan_of_two(), by=None)

        assert callbacks == []

    def test_may_fail_and_the_batch_is_confirmed_all_the_same(
        self, settings: Any, django_capture_on_commit_callbacks: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        use(settings, "broken")
        plan = make_plan_of_two()

        with django_capture_on_commit_callbacks(execute=True):
            assert services.confirm(plan, by=None)

        assert f"Batch {plan.pk} could not be handed over to a worker: ConnectionError" in caplog.text
        assert "password" not in caplog.text
        assert plan.rows_in(State.QUEUED).count() == 2


@pytest.mark.django_db(transaction=True)
class TestWork:
    def test_sends_and_ends_when_nothing_is_left(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(3)

        assert services.work(batch.pk) == 3

        assert TAKEN == []
        assert fake_idenfy.fake.count_heard() == {row.verification.scan_ref: 1 for row in batch.requests.all()}

    def test_queues_the_next_turn_after_a_minute(
        self, fake_idenfy: RunningFake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(workers, "TURN", timedelta(0.05 / 86400))
        fake_idenfy.fake.latency = 0.1
        batch = make_queue(30)

        calls = services.work(batch.pk)

        assert 0 < calls < 30
        assert TAKEN == [(batch.pk, None)]

    def test_comes_back_when_the_batch_goes_on(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(3)
        paused(batch, until=(until := timezone.now() + timedelta(minutes=5)))

        assert services.work(batch.pk) == 0

        assert TAKEN == [(batch.pk, until)]

    def test_leaves_a_batch_that_has_stopped_to_whoever_continues_it(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(3)
        paused(batch, until=None)

        assert services.work(batch.pk) == 0

        assert TAKEN == []

    def test_looks_again_later_where_others_are_at_work(self, fake_idenfy: RunningFake, settings: Any) -> None:
        use(settings, "take", CONCURRENCY=2)
        batch = make_queue(5)
        two = list(batch.requests.values_list("pk", flat=True)[:2])
        batch.requests.filter(pk__in=two).move(State.SENDING, sent_at=timezone.now())

        before = timezone.now()
        assert services.work(batch.pk) == 0

        ((key, run_after),) = TAKEN
        assert key == batch.pk
        assert run_after is not None
        assert run_after >= before + timedelta(minutes=1)

    def test_is_handed_over_again_after_a_fault_of_the_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*args: Any, **kwargs: Any) -> int:
            raise OperationalError

        monkeypatch.setattr(workers, "send", away)
        batch = make_queue(1)

        with pytest.raises(OperationalError):
            services.work(batch.pk)

        assert [key for key, _run_after in TAKEN] == [batch.pk]

    def test_of_a_batch_that_is_gone_is_nothing(self) -> None:
        assert services.work(12345) == 0


@pytest.mark.django_db
class TestLateness:
    def test_begins_when_nobody_was_asked_for_a_minute(self) -> None:
        batch, now = make_queue(3), timezone.now()

        assert not services.is_late(batch, now)
        assert services.is_late(batch, now + timedelta(minutes=2))

    def test_ends_with_the_next_client_who_is_asked(self) -> None:
        batch, later = make_queue(3), timezone.now() + timedelta(minutes=2)
        first = batch.requests.order_by("pk").values_list("pk", flat=True)[0]
        batch.requests.filter(pk=first).move(State.SENDING, sent_at=later)

        assert not services.is_late(batch, later)

    def test_is_not_counted_from_before_the_batch_waited(self) -> None:
        batch = make_queue(3)
        batch.paused_until = timezone.now() + timedelta(minutes=10)

        assert not services.is_late(batch, batch.paused_until + timedelta(seconds=59))
        assert services.is_late(batch, batch.paused_until + timedelta(seconds=61))

    def test_is_no_matter_without_a_worker(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"SENDER": ""}

        with time_machine.travel(timezone.now()):
            assert not services.is_late(make_queue(1), timezone.now() + timedelta(hours=1))
