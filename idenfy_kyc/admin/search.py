"""What a search box finds: the same in the lists of verifications and of requests, and on the page of a batch.

IDs come first, because they have indexes; a million names have to be read one by one. So a step is only taken when the
one before it found nothing, and IDs and names never stand in one OR, which would read everything for every search.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import and_, or_
from typing import TypeVar

from django.db import connections
from django.db.models import Model, Q, QuerySet

from ..folding import words_of
from ..models.request import InformationRequestQuerySet
from ..models.verification import erased_digests
from .seen import our_rows

M = TypeVar("M", bound=Model)

LONGEST = 200
"""Characters of a search that are looked at: as many as a name may have."""
BEGINS_WITH = {
    "mysql": {"istartswith": ""},  # for a startswith it compares the bytes of every row
    "sqlite": {"gte": "", "lt": "\U0010ffff"},  # for any LIKE it reads every row
}
"""How an index is asked for a beginning where ``startswith`` asks none: lookups, and what they are given after it."""


def first_found(rows: QuerySet[M], conditions: Iterable[Q]) -> QuerySet[M]:
    """Those of ``rows`` that meet the first of these conditions that any of them meets."""
    *earlier, last = conditions
    for condition in earlier:
        found = rows.filter(condition)
        if found.exists():
            return found
    return rows.filter(last)


def clients_found(requests: InformationRequestQuerySet, words: str) -> InformationRequestQuerySet:
    """Those of ``requests`` whose clients are meant by ``words``; all of them without a word."""
    return our_rows(first_found(requests, by_client(requests, words, "verification__"))) if words else requests


def by_client(rows: QuerySet[M], term: str, path: str = "") -> list[Q]:
    """What to try for a client, in this order: the ID as it is, its beginning, the ID that was erased, the name.

    ``path`` leads from a row to its verification, such as ``verification__``.
    """
    vendor = connections[rows.db].vendor
    term = term[:LONGEST]
    typed = sorted({term, term.lower(), term.upper()})  # an index takes capitals as they are
    columns = [f"{path}scan_ref", f"{path}client_id"]
    return [
        _any(Q(**{f"{column}__in": typed}) for column in columns),
        _any(_begins_with(column, start, vendor) for column in columns for start in typed),
        Q(**{f"{path}erased_client__in": erased_digests(term)}),
        has_words(f"{path}name_folded", term),
    ]


def has_words(column: str, term: str) -> Q:
    """A folded column with every word of ``term`` in it, in any order and spelling; nothing if there is no word."""
    words = words_of(term)
    if not words:
        return Q(pk__in=[])
    return reduce(and_, (_any(Q(**{f"{column}__contains": word}) for word in sorted(spellings)) for spellings in words))


def _begins_with(column: str, start: str, vendor: str) -> Q:
    lookups = BEGINS_WITH.get(vendor, {"startswith": ""})
    return Q(**{f"{column}__{lookup}": start + end for lookup, end in lookups.items()})


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions)
