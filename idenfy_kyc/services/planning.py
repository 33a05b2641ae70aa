"""Planning: who would be asked and who would not, frozen on the server before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ..choices import EventKind, Reason, State
from ..conf import get_settings
from ..exceptions import TooMany
from ..models import InformationRequest, RequestBatch, Verification, client_digest
from . import database
from .ending import write_down_time
from .record import frozen_name, note_batch, note_requests

if TYPE_CHECKING:
    from .record import User

ASKED = ("lifetime", "note", *RequestBatch.ASKS)
"""The columns of a batch that say what is asked, and why."""
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
        return (self.status == "APPROVED", verified_at, self.pk)


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
        verdicts = _verdicts(candidates, per_verification=batch.per_verification)
        rows = (_row(batch, candidate, verdicts.get(candidate.pk)) for candidate in candidates)
        for portion in database.portions(rows):
            database.insert(portion)
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
    now, name = timezone.now(), frozen_name(by)

    def leave_out_portion(keys: list[int]) -> int:
        with transaction.atomic(using=database.alias()):
            drafts = batch.requests.filter(pk__in=keys, state=State.DRAFT)
            moved = drafts.move(State.SKIPPED, reason=Reason.LEFT_OUT, reason_params={"by": name}, ended_at=now)
            note_requests(EventKind.LEFT_OUT, batch.requests.filter(pk__in=keys, ended_at=now), by=by)
            return moved

    return sum(
        database.repeat_on_conflict(lambda keys=portion: leave_out_portion(keys))  # type: ignore[misc]
        for portion in database.portions(requests)
    )


def discard(batch: RequestBatch) -> bool:
    """Delete a plan, with its rows and its lines: nothing was asked. Return whether it was one."""
    with transaction.atomic(using=database.alias()):
        plans = RequestBatch.objects.filter(pk=batch.pk, confirmed_at=None)
        if not plans.update(confirmed_at=None):
            return False
        batch.requests.all().delete()
        plans.delete()
    return True


def open_requests(
    verifications: Iterable[int], clients: Collection[str]
) -> tuple[dict[int, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The open requests by verification and by client digest, each as the parameters of ``OPEN_REQUEST``.

    Asked by the two unique columns and by whose verification it is *now*, since a client ID can be corrected and a plan
    can have asked once for each verification; portion by portion, since an OR over them would use no index.
    """
    by_verification = {
        row["open_verification"]: _params_of_open(row)
        for portion in database.portions(verifications)
        for row in _open_rows(open_verification__in=portion)
    }
    by_client = {
        row["open_client"]: _params_of_open(row)
        for portion in database.portions(filter(None, map(client_digest, clients)))
        for row in _open_rows(open_client__in=portion)
    }
    by_client |= {
        client_digest(row["open_verification__client_id"]) or "": _params_of_open(row)
        for portion in database.portions(filter(None, clients))
        for row in _open_rows(open_verification__client_id__in=portion)
    }
    return by_verification, by_client


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


def _verdicts(candidates: list[Candidate], *, per_verification: bool) -> dict[int, Verdict]:
    """Who is not asked, and why; whoever is not in it is asked."""
    ineligible = set(get_settings().INELIGIBLE_STATUSES)
    keys = {} if per_verification else {c.pk: client_digest(c.client_id) for c in candidates}
    clients = set() if per_verification else {c.client_id for c in candidates}
    open_verifications, open_clients = open_requests((c.pk for c in candidates), clients)
    verdicts: dict[int, Verdict] = {}
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        key = keys.get(candidate.pk)
        is_open = open_verifications.get(candidate.pk) or open_clients.get(key or "")
        if candidate.erased_at is not None:
            verdicts[candidate.pk] = (Reason.ERASED, {})
        elif candidate.status in ineligible:
            verdicts[candidate.pk] = (Reason.INELIGIBLE, {"status": candidate.status})
        elif is_open:
            verdicts[candidate.pk] = (Reason.OPEN_REQUEST, is_open)
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
        client_key=None if batch.per_verification else client_digest(candidate.client_id),
        state=State.SKIPPED if verdict else State.DRAFT,
        reason=reason,
        reason_params=params,
    )


def _open_rows(**condition: Any) -> Iterable[Mapping[str, Any]]:
    rows: Iterable[Mapping[str, Any]] = InformationRequest.objects.filter(**condition).values(
        *("open_verification", "open_client", "open_verification__client_id", "expires_at"),
        *("batch__confirmed_by_name", "batch__confirmed_at"),
    )
    return rows


def _params_of_open(row: Mapping[str, Any]) -> dict[str, Any]:
    """As few different ones as readers can tell apart: thousands of rows that say the same are written at once."""
    asked_at, until = row["batch__confirmed_at"], row["expires_at"]
    return {
        "by": row["batch__confirmed_by_name"],
        "at": asked_at.isoformat() if asked_at else None,
        "until": until.replace(second=0, microsecond=0).isoformat() if until else None,
    }
