"""How fast a batch may go, when it waits and when it stops.

**Trust is earned.** A run (the start of a batch, or after it waited or stopped) goes one request at a time until one is
issued; then the others follow, ``CONCURRENCY`` at once. So a wrong questionnaire key costs five clients a refusal, not
eight hundred; and an outage costs at most three uncertain requests and those that were under way.

Nothing is remembered in a process: steps are separate web requests, and senders die. The last outcomes are read from
the rows; the pause, with the number of tries, stands on the batch. A stop is never undone here: only a person
continues.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Min, Q, QuerySet
from django.utils import timezone

from ..choices import EventKind, PauseReason, Reason, State
from ..conf import get_settings
from ..models import InformationRequest, Reconciliation, RequestBatch, Verification
from ..models.request import InformationRequestQuerySet
from . import database
from .answers import Effect, Outcome
from .record import note_batch

REFUSALS_THAT_STOP = 5
DOUBTS_THAT_WAIT = 3
OUTCOMES_COMPARED = 100
"""How far back outcomes are compared with each other."""
SHORTEST_RETRY_AFTER = timedelta(seconds=1)
LONGEST_RETRY_AFTER = timedelta(hours=1)
HOUR = timedelta(hours=1)
QUOTA_IS_NEAR = 1000
"""With no more than this left, a claim is counted again once it is committed: others claim at the same moment."""
_FOREVER = frozenset({PauseReason.UNREACHABLE, PauseReason.RATE_LIMITED})
"""Waiting for these costs nobody anything, so they never turn into a stop."""
_NUMBERS = re.compile(r"[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*")
_COUNTED = ("tries", "outages")
"""How often a batch has waited since its last link, and how often of these for an outage."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many more of a batch may be asked at this moment."""

    places: int = 0
    is_trusted: bool = False
    """Without trust a request goes alone: none follows, from any sender, until its outcome is written."""
    quota_is_near: bool = False
    """Whether the hour's quota could be overdrawn, if many senders claim at one moment."""


def room(batch: RequestBatch, *, own: int, now: datetime, is_trusted: bool = False) -> Room:
    """The room for a sender that has ``own`` calls under way, and may know already that this run has trust.

    May pause the batch: when the hour's quota is used up.
    """
    if batch.is_plan or batch.is_stopped() or batch.is_waiting(now):
        return Room()
    is_trusted = is_trusted or has_trust(batch)
    free = get_settings().CONCURRENCY - own if is_trusted else 1 - max(own, in_flight(batch, now))
    if free <= 0:
        return Room(is_trusted=is_trusted)
    left = quota_left(now)
    if left <= 0 and own == 0:
        _wait_for_quota(batch, now)
    return Room(min(free, left), is_trusted, quota_is_near=left <= QUOTA_IS_NEAR)


def has_trust(batch: RequestBatch) -> bool:
    """Whether this run has seen one client asked well; once a person continued, a refusal is as clear an answer."""
    started = batch.run_started_at
    clear = Q(issued_at__gte=started)
    if refusals_are_accepted(batch):
        clear |= Q(state=State.REFUSED, outcome_at__gte=started)
    return batch.requests.filter(clear, outcome_at__gte=started).exists()


def refusals_are_accepted(batch: RequestBatch) -> bool:
    """Whether the batch has stopped for refusals before, and a person continued it all the same."""
    if batch.continued_at is None:
        return False
    stops = batch.events.filter(kind=EventKind.PAUSED, at__lte=batch.continued_at).values_list("params", flat=True)
    return any(params.get("reason") == PauseReason.REFUSALS for params in stops)


def catch_up(batch: RequestBatch) -> None:
    """Wait, if the last outcomes say so and the sender that wrote them died before it could."""
    last = _last_asked(batch)
    started = batch.run_started_at
    since = [request.outcome_at for request in last if request.outcome_at is not None]
    if _are_doubts(last) and started is not None and min(since) >= started:
        _wait(batch, PauseReason.OUTAGE, timezone.now())


def keep_alone(batch: RequestBatch, now: datetime) -> bool:
    """Whether nobody has a call of the batch under way; if so, nobody begins one before this transaction ends.

    Writes first, which locks the batch's row on every database. False too if its pause is no longer that of ``batch``.
    """
    return bool(_unchanged(batch).update(fingerprint=F("fingerprint"))) and in_flight(batch, now) == 0


