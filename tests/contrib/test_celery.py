from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from celery import Celery, current_app

from idenfy_kyc import services
from idenfy_kyc.contrib import celery
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_queue


@pytest.fixture
def app() -> Iterator[Celery]:
    """A project's Celery, whose broker is this process."""
    before = current_app._get_current_object()
    app = Celery("project", broker="memory://", set_as_current=True)
    yield app
    before.set_current()
    app.close()


class TestTheTask:
    def test_is_queued_with_the_number_of_the_batch(self, app: Celery) -> None:
        celery.enqueue(12)
        celery.enqueue(13, run_after=datetime(2026, 3, 4, 12, tzinfo=UTC))

        with app.connection() as connection:
            queue = connection.SimpleQueue("celery")
            first, second = queue.get(timeout=1), queue.get(timeout=1)
        assert (first.headers["task"], first.payload[1], first.headers["eta"]) == (
            "idenfy_kyc.send_batch",
            {"batch_id": 12},
            None,
        )
        assert (second.payload[1], second.headers["eta"]) == ({"batch_id": 13}, "2026-03-04T12:00:00+00:00")

    @pytest.mark.django_db(transaction=True)
    def test_sends(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(2)

        celery.send_batch(batch_id=batch.pk)

        assert services.progress_of(batch).links == 2

    def test_is_run_again_if_its_worker_dies(self) -> None:
        assert (celery.send_batch.acks_late, celery.send_batch.reject_on_worker_lost) == (True, True)


class TestUnfit:
    def test_is_a_project_that_runs_its_tasks_at_once(self, app: Celery) -> None:
        assert celery.unfit() == ""

        app.conf.task_always_eager = True

        assert celery.unfit() == "runs tasks at once, within the web request"
