"""What the list of verifications knows of requests, in expressions that the database answers row by row.

A state is that of one verification's request. *Whether* and *when* somebody was asked is said of the client: whoever
was asked last week through another of his verifications is not one who was never asked. A verification without a
client ID stands for itself.

Each is a few look-ups in indexes for a row, however many rows there are and whichever of them the database begins with:
``tests/admin/test_asked.py`` asks SQLite for its plan.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import DateTimeField, Exists, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.db.models.lookups import IsNull
from django.http import HttpRequest

from ..choices import State
from ..models import InformationRequest, Verification
from ..models.request import InformationRequestQuerySet
from .seen import our_rows, rows_seen_by


def requests_seen_by(site: admin.AdminSite, request: HttpRequest) -> InformationRequestQuerySet:
    """What this user sees of the requests that somebody made of a client, sent or not."""
    return our_rows(rows_seen_by(site, request, InformationRequest)).made()


def newest_of(requests: InformationRequestQuerySet) -> Coalesce:
    """The key of a verification's request that the list shows: the open one, or else the newest.

    Two look-ups in an index for each verification, however many requests it has.
    """
    of_this = requests.filter(verification=OuterRef("pk")).order_by("-pk").values("pk")
    return Coalesce(Subquery(requests.filter(open_verification=OuterRef("pk")).values("pk")), Subquery(of_this[:1]))


def in_state(requests: InformationRequestQuerySet, state: State) -> Q:
    """Of a verification, that the request which the list shows is in ``state`` to anybody who looks now.

    Joined to its ``requests``, and so for *one* call of ``filter()``; no verification comes twice. The state as it is
    stored stands beside the question that says the same: by the index it leads from one verification to the next, and
    all else is looked up for each, where a database would guess wrong how many there are, and read all of them.
    """
    this = is_one_of(requests.shown_as([state]), "requests") & Q(requests__state=state)
    if state.is_open:
        return this
    later = requests.filter(verification=OuterRef("pk"), pk__gt=OuterRef("requests__pk"))
    still_open = requests.filter(open_verification=OuterRef("pk"))
    return this & _none(later) & _none(still_open)


def ended_as(requests: InformationRequestQuerySet, state: State) -> Q:
    """The same, looked up for one verification after the other: for a state that is not always written down."""
    later = requests.filter(verification=OuterRef("verification"), pk__gt=OuterRef("pk"))
    still_open = requests.filter(open_verification=OuterRef("verification"))
    newest = Q(open_verification__isnull=False) | (~Exists(later) & ~Exists(still_open))
    return ~_none(requests.shown_as([state]).filter(newest, verification=OuterRef("pk")))


def is_one_of(requests: InformationRequestQuerySet, relation: str) -> Q:
    """Whether the request to which ``relation`` leads is one of these."""
    return ~_none(requests.filter(pk=OuterRef(f"{relation}__pk")))


def any_of(requests: InformationRequestQuerySet, of: str) -> Subquery:
    """The key of any of these requests whose column ``of`` is the row's key; NULL without one.

    For a list that is read row by row until it is long enough. Asked with ``Exists``, a database may join all that
    there is instead, which takes seconds.
    """
    return Subquery(requests.filter(**{of: OuterRef("pk")}).order_by().values("pk")[:1])


def any_of_client(requests: InformationRequestQuerySet) -> Coalesce:
    """The key of any request of a verification's client; NULL if he was never asked."""
    return Coalesce(any_of(requests, "verification"), Subquery(_of_client(requests).values("pk")[:1]))


def sent_to_client(requests: InformationRequestQuerySet, **when: Any) -> Coalesce:
    """The key of any request that was sent to a verification's client ``when``; NULL if none was."""
    return any_of_client(requests.filter(sent_at__isnull=False, **when))


def last_sent_of(requests: InformationRequestQuerySet) -> Coalesce:
    """When a verification's client was last asked. ``Coalesce`` is NULL for whoever sees no requests, where a bare
    subquery would empty the list that is sorted by it.

    The greatest, and not the first in descending order: that would tempt a database to walk along the moments of all
    requests until it meets one of this client's.
    """
    sent = requests.filter(sent_at__isnull=False)
    of_client, of_this = _of_client(sent), sent.filter(verification=OuterRef("pk")).order_by()
    grouped = (of_client.values("verification__client_id"), of_this.values("verification"))
    latest = (Subquery(rows.annotate(last=Max("sent_at")).values("last")) for rows in grouped)
    return Coalesce(*latest, output_field=DateTimeField())


def verified_again(verifications: QuerySet[Verification]) -> Subquery:
    """The key of a later verification of the same client; NULL for whoever has none, and without a client ID."""
    later = verifications.filter(_same_client("client_id"), verified_at__gt=OuterRef("verified_at"))
    return Subquery(later.order_by().values("pk")[:1])


def _none(requests: InformationRequestQuerySet) -> Q:
    """Whether there is none of these. Asked of a subquery, since ``Exists`` may be made a join of everything."""
    return Q(IsNull(Subquery(requests.order_by().values("pk")[:1]), True))


def _of_client(requests: InformationRequestQuerySet) -> InformationRequestQuerySet:
    """Those of the row's client."""
    return requests.filter(_same_client("verification__client_id")).order_by()


def _same_client(column: str) -> Q:
    """Whether ``column`` is the row's client ID, by the index; nobody's without an ID, or all of these would be one.

    To begin with it says nothing more, but for MariaDB: its ``=`` takes ``c-1`` for ``C-1``.
    """
    return Q(**{column: NullIf(OuterRef("client_id"), Value(""))}) & Q(
        **{f"{column}__startswith": OuterRef("client_id")}
    )
