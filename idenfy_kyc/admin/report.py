"""The page of a batch when all is done: what became of each client, and the one sensible next step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, Max, Min, Q, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from ..choices import State
from ..dates import moment_text, number_text, stamp_text
from ..missed import missed_texts
from ..models import InformationRequest, RequestBatch
from ..models.request import InformationRequestQuerySet, state_shown
from ..services import Progress, count_missed
from ..services.ending import WITHDRAWABLE
from ..wording import reason_text, said_text
from .again import OF_A_BATCH, next_step_text, still_held_text
from .answers import may_read
from .rows import Section, asked_for, page_of
from .search import clients_found
from .seen import may_ask, may_reveal

if TYPE_CHECKING:
    from .batches import RequestBatchAdmin

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
LINKLESS: dict[State, Any] = {
    State.REFUSED: ngettext_lazy("%(count)s was refused", "%(count)s were refused", "n"),
    State.UNKNOWN: ngettext_lazy("%(count)s is uncertain", "%(count)s are uncertain", "n"),
    State.EXPIRED: ngettext_lazy("%(count)s ended uncertain", "%(count)s ended uncertain", "n"),
    State.CANCELLED: ngettext_lazy(
        "%(count)s was withdrawn without a link", "%(count)s were withdrawn without a link", "n"
    ),
    State.COMPLETED: ngettext_lazy("%(count)s answered all the same", "%(count)s answered all the same", "n"),
}
"""What is said of those who never got a link that we saw; with those who did, they are all whose asking is over."""
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


def _meaning(state: State, found: _Found, now: datetime) -> str:
    """What a state means for its clients."""
    meanings = {
        State.ISSUED: _works_until(found, now),
        State.COMPLETED: _("The client answered."),
        State.UNKNOWN: _(
            "iDenfy did not answer in time. These clients may have been asked, but nobody has the link. A new "
            "request may be refused until %(time)s."
        )
        % {"time": _last_end(found, now)},
        State.REFUSED: _("Nothing was issued."),
        State.QUEUED: _("Nothing was sent yet."),
        State.SENDING: _("The answer is still to come."),
        State.EXPIRED: _("The time is over; the link works no more."),
        State.CANCELLED: _("The link does not work any more, or nobody was asked."),
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


def outcome_words(standing: Progress) -> list[str]:
    """“741 have a link”, “19 were refused”, “4 are uncertain”: together all whose asking is over. Empty if none is."""
    others = [(LINKLESS[state], standing.linkless.get(state, 0)) for state in LINKLESS]
    token_only = ngettext_lazy(
        "%(count)s has only a token for mobile apps", "%(count)s have only a token for mobile apps", "n"
    )
    others.append((token_only, standing.no_address))
    said = [str(words % {"n": count, "count": number_text(count)}) for words, count in others if count]
    if not standing.links:
        return [_("none has a link"), *said] if said else []
    if standing.counts.get(State.ISSUED, 0) == standing.links + standing.no_address:
        links = ngettext("%(count)s has a link", "%(count)s have a link", standing.links)
    else:
        links = ngettext("%(count)s got a link", "%(count)s got a link", standing.links)
    return [links % {"count": number_text(standing.links)}, *said]


def headline(batch: RequestBatch, standing: Progress, now: datetime) -> dict[str, str]:
    """The parts of “Done on 17 March, 14:07. Of 764 clients 741 have a link, 19 were refused, 4 are uncertain.”

    Of one client it says the state instead.
    """
    last = batch.requests.aggregate(last=Max("outcome_at"))["last"]
    links, *others = outcome_words(standing) or [_("none has a link")]
    clients = ngettext("Of %(count)s client", "Of %(count)s clients", standing.total)
    left = ngettext(
        "%(count)s more verification was chosen and not asked.",
        "%(count)s more verifications were chosen and not asked.",
        standing.skipped,
    )
    return {
        "done": _("Done on %(time)s.") % {"time": stamp_text(last, now)} if last else _("Done."),
        "of": clients % {"count": number_text(standing.total)},
        "links": links,
        "others": ", ".join(others),
        "only": _only_state(standing),
        "left": left % {"count": number_text(standing.skipped)} if standing.skipped else "",
    }


def _only_state(standing: Progress) -> str:
    states = [state for state in standing.counts if state is not State.SKIPPED]
    return str(states[0].label) if standing.total == 1 else ""


def summary(
    model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, standing: Progress, now: datetime
) -> dict[str, Any]:
    """The outcomes and rows, and what may be done with them; also for a batch that has stopped half-way."""
    show, words = asked_for(request.GET, "show"), asked_for(request.GET, "q")
    visible = model_admin.rows_seen(request, batch)
    lines = outcomes(request, visible, now)
    may_act = may_ask(request)
    working = sum(line.count - line.no_address for line in lines if line.state is State.ISSUED)
    download = _("Download links (%(count)s)") % {"count": number_text(working)}
    return {
        "outcomes_found": lines,
        "unseen": _unseen_text(lines, standing),
        "show": show,
        "q": words,
        "sections": _sections(lines, show),
        "rows": page_of(request, _rows(clients_found(visible, words), show, now)),
        "download": download if working and may_reveal(request) else "",
        "withdraw": _withdraw_text(lines) if may_act else "",
        "asks_again": OF_A_BATCH if may_act else (),
        "marks": MARKED_TOGETHER if may_act else (),
    }


def _unseen_text(lines: list[Outcome], standing: Progress) -> str:
    """Why the lines are fewer than the totals say; empty for whoever sees all."""
    seen, chosen = sum(line.count for line in lines), standing.total + standing.skipped
    words = {"seen": number_text(seen), "chosen": number_text(chosen)}
    return _("You see %(seen)s of these %(chosen)s.") % words if seen < chosen else ""


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
    place = Case(*(When(shown=state, then=Value(place)) for place, state in enumerate(ORDER)), default=len(ORDER))
    related = rows.select_related("verification", "answer").defer(*InformationRequest.SECRETS)
    rows = related.annotate(shown=state_shown(now))
    return rows.order_by(place, "pk")


def view(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, standing: Progress) -> HttpResponse:
    """The report."""
    now = timezone.now()
    context = summary(model_admin, request, batch, standing, now) | {"headline": headline(batch, standing, now)}
    return model_admin.render_page(request, batch, model_admin.report_template, title=batch.note, **context)
