"""The page of a batch while clients are being asked. The page itself drives the sending, step by step.

If the host project has a worker (``SENDER``), the page only looks, and offers to send when nobody does.

``send/`` asks for a few seconds and answers JSON; the script on the page calls it again when the answer is there, not
on a timer. So nothing is needed but a web server; whoever closes the page closes the sender, and the rest waits. All
words come from here: the script has none of its own.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import services
from ..choices import BatchState, PauseReason, State
from ..conf import get_settings
from ..dates import moment_text, number_text
from ..durations import about, expected_rate
from ..models import RequestBatch
from ..services import Progress
from ..wording import pause_text
from . import report
from .acts import wants_page
from .seen import may_ask, user_of

if TYPE_CHECKING:
    from .batches import RequestBatchAdmin

logger = logging.getLogger("idenfy_kyc")

AT_ONCE = 0
"""Milliseconds until the page asks again: the last step ended because its time was up."""
SOON = 2_000
"""Somebody else sends; or who looks may not send."""
LATER = 10_000
"""Nothing will happen until a person does something, or a dead sender's claim runs out."""
LONGEST = 60_000
"""A waiting page looks once a minute: somebody may continue it elsewhere."""
_MEASURED = timedelta(minutes=1)

_WHAT_NEXT = {
    PauseReason.PERSON: gettext_lazy("Press *Continue* to go on."),
    PauseReason.UNAUTHORIZED: gettext_lazy("Your administrator must check the API key; then press *Continue*."),
    PauseReason.CONTRACT: gettext_lazy("Settle it with iDenfy; then press *Continue*."),
    PauseReason.PERMISSION: gettext_lazy("Settle it with iDenfy; then press *Continue*."),
    PauseReason.NOT_CONFIGURED: gettext_lazy(
        "Your administrator must set API_KEY and API_SECRET in IDENFY_KYC; then press *Continue*."
    ),
    PauseReason.OTHER_ACCOUNT: gettext_lazy(
        "Behind another key or address may be another iDenfy account, so with these settings it never goes on. "
        "Withdraw the rest and ask them anew, or let your administrator restore the settings; then press *Continue*."
    ),
    PauseReason.REFUSALS: gettext_lazy(
        "If the reason lies in what you asked for, withdraw the rest and ask anew. If it lies in these clients, press "
        "*Continue*."
    ),
    PauseReason.OUTAGE: gettext_lazy("Press *Continue* when iDenfy answers again."),
}


def begin(model_admin: RequestBatchAdmin, batch: RequestBatch) -> HttpResponse:
    """After the confirmation: what fits into one step is sent at once, so that one client takes one press.

    Unless the host has it sent elsewhere, and perhaps from elsewhere only.
    """
    if not services.has_worker() and batch.rows_in(State.QUEUED).count() <= get_settings().CONCURRENCY:
        try:
            _step(batch)
        except DatabaseError:
            logger.warning("The first step of batch %s was cut short by the database; its page goes on.", batch.pk)
    return model_admin.redirect_to_page(batch)


def _step(batch: RequestBatch) -> int:
    """One step; without credentials the batch has stopped and says so itself."""
    try:
        return services.send(
            batch, seconds=get_settings().STEP_SECONDS, patience=services.PAGE_PATIENCE, gives_way=True
        )
    except ImproperlyConfigured:
        return 0


