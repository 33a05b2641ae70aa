"""What iDenfy tells of a verification: its status, its checks, whose it is, when its document ends."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from ..api.deliveries import Event, Report
from ..choices import EventKind
from ..models import RequestEvent, Verification
from ..signals import verification_updated
from . import database
from .hearing import Decision, Held, decide, is_final
from .record import line_about

_THRESHOLDS = (
    "DOCUMENT_EXPIRES_WITHIN_30_DAYS",
    "DOCUMENT_EXPIRES_WITHIN_7_DAYS",
    "DOCUMENT_EXPIRES_WITHIN_1_DAY",
    "DOCUMENT_EXPIRED",
)
"""In the order of time. One that we do not know is taken as the last."""
_SEEN_THEN = frozenset({Event.LEGACY, Event.AUTO_FINISHED, Event.MANUAL_FINISHED})
"""Events whose ``finishTime`` is when the client was verified, and not when he answered something since."""


def tell(verification: Verification, report: Report, *, at: datetime) -> list[RequestEvent]:
    """Let ``verification``, whose row is locked, take what ``report`` says; return the lines for the record.

    ``at`` is when it was received. The signal ``verification_updated`` follows the commit, with the names of what
    changed.
    """
    held = Held(status=verification.status, is_final=verification.is_final, told_at=verification.told_at)
    decision = decide(held, report, at)
    told = _whose_it_is(verification, report) | _document(verification, report) | _status(report, decision, at)
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
    told: dict[str, Any] = {"reviewed_at": at} if report.event == Event.MANUAL_FINISHED else {}
    if decision.contradicts:
        told["changed_after_review_at"] = at
    if decision.adopts:
        told |= {"status": report.status, "is_final": is_final(report), "told_at": at, "checks": _checks(report)}
        if report.finished_at and report.event in _SEEN_THEN:
            told["verified_at"] = report.finished_at
    return told


def _lines(
    verification: Verification, report: Report, decision: Decision, changed: dict[str, Any]
) -> list[RequestEvent]:
    """What the record says of it; before the verification takes it."""
    lines = []
    if decision.contradicts:
        lines.append(line_about(verification, EventKind.CONTRADICTED, was=verification.status, status=report.status))
    elif changed.keys() & {"status", "is_final"}:
        lines.append(line_about(verification, EventKind.TOLD, status=report.status, is_final=is_final(report)))
    if "expiration_threshold" in changed:
        lines.append(line_about(verification, EventKind.DOCUMENT_EXPIRES, day=report.document_expires))
    return lines


def _checks(report: Report) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(report.checks).items()}


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
