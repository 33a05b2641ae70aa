"""Claiming requests for sending, and writing what came of them.

A claim is one compare-and-set UPDATE, committed before the call: any number of senders, on any database, side by side,
never claim one request twice. The outcome is written *by claim, not by state*, because a call can outlive every
guess: an answer that comes after its claim was given up is taken all the same, and a link that comes too late is kept
on the row.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ..api import InformationAsks
from ..choices import EventKind, State
from ..models import InformationRequest, RequestBatch
from ..models.request import public_digest
from . import database
from .answers import Effect, Outcome
from .ending import cancel_ineligible
from .pacing import Room, had_issue_since_start, keep_alone, overdrawn
from .record import note_requests


@dataclass(frozen=True, slots=True)
class Claim:
    """One request that this sender, and nobody else, may send."""

    request: InformationRequest
    key: uuid.UUID
    asks: InformationAsks

    @property
    def scan_ref(self) -> str:
        """Whom to ask."""
        return self.request.verification.scan_ref

    @property
    def age(self) -> timedelta:
        """Since when; by the wall clock, since a machine may have slept meanwhile."""
        return timezone.now() - (self.request.sent_at or timezone.now())


def claim(batch: RequestBatch, room: Room, key: uuid.UUID, *, again: bool = False) -> list[Claim]:
    """Claim as many queued requests of ``batch`` as there is room for, those tried least first.

    Whose verification may no longer be asked, is taken out of the queue instead. Without trust one is claimed, and none
    if another sender has. Whoever must repeat it, because the database went away, says so and keeps the ``key``: a
    claim whose commit was not acknowledged is found, and is not lost as one that nobody sends.
    """
    if again and (found := _claimed(batch, key)):
        return found
    while room.places > 0:
        waiting = _waiting(batch, room.places if room.is_trusted else 1)
        marked = _mark(batch, waiting, key, alone=not room.is_trusted) if waiting else 0
        if marked == len(waiting):
            return [Claim(request, key, asks_of(batch, request)) for request in waiting]
        if marked or not room.is_trusted:
            return _claimed(batch, key)
    return []


def keep_quota(claims: list[Claim]) -> list[Claim]:
    """Give back as many of these as the hour's quota is overdrawn by; return those that may be sent.

    All senders claim, commit and only then count. So of those that claim at one moment the last one to count sees every
    claim, and what is sent in the end is within the quota, however many senders there are.
    """
    over = min(overdrawn(timezone.now()), len(claims))
    if over <= 0:
        return claims
    kept, surplus = claims[:-over], claims[-over:]
    rows = InformationRequest.objects.filter(pk__in=[claimed.request.pk for claimed in surplus], claim=surplus[0].key)
    with transaction.atomic(using=database.alias(), durable=True):
        rows.move(State.QUEUED, claim=None, sent_at=None, expires_at=None, attempts=F("attempts") - 1)
    return kept


def _waiting(batch: RequestBatch, places: int) -> list[InformationRequest]:
    """The first of the queue, once those who may not be asked any more are out of it."""
    while True:
        queue = batch.requests.filter(state=State.QUEUED).order_by("attempts", "pk")
        first = list(queue.select_related("verification").defer(*InformationRequest.SECRETS)[:places])
        gone = [request.pk for request in first if not request.verification.is_eligible]
        if not gone:
            return first
        cancel_ineligible(batch.requests.filter(pk__in=gone))


def _mark(batch: RequestBatch, waiting: list[InformationRequest], key: uuid.UUID, *, alone: bool) -> int:
    """Mark those that are still queued as claimed; return how many were."""
    now = timezone.now()
    rows = InformationRequest.objects.filter(pk__in=[request.pk for request in waiting], state=State.QUEUED)
    with transaction.atomic(using=database.alias(), durable=True):
        if alone and not keep_alone(batch, now):
            return 0
        marked = rows.move(
            State.SENDING, claim=key, sent_at=now, expires_at=now + batch.lifetime, attempts=F("attempts") + 1
        )
    for request in waiting:
        request.sent_at, request.expires_at = now, now + batch.lifetime
    return marked


def _claimed(batch: RequestBatch, key: uuid.UUID) -> list[Claim]:
    mine = batch.requests.filter(claim=key, state=State.SENDING).select_related("verification").order_by("pk")
    return [Claim(request, key, asks_of(batch, request)) for request in mine]


def asks_of(batch: RequestBatch, request: InformationRequest) -> InformationAsks:
    """What one call asks iDenfy for."""
    return InformationAsks(
        lifetime=batch.lifetime,
        questionnaire=batch.questionnaire,
        risk_assessment_profile=batch.risk_assessment_profile,
        additional_step_upload_required=batch.additional_step_upload_required,
        bank_card_verification=batch.bank_card_verification,
        bank_card_expected_last_four=request.bank_card_expected_last_four,
    )


def settle(batch: RequestBatch, outcome: Outcome) -> Outcome:
    """A 403 in a batch that has had a link is about this client, and no reason to stop."""
    if outcome.effect is Effect.STOP and had_issue_since_start(batch):
        return replace(outcome, state=State.REFUSED, effect=Effect.GO_ON, pause_reason="")
    return outcome


def write(claimed: Claim, outcome: Outcome) -> bool:
    """Write what came of a claim, in a transaction of its own; return whether the request has taken it as its state.

    If the request has moved elsewhere meanwhile, the state stays; a link that came is kept all the same, since nobody
    will get another one.
    """
    rows = InformationRequest.objects.filter(pk=claimed.request.pk, claim=claimed.key)
    with transaction.atomic(using=database.alias(), durable=True):
        moved = rows.move(outcome.state, **_columns(outcome))
        if moved and outcome.state is not State.QUEUED:
            note_requests(_KINDS[outcome.state], [claimed.request], **_words(outcome))
        elif not moved and outcome.session is not None:
            session = outcome.session
            late = rows.exclude(state=State.ISSUED)  # that would be this very answer, written before
            if late.update(token=session.token, session_url=session.session_url, issued_at=timezone.now()):
                note_requests(EventKind.LATE_LINK, [claimed.request])
            else:
                return rows.exists()
    return bool(moved)


_KINDS = {
    State.ISSUED: EventKind.ISSUED,
    State.REFUSED: EventKind.REFUSED,
    State.UNKNOWN: EventKind.UNKNOWN,
}


def _columns(outcome: Outcome) -> dict[str, Any]:
    now = timezone.now()
    if outcome.state is State.QUEUED:
        return {"claim": None, "sent_at": None, "expires_at": None}
    columns = outcome.fields | {"outcome_at": now}
    if outcome.state is State.ISSUED:
        public_id = uuid.uuid4()
        columns |= {"issued_at": now, "public_id": str(public_id), "public_digest": public_digest(public_id)}
    if outcome.state is State.REFUSED:
        columns |= {"ended_at": now, "expires_at": None}
    return columns


def _words(outcome: Outcome) -> dict[str, Any]:
    words = {
        "reason": str(outcome.reason),
        "status_code": outcome.status_code,
        "identifier": outcome.identifier[:100],
        "message": outcome.message[:500],
    }
    return {name: value for name, value in words.items() if value}
