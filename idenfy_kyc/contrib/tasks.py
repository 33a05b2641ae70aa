"""Sending by Django's own tasks: ``SENDER = "idenfy_kyc.contrib.tasks.enqueue"``.

``django.tasks`` is part of Django since 6.0; for 5.2 there is the package ``django-tasks``. The backend must run tasks
in a process of its own and keep those for later, as ``django-tasks-db`` does. Django's two built-in ones do not: the
*immediate* one would ask every client within the web request that confirms, the *dummy* one would ask nobody.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django
from django.utils.module_loading import import_string

from .. import services

PACKAGE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
task: Any = import_string(f"{PACKAGE}.task")
DummyBackend: Any = import_string(f"{PACKAGE}.backends.dummy.DummyBackend")
ImmediateBackend: Any = import_string(f"{PACKAGE}.backends.immediate.ImmediateBackend")


@task
def send_batch(*, batch_id: int) -> int:
    """Send for a minute, and queue the next; return how many calls were made."""
    return services.work(batch_id)


def enqueue(batch_id: int, *, run_after: datetime | None = None) -> None:
    """Queue a batch for a worker."""
    send_batch.using(run_after=run_after).enqueue(batch_id=batch_id)


def unfit() -> str:
    """Why the project's backend cannot send, to follow its name in a sentence; empty if it can."""
    backend = send_batch.get_backend()
    if isinstance(backend, ImmediateBackend):
        return "runs tasks at once, within the web request"
    if isinstance(backend, DummyBackend):
        return "runs no tasks"
    return "" if backend.supports_defer else "cannot keep a task for later"
