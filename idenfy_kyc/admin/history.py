"""What happened, newest first, in words: of one request, or of one verification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString

from .. import wording
from ..choices import EventKind
from ..models import InformationRequest, RequestEvent, Verification
from .base import batch_name, link_html

LINES_PER_PAGE = 50
CONFIRMING = (EventKind.CONFIRMED, EventKind.NOT_ALLOWED)
STEERING = (EventKind.PAUSED, EventKind.CONTINUED)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the history. ``who`` is empty when nobody acted: the clock did, or the sender."""

    when: str
    what: str
    who: str
    batch: SafeString


@dataclass(frozen=True, slots=True)
class History:
    """One page of it."""

    lines: list[Line]
    page: Page[RequestEvent]


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
    """The lines of ``requests``, which are those that the reader may see, and of the batches they were part of."""
    batches = requests.order_by().values("batch_id")
    of_batches = Q(request=None, batch__in=batches, kind__in=[*CONFIRMING, *STEERING])
    return _history(Q(verification=verification.pk, batch__in=batches) | of_batches, page, batch_url)


def _history(which: Q, page: str, batch_url: UrlOf) -> History:
    events = RequestEvent.objects.filter(which).select_related("batch").order_by("-at", "-pk")
    shown = Paginator(events, LINES_PER_PAGE).get_page(page)
    lines = [
        Line(
            when=wording.stamp_text(event.at),
            what=wording.event_text(event),
            who=event.actor_name,
            batch=link_html(batch_url(event), batch_name(event.batch)),
        )
        for event in shown.object_list
    ]
    return History(lines, shown)
