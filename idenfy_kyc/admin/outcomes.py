"""What became of the clients of a batch: one line for each state, with its reasons and the one sensible next step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Max, Min, Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..choices import Reason, State
from ..dates import moment_text, number_text
from ..missed import missed_texts
from ..models.request import InformationRequestQuerySet, state_shown
from ..services import count_missed
from ..wording import reason_text, said_text
from .again import next_step_text, still_held_text
from .answers import may_read
from .seen import may_ask, may_reveal

ORDER = (
    State.REFUSED,
    State.UNKNOWN,
    State.QUEUED,
    State.SENDING,
    State.ISSUED,
    State.COMPLETED,
    State.EXPIRED,
    State.CANCELLED,
    State.SKIPPED,
)
"""As a reader needs them: first what he has to do something about."""
REASONS_SHOWN = 20
"""iDenfy's words may name the client: a group for each of thousands would help nobody."""


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


def outcomes(request: HttpRequest, rows: InformationRequestQuerySet, now: datetime) -> list[Outcome]:
    """The lines of the report about ``rows``, those that the reader sees; a few queries, however many there are."""
    found: dict[State, _Found] = {}
    for row in (
        rows.order_by()
        .annotate(shown=state_shown(now))
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
    again = (
        rows.asked_again_since()
        .order_by()
        .annotate(shown=state_shown(now))
        .values_list("shown")
        .annotate(count=Count("pk"))
    )
    counts = dict(again)  # a moment later: perhaps of a state that nobody was in before
    for state, group in found.items():
        group.asked_again = counts.get(state, 0)
    return [_outcome(request, rows, state, found[state], now) for state in ORDER if state in found]


def _outcome(
    request: HttpRequest, rows: InformationRequestQuerySet, state: State, found: _Found, now: datetime
) -> Outcome:
    meaning, next_step = _meaning(state, found, now), _next_step(request, state, found, now)
    if state is State.REFUSED:
        reasons = _refusals(rows, found.count)
    elif state in {State.UNKNOWN, State.SKIPPED, State.CANCELLED, State.COMPLETED}:
        reasons = [with_count(reason_text(code, {}), count) for code, count in found.reasons.most_common() if code]
        if [*found.reasons] == [Reason.WITHDRAWN]:
            reasons = []  # the outcome says so; who withdrew whom, and why, stands in the history
    elif state is State.EXPIRED:
        reasons = missed_texts(count_missed(rows))
    else:
        reasons = [_no_address_text(found.no_address)] if state is State.ISSUED and found.no_address else []
    if found.asked_again:
        reasons.append(with_count(_("Asked again since"), found.asked_again))
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
    shown = [with_count(said_text(group) or _("without a word"), group["count"]) for group in grouped]
    return [*shown, with_count(_("other words"), rest)] if rest > 0 else shown


def with_count(text: str, count: int) -> str:
    """“Uncertain: 4”."""
    return _("%(text)s: %(count)s") % {"text": text, "count": number_text(count)}


def _meaning(state: State, found: _Found, now: datetime) -> str:
    """What a state means for its clients."""
    meanings = {
        State.ISSUED: _works_until(found, now),
        State.COMPLETED: ngettext("The client answered.", "These clients answered.", found.count),
        State.UNKNOWN: ngettext(
            "iDenfy did not answer in time. This client may have been asked, but nobody has the link. A new "
            "request may be refused until %(time)s.",
            "iDenfy did not answer in time. These clients may have been asked, but nobody has the link. A new "
            "request may be refused until %(time)s.",
            found.count,
        )
        % {"time": _last_end(found, now)},
        State.REFUSED: _("Nothing was issued."),
        State.QUEUED: _("Nothing was sent yet."),
        State.SENDING: _("The answer is still to come."),
        State.EXPIRED: ngettext(
            "The time is over; the link works no more.", "The time is over; the links work no more.", found.count
        ),
        State.CANCELLED: ngettext(
            "The link does not work any more, or nobody was asked.",
            "The links do not work any more, or nobody was asked.",
            found.count,
        ),
        State.SKIPPED: _("Not asked; nothing was sent."),
    }
    return meanings[state]


def _next_step(request: HttpRequest, state: State, found: _Found, now: datetime) -> str:
    """What this user can do about it, or who can; empty if there is nothing left to do."""
    if state is State.QUEUED and may_ask(request):
        return _("Continue, or withdraw them.")
    if state is State.COMPLETED and may_read(request):
        return _("Read the answers: press their number.")
    if state is not State.ISSUED:
        return next_step_text(request, state, _last_end(found, now)) if found.asked_again < found.count else ""
    if found.no_address == found.count:
        return ""
    if may_reveal(request):
        return _("Show, copy or download the links, and send them to your clients.")
    return _("A colleague who may see links can download them, to send them to your clients.")


def _last_end(found: _Found, now: datetime) -> str:
    return moment_text(found.last_end, now) if found.last_end else ""


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