def in_flight(batch: RequestBatch, now: datetime) -> int:
    """How many calls of the batch living senders have under way."""
    return batch.requests.in_flight(now - get_settings().claim_window).count()


def in_flight_by_batch(requests: InformationRequestQuerySet, now: datetime) -> dict[int, int]:
    """The same for the batches of ``requests``, by primary key; those without any are missing."""
    rows = requests.in_flight(now - get_settings().claim_window).values("batch_id").annotate(calls=Count("pk"))
    return {row["batch_id"]: row["calls"] for row in rows}


def quota_left(now: datetime) -> int:
    """How many more calls may be made this hour, over all batches and senders, and whatever else asks iDenfy."""
    return max(0, -overdrawn(now))


def overdrawn(now: datetime) -> int:
    """How many calls there are too many this hour, with those that are claimed; negative while some are left."""
    since = now - HOUR
    asked = InformationRequest.objects.filter(sent_at__gt=since).count()
    refreshed = Verification.objects.filter(refreshed_at__gt=since).count()
    return asked + refreshed + Reconciliation.objects.calls_since(since) - get_settings().HOURLY_QUOTA


def had_issue_since_start(batch: RequestBatch) -> bool:
    """Whether the batch has had a link since a person confirmed or continued it: then a 403 is one client's."""
    since = max(filter(None, (batch.confirmed_at, batch.continued_at)))
    return batch.requests.filter(outcome_at__gte=since, issued_at__gte=since).exists()


def react(batch: RequestBatch, outcome: Outcome) -> None:
    """Let the batch, or all of them, wait, stop or go on after one outcome that is already written."""
    now = timezone.now()
    if outcome.effect is Effect.GO_ON:
        _go_on(batch, outcome, now)
    elif outcome.effect is Effect.DOUBT:
        if _are_doubts(_last_asked(batch)):
            _wait(batch, PauseReason.OUTAGE, now)
    elif outcome.effect is Effect.WAIT:
        _wait(batch, PauseReason(outcome.pause_reason), now)
    elif outcome.effect is Effect.ALL_WAIT:
        for other in unfinished():
            _wait(other, PauseReason(outcome.pause_reason), now, retry_after=outcome.retry_after)
    elif outcome.effect is Effect.STOP:
        stop(batch, PauseReason(outcome.pause_reason), **_said(outcome))
    else:
        for other in unfinished():
            stop(other, PauseReason(outcome.pause_reason), **_said(outcome))


def unfinished() -> QuerySet[RequestBatch]:
    """Confirmed batches that still have clients to ask."""
    waiting = InformationRequest.objects.filter(state=State.QUEUED).order_by().values("batch_id").distinct()
    return RequestBatch.objects.filter(confirmed_at__isnull=False, pk__in=waiting).order_by("confirmed_at", "pk")


def stop(batch: RequestBatch, reason: PauseReason, *, by: Any = None, **params: Any) -> bool:
    """Stop a batch until a person continues it; return whether it was going."""
    going = RequestBatch.objects.filter(pk=batch.pk, confirmed_at__isnull=False).exclude(
        paused_at__isnull=False, paused_until=None
    )
    return _pause(going, batch, reason, until=None, by=by, params=params)


def _go_on(batch: RequestBatch, outcome: Outcome, now: datetime) -> None:
    if outcome.state is State.ISSUED:
        if batch.paused_until is not None:
            waited = RequestBatch.objects.filter(pk=batch.pk, paused_until__lte=now)
            waited.update(paused_at=None, paused_until=None, pause_reason="", pause_params={})
    elif not refusals_are_accepted(batch) and not has_trust(batch):
        last = _last_outcomes(batch, OUTCOMES_COMPARED).filter(outcome_at__gte=batch.run_started_at)
        same = Counter(_refusal(request) for request in last if request.state == State.REFUSED)
        if same and max(same.values()) >= REFUSALS_THAT_STOP:
            said = _said(outcome) | {"message": _NUMBERS.sub("…", outcome.message)[:500]}  # no client's in particular
            stop(batch, PauseReason.REFUSALS, count=REFUSALS_THAT_STOP, **said)


