"""Having a batch sent elsewhere: by a worker of the host project's, if ``SENDER`` names a way to one.

That function takes the number of a batch to a queue, and no more. Whatever runs the queue calls :func:`work`, which
sends for a minute and hands the batch over again: so batches take turns, and a worker can be restarted soon.

No promise hangs on this. A task that comes late, twice or never costs time and no client a second request; and when
nobody has been asked for a minute, the page offers to do the sending itself.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial

from django.db import Error as DatabaseAway
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from ..choices import State
from ..conf import get_settings
from ..models import RequestBatch
from . import database
from .sending import send

logger = logging.getLogger("idenfy_kyc")

TURN = timedelta(minutes=1)
"""How long a worker sends one batch before it may turn to another one."""
LATE = timedelta(minutes=1)
"""After so long without a request, no worker seems to be running."""


def has_worker() -> bool:
    """Whether the host project has batches sent elsewhere, and not by their open page."""
    return bool(get_settings().SENDER)


def hand_over(batch: RequestBatch, *, run_after: datetime | None = None) -> None:
    """Once the transaction around is committed, let the host's worker send ``batch``; without one nothing is done.

    ``run_after`` is when, if not at once. That a queue cannot be reached is logged; the batch stays confirmed.
    """
    if has_worker():
        transaction.on_commit(partial(_enqueue, batch.pk, run_after), using=database.alias())


def _enqueue(batch_id: int, run_after: datetime | None) -> None:
    try:
        import_string(get_settings().SENDER)(batch_id, run_after=run_after)
    except Exception as error:  # noqa: BLE001 (the host's, and a broker's address may stand in its words)
        logger.error("Batch %s could not be handed over to a worker: %s", batch_id, type(error).__name__)


def work(batch_id: int) -> int:
    """Send a batch for a minute, then hand it over again if there is more to do; return how many calls were made.

    For a task of the host's. Where others are at work already, or iDenfy wants us to wait, the next turn comes later; a
    batch that a person must continue gets none, since *Continue* hands it over. Raises what ``services.send`` does;
    after a fault of the database the batch has been handed over again.
    """
    batch = RequestBatch.objects.filter(pk=batch_id).first()
    if batch is None:
        return 0
    try:
        calls = send(batch, seconds=TURN.total_seconds(), gives_way=True)
    except DatabaseAway:
        hand_over(batch, run_after=timezone.now() + TURN)
        raise
    batch.refresh_from_db()
    now = timezone.now()
    if not batch.is_stopped() and batch.rows_in(State.QUEUED).exists():
        later = batch.paused_until if batch.is_waiting(now) else None
        hand_over(batch, run_after=later or (None if calls else now + TURN))
    return calls


def is_late(batch: RequestBatch, now: datetime) -> bool:
    """Whether there should be a worker at this batch, and nobody has been asked for a minute."""
    began = max(filter(None, (batch.confirmed_at, batch.continued_at, batch.paused_until)))
    return has_worker() and began <= now - LATE and not batch.requests.filter(sent_at__gt=now - LATE).exists()
