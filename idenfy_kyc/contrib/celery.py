"""Sending by Celery: ``SENDER = "idenfy_kyc.contrib.celery.enqueue"``.

Let your Celery app import this module, so that its workers know the task: ``include=["idenfy_kyc.contrib.celery"]``.
A task that a killed worker has left behind is run again by another one: no client is asked twice for that, since each
is claimed in the database before the call.
"""

from __future__ import annotations

from datetime import datetime

from celery import current_app, shared_task

from .. import services


@shared_task(name="idenfy_kyc.send_batch", ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def send_batch(*, batch_id: int) -> None:
    """Send for a minute, and queue the next."""
    services.work(batch_id)


def enqueue(batch_id: int, *, run_after: datetime | None = None) -> None:
    """Queue a batch for a worker."""
    send_batch.apply_async(kwargs={"batch_id": batch_id}, eta=run_after)


def unfit() -> str:
    """Why the project's Celery cannot send, to follow its name in a sentence; empty if it can."""
    return "runs tasks at once, within the web request" if current_app.conf.task_always_eager else ""
