"""The page of a batch before it is confirmed: who would be asked, what to look at first, the form; and its acts."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import services
from ..choices import Reason, State
from ..conf import get_settings
from ..dates import day_text, number_text
from ..durations import about, expected_rate
from ..exceptions import PlanChanged, SecondPersonNeeded
from ..models import InformationRequest, RequestBatch
from . import again, progress
from .drawing import client_name, with_environment
from .forms import PlanForm, known_keys
from .overview import heading_of, overview_of, rows_of
from .rows import asked_for, not_asked_text, page_of, with_reason
from .search import clients_found
from .seen import may_ask, user_of

if TYPE_CHECKING:
    from .batches import RequestBatchAdmin

AT_ROWS = "rows"
"""Where somebody ticked clients: what was done is said there, not far above."""
_TOO_LATE = gettext_lazy("This plan was confirmed in the meantime: it cannot be changed.")


def view(
    model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, *, form: PlanForm | None = None
) -> HttpResponse:
    """The plan, with the form for those who may ask. What is typed into it comes from ``form``, or else ``batch``."""
    now = timezone.now()
    standing = services.progress_of(batch, now=now)
    asked = standing.counts.get(State.DRAFT, 0)
    requests = model_admin.requests_seen(request)
    visible = requests.filter(batch=batch)
    overview = overview_of(visible, requests, batch, now)
    show, words = asked_for(request.GET, "show"), asked_for(request.GET, "q")
    rows = page_of(request, rows_of(clients_found(visible, words), show, requests, now), heading=heading_of)
    context = {
        "asked": asked,
        "overview": overview,
        "sentences": _sentences(batch, asked, standing.skipped, now),
        "may_ask": may_ask(request),
        "is_configured": get_settings().is_configured,
        "show": show,
        "q": words,
        "rows": rows,
        "sections": overview.sections(show),
        "is_at_rows": request.GET.get("at") == AT_ROWS,
        **again.about_plan(visible),
    }
    if may_ask(request) and asked and get_settings().is_configured:
        only = visible.filter(state=State.DRAFT).select_related("verification").first() if asked == 1 else None
        form = form or _form(request, batch, asked, only=only)
        form.suggest(known_keys(model_admin.get_queryset(request), requests, form.questionnaire))
        form.focus_first_error()
        context |= {
            "adminform": form.as_admin(),
            "errors": form.errors,
            "drafts_shown": services.digest_of(batch.rows_in(State.DRAFT).values_list("pk", flat=True)),
            "button": with_environment(_button(only, asked)),
            "second_person": _second_person(request, batch, asked),
        }
    title = _("Ask clients for more information")
    return model_admin.render_page(request, batch, model_admin.plan_template, title=title, **context)


def _form(
    request: HttpRequest,
    batch: RequestBatch,
    asked: int,
    data: QueryDict | None = None,
    *,
    only: InformationRequest | None = None,
) -> PlanForm:
    """The form as this person gets it: who may not confirm, need not type the number."""
    counts = not services.needs_second_person(batch, by=user_of(request), clients=asked)
    initial = {"bank_card_expected_last_four": only.bank_card_expected_last_four} if only else {}
    return PlanForm(data, instance=batch, asked=asked, counts=counts, initial=initial)


def _second_person(request: HttpRequest, batch: RequestBatch, asked: int) -> str:
    """Why this person gets no button to ask with; empty for whoever does."""
    limit = get_settings().SECOND_PERSON_ABOVE
    if limit is None or not services.needs_second_person(batch, by=user_of(request), clients=asked):
        return ""
    text = ngettext(
        "You planned this, and it asks more than %(limit)s client: a second person must confirm it.",
        "You planned this, and it asks more than %(limit)s clients: a second person must confirm it.",
        limit,
    )
    return text % {"limit": number_text(limit)}


def _sentences(batch: RequestBatch, asked: int, left: int, now: datetime) -> dict[str, str]:
    days, clients = (now - batch.planned_at).days, _clients_in(batch)
    params = {
        "asked": number_text(asked),
        "left": number_text(left),
        "chosen": number_text(asked + left),
        "days": number_text(days),
        "name": batch.planned_by_name,
        "day": day_text(batch.planned_at, now),
    }
    will_be_asked = ngettext("%(asked)s client will be asked.", "%(asked)s clients will be asked.", asked)
    if clients != asked + left:  # clients and verifications add up for nobody who is not told how
        will_be_asked = ngettext(
            "%(asked)s client will be asked, through one verification.",
            "%(asked)s clients will be asked, each through one verification.",
            asked,
        )
    said = {
        "asked": will_be_asked,
        "left": ngettext("%(left)s verification will not", "%(left)s verifications will not", left) if left else "",
        "nobody": ngettext("The one chosen cannot be asked.", "None of the %(chosen)s can be asked.", asked + left),
        "planned": _("Planned by %(name)s on %(day)s.") if batch.planned_by_name else "",
        "age": ngettext("This plan is %(days)s day old.", "This plan is %(days)s days old.", days) if days else "",
    }
    texts = {name: text % params for name, text in said.items()}
    if left:
        texts["left"] = with_reason(texts["left"], not_asked_text(batch))
    return texts | {"chosen": _chosen_text(asked + left, clients), "quota": _quota(asked, now)}


def _clients_in(batch: RequestBatch) -> int:
    """How many clients the chosen verifications are of; each without a client ID is of one of its own."""
    count = batch.requests.aggregate(
        known=Count("client_key", distinct=True), others=Count("pk", filter=Q(client_key=None))
    )
    return int(count["known"] + count["others"])


def _chosen_text(verifications: int, clients: int) -> str:
    """“812 verifications”, or “812 verifications of 777 clients”."""
    words = ngettext("%(count)s verification", "%(count)s verifications", verifications)
    text = words % {"count": number_text(verifications)}
    if clients == verifications:
        return text
    of = ngettext("%(count)s client", "%(count)s clients", clients) % {"count": number_text(clients)}
    return _("%(verifications)s of %(clients)s") % {"verifications": text, "clients": of}


def _quota(asked: int, now: datetime) -> str:
    limit, left = get_settings().HOURLY_QUOTA, services.quota_left(now)
    used = limit - left
    if asked > left:
        requests = ngettext("%(count)s request", "%(count)s requests", asked)
        quota = ngettext(
            "%(used)s of the %(limit)s of this hour is used: %(left)s can go now, the rest in the hours after.",
            "%(used)s of the %(limit)s of this hour are used: %(left)s can go now, the rest in the hours after.",
            used,
        )
    else:
        requests = ngettext("%(count)s request, %(time)s", "%(count)s requests, %(time)s", asked)
        quota = ngettext(
            "%(used)s of the %(limit)s of this hour is used.", "%(used)s of the %(limit)s of this hour are used.", used
        )
    params = {
        "count": number_text(asked),
        "time": about(asked, rate=expected_rate()),
        "used": number_text(used),
        "limit": number_text(limit),
        "left": number_text(left),
    }
    return _("%(requests)s; %(quota)s") % {"requests": requests % params, "quota": quota % params}


def _button(only: InformationRequest | None, asked: int) -> str:
    """With one client his name, for whoever sees him."""
    if only is not None:
        return _("Ask %(client)s") % {"client": only.verification.client_id or client_name(only.verification)}
    return ngettext("Ask %(count)s client", "Ask %(count)s clients", asked) % {"count": number_text(asked)}


def confirm(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """Queue the plan's clients; show the page again, with what was typed, if that is not possible."""
    form = _form(request, batch, batch.rows_in(State.DRAFT).count(), request.POST)
    if not form.is_valid():
        return view(model_admin, request, batch, form=form)
    skipped_before = _skipped(batch)
    try:
        confirmed = services.confirm(
            batch,
            by=user_of(request),
            expected=form.number_shown,
            shown=form.cleaned_data["drafts_shown"],
            last_four=form.last_four,
        )
    except PlanChanged as change:
        messages.warning(request, _changed(change, _skipped(batch) - skipped_before))
    except SecondPersonNeeded:
        text = _("A second person must confirm this plan. Nobody was asked; that you tried is on record.")
        messages.error(request, text)
    except ImproperlyConfigured:
        pass  # the page says so
    else:
        return progress.begin(model_admin, batch) if confirmed else model_admin.redirect_to_page(batch)
    return view(model_admin, request, batch)


