"""Planning: who would be asked and who would not, frozen on the server before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ..choices import APPROVED, EventKind, Reason, State
from ..conf import get_settings
from ..exceptions import TooMany
from ..models import InformationRequest, RequestBatch, Verification, client_digest
from . import database
from .blocking import open_requests, overtaken
from .ending import write_down_time
from .record import frozen_name, note_batch, note_requests

if TYPE_CHECKING:
    from .record import User

ASKED = ("lifetime", "note", *RequestBatch.ASKS)
"""The columns of a batch that say what is asked, and why."""
LEFT_OUT = Q(state=State.SKIPPED, reason=Reason.LEFT_OUT)
"""The rows of a plan that a person left out, and that a person may take back."""
CANDIDATE = ("pk", "client_id", "status", "verified_at", "erased_at")
"""What planning needs to know of a verification."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What planning needs to know of one verification."""

    pk: int
    client_id: str
    status: str
    verified_at: datetime | None
    erased_at: datetime | None = None
    follows: int | None = None
    """The request that this one is asked again after."""
    last_four: str = ""
    """The digits that were expected on the client's card then."""

    @classmethod
    def of(cls, verification: Verification) -> Candidate:
        """One that is in memory already."""
        return cls(*(getattr(verification, name) for name in CANDIDATE))

    @property
    def preference(self) -> tuple[bool, datetime, int]:
        """Of one client's verifications the newest approved one is asked for."""
        verified_at = self.verified_at or _NEVER
        if verified_at.tzinfo is None:
            verified_at = verified_at.replace(tzinfo=UTC)
        return (self.status == APPROVED, verified_at, self.pk)


Verdict = tuple[Reason, dict[str, Any]]


def plan(
    verifications: QuerySet[Verification] | Iterable[Verification],
    *,
    planned_by: User,
    selection: str = "",
    per_verification: bool = False,
    **asks: Any,
) -> RequestBatch:
    """Freeze a selection as a plan: one draft for each client to be asked, the others left out with the reason.

    ``selection`` says in words how the clients were chosen; it is kept for good, so let it name nobody.
    ``per_verification`` asks once for each verification, even of the same client. ``asks`` prefill the plan: ``note``,
    ``lifetime``, ``questionnaire`` and so on. Nothing is sent. Raises :class:`~idenfy_kyc.exceptions.TooMany` beyond
    ``MAX_BATCH_SIZE``, before anything is made, and ``TypeError`` for an ask that there is not.
    """
    candidates = _candidates(verifications)
    write_down_time()
    batch = new_batch(planned_by=planned_by, selection=selection, per_verification=per_verification, **asks)
    return database.repeat_on_conflict(lambda: freeze(batch, candidates))


def new_batch(*, planned_by: User, selection: str = "", per_verification: bool = False, **asks: Any) -> RequestBatch:
    """A plan, not stored yet. Raises ``TypeError`` for what is no ask: what a batch *is*, nobody sets from outside."""
    if unknown := asks.keys() - set(ASKED):
        raise TypeError(f"One cannot ask for {', '.join(sorted(unknown))}; only for {', '.join(ASKED)}.")
    return RequestBatch(
        planned_by=planned_by,  # type: ignore[misc]
        planned_by_name=frozen_name(planned_by),
        selection=selection,
        per_verification=per_verification,
        **asks,
    )


def freeze(batch: RequestBatch, candidates: list[Candidate]) -> RequestBatch:
    """Store the plan, in one transaction."""
    with transaction.atomic(using=database.alias()):
        batch.pk = None
        batch.save(force_insert=True)
        verdicts = _verdicts(batch, candidates)
        rows = (_row(batch, candidate, verdicts.get(candidate.pk)) for candidate in candidates)
        database.insert(rows)
        note_batch(
            EventKind.PLANNED,
            batch,
            by=batch.planned_by,
            clients=len(candidates) - len(verdicts),
            chosen=len(candidates),
        )
    return batch


def leave_out(batch: RequestBatch, requests: Iterable[int], *, by: User) -> int:
    """Leave these rows (by primary key) out of a plan; return how many were. Recorded."""
    said: dict[str, Any] = {
        "reason": Reason.LEFT_OUT,
        "reason_params": {"by": frozen_name(by)},
        "ended_at": timezone.now(),
    }
    return _move_in_plan(batch, requests, Q(state=State.DRAFT), State.SKIPPED, EventKind.LEFT_OUT, by=by, **said)


