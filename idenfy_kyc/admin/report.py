"""The page of a batch when all is done: what became of each client, and the one sensible next step."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Max, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from ..choices import State
from ..dates import number_text, stamp_text
from ..models import InformationRequest, RequestBatch
from ..models.request import InformationRequestQuerySet, state_shown
from ..services import Progress
from ..services.ending import WITHDRAWABLE
from .again import OF_A_BATCH
from .answers import may_read
from .filters import UNREAD
from .history import history_of_batch
from .outcomes import ORDER, Outcome, outcomes, with_count
from .rows import Section, asked_for, not_asked_text, page_of, with_reason
from .search import clients_found
from .seen import may_ask, may_reveal

if TYPE_CHECKING:
    from .batches import RequestBatchAdmin

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
        "%(count)s more verification was chosen and not asked",
        "%(count)s more verifications were chosen and not asked",
        standing.skipped,
    )
    said_of_left = with_reason(left % {"count": number_text(standing.skipped)}, not_asked_text(batch))
    return {
        "done": _("Done on %(time)s.") % {"time": stamp_text(last, now)} if last else _("Done."),
        "of": clients % {"count": number_text(standing.total)},
        "links": links,
        "others": ", ".join(others),
        "only": _only_state(standing),
        "left": said_of_left if standing.skipped else "",
    }


def _only_state(standing: Progress) -> str:
    states = [state for state in standing.counts if state is not State.SKIPPED]
    return str(states[0].label) if standing.total == 1 else ""


def summary(
    model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, standing: Progress, now: datetime
) -> dict[str, Any]:
    """The outcomes, the rows, what happened, and what may be done; also for a batch that has stopped half-way."""
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
        "withdraw_which": _which_text(lines) if may_act else "",
        **_unread(model_admin, request, batch, visible),
        "asks_again": OF_A_BATCH if may_act else (),
        "marks": MARKED_TOGETHER if may_act else (),
        "history": history_of_batch(batch, visible, page=request.GET.get("history", "1")),
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


def _which_text(lines: list[Outcome]) -> str:
    """“Waiting for the client: 719, Uncertain: 1”, where those to withdraw are not of one kind."""
    which = [with_count(str(line.state.label), line.count) for line in lines if line.state in WITHDRAWABLE]
    return ", ".join(which) if len(which) > 1 else ""


def _unread(
    model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, visible: InformationRequestQuerySet
) -> dict[str, str]:
    """How many answers nobody has looked at, for whoever may read them, and where these stand."""
    where = model_admin.url_of("changelist", model=InformationRequest)
    count = visible.filter(answer__isnull=False, answer__looked_at=None).count() if may_read(request) and where else 0
    if not count:
        return {}
    text = ngettext("%(count)s not looked at", "%(count)s not looked at", count) % {"count": number_text(count)}
    return {"unread": text, "unread_url": f"{where}?{urlencode(UNREAD | {'batch__id__exact': str(batch.pk)})}"}


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
