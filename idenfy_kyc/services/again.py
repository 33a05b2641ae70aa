"""Asking again: always a new row in a new plan, linked to the one before; nothing is ever sent twice.

An uncertain request is open until its time is over, so the new one could not be asked beside it. Its successor is
exempt from that one obstacle, and confirming closes it, in the same transaction, before the successor is queued.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from ..choices import EventKind, State
from ..conf import get_settings
from ..exceptions import TooMany
from ..models import InformationRequest, RequestBatch
from . import database
from .ending import give_up, write_down_time
from .planning import ASKED, Candidate, freeze, new_batch
from .record import note_requests

if TYPE_CHECKING:
    from .record import User

ASKED_AGAIN = (State.UNKNOWN, State.REFUSED, State.EXPIRED, State.CANCELLED, State.COMPLETED)
"""Whoever has a link, or waits for one, is not asked again: that one is to be withdrawn first. Answers can be wrong."""
_COLUMNS = (
    *("pk", "state", "batch_id", "batch__confirmed_at", "bank_card_expected_last_four", "verification_id"),
    *("verification__client_id", "verification__status", "verification__verified_at", "verification__erased_at"),
)


def ask_again(
    requests: QuerySet[InformationRequest] | Iterable[InformationRequest], *, planned_by: User, selection: str = ""
) -> RequestBatch:
    """Plan to ask the clients of these requests again; each new row is linked to the one before (``again_of``).

    The plan begins with the asks, the lifetime and the reason that the batches before have in common. A request that
    is open, or was asked again already, is in it as not asked; rows of plans are left out. ``selection`` says in words
    how they were chosen. Nothing is sent. Raises :class:`~idenfy_kyc.exceptions.TooMany` beyond ``MAX_BATCH_SIZE``.
    """
    write_down_time()
    rows = _last_of_each(_keys(requests))
    batches = {row["batch_id"] for row in rows if row["state"] in ASKED_AGAIN}
    batch = new_batch(planned_by=planned_by, selection=selection, **_in_common(batches))
    return database.repeat_on_conflict(lambda: freeze(batch, [_candidate(row) for row in rows]))


def follow(drafts: Iterable[InformationRequest], *, by: User) -> None:
    """Note on the requests before that they are asked again, and give up those of them that are uncertain.

    Part of the transaction that queues ``drafts``, and before it does: a client has one open request.
    """
    before = [draft.again_of_id for draft in drafts if draft.again_of_id]
    for portion in database.portions(before):
        followed = InformationRequest.objects.filter(pk__in=portion)
        closed = list(followed.exclude(state=State.UNKNOWN).only("batch_id", "verification_id"))
        give_up(followed, by=by)
        note_requests(EventKind.ASKED_AGAIN, closed, by=by)


def _keys(requests: QuerySet[InformationRequest] | Iterable[InformationRequest]) -> list[int]:
    limit = get_settings().MAX_BATCH_SIZE
    if isinstance(requests, QuerySet):
        keys = list(requests.order_by("pk").values_list("pk", flat=True)[: limit + 1])
    else:
        keys = [request.pk for request in requests]
    if len(keys) > limit:
        raise TooMany(limit)
    return keys


def _last_of_each(keys: list[int]) -> list[Mapping[str, Any]]:
    """Of each verification the request that was made last, an uncertain one before any other, as it can be open."""
    made = InformationRequest.objects.made()
    found = [row for portion in database.portions(keys) for row in made.filter(pk__in=portion).values(*_COLUMNS)]
    found.sort(key=lambda row: (row["state"] == State.UNKNOWN, row["batch__confirmed_at"], row["pk"]))
    last = {row["verification_id"]: row for row in found}
    return [last[key] for key in sorted(last)]


def _candidate(row: Mapping[str, Any]) -> Candidate:
    return Candidate(
        row["verification_id"],
        row["verification__client_id"],
        row["verification__status"],
        row["verification__verified_at"],
        row["verification__erased_at"],
        follows=row["pk"],
        last_four=row["bank_card_expected_last_four"],
    )


def _in_common(batches: Iterable[int]) -> dict[str, Any]:
    """What all of these batches asked, and whether it was once for each verification; what differs is missing."""
    names = (*ASKED, "per_verification")
    values: dict[str, set[Any]] = {name: set() for name in names}
    for portion in database.portions(sorted(batches)):
        for row in RequestBatch.objects.filter(pk__in=portion).values(*names):
            for name in names:
                values[name].add(row[name])
    return {name: found.pop() for name, found in values.items() if len(found) == 1}
