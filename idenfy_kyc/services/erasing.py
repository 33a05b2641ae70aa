"""Erasing a client's personal data, and forgetting in time what need not be kept.

What stays is the evidence: that somebody was asked, by whom, when, for what kind of thing, and how it ended; and a
keyed hash of the client ID, by which one can show that a certain client was erased, and not whom one has.

Erasing locks the verifications first. Whoever asks or hears of them meanwhile waits for that lock, and then sees that
they are erased. Whoever does not take it (a sender that holds iDenfy's late answer, an import) finds no row that it
could write to: an outcome is written by its claim, and erasing takes the claims away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from ..choices import EventKind, Reason, State
from ..conf import get_settings
from ..exceptions import BeingAsked
from ..models import (
    Answer,
    InformationRequest,
    RequestBatch,
    RequestEvent,
    Verification,
    WebhookDelivery,
    WebhookRejection,
)
from ..models.verification import erased_digests
from . import database
from .ending import withdraw_erased, write_down_time
from .holdings import choices_of
from .planning import discard
from .record import line_about

if TYPE_CHECKING:
    from .record import User

REJECTIONS_KEPT = timedelta(days=366)
_NO_CONTENT: dict[str, Any] = {"questionnaire_json": "", "risk_score": None, "risk_level": "", "bank_card": ""}
_NOBODY: dict[str, Any] = {
    "client_id": "",
    "name": "",
    "checks": {},
    "document_expires": "",
    "expiration_threshold": "",
}


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many bodies, answers, plans and hours of rejections went."""

    bodies: int = 0
    answers: int = 0
    plans: int = 0
    rejections: int = 0


def of_clients(verifications: Iterable[Verification]) -> QuerySet[Verification]:
    """All that belongs to the clients of these: by the client ID, or each of them alone if it has none."""
    chosen = list(verifications)
    alone = [verification.pk for verification in chosen if not verification.client_id]
    together = Verification.objects.of_exactly({verification.client_id for verification in chosen})
    return together | Verification.objects.filter(pk__in=alone)


def erase(verifications: Iterable[Verification], *, by: User) -> int:
    """Erase the personal data of these verifications; return how many had not been erased before.

    Open requests are withdrawn. iDenfy is not told: what it holds is erased in its dashboard, or with its own call.
    Raises ``BeingAsked`` if one of them is being asked at this moment: its link would come after the erasure. Then
    nothing is erased; of more than 500, those may be that came before the one whose call began in between.
    """
    keys = sorted({verification.pk for verification in verifications})
    for portion in database.portions(keys):
        requests = InformationRequest.objects.filter(verification__in=portion)
        write_down_time(requests)
        if requests.filter(state=State.SENDING).exists():
            raise BeingAsked
    return sum(
        database.repeat_on_conflict(partial(_erase_portion, portion, by=by)) for portion in database.portions(keys)
    )


def prune(now: datetime | None = None) -> Pruned:
    """Forget what is older than the settings keep it: bodies of deliveries, answers, plans that nobody confirmed."""
    now, settings = now or timezone.now(), get_settings()
    old_bodies = WebhookDelivery.objects.exclude(body="").filter(
        last_received_at__lt=now - timedelta(days=settings.WEBHOOK_RETENTION_DAYS)
    )
    old_plans = RequestBatch.objects.filter(
        confirmed_at=None, planned_at__lt=now - timedelta(days=settings.PLAN_RETENTION_DAYS)
    )
    bodies = _in_portions(old_bodies, body="")
    WebhookDelivery.objects.note_unreadable()
    return Pruned(
        bodies=bodies,
        answers=_prune_answers(now),
        plans=sum(map(discard, old_plans)),
        rejections=WebhookRejection.objects.filter(hour__lt=now - REJECTIONS_KEPT).delete()[0],
    )


def _prune_answers(now: datetime) -> int:
    days = get_settings().ANSWER_RETENTION_DAYS
    if days is None:
        return 0
    old = Answer.objects.filter(erased_at=None, received_at__lt=now - timedelta(days=days))
    return _in_portions(old, erased_at=now, **_NO_CONTENT)


def _in_portions(rows: QuerySet[Any], **values: Any) -> int:
    """An UPDATE of all ``rows``, each portion by itself, of those that are still among them by then."""
    keys = list(rows.values_list("pk", flat=True))
    return sum(rows.filter(pk__in=part).update(**values) for part in database.portions(keys))


def _erase_portion(keys: list[int], *, by: User) -> int:
    now = timezone.now()
    with transaction.atomic(using=database.alias()):
        fresh = Verification.objects.filter(pk__in=keys, erased_at=None)
        if not fresh.update(erased_at=now, updated_at=now):  # writes first: whoever asks or hears of them waits
            return 0
        mine = Verification.objects.filter(pk__in=keys, erased_at=now)
        rows = list(mine.order_by("pk"))
        _withdraw(rows, now, by=by)
        _forget(rows, now)
        for row in rows:
            row.erased_client = next(iter(erased_digests(row.client_id)), "")
        mine.bulk_update(rows, ["erased_client"])
        mine.update(**_NOBODY)
        RequestEvent.objects.bulk_create(line_about(row, EventKind.ERASED, by=by) for row in rows)
    return len(rows)


def _withdraw(rows: list[Verification], now: datetime, *, by: User) -> None:
    """What is open, and what is only planned. The last look is one that locks: it sees a claim of this very moment."""
    requests = InformationRequest.objects.filter(verification__in=rows)
    requests.move(State.SKIPPED, reason=Reason.ERASED, reason_params={}, ended_at=now)
    withdraw_erased(requests, by=by)
    if requests.filter(state=State.SENDING).select_for_update().values_list("pk").first():
        raise BeingAsked


def _forget(rows: list[Verification], now: datetime) -> None:
    """What hangs on them, and what iDenfy said of one client in particular."""
    InformationRequest.objects.filter(verification__in=rows).update(
        message="",
        bank_card_expected_last_four="",
        claim=None,
        client_key=None,
        **dict.fromkeys(InformationRequest.SECRETS, ""),
    )
    Answer.objects.filter(verification__in=rows).update(
        erased_at=Coalesce("erased_at", now), mismatch_tags=[], **_NO_CONTENT
    )
    RequestEvent.objects.filter(verification__in=rows).forget_words()
    RequestBatch.objects.bulk_update(choices_of(rows), ["selection"], batch_size=100)
    WebhookDelivery.objects.filter(scan_ref__in=[row.scan_ref for row in rows]).forget(now)
