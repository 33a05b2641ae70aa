from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string

from idenfy_kyc import services
from idenfy_kyc.contrib import tasks
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_queue

DUMMY, IMMEDIATE = (
    f"{tasks.PACKAGE}.backends.dummy.DummyBackend",
    f"{tasks.PACKAGE}.backends.immediate.ImmediateBackend",
)
BaseTaskBackend: Any = import_string(f"{tasks.PACKAGE}.backends.base.BaseTaskBackend")


class OnlyNow(BaseTaskBackend):  # type: ignore[misc]
    """A queue that cannot keep a task for later."""

    supports_defer = False

    def enqueue(self, *args: Any, **kwargs: Any) -> Any: ...


class AlsoLater(OnlyNow):
    """One that can."""

    supports_defer = True


def use(settings: Any, backend: str) -> None:
    settings.TASKS = {"default": {"BACKEND": backend}}


class TestTheTask:
    def test_is_queued_with_the_number_of_the_batch(self, settings: Any) -> None:
        use(settings, DUMMY)
        later = timezone.now() + timedelta(minutes=5)

        tasks.enqueue(12)
        tasks.enqueue(13, run_after=later)

        backend: Any = tasks.send_batch.get_backend()
        first, second = backend.results
        assert (first.kwargs, first.task.run_after) == ({"batch_id": 12}, None)
        assert (second.kwargs, second.task.run_after) == ({"batch_id": 13}, later)

    @pytest.mark.django_db(transaction=True)
    def test_sends(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(2)

        assert tasks.send_batch.call(batch_id=batch.pk) == 2

        assert services.progress_of(batch).links == 2


class TestUnfit:
    @pytest.mark.parametrize(
        ("backend", "why"),
        [
            (IMMEDIATE, "runs tasks at once, within the web request"),
            (DUMMY, "runs no tasks"),
            (f"{__name__}.OnlyNow", "cannot keep a task for later"),
            (f"{__name__}.AlsoLater", ""),
        ],
    )
    def test_is_a_backend_without_a_worker(self, settings: Any, backend: str, why: str) -> None:
        use(settings, backend)

        assert tasks.unfit() == why