def _refusal(request: InformationRequest) -> tuple[int | None, str, str]:
    """Why iDenfy refused, the same for all of whom it says the same: references, numbers and traces are left aside."""
    return request.status_code, request.identifier, _NUMBERS.sub("…", request.message)


def _are_doubts(last: list[InformationRequest]) -> bool:
    return [request.state for request in last] == [State.UNKNOWN] * DOUBTS_THAT_WAIT


def _last_asked(batch: RequestBatch) -> list[InformationRequest]:
    """The three asked last of those answered lately, newest first.

    In the order in which they were asked, not answered: good answers to calls from before an outage come in its midst,
    and would hide that all those since have failed.
    """
    answered = sorted(_last_outcomes(batch, OUTCOMES_COMPARED), key=lambda request: (request.sent_at, request.pk))
    return answered[: -DOUBTS_THAT_WAIT - 1 : -1]


def _last_outcomes(batch: RequestBatch, count: int) -> Any:
    """The answers, or their absence, written last; filters may follow, so the number is cut by key."""
    last = (
        batch.requests.filter(outcome_at__isnull=False)
        .exclude(reason=Reason.SENDER_DIED)
        .order_by("-outcome_at", "-pk")
    )
    keys = list(last.values_list("pk", flat=True)[:count])
    return InformationRequest.objects.filter(pk__in=keys).defer(*InformationRequest.SECRETS)


def _wait(batch: RequestBatch, reason: PauseReason, now: datetime, *, retry_after: float | None = None) -> None:
    """Wait, longer at each try; an outage that outlasts every wait stops the batch, since each try may cost a client.

    What was under way when the batch began to wait comes back later: it is no new try, and can only lengthen the wait.
    """
    batch.refresh_from_db()
    if batch.is_stopped():
        return
    waits, tries, outages = get_settings().RETRY_WAITS, *(batch.pause_params.get(name, 0) for name in _COUNTED)
    if not batch.is_waiting(now):
        tries, outages = tries + 1, outages + (reason not in _FOREVER)
        if outages > len(waits):
            stop(batch, reason)
            return
    wait = waits[min(tries, len(waits)) - 1]
    if retry_after is not None:
        wait = min(max(timedelta(seconds=retry_after), SHORTEST_RETRY_AFTER), LONGEST_RETRY_AFTER)
    waiting = batch.paused_until if batch.is_waiting(now) else None
    if waiting is not None and (retry_after is None or now + wait < waiting + SHORTEST_RETRY_AFTER):
        return
    _pause(_unchanged(batch), batch, reason, until=now + wait, params={"tries": tries, "outages": outages})


def _wait_for_quota(batch: RequestBatch, now: datetime) -> None:
    oldest = InformationRequest.objects.filter(sent_at__gt=now - HOUR).aggregate(at=Min("sent_at"))["at"]
    params = batch.pause_params | {"quota": get_settings().HOURLY_QUOTA}
    _pause(_unchanged(batch), batch, PauseReason.QUOTA, until=(oldest or now) + HOUR, params=params)


def _unchanged(batch: RequestBatch) -> QuerySet[RequestBatch]:
    """The batch, unless somebody else has paused or continued it meanwhile."""
    return RequestBatch.objects.filter(pk=batch.pk, paused_at=batch.paused_at, paused_until=batch.paused_until)


def _pause(
    batches: QuerySet[RequestBatch],
    batch: RequestBatch,
    reason: PauseReason,
    *,
    until: datetime | None,
    params: dict[str, Any],
    by: Any = None,
) -> bool:
    with transaction.atomic(using=database.alias()):
        paused = batches.update(paused_at=timezone.now(), paused_until=until, pause_reason=reason, pause_params=params)
        if paused:
            until_text = {"until": until.isoformat()} if until else {}
            note_batch(EventKind.PAUSED, batch, by=by, reason=reason.value, **until_text, **params)
    return bool(paused)


def _said(outcome: Outcome) -> dict[str, Any]:
    """iDenfy's own words, for the page to quote."""
    return {
        "status_code": outcome.status_code,
        "identifier": outcome.identifier[:100],
        "message": outcome.message[:500],
    }