def save(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """Keep what was typed with the plan, for a second person to confirm."""
    form = PlanForm(request.POST, instance=batch, asked=batch.rows_in(State.DRAFT).count(), counts=False)
    if not form.is_valid():
        return view(model_admin, request, batch, form=form)
    if services.save_plan(batch, shown=form.cleaned_data["drafts_shown"], last_four=form.last_four):
        messages.info(request, _("Saved. A second person finds this plan under “Request batches”. Nobody was asked."))
    else:
        messages.warning(request, _TOO_LATE)
    return model_admin.redirect_to_page(batch)


def _skipped(batch: RequestBatch) -> Counter[str]:
    rows = batch.rows_in(State.SKIPPED).order_by().values_list("reason").annotate(count=Count("pk"))
    return Counter(dict(rows))


def _changed(change: PlanChanged, gone: Counter[str]) -> str:
    """What is different from the number on the button, and why, if one reason tells all of it."""
    params = {"gone": number_text(max(0, change.expected - change.actual)), "left": number_text(change.actual)}
    count = change.expected - change.actual
    if count <= 0 or count != gone.total():
        said = _("This plan has changed in the meantime.")
    elif count == gone[Reason.OPEN_REQUEST]:
        said = ngettext(
            "%(gone)s of these clients was asked by somebody else in the meantime.",
            "%(gone)s of these clients were asked by somebody else in the meantime.",
            count,
        )
    else:
        said = ngettext(
            "%(gone)s of these clients can no longer be asked.",
            "%(gone)s of these clients can no longer be asked.",
            count,
        )
    left = ngettext(
        "%(left)s is left: check and press again.", "%(left)s are left: check and press again.", change.actual
    )
    return f"{said} {left}" % params


def leave_out(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """Leave the ticked rows, or one group of doubtful ones, out of the plan; none but those that the user sees."""
    count = services.leave_out(batch, _chosen(model_admin, request, batch), by=user_of(request))
    text = ngettext("%(count)s client was left out.", "%(count)s clients were left out.", count)
    done = text % {"count": number_text(count)} if count else ""
    return _answer(model_admin, request, batch, done, _("Nobody was left out: tick the clients first."))


def take_back(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """Take the ticked ones of those that were left out, or all of them, back into the plan."""
    count = services.take_back(batch, _chosen(model_admin, request, batch), by=user_of(request))
    text = ngettext("%(count)s client was taken back.", "%(count)s clients were taken back.", count)
    done = text % {"count": number_text(count)} if count else ""
    nobody = _("Nobody was taken back: first tick clients who were left out.")
    return _answer(model_admin, request, batch, done, nobody)


def _chosen(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> list[int]:
    """The rows that an act is about, by primary key."""
    rows = model_admin.rows_seen(request, batch)
    if group := asked_for(request.POST, "group"):
        rows = rows_of(rows, group, model_admin.requests_seen(request), timezone.now())
    else:
        ticked = request.POST.getlist("row")
        rows = rows.filter(pk__in=[int(key) for key in ticked if key.isdecimal() and len(key) < 19])
    return list(rows.values_list("pk", flat=True))


def _answer(
    model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, done: str, nobody: str
) -> HttpResponse:
    """Say what was done, or why nothing was, and go back to where the person is: at a group above, or at the rows."""
    if done:
        messages.info(request, done)
    elif RequestBatch.objects.filter(pk=batch.pk, confirmed_at=None).exists():
        messages.warning(request, nobody)
    else:
        messages.warning(request, _TOO_LATE)
    where = {name: asked_for(request.POST, name) for name in ("q", "show", "p")}
    if asked_for(request.POST, "group"):
        return model_admin.redirect_to_page(batch, **where)
    return model_admin.redirect_to_page(batch, to="#rows", at=AT_ROWS, **where)


def discard(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """Delete the plan: nothing was asked."""
    if not services.discard(batch):
        messages.warning(request, _("This plan was confirmed in the meantime: it cannot be discarded."))
        return model_admin.redirect_to_page(batch)
    messages.info(request, _("The plan was discarded. Nobody was asked."))
    return model_admin.redirect_to_list()
