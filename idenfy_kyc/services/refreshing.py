"""Asking iDenfy how a few verifications stand, because a person wants to know.

iDenfy bars whoever polls. So one verification is asked for once an hour at the most, which the database holds: its
``refreshed_at`` is compared and set, and committed, *before* the call. The calls count in ``HOURLY_QUOTA``. The first
goes alone: if it fails for a reason that is not its own, nobody else is asked.
https://documentation.idenfy.com/kyc/data-retrieval
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ..api import CurrentStatus, IdenfyClient
from ..choices import EventKind, PauseReason, Refreshed, State
from ..conf import get_settings
from ..exceptions import IdenfyApiError, IdenfyConnectionError, TooMany
from ..models import RequestEvent, Verification
from . import database
from .answers import Effect, Outcome, outcome_of
from .closing import record_current
from .hearing import decide_current
from .pacing import HOUR, quota_left
from .record import line_about
from .sending import calling_pool
from .telling import announce, current_values, held_of, stored_checks

if TYPE_CHECKING:
    from .record import User

logger = logging.getLogger("idenfy_kyc")

AT_ONCE = 20
_QUOTA = Outcome(state=State.QUEUED, effect=Effect.ALL_WAIT, pause_reason=PauseReason.QUOTA)
_NOT_IN_ANSWER = "additional_step"


@dataclass(slots=True)
class Refreshing:
    """How many verifications ended how; and what kept the others from being asked, None if that was only the time."""

    counts: Counter[Refreshed] = field(default_factory=Counter)
    fault: Outcome | None = None


def refresh(verifications: Iterable[Verification], *, by: User) -> Refreshing:
    """Ask iDenfy for the status of each of these, take what rule 6 of ``hearing`` lets through, and clear their marks.

    For as long as one step of a page may last: what was not reached is counted as such. Raises ``TooMany`` for more
    than 20, before anything is asked; ``RuntimeError`` inside a transaction; ``ImproperlyConfigured`` without
    credentials.
    """
    database.refuse_transaction()
    left = list(verifications)
    if len(left) > AT_ONCE:
        raise TooMany(AT_ONCE)
    done, until = Refreshing(), time.monotonic() + get_settings().STEP_SECONDS
    places = get_settings().CONCURRENCY
    with IdenfyClient.from_settings() as client, calling_pool(places) as pool:
        is_trusted = False
        while left and done.fault is None and time.monotonic() < until:
            claims = _claim(left, places if is_trusted else 1, done)
            answers = list(pool.map(partial(_call, client), [claim.verification.scan_ref for claim in claims]))
            for claim, answer in zip(claims, answers, strict=True):
                _settle(claim, answer, done, by=by)
            is_trusted = is_trusted or bool(claims)
    done.counts[Refreshed.NOT_REACHED] += len(left)
    return done


@dataclass(frozen=True, slots=True)
class _Claim:
    verification: Verification
    at: datetime


def _claim(left: list[Verification], places: int, done: Refreshing) -> list[_Claim]:
    """The next of ``left`` that may be asked, as many as there are places. Each is committed by itself."""
    claims: list[_Claim] = []
    while left and len(claims) < places:
        now = timezone.now()
        if quota_left(now) <= 0:
            done.fault = _QUOTA
            break
        verification = left.pop(0)
        free = Q(refreshed_at=None) | Q(refreshed_at__lte=now - HOUR)
        mine = Verification.objects.filter(free, pk=verification.pk, erased_at=None)
        if mine.update(refreshed_at=now):
            claims.append(_Claim(verification, now))
        else:
            is_here = Verification.objects.filter(pk=verification.pk, erased_at=None).exists()
            done.counts[Refreshed.TOO_SOON if is_here else Refreshed.ERASED] += 1
    return claims


def _call(client: IdenfyClient, scan_ref: str) -> CurrentStatus | IdenfyApiError:
    """In a thread: no database here."""
    try:
        return client.current_status(scan_ref)
    except IdenfyApiError as error:
        return error
    except Exception as error:  # noqa: BLE001 (one call that breaks must not lose the answers of the others)
        logger.error("Asking iDenfy for a status: %s", type(error).__name__)
        return IdenfyConnectionError("The call broke off", maybe_delivered=True)


def _settle(claim: _Claim, answer: CurrentStatus | IdenfyApiError, done: Refreshing, *, by: User) -> None:
    if isinstance(answer, CurrentStatus):
        done.counts[database.repeat_on_conflict(lambda: _take(claim, answer, by=by))] += 1
        return
    outcome = outcome_of(answer)
    done.counts[Refreshed.REFUSED if outcome.effect is Effect.GO_ON else Refreshed.FAILED] += 1
    if outcome.effect is not Effect.GO_ON:
        done.fault = outcome
    if isinstance(answer, IdenfyConnectionError) and not answer.maybe_delivered:
        # iDenfy has not heard of it: the hour is not used up.
        mine = Verification.objects.filter(pk=claim.verification.pk, refreshed_at=claim.at)
        mine.update(refreshed_at=claim.verification.refreshed_at)


def _take(claim: _Claim, answer: CurrentStatus, *, by: User) -> Refreshed:
    """Write what iDenfy says, also of answers in review. Somebody has asked, so the mark is cleared, whatever it is."""
    with transaction.atomic(using=database.alias()):
        mine = Verification.objects.filter(pk=claim.verification.pk, erased_at=None)
        if not mine.update(changed_after_review_at=None):
            return Refreshed.ERASED
        verification = mine.get()
        values = _values(verification, answer, claim.at)
        changed = {name: value for name, value in values.items() if getattr(verification, name) != value}
        if changed:
            mine.update(**changed, updated_at=timezone.now())
            announce(verification, changed)
        reviewed = record_current(verification, answer, at=claim.at)
        refreshed = line_about(verification, EventKind.REFRESHED, by=by, status=answer.status)
        RequestEvent.objects.bulk_create([refreshed, *reviewed])
    if "status" in changed:
        return Refreshed.CHANGED
    if reviewed:
        return Refreshed.REVIEWED
    return Refreshed.SAME if answer.status == verification.status else Refreshed.KEPT


def _values(verification: Verification, answer: CurrentStatus, at: datetime) -> dict[str, Any]:
    decision = decide_current(held_of(verification), answer.status, at)
    values = current_values(verification, answer.status, at, decision) | {"changed_after_review_at": None}
    if decision.adopts or answer.status == verification.status:
        said = {name: value for name, value in stored_checks(answer.checks).items() if name != _NOT_IN_ANSWER}
        values["checks"] = (values.get("checks", verification.checks)) | said
    if answer.client_id and not verification.client_id:
        values["client_id"] = answer.client_id
    return values
