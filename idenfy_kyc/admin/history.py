"""What happened, newest first, in words: of a request, a verification, or a batch. It is what an auditor gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Max, Q, QuerySet, TextField
from django.db.models.functions import Cast, TruncMinute
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import dates, wording
from ..choices import EventKind
from ..models import InformationRequest, RequestBatch, RequestEvent, Verification
from .drawing import batch_name, link_html

LINES_PER_PAGE = 50
CONFIRMING = (EventKind.CONFIRMED, EventKind.NOT_ALLOWED)
LINES_TO_PRINT = 2000
"""On one page, for whoever asks for everything: some fifty sheets of paper."""
ALL = "all"
"""What stands in the address, in place of a page's number, for everything; ``all-2`` is what did not fit."""
STEERING = (EventKind.PAUSED, EventKind.CONTINUED)
ACTS_ON_MANY = (
    *(EventKind.LEFT_OUT, EventKind.TAKEN_BACK, EventKind.NOT_ASKED, EventKind.ASKED_AGAIN),
    *(EventKind.REVEALED, EventKind.DOWNLOADED, EventKind.WITHDRAWN, EventKind.CANCELLED),
    *(EventKind.MARKED, EventKind.LOOKED_AT),
)
"""What people do with the clients of a batch, few or many at once. What became of each, the report counts."""
BY_CLIENT = frozenset({EventKind.OPENED, EventKind.ANSWERED, EventKind.ANSWERED_ELSEWHERE})
BY_IDENFY = frozenset(
    {
        EventKind.ISSUED,
        EventKind.REFUSED,
        EventKind.LATE_LINK,
        EventKind.TOLD,
        EventKind.TOLD_AGAIN,
        EventKind.CONTRADICTED,
        EventKind.DOCUMENT_EXPIRES,
        EventKind.REVIEWED,
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the history. ``who`` is empty when nobody acted: the clock did, or the sender.

    ``batch`` is empty where iDenfy told something of a verification that was no answer to a request of ours.
    """

    when: str
    what: str
    who: str
    batch: SafeString


@dataclass(frozen=True, slots=True)
class History:
    """One page of it, or all; where the others are, and which lines these are. Empty where there is nothing to say."""

    lines: list[Line]
    newer: str = ""
    older: str = ""
    everything: str = ""
    extent: str = ""
    is_to_print: bool = False


UrlOf = Callable[[RequestEvent], str]


def history_of_request(request: InformationRequest, *, page: str, batch_url: UrlOf) -> History:
    """Its own lines, and those of its batch while it waited: who confirmed it, and what held it up."""
    of_batch = Q(request=None, batch=request.batch_id)
    waited_until = request.outcome_at or request.ended_at or timezone.now()
    held_up = of_batch & Q(kind__in=STEERING, at__lte=waited_until)
    return _history(Q(request=request.pk) | of_batch & Q(kind__in=CONFIRMING) | held_up, page, batch_url)


def history_of_verification(
    verification: Verification, requests: QuerySet[InformationRequest], *, page: str, batch_url: UrlOf
) -> History:
    """The lines of ``requests``, which are those that the reader may see, and of the batches they were part of.

    And what is said of the verification itself, which is no affair of any request: whoever sees it, sees that.
    """
    batches = set(
        requests.order_by().values_list("batch_id", flat=True)
    )  # few: asked for within, all lines would be read
    of_batches = Q(request=None, batch__in=batches, kind__in=[*CONFIRMING, *STEERING])
    own = Q(verification=verification.pk) & (Q(batch=None) | Q(batch__in=batches))
    return _history(own | of_batches, page, batch_url)


def history_of_batch(batch: RequestBatch, requests: QuerySet[InformationRequest], *, page: str) -> History:
    """Who planned, confirmed, stopped and continued it, and what people did with ``requests``, those that one sees.

    What somebody did within a minute, for the same reason, is one line, however many clients it was about.
    """
    of_clients = Q(kind__in=ACTS_ON_MANY, request__in=requests.order_by().values("pk"))
    acts = (
        RequestEvent.objects.filter(Q(request=None) | of_clients, batch=batch)
        .values("kind", "actor_name", minute=TruncMinute("at", tzinfo=UTC), said=Cast("params", TextField()))
        .annotate(last=Max("pk"), clients=Count("request", distinct=True))
        .order_by("-last")
    )
    return _pages(acts, page, _lines_of_acts)


def _history(which: Q, page: str, batch_url: UrlOf) -> History:
    events = RequestEvent.objects.filter(which).select_related("batch").order_by("-at", "-pk")
    return _pages(events, page, lambda found: [_line(event, batch_url) for event in found])


def _pages(found: QuerySet[Any, Any], page: str, drawn: Callable[[Iterable[Any]], list[Line]]) -> History:
    is_to_print = page.startswith(ALL)
    number = page.removeprefix(ALL).removeprefix("-") or "1"
    shown = Paginator(found, LINES_TO_PRINT if is_to_print else LINES_PER_PAGE).get_page(number)
    lines = drawn(shown.object_list)
    if not is_to_print and not shown.has_other_pages():
        return History(lines)
    prefix = f"{ALL}-" if is_to_print else ""
    return History(
        lines,
        newer=_address(f"{prefix}{shown.previous_page_number()}") if shown.has_previous() else "",
        older=_address(f"{prefix}{shown.next_page_number()}") if shown.has_next() else "",
        everything="" if is_to_print else _address(ALL),
        extent=_extent(shown),
        is_to_print=is_to_print,
    )


def _line(event: RequestEvent, batch_url: UrlOf) -> Line:
    return Line(
        when=dates.record_text(event.at),
        what=wording.event_text(event),
        who=_who(event),
        batch=link_html(batch_url(event), batch_name(event.batch)) if event.batch else SafeString(),
    )


def _lines_of_acts(acts: Iterable[dict[str, Any]]) -> list[Line]:
    """Each act by the last of its lines, and how many clients it was about."""
    clients = {act["last"]: act["clients"] for act in acts}
    events = RequestEvent.objects.in_bulk(list(clients))
    return [_act(events[key], count) for key, count in clients.items()]


def _act(event: RequestEvent, clients: int) -> Line:
    what = wording.event_text(event)
    if event.kind == EventKind.NOT_ASKED and not clients:  # one line for all of them
        clients = event.params["clients"]
    if clients:
        text = ngettext("%(what)s (%(count)s client)", "%(what)s (%(count)s clients)", clients)
        what = text % {"what": what, "count": dates.number_text(clients)}
    return Line(dates.record_text(event.at), what, _who(event), SafeString())


def _who(event: RequestEvent) -> str:
    if event.kind in BY_CLIENT:
        return _("The client")
    return _("iDenfy") if event.kind in BY_IDENFY else event.actor_name


def _address(page: str) -> str:
    return f"?history={page}#ik-history"


def _extent(shown: Page[RequestEvent]) -> str:
    return _("Lines %(first)s to %(last)s of %(count)s.") % {
        "first": dates.number_text(shown.start_index()),
        "last": dates.number_text(shown.end_index()),
        "count": dates.number_text(shown.paginator.count),
    }
