"""The page of a batch when all is done: what became of each client, and the one sensible next step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, F, Max, Min, Q, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..choices import ENDS_BY_CLOCK, State
from ..missed import missed_texts
from ..models import InformationRequest, RequestBatch
from ..models.request import InformationRequestQuerySet
from ..services import Progress, count_missed
from ..services.ending import WITHDRAWABLE
from ..wording import moment_text, number_text, reason_text, said_text
from .again import OF_A_BATCH, still_held_text
from .base import may_ask, may_reveal
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
MARKED_TOGETHER = (State.ISSUED, State.UNKNOWN, State.EXPIRED)
"""The outcomes of a batch that can be marked as answered as a whole."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the report: so many clients, in one state, for these reasons."""

    state: State
    count: int
    meaning: str
    next_step: str = ""
    warning: str = ""
    reasons: list[str] = field(default_factory=list)
    asked_again: int = 0
    """How many of them a later request follows."""
    no_address: int = 0
    """How many of them have no link that could be given."""

    @property
    def count_text(self) -> str:
        """The number for people."""
        return number_text(self.count)

    @property
    def mark_text(self) -> str:
        """The button that marks them all, with their number: whoever presses it means a whole group."""
        if self.count == 1:
            return _("Mark it as answered…")
        return _("Mark all %(count)s as answered…") % {"count": self.count_text}


@dataclass(slots=True)
class _Found:
    """What the database says of one state."""

    count: int = 0
    asked_again: int = 0
    no_address: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_end: datetime | None = None
    last_end: datetime | None = None


def _over(now: datetime, then: Any) -> When:
    """For those whose time is over, whether or not anybody has written it down."""
    return When(state__in=ENDS_BY_CLOCK, expires_at__lte=now, then=Value(then))


def outcomes(rows: InformationRequestQuerySet, now: datetime) -> list[Outcome]:
    """The lines of the report about ``rows``, those that the reader sees; a few queries, however many there are."""
    shown = Case(_over(now, State.EXPIRED.value), default=F("state"))
    found: dict[State, _Found] = {}
    for row in (
        rows.order_by()
        .annotate(shown=shown)
        .values("shown", "reason")
        .annotate(
            count=Count("pk"),
            no_address=Count("pk", filter=Q(session_url="")),
            first_end=Min("expires_at"),
            last_end=Max("expires_at"),
        )
    ):
        group = found.setdefault(State(row["shown"]), _Found())
        group.count += row["count"]
        group.no_address += row["no_address"]
        group.reasons[row["reason"]] += row["count"]
        group.first_end = min(filter(None, (group.first_end, row["first_end"])), default=None)
        group.last_end = max(filter(None, (group.last_end, row["last_end"])), default=None)
    again = rows.asked_again_since().order_by().annotate(shown=shown).values_list("shown").annotate(count=Count("pk"))
    counts = dict(again)  # a moment later: perhaps of a state that nobody was in before
    for state, group in found.items():
        group.asked_again = counts.get(state, 0)
    return [_outcome(rows, state, found[state], now) for state in ORDER if state in found]


def _outcome(rows: InformationRequestQuerySet, state: State, found: _Found, now: datetime) -> Outcome:
    meaning, next_step = _meaning(state, found, now)
    if state is State.REFUSED:
        reasons = _refusals(rows, found.count)
    elif state in {State.UNKNOWN, State.SKIPPED, State.CANCELLED, State.COMPLETED}:
        reasons = [_with_count(reason_text(code, {}), count) for code, count in found.reasons.most_common() if code]
    elif state is State.EXPIRED:
        reasons = missed_texts(count_missed(rows))
    else:
        reasons = [_no_address_text(found.no_address)] if state is State.ISSUED and found.no_address else []
    if found.asked_again:
        reasons.append(_with_count(_("Asked again since"), found.asked_again))
    warning = still_held_text(rows) if state is State.REFUSED else ""
    return Outcome(state, found.count, meaning, next_step, warning, reasons, found.asked_again, found.no_address)


def _no_address_text(count: int) -> str:
    text = ngettext(
        "%(count)s of them has no address: iDenfy sent only a token for mobile apps. There is no link to give.",
        "%(count)s of them have no address: iDenfy sent only tokens for mobile apps. There are no links to give.",
        count,
    )
    return text % {"count": number_text(count)}


def _refusals(rows: InformationRequestQuerySet, count: int) -> list[str]:
    said = rows.filter(state=State.REFUSED).order_by().values("identifier", "message", "status_code")
    grouped = list(said.annotate(count=Count("pk")).order_by("-count", "message", "identifier")[:REASONS_SHOWN])
    rest = count - sum(group["count"] for group in grouped)
    shown = [_with_count(said_text(group) or _("without a word"), group["count"]) for group in grouped]
    return [*shown, _with_count(_("other words"), rest)] if rest > 0 else shown


def _with_count(text: str, count: int) -> str:
    return _("%(text)s: %(count)s") % {"text": text, "count": number_text(count)}


