"""What ends a request without iDenfy: the clock, a sender that died, a person who withdraws, gives up or marks it.

Nobody is stuck: every reader treats an overdue row as expired at once (see ``InformationRequestQuerySet``), and the
functions here write it down, before anything is planned, confirmed or sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ..choices import ENDS_BY_CLOCK, MARKABLE, EventKind, Reason, State
from ..conf import get_settings
from ..models import InformationRequest
from ..models.request import InformationRequestQuerySet
from . import database
from .record import frozen_name, note_requests

if TYPE_CHECKING:
    from .record import User

WITHDRAWABLE = (State.QUEUED, State.ISSUED, State.UNKNOWN)


def write_down_time(requests: InformationRequestQuerySet | None = None) -> int:
    """Make durable what the clock has decided, for ``requests`` or for all; return how many rows changed.

    A claim older than ``CLAIM_TIMEOUT`` belongs to a sender presumed dead: its request becomes uncertain. What is
    overdue expires.
    """
    now = timezone.now()
    rows = InformationRequest.objects.all() if requests is None else requests
    dead = Q(state=State.SENDING, sent_at__lte=now - get_settings().CLAIM_TIMEOUT)
    changed = _end(rows, dead, State.UNKNOWN, EventKind.UNKNOWN, reason=Reason.SENDER_DIED, outcome_at=now)
    overdue = Q(state__in=ENDS_BY_CLOCK, expires_at__lte=now)
    return changed + _end(rows, overdue, State.EXPIRED, EventKind.EXPIRED, ended_at=now)


def withdraw(requests: Iterable[InformationRequest], *, by: User, note: str) -> int:
    """Withdraw open requests; return how many were. Those under way at this moment are left alone.

    iDenfy has no call to cancel a request: the link stops working *here*, and iDenfy may hold the request as pending.
    Raises ``ValidationError`` without a reason.
    """
    note = _checked(note, _("Give a reason."))
    how = Q(state__in=WITHDRAWABLE), State.CANCELLED, EventKind.WITHDRAWN
    return _end_each(requests, *how, by=by, note=note, reason=Reason.WITHDRAWN, reason_params={"note": note})


def mark_answered(requests: Iterable[InformationRequest], *, by: User, note: str) -> int:
    """Record that these clients have answered, though iDenfy did not report it; return how many were marked.

    ``note`` says where it was seen, and stands with ``by`` beside the state: what staff say is never taken for what
    iDenfy said. The link stops working. Those that were never sent, are under way, were refused or are answered
    already are left alone. Raises ``ValidationError`` without a note.
    """
    note = _checked(note, _("Say where it was seen."))
    said = {"by": frozen_name(by), "note": note}
    how = Q(state__in=MARKABLE, sent_at__isnull=False), State.COMPLETED, EventKind.MARKED
    return _end_each(requests, *how, by=by, note=note, reason=Reason.MARKED, reason_params=said)


def give_up(requests: InformationRequestQuerySet, *, by: User) -> int:
    """Close the uncertain ones of these requests, whose clients are asked again; return how many were."""
    return _end(
        requests,
        Q(state=State.UNKNOWN),
        State.CANCELLED,
        EventKind.GIVEN_UP,
        by=by,
        ended_at=timezone.now(),
        reason=Reason.GIVEN_UP,
        reason_params={"by": frozen_name(by)},
    )


def cancel_ineligible(requests: InformationRequestQuerySet) -> int:
    """Take queued requests whose verification may no longer be asked out of the queue; return how many were."""
    ruled_out = Q(verification__status__in=get_settings().INELIGIBLE_STATUSES)
    gone = requests.filter(ruled_out | Q(verification__erased_at__isnull=False))
    queued = Q(state=State.QUEUED)
    return _end(gone, queued, State.CANCELLED, EventKind.CANCELLED, ended_at=timezone.now(), reason=Reason.INELIGIBLE)


def _checked(note: str, complaint: str) -> str:
    if not (stripped := note.strip()):
        raise ValidationError({"note": complaint})
    return stripped


def _end_each(requests: Iterable[InformationRequest], while_: Q, to: State, kind: EventKind, **fields: Any) -> int:
    """End what a person chose, after the clock has had its say; return how many were."""
    write_down_time()
    return sum(
        _end(InformationRequest.objects.filter(pk__in=portion), while_, to, kind, ended_at=timezone.now(), **fields)
        for portion in database.portions(request.pk for request in requests)
    )


def withdraw_erased(requests: InformationRequestQuerySet, *, by: User) -> int:
    """Withdraw the open ones of these requests, whose clients are being erased; return how many were.

    Part of that transaction. Those under way at this moment are left alone.
    """
    how = Q(state__in=WITHDRAWABLE), State.CANCELLED, EventKind.WITHDRAWN
    said: dict[str, Any] = {"reason": Reason.ERASED, "reason_params": {}}
    return _end(requests, *how, by=by, ended_at=timezone.now(), **said)


def _end(
    rows: InformationRequestQuerySet,
    while_: Q,
    to: State,
    kind: EventKind,
    *,
    by: User = None,
    note: str = "",
    **fields: Any,
) -> int:
    """Move each of ``rows`` for which ``while_`` holds, also at the moment of moving, and note exactly those."""
    changed = 0
    for portion in database.portions(list(rows.filter(while_).values_list("pk", flat=True))):

        def end_portion(keys: list[int] = portion) -> int:
            with transaction.atomic(using=database.alias()):
                moved = InformationRequest.objects.filter(while_, pk__in=keys).move(to, **fields)
                _note_moved(keys, to, kind, by=by, note=note, fields=fields)
                return moved

        changed += database.repeat_on_conflict(end_portion)
    return changed


def _note_moved(keys: list[int], to: State, kind: EventKind, *, by: User, note: str, fields: dict[str, Any]) -> None:
    """Note those of ``keys`` that this process moved: their moment, down to the microsecond, tells them apart."""
    stamp = {name: fields[name] for name in ("ended_at", "outcome_at") if name in fields}
    moved = InformationRequest.objects.filter(pk__in=keys, state=to, **stamp)
    words = {"note": note, "reason": str(fields.get("reason", ""))}
    said = {name: word for name, word in words.items() if word}
    note_requests(kind, moved.only("batch_id", "verification_id"), by=by, **said)
