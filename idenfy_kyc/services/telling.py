"""What iDenfy tells of a verification: its status, its checks, whose it is, when its document ends."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ..api.deliveries import Checks, Event, Report
from ..choices import EventKind
from ..models import RequestEvent, Verification
from ..signals import verification_updated
from . import database
from .hearing import Decision, Held, decide, is_final, verified_at
from .record import line_about

_THRESHOLDS = (
    "DOCUMENT_EXPIRES_WITHIN_30_DAYS",
    "DOCUMENT_EXPIRES_WITHIN_7_DAYS",
    "DOCUMENT_EXPIRES_WITHIN_1_DAY",
    "DOCUMENT_EXPIRED",
)
"""In the order of time. One that we do not know is taken as the last."""


def held_of(verification: Verification) -> Held:
    """What the rules must know of it."""
    return Held(status=verification.status, is_final=verification.is_final, told_at=verification.told_at)


def current_values(verification: Verification, status: str, at: datetime, decision: Decision) -> dict[str, Any]:
    """What changes by a status that iDenfy has given when asked; the checks behind the former one go with it."""
    if not decision.adopts:
        return {}
    mark = {"changed_after_review_at": at} if decision.contradicts else {}
    return {"status": status, "told_at": at, "checks": {}, **mark}


def tell(verification: Verification, report: Report, *, at: datetime, first_at: datetime) -> list[RequestEvent]:
    """Let ``verification``, whose row is locked, take what ``report`` says; return the lines for the record.

    ``at`` is when it was received, and ``first_at`` when that was for the first time. The signal
    ``verification_updated`` follows the commit, with the names of what changed.
    """
    decision = decide(held_of(verification), report, at)
    told = _whose_it_is(verification, report) | _document(verification, report) | _verified(verification, report)
    told |= _status(report, decision, at)
    if report.event == Event.MANUAL_FINISHED:
        told["reviewed_at"] = max(filter(None, [verification.reviewed_at, first_at]))
    changed = {name: value for name, value in told.items() if getattr(verification, name) != value}
    lines = _lines(verification, report, decision, changed)
    _save(verification, changed)
    return lines


def _save(verification: Verification, changed: dict[str, Any]) -> None:
    if not changed:
        return
    for name, value in changed.items():
        setattr(verification, name, value)
    verification.save(update_fields=[*changed, "updated_at"])
    announce(verification, changed)


def announce(verification: Verification, changed: Collection[str]) -> None:
    """The signal ``verification_updated`` with the names of what changed, once that is committed."""
    names = sorted(changed)
    transaction.on_commit(
        lambda: verification_updated.send_robust(sender=Verification, verification_id=verification.pk, changed=names),
        using=database.alias(),
        robust=True,
    )


def _whose_it_is(verification: Verification, report: Report) -> dict[str, Any]:
    """What we had, stays: the project knows its clients better than a document does."""
    told = {"client_id": report.client_id, "name": report.name}
    return {name: value for name, value in told.items() if value and not getattr(verification, name)}


def _status(report: Report, decision: Decision, at: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {"changed_after_review_at": at} if decision.contradicts else {}
    if decision.adopts:
        told |= {
            "status": report.status,
            "is_final": is_final(report),
            "told_at": at,
            "checks": stored_checks(report.checks),
        }
    return told


def _verified(verification: Verification, report: Report) -> dict[str, Any]:
    """Whatever comes of the status: an approval that was told late, or twice, was at its own time."""
    finished_at = _as_stored(report.finished_at) if report.finished_at else None
    return {"verified_at": verified_at(verification.verified_at, report, finished_at)}


def _as_stored(moment: datetime) -> datetime:
    """A project without time zones stores the time of its own place."""
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


def _lines(
    verification: Verification, report: Report, decision: Decision, changed: dict[str, Any]
) -> list[RequestEvent]:
    """What the record says of it; before the verification takes it."""
    lines, when = [], _when_verified(verification, changed)
    if decision.contradicts:
        was, status = verification.status, report.status
        lines.append(line_about(verification, EventKind.CONTRADICTED, was=was, status=status, **when))
    elif changed.keys() & {"status", "is_final", "verified_at"}:
        lines.append(line_about(verification, EventKind.TOLD, status=report.status, is_final=is_final(report), **when))
    if "expiration_threshold" in changed:
        lines.append(line_about(verification, EventKind.DOCUMENT_EXPIRES, day=report.document_expires))
    return lines


def _when_verified(verification: Verification, changed: dict[str, Any]) -> dict[str, Any]:
    """When the client was verified, and since when we had thought that he was: for the line that says so."""
    moments = {"verified_at": changed.get("verified_at"), "thought_at": verification.verified_at}
    return {name: moment.isoformat() for name, moment in moments.items() if moment} if moments["verified_at"] else {}


def stored_checks(checks: Checks) -> dict[str, Any]:
    """Check results as the verification's column has them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(checks).items()}


def _document(verification: Verification, report: Report) -> dict[str, Any]:
    """The latest warning that a document ends: an earlier one that comes late says nothing new."""
    if not report.expiration_threshold or _place(report.expiration_threshold) <= _place(
        verification.expiration_threshold
    ):
        return {}
    return {"expiration_threshold": report.expiration_threshold, "document_expires": report.document_expires}


def _place(threshold: str) -> int:
    if not threshold:
        return -1
    return _THRESHOLDS.index(threshold) if threshold in _THRESHOLDS else len(_THRESHOLDS)
