"""What a batch is doing, and the two buttons by which a person steers it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from ..choices import BatchState, EventKind, PauseReason, Reason, State
from ..models import InformationRequest, RequestBatch
from ..models.request import state_shown
from . import database, pacing
from .account import fingerprint
from .record import frozen_name, note_batch
from .workers import hand_over

if TYPE_CHECKING:
    from .record import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A batch as it is at one moment; derived from its pause and its rows."""

    state: BatchState
    counts: dict[State, int] = field(default_factory=dict)
    links: int = 0
    """How many clients got a link, whatever became of it since."""
    no_address: int = 0
    """How many wait with nothing but a token for mobile apps: there is no link to give."""
    reached: int = 0
    """How many clients got a link, or answered without one that we saw."""
    linkless: dict[State, int] = field(default_factory=dict)
    """How many are in a state and never got a link: with ``links`` and ``no_address`` all of :attr:`total`."""
    marked: int = 0
    """How many of those who answered did so as staff say, and not as iDenfy does."""
    again: int = 0
    """How many of all rows follow an earlier request."""
    in_flight: int = 0
    """How many calls living senders have under way."""

    @property
    def to_go(self) -> int:
        """Not yet asked, or being asked."""
        return self.counts.get(State.QUEUED, 0) + self.counts.get(State.SENDING, 0)

    @property
    def skipped(self) -> int:
        """In the plan, and not asked."""
        return self.counts.get(State.SKIPPED, 0)

    @property
    def total(self) -> int:
        """Clients that are asked, or would be."""
        return sum(self.counts.values()) - self.skipped

    @property
    def done(self) -> int:
        """Clients whose asking is over, one way or the other."""
        return self.total - self.to_go - self.counts.get(State.DRAFT, 0)


def progress_of(batch: RequestBatch, *, now: datetime | None = None) -> Progress:
    """Where the batch stands: two queries, however large it is."""
    return progress_of_each([batch], now=now)[batch.pk]


def progress_of_each(batches: Sequence[RequestBatch], *, now: datetime | None = None) -> dict[int, Progress]:
    """Where each of these batches stands, by primary key: two queries, however many there are and however large."""
    now = now or timezone.now()
    counts: dict[int, Counter[State]] = {batch.pk: Counter() for batch in batches}
    linkless: dict[int, Counter[State]] = {batch.pk: Counter() for batch in batches}
    sums: dict[int, Counter[str]] = {batch.pk: Counter() for batch in batches}
    of_these = InformationRequest.objects.filter(batch__in=list(counts)).order_by()
    no_address = Q(state=State.ISSUED, session_url="")
    summed = {
        "links": Count("issued_at", filter=~no_address),
        "no_address": Count("pk", filter=no_address),
        "reached": Count("pk", filter=Q(issued_at__isnull=False) | Q(state=State.COMPLETED)),
        "marked": Count("pk", filter=Q(state=State.COMPLETED, reason=Reason.MARKED)),
        "again": Count("again_of"),
    }
    rows: Iterable[Mapping[str, Any]] = (
        of_these.annotate(shown=state_shown(now))
        .values("batch_id", "shown")
        .annotate(rows=Count("pk"), got_link=Count("issued_at"), **summed)
    )
    for row in rows:
        state = State(row["shown"])
        counts[row["batch_id"]][state] += row["rows"]
        linkless[row["batch_id"]][state] += row["rows"] - row["got_link"]
        sums[row["batch_id"]].update({name: row[name] for name in summed})
    in_flight = pacing.in_flight_by_batch(of_these, now)
    return {
        batch.pk: Progress(
            state=_state(batch, counts[batch.pk], now),
            counts=dict(+counts[batch.pk]),
            linkless=dict(+linkless[batch.pk]),
            **sums[batch.pk],
            in_flight=in_flight.get(batch.pk, 0),
        )
        for batch in batches
    }


def _state(batch: RequestBatch, counts: Mapping[State, int], now: datetime) -> BatchState:
    if batch.is_plan:
        return BatchState.PLAN
    if not counts.get(State.QUEUED):
        return BatchState.SENDING if counts.get(State.SENDING) else BatchState.DONE
    if batch.is_stopped():
        return BatchState.STOPPED
    return BatchState.WAITING if batch.is_waiting(now) else BatchState.SENDING


def stop(batch: RequestBatch, *, by: User) -> bool:
    """Stop asking; calls under way finish. Return whether it was going."""
    return pacing.stop(batch, PauseReason.PERSON, by=by, name=frozen_name(by))


def resume(batch: RequestBatch, *, by: User) -> bool:
    """Let a batch that waits or has stopped go on now; return whether it did either."""
    with transaction.atomic(using=database.alias()):
        resumed = RequestBatch.objects.filter(
            pk=batch.pk, paused_at__isnull=False, confirmed_at__isnull=False, fingerprint=fingerprint()
        ).update(paused_at=None, paused_until=None, pause_reason="", pause_params={}, continued_at=timezone.now())
        if resumed:
            note_batch(EventKind.CONTINUED, batch, by=by)
            hand_over(batch)
    return bool(resumed)
