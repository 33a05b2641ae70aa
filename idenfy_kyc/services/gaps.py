"""When deliveries from iDenfy were missing: what was told then is not here, and iDenfy tells it again only if asked.

There are two kinds of gaps:

- **A silence**: none came for ``WEBHOOK_SILENCE``, and that was unusual. Quiet projects have days without one; so it
  must be ten times as long as the usual time between two, over the thirty before it. Without thirty before it nobody
  knows what is usual. That one follows a silence is noted as it comes, since nothing else finds it among a million;
  whether the silence was unusual is looked up when somebody wants to know.
- **A rejection**: deliveries that bore an event's name, and that no key of ours had signed. Less than a day apart they
  are one gap. Forgeries count too: nobody can tell.

Before the first delivery there is no gap: a project that has not begun to listen has nothing to miss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.utils import timezone

from ..api.deliveries import TEST_EVENT
from ..choices import State
from ..conf import get_settings
from ..models import InformationRequest, WebhookDelivery, WebhookRejection
from ..models.request import InformationRequestQuerySet

LOOK_BACK = timedelta(days=90)
USUAL_OVER = 30
"""Deliveries before a silence, by which it is judged."""
UNUSUAL = 10
"""Times the usual time between two."""
DAY = timedelta(days=1)
R = TypeVar("R", bound=Iterable[InformationRequest])


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which deliveries were missing. ``rejected``: how many, if that is known; ``lasts``: it is not over."""

    since: datetime
    until: datetime
    rejected: int = 0
    lasts: bool = False

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether some of it lies between these two."""
        return self.since <= end and self.until >= start


@dataclass(frozen=True, slots=True)
class Standing:
    """How well iDenfy is heard: when a delivery was last accepted (None: never), and the gaps, newest first."""

    last_at: datetime | None
    gaps: list[Gap]

    @property
    def lasting(self) -> list[Gap]:
        """Those that are not over."""
        return [gap for gap in self.gaps if gap.lasts]

    @property
    def over(self) -> list[Gap]:
        """Those that are."""
        return [gap for gap in self.gaps if not gap.lasts]


def standing(now: datetime | None = None) -> Standing:
    """How well iDenfy is heard, and was in the last 90 days; a few queries, however many deliveries there are."""
    now = now or timezone.now()
    last_at = _last_at()
    found = _gaps(now - LOOK_BACK, now, last_at)
    return Standing(last_at, sorted(found, key=lambda gap: gap.since, reverse=True))


def mark_missed(rows: R) -> R:
    """Note on those of ``rows`` that ended without an answer whether deliveries were missing while their links worked.

    A few queries for all of them; none if there are no such. Returns ``rows``.
    """
    lives = [(row, row.sent_at, row.expires_at) for row in rows if row.shown_state is State.EXPIRED]
    found = _gaps_of((sent, end) for _row, sent, end in lives)
    for row, sent, end in lives:
        row.deliveries_were_missing = _touch(found, sent, end)
    return rows


def count_missed(rows: InformationRequestQuerySet) -> int:
    """How many of ``rows`` ended without an answer, and deliveries were missing while their links worked."""
    lives = list(rows.shown_as([State.EXPIRED]).order_by().values_list("sent_at", "expires_at"))
    found = _gaps_of(lives)
    return sum(_touch(found, sent, end) for sent, end in lives)


def follows_silence(now: datetime) -> Combinable | bool:
    """Whether a delivery that comes ``now`` ends a silence: for the INSERT to find out, which costs no query."""
    shortest = get_settings().WEBHOOK_SILENCE
    return False if shortest is None else ~Exists(_of_idenfy().filter(received_at__gt=now - shortest))


def _touch(gaps: list[Gap], start: datetime | None, end: datetime | None) -> bool:
    return start is not None and end is not None and any(gap.touches(start, end) for gap in gaps)


def _gaps_of(lives: Iterable[tuple[datetime | None, datetime | None]]) -> list[Gap]:
    """All that may touch one of ``lives``, which go from one moment to another."""
    starts = [start for start, _end in lives if start is not None]
    return list(_gaps(min(starts), timezone.now(), _last_at())) if starts else []


def _gaps(since: datetime, now: datetime, last_at: datetime | None) -> Iterator[Gap]:
    yield from _silences(since)
    if last_at is not None and _is_unusual(last_at, now, _usual_before(last_at)):
        yield Gap(last_at, now, lasts=True)
    yield from _rejections(since, last_at)


def _of_idenfy() -> QuerySet[WebhookDelivery]:
    """Without our own tests, which prove nothing of iDenfy."""
    return WebhookDelivery.objects.exclude(event_type=TEST_EVENT)


def _last_at() -> datetime | None:
    return _of_idenfy().order_by("-received_at").values_list("received_at", flat=True).first()


def _usual_before(moment: datetime) -> datetime | None:
    """When the first of the thirty up to ``moment`` had come; None if there are fewer."""
    before = _of_idenfy().filter(received_at__lte=moment).order_by("-received_at").values_list("received_at", flat=True)
    return next(iter(before[USUAL_OVER : USUAL_OVER + 1]), None)


def _silences(since: datetime) -> Iterator[Gap]:
    """Those that ended after ``since``."""
    before = _of_idenfy().filter(received_at__lt=OuterRef("received_at")).order_by("-received_at").values("received_at")
    ended = _of_idenfy().filter(after_silence=True, received_at__gte=since)
    found = ended.annotate(last=Subquery(before[:1]), first=Subquery(before[USUAL_OVER : USUAL_OVER + 1]))
    for last, until, first in found.order_by("received_at").values_list("last", "received_at", "first"):
        if _is_unusual(last, until, first):
            yield Gap(last, until)


def _is_unusual(last: datetime, until: datetime, first_of_usual: datetime | None) -> bool:
    """Whether a silence between two moments is a gap."""
    shortest = get_settings().WEBHOOK_SILENCE
    if shortest is None or first_of_usual is None:
        return False
    return until - last > max(shortest, (last - first_of_usual) / USUAL_OVER * UNUSUAL)


def _rejections(since: datetime, last_at: datetime | None) -> Iterator[Gap]:
    """Hours with rejections, joined. The newest is not over until a delivery is accepted again."""
    hours = WebhookRejection.objects.filter(named__gt=0, last_at__gte=since).order_by("hour")
    joined: list[Gap] = []
    for hour in (Gap(*values) for values in hours.values_list("first_at", "last_at", "named")):
        if joined and hour.since - joined[-1].until < DAY:
            joined[-1] = replace(joined[-1], until=hour.until, rejected=joined[-1].rejected + hour.rejected)
        else:
            joined.append(hour)
    for gap in joined:
        yield replace(gap, lasts=gap is joined[-1] and (last_at is None or last_at < gap.until))