def take_back(batch: RequestBatch, requests: Iterable[int], *, by: User) -> int:
    """Take these rows (by primary key) back into a plan; return how many were. Recorded.

    Only what a person left out: the other reasons are facts, which nobody can take back.
    """
    said: dict[str, Any] = {"reason": "", "reason_params": {}, "ended_at": None}
    return _move_in_plan(batch, requests, LEFT_OUT, State.DRAFT, EventKind.TAKEN_BACK, by=by, **said)


def _move_in_plan(
    batch: RequestBatch,
    requests: Iterable[int],
    which: Q,
    to: State,
    kind: EventKind,
    *,
    by: User,
    **said: Any,
) -> int:
    """Move those of a plan's rows for which ``which`` holds, and note exactly those; none once it is no plan.

    Return how many were moved.
    """

    def move_portion(keys: list[int]) -> int:
        with transaction.atomic(using=database.alias()):
            if not hold_plan(batch):
                return 0
            moving = list(batch.requests.filter(which, pk__in=keys).only("batch_id", "verification_id"))
            batch.requests.filter(pk__in=[row.pk for row in moving]).move(to, **said)
            note_requests(kind, moving, by=by)
            return len(moving)

    return sum(
        database.repeat_on_conflict(lambda keys=portion: move_portion(keys))  # type: ignore[misc]
        for portion in database.portions(requests)
    )


def hold_plan(batch: RequestBatch) -> bool:
    """Hold a plan until the transaction ends, so that nobody else changes or confirms it; False if it is none any more.

    A compare-and-set that changes nothing. It writes, so it may stand first in a transaction.
    """
    return bool(RequestBatch.objects.filter(pk=batch.pk, confirmed_at=None).update(confirmed_at=None))


def discard(batch: RequestBatch) -> bool:
    """Delete a plan, with its rows and its lines: nothing was asked. Return whether it was one."""
    with transaction.atomic(using=database.alias()):
        if not hold_plan(batch):
            return False
        batch.requests.all().delete()
        RequestBatch.objects.filter(pk=batch.pk).delete()
    return True


def _candidates(verifications: QuerySet[Verification] | Iterable[Verification]) -> list[Candidate]:
    limit = get_settings().MAX_BATCH_SIZE
    if isinstance(verifications, QuerySet) and not verifications.query.is_sliced and not verifications.query.combinator:
        found = verifications.order_by("pk").values_list(*CANDIDATE).distinct()
        candidates = [Candidate(*row) for row in found[: limit + 1]]
    else:
        unique = {v.pk: Candidate.of(v) for v in verifications}
        candidates = sorted(unique.values(), key=lambda candidate: candidate.pk)
    if len(candidates) > limit:
        raise TooMany(limit)
    return candidates


def _verdicts(batch: RequestBatch, candidates: list[Candidate]) -> dict[int, Verdict]:
    """Who is not asked, and why; whoever is not in it is asked."""
    ineligible = set(get_settings().INELIGIBLE_STATUSES)
    keys = {} if batch.per_verification else {c.pk: client_digest(c.client_id) for c in candidates}
    open_ones = open_requests((c.pk, "" if batch.per_verification else c.client_id) for c in candidates)
    over = overtaken(c.follows for c in candidates if c.follows)
    verdicts: dict[int, Verdict] = {}
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        key = keys.get(candidate.pk)
        is_open = open_ones.in_the_way(candidate.pk, key, follows=candidate.follows)
        if candidate.erased_at is not None:
            verdicts[candidate.pk] = (Reason.ERASED, {})
        elif candidate.status in ineligible:
            verdicts[candidate.pk] = (Reason.INELIGIBLE, {"status": candidate.status})
        elif is_open:
            verdicts[candidate.pk] = (Reason.OPEN_REQUEST, is_open)
        elif candidate.follows in over:
            verdicts[candidate.pk] = (Reason.OVERTAKEN, {})
        elif key:
            loser = min(candidate, best.get(key, candidate), key=lambda c: c.preference)
            best[key] = max(candidate, best.get(key, candidate), key=lambda c: c.preference)
            if loser is not best[key]:
                verdicts[loser.pk] = (Reason.SAME_CLIENT, {})
    return verdicts


def _row(batch: RequestBatch, candidate: Candidate, verdict: Verdict | None) -> InformationRequest:
    reason, params = verdict or ("", {})
    return InformationRequest(
        batch=batch,
        verification_id=candidate.pk,
        again_of_id=candidate.follows,
        bank_card_expected_last_four=candidate.last_four,
        client_key=None if batch.per_verification else client_digest(candidate.client_id),
        state=State.SKIPPED if verdict else State.DRAFT,
        reason=reason,
        reason_params=params,
    )