def _meaning(state: State, found: _Found, now: datetime) -> tuple[str, str]:
    """What a state means for its clients, and what can be done."""
    until = moment_text(found.last_end, now) if found.last_end else ""
    meanings = {
        State.ISSUED: (_works_until(found, now), _("Show, copy or download the links, and send them to your clients.")),
        State.COMPLETED: (_("The client answered."), ""),
        State.UNKNOWN: (
            _(
                "iDenfy did not answer in time. These clients may have been asked, but nobody has the link. A new "
                "request may be refused until %(time)s."
            )
            % {"time": until},
            _(
                "Look in iDenfy’s dashboard whether the request is there. If it is, wait until %(time)s; if it is not, "
                "ask again."
            )
            % {"time": until},
        ),
        State.REFUSED: (_("Nothing was issued."), _("Read iDenfy’s words, settle the reason, then ask again.")),
        State.QUEUED: (_("Nothing was sent yet."), _("Continue, or withdraw them.")),
        State.SENDING: (_("The answer is still to come."), ""),
        State.EXPIRED: (_("The time is over; the link works no more."), ""),
        State.CANCELLED: (_("The link does not work any more, or nobody was asked."), ""),
        State.SKIPPED: (_("Not asked; nothing was sent."), ""),
    }
    return meanings[state]


def _works_until(found: _Found, now: datetime) -> str:
    first, last = found.first_end, found.last_end
    if first is None or last is None:
        return ""
    texts = moment_text(first, now), moment_text(last, now)
    if texts[0] == texts[1]:
        return ngettext("The link works until %(time)s.", "The links work until %(time)s.", found.count) % {
            "time": texts[0]
        }
    return _("The first link ends on %(first)s, the last on %(last)s.") % {"first": texts[0], "last": texts[1]}


def headline(batch: RequestBatch, standing: Progress, now: datetime) -> dict[str, str]:
    """The parts of “Done at 14:07. Of 764 clients 741 have a link, 19 were refused, 4 are uncertain.”"""
    last = batch.requests.aggregate(last=Max("outcome_at"))["last"]
    refused, uncertain = standing.counts.get(State.REFUSED, 0), standing.counts.get(State.UNKNOWN, 0)
    others = []
    if refused:
        text = ngettext("%(count)s was refused", "%(count)s were refused", refused)
        others.append(text % {"count": number_text(refused)})
    if uncertain:
        text = ngettext("%(count)s is uncertain", "%(count)s are uncertain", uncertain)
        others.append(text % {"count": number_text(uncertain)})
    if standing.counts.get(State.ISSUED, 0) == standing.links + standing.no_address:
        links = ngettext("%(count)s has a link", "%(count)s have a link", standing.links)
    else:
        links = ngettext("%(count)s got a link", "%(count)s got a link", standing.links)
    clients = ngettext("Of %(count)s client", "Of %(count)s clients", standing.total)
    return {
        "done": _("Done at %(time)s.") % {"time": moment_text(last, now)} if last else _("Done."),
        "of": clients % {"count": number_text(standing.total)},
        "links": links % {"count": number_text(standing.links)},
        "others": ", ".join(others),
    }


def summary(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, now: datetime) -> dict[str, Any]:
    """The outcomes and rows, and what may be done with them; also for a batch that has stopped half-way."""
    show = request.GET.get("show", "")
    visible = model_admin.rows_seen(request, batch)
    lines = outcomes(visible, now)
    may_act = may_ask(request)
    working = sum(line.count - line.no_address for line in lines if line.state is State.ISSUED)
    download = _("Download links (%(count)s)") % {"count": number_text(working)}
    return {
        "outcomes_found": lines,
        "show": show,
        "sections": _sections(lines, show),
        "rows": page_of(request, _rows(visible, show, now)),
        "download": download if working and may_reveal(request) else "",
        "withdraw": _withdraw_text(lines) if may_act else "",
        "asks_again": OF_A_BATCH if may_act else (),
        "marks": MARKED_TOGETHER if may_act else (),
    }


def _withdraw_text(lines: list[Outcome]) -> str:
    """The button that withdraws all that can be, with their number; empty if there are none."""
    count = sum(line.count for line in lines if line.state in WITHDRAWABLE)
    if count == 1:
        return _("Withdraw it…")
    return _("Withdraw all %(count)s…") % {"count": number_text(count)} if count else ""


def _sections(lines: list[Outcome], show: str) -> list[Section]:
    everybody = Section("", _("All"), number_text(sum(line.count for line in lines)), not show)
    others = [Section(line.state.value, str(line.state.label), line.count_text, line.state == show) for line in lines]
    return [everybody, *others]


def _rows(rows: InformationRequestQuerySet, show: str, now: datetime) -> InformationRequestQuerySet:
    if show in State.values:
        rows = rows.shown_as([State(show)], now)
    over = _over(now, ORDER.index(State.EXPIRED))
    place = Case(over, *(When(state=state, then=Value(place)) for place, state in enumerate(ORDER)), default=len(ORDER))
    return rows.select_related("verification").defer(*InformationRequest.SECRETS).order_by(place, "pk")


def view(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, standing: Progress) -> HttpResponse:
    """The report."""
    now = timezone.now()
    context = summary(model_admin, request, batch, now) | {"headline": headline(batch, standing, now)}
    return model_admin.render_page(request, batch, model_admin.report_template, title=batch.note, **context)