def send(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """One step: JSON for the script, a redirect to the page for a form."""
    calls, trouble = 0, False
    if not batch.is_plan:
        try:
            calls = _step(batch)
        except DatabaseError:
            logger.warning("A step of batch %s was cut short by the database.", batch.pk)
            trouble = True
    if wants_page(request):
        if trouble:
            messages.warning(request, _busy())
        return model_admin.redirect_to_page(batch, here="1" if services.has_worker() else "")
    if trouble:
        return JsonResponse(
            {"state": BatchState.SENDING, "counts": {}, "reason": _busy(), "retry_after_ms": LATER}, status=503
        )
    return JsonResponse(payload(batch, asks=True, sends=True, calls=calls))


def watch(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """The same answer, without doing anything."""
    asks = may_ask(request)
    return JsonResponse(payload(batch, asks=asks, sends=asks and not services.has_worker()))


def _busy() -> str:
    return _("The database is busy. Nothing is lost: what was asked is written down, the rest waits.")


def payload(batch: RequestBatch, *, asks: bool, sends: bool, calls: int = 0) -> dict[str, Any]:
    """What the script needs to redraw the page: numbers, sentences, and when to ask again."""
    now = timezone.now()
    batch.refresh_from_db()
    standing = services.progress_of(batch, now=now)
    context = state_context(batch, standing, now, asks=asks, sends=sends)
    return {
        "state": standing.state,
        "counts": {state.value: count for state, count in standing.counts.items()},
        "reason": context["reason"],
        "retry_after_ms": _retry_after(batch, standing, now, calls=calls, sends=sends),
        "done": standing.done,
        "total": standing.total,
        "percent": context["percent"],
        "title": context["tab_title"],
        "announcement": context["announcement"],
        "is_late": context["is_late"],
        "html": render_to_string("admin/idenfy_kyc/requestbatch/progress_state.html", context),
    }


def _retry_after(batch: RequestBatch, standing: Progress, now: datetime, *, calls: int, sends: bool) -> int:
    if standing.state is BatchState.STOPPED:
        return SOON if standing.in_flight else LATER
    if standing.state is BatchState.WAITING:
        left = (batch.paused_until or now) - now
        return min(LONGEST, max(1_000, round(left / timedelta(milliseconds=1)) + 250))
    if standing.state is not BatchState.SENDING or (calls and standing.counts.get(State.QUEUED)):
        return AT_ONCE
    if not sends or standing.in_flight or standing.counts.get(State.QUEUED):
        return SOON
    return LATER


def state_context(batch: RequestBatch, standing: Progress, now: datetime, *, asks: bool, sends: bool) -> dict[str, Any]:
    """The words of the moment, for the page and for each step of the script.

    ``asks``: whoever looks may ask. ``sends``: his page does the sending, and no worker.
    """
    percent = 100 * standing.done // standing.total if standing.total else 100
    is_paused = standing.state in {BatchState.STOPPED, BatchState.WAITING}
    is_late = standing.state is BatchState.SENDING and services.is_late(batch, now)
    outcomes = ", ".join(report.outcome_words(standing))
    reason = _("%(pause)s.") % {"pause": pause_text(batch, now).rstrip(".")} if is_paused else ""
    return {
        "progress": standing,
        "state": standing.state.value,
        "percent": percent,
        "asking": _asking(standing.total, is_paused=is_paused),
        "is_trouble": standing.state is BatchState.STOPPED and batch.pause_reason != PauseReason.PERSON,
        "done": number_text(standing.done),
        "outcomes": outcomes,
        "to_go": _to_go(batch, standing, now),
        "reason": reason,
        "advice": _advice(batch, standing, now, asks=asks, sends=sends, is_late=is_late),
        "is_late": is_late,
        "tab_title": _("%(state)s · %(note)s")
        % {
            "state": standing.state.label if is_paused else _("%(percent)s %%") % {"percent": percent},
            "note": batch.note,
        },
        "announcement": reason or _("%(percent)s %% done. %(outcomes)s.") % {"percent": percent, "outcomes": outcomes},
    }


def _asking(total: int, *, is_paused: bool) -> str:
    """Nobody is being asked while it waits."""
    if is_paused:
        text = ngettext("%(count)s client is to be asked.", "%(count)s clients are to be asked.", total)
    else:
        text = ngettext("Asking %(count)s client.", "Asking %(count)s clients.", total)
    return text % {"count": number_text(total)}


def state_label(standing: Progress) -> str:
    """Never “sending” without a sender."""
    if standing.state is BatchState.SENDING and not standing.in_flight:
        return _("Not finished")
    return str(standing.state.label)


def _to_go(batch: RequestBatch, standing: Progress, now: datetime) -> str:
    queued, asked = standing.counts.get(State.QUEUED, 0), standing.counts.get(State.SENDING, 0)
    params = {"count": number_text(queued), "asked": number_text(asked)}
    sentences = []
    if asked:
        sentences.append(ngettext("%(asked)s is being asked.", "%(asked)s are being asked.", asked))
    if queued and standing.state is BatchState.SENDING:
        params["time"] = about(queued, rate=_rate(batch, now))
        sentences.append(ngettext("%(count)s to go, %(time)s.", "%(count)s to go, %(time)s.", queued))
    elif queued:
        sentences.append(ngettext("%(count)s waits.", "%(count)s wait.", queued))
    return " ".join(sentences) % params


def _rate(batch: RequestBatch, now: datetime) -> float:
    """Outcomes a second in the last minute; before there are enough of them, what is expected."""
    lately = batch.requests.filter(outcome_at__gt=now - _MEASURED).aggregate(count=Count("pk"), since=Min("outcome_at"))
    seconds = (now - lately["since"]).total_seconds() if lately["since"] else 0
    return lately["count"] / seconds if lately["count"] >= 10 and seconds > 1 else expected_rate()


def _advice(batch: RequestBatch, standing: Progress, now: datetime, *, asks: bool, sends: bool, is_late: bool) -> str:
    if standing.state is BatchState.STOPPED:
        known = batch.pause_reason in PauseReason.values
        what_next = _WHAT_NEXT.get(PauseReason(batch.pause_reason)) if known else None
        return str(what_next or _("Press *Continue* to go on.")).replace("*", "") if asks else ""
    if standing.state is BatchState.WAITING:
        return _goes_on(moment_text(batch.paused_until, now) if batch.paused_until else "")
    if not standing.counts.get(State.QUEUED) and not standing.in_flight:
        return _not_reported_back()
    if services.has_worker() and not sends:
        return _watching(asks=asks, is_late=is_late)
    if not asks:
        return _("Somebody who may ask clients does the sending, with this page open. You can watch it here.")
    return _(
        "Keep this page open: it does the sending. If you close it, the rest waits; open it again and it goes on. "
        "Nobody is asked twice."
    )


def _goes_on(at: str) -> str:
    if services.has_worker():
        return _("It goes on by itself at %(time)s. Nobody is asked twice.") % {"time": at}
    return _("It goes on by itself at %(time)s while this page is open. Nobody is asked twice.") % {"time": at}


def _not_reported_back() -> str:
    minutes = round(get_settings().CLAIM_TIMEOUT / timedelta(minutes=1))
    text = ngettext(
        "The sender that was asking them has not reported back. %(count)s minute after they were asked they count "
        "as uncertain. Nobody is asked twice.",
        "The sender that was asking them has not reported back. %(count)s minutes after they were asked they count "
        "as uncertain. Nobody is asked twice.",
        minutes,
    )
    return text % {"count": number_text(minutes)}


def _watching(*, asks: bool, is_late: bool) -> str:
    """What is said where a worker does the sending, or should."""
    if not is_late:
        return _("You may close this page: the sending is done elsewhere. Nobody is asked twice.")
    if not asks:
        return _("Nobody has been asked for a minute. Somebody who may ask clients can send from this page.")
    return _(
        "Nobody has been asked for a minute. You can send from here: then keep this page open. Nobody is asked twice."
    )


def view(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, standing: Progress) -> HttpResponse:
    """The page as it is now; the script goes on from here."""
    now = timezone.now()
    asks = may_ask(request)
    sends = asks and (not services.has_worker() or "here" in request.GET)
    context = state_context(batch, standing, now, asks=asks, sends=sends)
    context |= {
        "may_ask": asks,
        "sends": sends,
        "is_paused": standing.state in {BatchState.STOPPED, BatchState.WAITING},
        "is_stopped": standing.state is BatchState.STOPPED,
        "retry_after_ms": _retry_after(batch, standing, now, calls=1, sends=sends),
    }
    if standing.state is BatchState.STOPPED:
        context |= report.summary(model_admin, request, batch, standing, now)
    return model_admin.render_page(request, batch, model_admin.progress_template, title=batch.note, **context)


def pause(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """*Stop*: calls under way finish."""
    services.stop(batch, by=user_of(request))
    return model_admin.redirect_to_page(batch)


def resume(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """*Continue*: the page that follows does the sending."""
    if not services.resume(batch, by=user_of(request)) and batch.paused_at is not None:
        messages.warning(
            request, _("It cannot go on: the API key or address is another one than when it was confirmed.")
        )
    return model_admin.redirect_to_page(batch)
