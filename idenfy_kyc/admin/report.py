"""The page of a batch when all is done: what became of each client, and the one sensible next step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, F, Max, Min, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..choices import ENDS_BY_CLOCK, State
from ..models import RequestBatch
from ..models.request import InformationRequestQuerySet
from ..services import Progress
from ..wording import moment_text, reason_text, said_text
from .numbers import number
from .rows import Section, page_of

if TYPE_CHECKING:
    from .batches import RequestBatchAdmin

ORDER = (
    State.ISSUED,
    State.COMPLETED,
    State.UNKNOWN,
    State.REFUSED,
    State.QUEUED,
    State.SENDING,
    State.EXPIRED,
    State.CANCELLED,
    State.SKIPPED,
)
"""As a reader needs them: the links first, then what needs a decision."""
REASONS_SHOWN = 20
"""iDenfy's words may name the client: a group for each of thousands would help nobody."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the report: so many clients, in one state, for these reasons."""

    state: State
    count: str
    meaning: str
    next_step: str = ""
    reasons: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    """What the database says of one state."""

    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_end: datetime | None = None
    last_end: datetime | None = None


def outcomes(batch: RequestBatch, now: datetime) -> tuple[list[Outcome], datetime | None]:
    """The lines of the report, and when the last outcome came; two queries, however large the batch is."""
    over = When(state__in=ENDS_BY_CLOCK, expires_at__lte=now, then=Value(State.EXPIRED.value))
    rows = batch.requests.order_by().annotate(shown=Case(over, default=F("state"))).values("shown", "reason")
    found: dict[State, _Found] = {}
    last: datetime | None = None
    for row in rows.annotate(
        count=Count("pk"), first_end=Min("expires_at"), last_end=Max("expires_at"), last=Max("outcome_at")
    ):
        seen = found.setdefault(State(row["shown"]), _Found())
        seen.count += row["count"]
        seen.reasons[row["reason"]] += row["count"]
        seen.first_end = min(filter(None, (seen.first_end, row["first_end"])), default=None)
        seen.last_end = max(filter(None, (seen.last_end, row["last_end"])), default=None)
        last = max(filter(None, (last, row["last"])), default=None)
    return [_outcome(batch, state, found[state], now) for state in ORDER if state in found], last


def _outcome(batch: RequestBatch, state: State, seen: _Found, now: datetime) -> Outcome:
    meaning, next_step = _meaning(state, seen, now)
    if state is State.REFUSED:
        reasons = _refusals(batch, seen.count)
    elif state in {State.UNKNOWN, State.SKIPPED, State.CANCELLED}:
        reasons = [_with_count(reason_text(code, {}), count) for code, count in seen.reasons.most_common() if code]
    else:
        reasons = []
    return Outcome(state, number(seen.count), meaning, next_step, reasons)


def _refusals(batch: RequestBatch, count: int) -> list[str]:
    said = batch.rows_in(State.REFUSED).order_by().values("identifier", "message", "status_code")
    grouped = list(said.annotate(count=Count("pk")).order_by("-count", "message", "identifier")[:REASONS_SHOWN])
    rest = count - sum(group["count"] for group in grouped)
    shown = [_with_count(said_text(group) or _("without a word"), group["count"]) for group in grouped]
    return [*shown, _with_count(_("other words"), rest)] if rest > 0 else shown


def _with_count(text: str, count: int) -> str:
    return _("%(text)s: %(count)s") % {"text": text, "count": number(count)}


def _meaning(state: State, seen: _Found, now: datetime) -> tuple[str, str]:
    """What a state means for its clients, and what can be done."""
    until = moment_text(seen.last_end, now) if seen.last_end else ""
    meanings = {
        State.ISSUED: (_works_until(seen, now), _("Show, copy or download the links, and send them to your clients.")),
        State.COMPLETED: (_("The client answered."), ""),
        State.UNKNOWN: (
            _(
                "iDenfy did not answer in time. These clients may have been asked, but nobody has the link. A new "
                "request may be refused until %(time)s."
            )
            % {"time": until},
            _("Look at them one by one; withdraw what you want to ask again."),
        ),
        State.REFUSED: (_("Nothing was issued."), _("Read iDenfy’s words, settle the reason, then ask again.")),
        State.QUEUED: (_("Nothing was sent yet."), _("Continue, or withdraw them.")),
        State.SENDING: (_("The answer is still to come."), ""),
        State.EXPIRED: (_("The time is over; the link works no more."), _("Ask them again.")),
        State.CANCELLED: (_("The link does not work any more, or nobody was asked."), ""),
        State.SKIPPED: (_("Left out before anything was sent."), ""),
    }
    return meanings[state]


