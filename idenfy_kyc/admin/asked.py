"""What the list of verifications knows of requests, in expressions that the database answers row by row.

A state is that of one verification's request. *Whether* and *when* somebody was asked is said of the client: whoever
was asked last week through another of his verifications is not one who was never asked. A verification without a
client ID stands for itself.

Each is a few look-ups in indexes for a row, however many rows there are and whichever of them the database begins with:
``tests/admin/test_asked.py`` asks SQLite for its plan.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import DateTimeField, Exists, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.http import HttpRequest

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


def is_newest(requests: InformationRequestQuerySet) -> Q:
    """Whether a request is the one that :func:`newest_of` finds for its verification."""
    of_this = requests.filter(verification=OuterRef("verification"), pk__gt=OuterRef("pk"))
    still_open = requests.filter(open_verification=OuterRef("verification"))
    return Q(open_verification__isnull=False) | (~Exists(of_this) & ~Exists(still_open))


def any_of(requests: InformationRequestQuerySet, of: str) -> Subquery:
    """The key of any of these requests whose column ``of`` is the row's key; NULL without one.

    For a list that is read row by row until it is long enough. Asked with ``Exists``, a database may join all that
    there is instead, which takes seconds.
    """
    return Subquery(requests.filter(**{of: OuterRef("pk")}).order_by().values("pk")[:1])


def any_of_client(requests: InformationRequestQuerySet) -> Coalesce:
    """The key of any request of a verification's client; NULL if he was never asked."""
    return Coalesce(any_of(requests, "verification"), Subquery(_of_client(requests).values("pk")[:1]))


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
