"""What stands in the way of asking: open requests of the same client, and what happened since a plan was made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q

from ..choices import State
from ..models import InformationRequest, client_digest
from . import database


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """One open request, with what is to be said of it as the parameters of ``OPEN_REQUEST``."""

    pk: int
    state: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpenRequests:
    """The open requests by verification, and by client digest: after *once for each verification* a client has many."""

    by_verification: dict[int, OpenRequest]
    by_client: dict[str, dict[int, OpenRequest]]

    def in_the_way(self, verification: int, client_key: str | None, *, follows: int | None) -> dict[str, Any] | None:
        """Of the request that keeps a verification from being asked: its parameters, or None if there is none.

        Whoever is asked again after an uncertain request is not kept by that one, which is given up for it; by any
        other he is. Once its link has come it is not uncertain any more, and nobody may take it from the client.
        """
        own = self.by_verification.get(verification)
        for one in (*filter(None, [own]), *self.by_client.get(client_key or "", {}).values()):
            if one.pk != follows or one.state != State.UNKNOWN:
                return one.params
        return None


def has_open_request() -> Q:
    """Which rows of a plan cannot be asked as of now, since their client has an open request: for a queryset.

    What :func:`open_requests` looks up, as a question to the database, for pages that only read. It leaves aside the
    uncertain request that a row was planned to follow, which is given up when the plan is confirmed.
    """
    others = InformationRequest.objects.order_by().open_now().exclude(state=State.UNKNOWN, asked_again=OuterRef("pk"))
    clients = others.exclude(open_verification__client_id="")
    of_client = Q(Exists(others.filter(open_client=OuterRef("client_key")))) | Q(
        Exists(clients.filter(open_verification__client_id=OuterRef("verification__client_id")))
    )
    of_verification = Q(Exists(others.filter(open_verification=OuterRef("verification"))))
    return of_verification | Q(batch__per_verification=False) & of_client


def open_requests(rows: Iterable[tuple[int, str]]) -> OpenRequests:
    """The open requests of these verifications and of their clients: ``rows`` are pairs of primary key and client ID.

    An empty client ID is nobody's. Asked by the two unique columns and by whose verification it is *now*, since an
    ID can be corrected and a plan can have asked once for each verification; portion by portion, since an OR over them
    would use no index. Nothing more is asked about the client of a verification that has a request of its own.
    """
    found, clients = OpenRequests({}, {}), dict(rows)
    seen: dict[int, OpenRequest] = {}  # most are found in more than one way

    def one_of(row: Mapping[str, Any]) -> OpenRequest:
        return seen.get(row["pk"]) or seen.setdefault(row["pk"], _open_request(row))

    for row in _open_rows("open_verification", clients):
        found.by_verification[row["open_verification"]] = one_of(row)
    settled = {key for key, one in found.by_verification.items() if one.state != State.UNKNOWN}
    others = {client_id for key, client_id in clients.items() if client_id and key not in settled}
    for row in _open_rows("open_client", map(client_digest, others)):
        found.by_client.setdefault(row["open_client"], {})[row["pk"]] = one_of(row)
    for row in _open_rows("open_verification__client_id", others):
        key = client_digest(row["open_verification__client_id"]) or ""
        found.by_client.setdefault(key, {})[row["pk"]] = one_of(row)
    return found


def overtaken(followed: Iterable[int]) -> set[int]:
    """Of requests that a plan would ask again after, by primary key, those that were asked again already.

    By whichever plan, so that only the last of a chain can be asked again.
    """
    return {
        key
        for portion in database.portions(followed)
        for key in InformationRequest.objects.filter(pk__in=portion).asked_again_since().values_list("pk", flat=True)
    }


def answered(verifications: Iterable[int], *, since: datetime) -> tuple[set[int], set[str | None]]:
    """Which of these verifications have had an answer ``since`` a plan was made; and which clients, by digest.

    Whoever made the plan did not know of it, and whoever asked for the answer got it: he is not asked once more.
    """
    found: dict[int, str] = {}
    for portion in database.portions(verifications):
        rows = InformationRequest.objects.filter(verification__in=portion, state=State.COMPLETED, ended_at__gt=since)
        found.update(rows.values_list("verification_id", "verification__client_id"))
    return set(found), set(map(client_digest, found.values())) - {None}


def _open_rows(column: str, values: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for portion in database.portions(values):
        yield from InformationRequest.objects.filter(**{f"{column}__in": portion}).values(
            *("pk", "state", "open_verification", "open_client", "open_verification__client_id", "expires_at"),
            *("batch__confirmed_by_name", "batch__confirmed_at"),
        )


def _open_request(row: Mapping[str, Any]) -> OpenRequest:
    """With as few different parameters as readers can tell apart: thousands of rows that say the same are written at
    once."""
    asked_at, until = row["batch__confirmed_at"], row["expires_at"]
    params = {
        "by": row["batch__confirmed_by_name"],
        "at": asked_at.isoformat() if asked_at else None,
        "until": until.replace(second=0, microsecond=0).isoformat() if until else None,
    }
    return OpenRequest(row["pk"], row["state"], params)