def _works_until(seen: _Found, now: datetime) -> str:
    first, last = seen.first_end, seen.last_end
    if first is None or last is None:
        return ""
    texts = moment_text(first, now), moment_text(last, now)
    if texts[0] == texts[1]:
        return ngettext("The link works until %(time)s.", "The links work until %(time)s.", seen.count) % {
            "time": texts[0]
        }
    return _("The first link ends on %(first)s, the last on %(last)s.") % {"first": texts[0], "last": texts[1]}


def headline(seen: Progress, last: datetime | None, now: datetime) -> dict[str, str]:
    """“Done at 14:07. Of 764 clients 741 have a link, 19 were refused, 4 are uncertain.”"""
    refused, uncertain = seen.counts.get(State.REFUSED, 0), seen.counts.get(State.UNKNOWN, 0)
    parts = []
    if refused:
        parts.append(ngettext("%(count)s was refused", "%(count)s were refused", refused) % {"count": number(refused)})
    if uncertain:
        parts.append(
            ngettext("%(count)s is uncertain", "%(count)s are uncertain", uncertain) % {"count": number(uncertain)}
        )
    now_working = seen.counts.get(State.ISSUED, 0)
    if now_working == seen.links:
        links = ngettext("%(count)s has a link", "%(count)s have a link", seen.links)
    else:
        links = ngettext("%(count)s got a link", "%(count)s got a link", seen.links)
    return {
        "done": _("Done at %(time)s.") % {"time": moment_text(last, now)} if last else _("Done."),
        "of": ngettext("Of %(count)s client", "Of %(count)s clients", seen.total) % {"count": number(seen.total)},
        "links": links % {"count": number(seen.links)},
        "others": "".join(f", {part}" for part in parts) + ".",
    }


def summary(
    model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, seen: Progress
) -> dict[str, Any]:
    """The outcomes and rows, and what may be done with them; also for a batch that has stopped half-way."""
    now = timezone.now()
    show = request.GET.get("show", "")
    lines, last = outcomes(batch, now)
    working = seen.counts.get(State.ISSUED, 0)
    withdrawable = sum(seen.counts.get(state, 0) for state in (State.QUEUED, State.ISSUED, State.UNKNOWN))
    return {
        "headline": headline(seen, last, now),
        "outcomes_found": lines,
        "show": show,
        "sections": _sections(lines, show, seen),
        "rows": page_of(request, _rows(batch, show, now)),
        "download": _("Download links (%(count)s)") % {"count": number(working)}
        if working and model_admin.may_reveal(request)
        else "",
        "withdraw": bool(withdrawable) and model_admin.may_ask(request),
        "now": now,
    }


def _sections(lines: list[Outcome], show: str, seen: Progress) -> list[Section]:
    everybody = Section("", _("All"), number(seen.total + seen.skipped), not show)
    others = [Section(line.state.value, str(line.state.label), line.count, line.state == show) for line in lines]
    return [everybody, *others]


def _rows(batch: RequestBatch, show: str, now: datetime) -> InformationRequestQuerySet:
    rows = batch.requests.all()
    if show in State.values:
        rows = rows.shown_as([State(show)], now)
    over = When(state__in=ENDS_BY_CLOCK, expires_at__lte=now, then=Value(ORDER.index(State.EXPIRED)))
    place = Case(over, *(When(state=state, then=Value(place)) for place, state in enumerate(ORDER)), default=len(ORDER))
    return rows.select_related("verification").defer("session_url", "token").order_by(place, "pk")


def view(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, seen: Progress) -> HttpResponse:
    """The report."""
    context = summary(model_admin, request, batch, seen)
    return model_admin.render_page(request, batch, "report", title=batch.note, **context)
