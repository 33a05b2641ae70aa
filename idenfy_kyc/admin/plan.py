"""The page of a batch before it is confirmed: who would be asked, who would not and why, and the form."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db.models import BooleanField, Case, Count, Max, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import services
from ..choices import Reason, State, status_label
from ..conf import get_settings
from ..durations import about, expected_rate
from ..exceptions import PlanChanged
from ..models import InformationRequest, RequestBatch
from ..models.request import InformationRequestQuerySet
from ..wording import day_text, number_text, reason_text
from . import again, progress
from .base import client_name, may_ask, user_of, with_environment
from .forms import KEYS_LIST_ID, PlanForm, accepted_questionnaires
from .rows import Section, page_of

if TYPE_CHECKING:
    from .batches import RequestBatchAdmin

APPROVED = "APPROVED"
DOUBTFUL, PENDING, ASKED = "doubtful", "pending", "asked"


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the plan's rows, and what is to be said of them."""

    key: str
    count: int
    sentence: str

    @property
    def count_text(self) -> str:
        """The number for people."""
        return number_text(self.count)


@dataclass(frozen=True, slots=True)
class Overview:
    """Who would be asked and who would not, of the rows that the reader sees; counted by the database."""

    asked: int
    not_asked: list[Group]
    doubts: list[Group]


def overview_of(rows: InformationRequestQuerySet, pending: InformationRequestQuerySet, now: datetime) -> Overview:
    """Two queries, however many rows there are."""
    skipped: dict[str, Counter[str]] = {}
    drafts: Counter[str] = Counter()
    for row in rows.order_by().values("state", "reason", "verification__status").annotate(count=Count("pk")):
        counted = drafts if row["state"] == State.DRAFT else skipped.setdefault(row["reason"], Counter())
        counted[row["verification__status"]] += row["count"]
    not_asked = [
        Group(reason, counts.total(), _not_asked(reason, counts)) for reason, counts in sorted(skipped.items())
    ]
    return Overview(drafts.total(), not_asked, [*_doubtful(drafts), *_pending(rows, pending, now)])


def _not_asked(reason: str, statuses: Counter[str]) -> str:
    count = statuses.total()
    params: dict[str, Any] = {"count": number_text(count)}
    if reason == Reason.OPEN_REQUEST:
        text = ngettext("%(count)s has an open request.", "%(count)s have an open request.", count)
    elif reason == Reason.SAME_CLIENT:
        text = ngettext(
            "%(count)s is a further verification of a client in this plan.",
            "%(count)s are further verifications of a client in this plan.",
            count,
        )
    elif reason == Reason.INELIGIBLE:
        params["statuses"] = _by_status(statuses)
        text = ngettext(
            "%(count)s cannot be asked because of its status at iDenfy: %(statuses)s.",
            "%(count)s cannot be asked because of their status at iDenfy: %(statuses)s.",
            count,
        )
    elif reason == Reason.LEFT_OUT:
        text = ngettext("%(count)s was left out.", "%(count)s were left out.", count)
    else:
        params["reason"] = reason_text(reason, {})
        text = _("%(count)s: %(reason)s.")
    return text % params


def _by_status(statuses: Counter[str]) -> str:
    labels: Counter[str] = Counter()
    for status, count in statuses.items():
        labels[str(status_label(status))] += count
    return ", ".join(
        _("%(status)s (%(count)s)") % {"status": label, "count": number_text(count)}
        for label, count in labels.most_common()
    )


def _doubtful(drafts: Counter[str]) -> list[Group]:
    others = Counter({status: count for status, count in drafts.items() if status != APPROVED})
    if not others:
        return []
    text = ngettext(
        "%(count)s is not approved: %(statuses)s. iDenfy’s documentation speaks of approved verifications; "
        "it may refuse this one.",
        "%(count)s are not approved: %(statuses)s. iDenfy’s documentation speaks of approved verifications; "
        "it may refuse these.",
        others.total(),
    )
    return [
        Group(DOUBTFUL, others.total(), text % {"count": number_text(others.total()), "statuses": _by_status(others)})
    ]


def _pending(rows: InformationRequestQuerySet, pending: InformationRequestQuerySet, now: datetime) -> list[Group]:
    """An earlier request was taken back here, but iDenfy knows nothing of that and may hold it as pending."""
    found = pending.filter(verification__in=rows.filter(state=State.DRAFT).values("verification"))
    held = found.aggregate(count=Count("verification", distinct=True), until=Max("expires_at"))
    if not held["count"]:
        return []
    text = ngettext(
        "%(count)s had a request that was withdrawn. iDenfy may still hold it and refuse a new one until %(day)s.",
        "%(count)s had requests that were withdrawn. iDenfy may still hold them and refuse new ones until %(day)s.",
        held["count"],
    )
    params = {"count": number_text(held["count"]), "day": day_text(held["until"], now)}
    return [Group(PENDING, held["count"], text % params)]


def _still_pending(requests: InformationRequestQuerySet, now: datetime) -> InformationRequestQuerySet:
    return requests.order_by().filter(state=State.CANCELLED, sent_at__isnull=False, expires_at__gt=now)


def rows_of(
    rows: InformationRequestQuerySet, group: str, pending: InformationRequestQuerySet
) -> InformationRequestQuerySet:
    """Those of one group of the plan; all of them without one, in the groups' order."""
    if group in {ASKED, DOUBTFUL, PENDING}:
        rows = rows.filter(state=State.DRAFT)
    elif group:
        rows = rows.filter(state=State.SKIPPED, reason=group)
    if group == DOUBTFUL:
        rows = rows.exclude(verification__status=APPROVED)
    elif group == PENDING:
        rows = rows.filter(verification__in=pending.values("verification"))
    approved = Case(
        When(state=State.DRAFT, verification__status=APPROVED, then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
    return rows.select_related("verification").order_by("state", approved, "reason", "pk")


def _heading(row: InformationRequest) -> str:
    if row.state == State.SKIPPED:
        return _("Will not be asked: %(reason)s") % {"reason": reason_text(row.reason, {})}
    if row.verification.status != APPROVED:
        return _("Will be asked, though not approved")
    return _("Will be asked")


def view(
    model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch, *, form: PlanForm | None = None
) -> HttpResponse:
    """The plan, with the form for those who may ask."""
    now = timezone.now()
    standing = services.progress_of(batch, now=now)
    asked = standing.counts.get(State.DRAFT, 0)
    requests = model_admin.requests_seen(request)
    visible, pending = requests.filter(batch=batch), _still_pending(requests, now)
    overview = overview_of(visible, pending, now)
    is_configured = get_settings().is_configured
    show = request.GET.get("show", "")
    offers_form = may_ask(request) and bool(asked) and is_configured
    if offers_form and form is None:
        form = PlanForm(instance=batch, asked=asked)
    if form is not None:
        form.focus_first_error()
    context = {
        "asked": asked,
        "chosen": asked + standing.skipped,
        "chosen_text": number_text(asked + standing.skipped),
        "overview": overview,
        "sentences": _sentences(asked, standing.skipped, now),
        "adminform": form.as_admin() if form is not None and offers_form else None,
        "errors": form.errors if form is not None else None,
        "button": with_environment(_button(visible, asked)) if offers_form else "",
        "keys_list_id": KEYS_LIST_ID,
        "keys": accepted_questionnaires(model_admin.get_queryset(request), requests) if offers_form else [],
        "may_ask": may_ask(request),
        "is_configured": is_configured,
        "show": show,
        "rows": page_of(request, rows_of(visible, show, pending), heading=_heading),
        "sections": _sections(overview, show),
        **again.about_plan(visible),
    }
    title = _("Ask clients for more information")
    return model_admin.render_page(request, batch, model_admin.plan_template, title=title, **context)


def _sentences(asked: int, left: int, now: datetime) -> dict[str, str]:
    params = {"asked": number_text(asked), "left": number_text(left), "chosen": number_text(asked + left)}
    said = {
        "asked": ngettext("%(asked)s client will be asked.", "%(asked)s clients will be asked.", asked),
        "left": ngettext("%(left)s verification will not.", "%(left)s verifications will not.", left) if left else "",
        "nobody": ngettext("The one chosen cannot be asked.", "None of the %(chosen)s can be asked.", asked + left),
    }
    return {name: text % params for name, text in said.items()} | {"quota": _quota(asked, now)}


def _quota(asked: int, now: datetime) -> str:
    limit, left = get_settings().HOURLY_QUOTA, services.quota_left(now)
    used = limit - left
    params = {
        "count": number_text(asked),
        "time": about(asked, rate=expected_rate()),
        "used": number_text(used),
        "limit": number_text(limit),
        "left": number_text(left),
    }
    if asked > left:
        sentences = [
            ngettext("%(count)s request.", "%(count)s requests.", asked),
            ngettext(
                "%(used)s of the %(limit)s of this hour is used: %(left)s can go now, the rest in the hours after.",
                "%(used)s of the %(limit)s of this hour are used: %(left)s can go now, the rest in the hours after.",
                used,
            ),
        ]
    else:
        sentences = [
            ngettext("%(count)s request, %(time)s.", "%(count)s requests, %(time)s.", asked),
            ngettext(
                "%(used)s of the %(limit)s of this hour is used.",
                "%(used)s of the %(limit)s of this hour are used.",
                used,
            ),
        ]
    return " ".join(sentences) % params


def _button(rows: InformationRequestQuerySet, asked: int) -> str:
    """With one client his name, for whoever sees him."""
    only = rows.filter(state=State.DRAFT).select_related("verification").first() if asked == 1 else None
    if only is not None:
        return _("Ask %(client)s") % {"client": only.verification.client_id or client_name(only.verification)}
    return ngettext("Ask %(count)s client", "Ask %(count)s clients", asked) % {"count": number_text(asked)}


def _sections(overview: Overview, show: str) -> list[Section]:
    names = {DOUBTFUL: _("Not approved"), PENDING: _("Withdrawn earlier")}
    groups = [(ASKED, _("Will be asked"), overview.asked)]
    groups += [(group.key, names[group.key], group.count) for group in overview.doubts]
    groups += [(group.key, reason_text(group.key, {}), group.count) for group in overview.not_asked]
    total = overview.asked + sum(group.count for group in overview.not_asked)
    everybody = Section("", _("All"), number_text(total), not show)
    return [everybody, *(Section(key, label, number_text(count), key == show) for key, label, count in groups if count)]


def confirm(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """Queue the plan's clients; show the page again, with what was typed, if that is not possible."""
    form = PlanForm(request.POST, instance=batch, asked=batch.rows_in(State.DRAFT).count())
    if not form.is_valid():
        return view(model_admin, request, batch, form=form)
    skipped_before = _skipped(batch)
    expected = form.cleaned_data["expected"]
    try:
        confirmed = services.confirm(batch, by=user_of(request), expected=expected, last_four=form.last_four)
    except PlanChanged as change:
        gone = _skipped(batch) - skipped_before
        messages.warning(request, _changed(change, gone))
        return view(model_admin, request, batch, form=form)
    except ImproperlyConfigured:
        return view(model_admin, request, batch, form=form)
    return progress.begin(model_admin, batch) if confirmed else model_admin.redirect_to_page(batch)


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
    group = request.POST.get("group", "")
    rows = model_admin.rows_seen(request, batch)
    if group in {DOUBTFUL, PENDING}:
        rows = rows_of(rows, group, _still_pending(model_admin.requests_seen(request), timezone.now()))
    else:
        ticked = request.POST.getlist("row")
        rows = rows.filter(pk__in=[int(key) for key in ticked if key.isdecimal() and len(key) < 19])
    keys = list(rows.values_list("pk", flat=True))
    count = services.leave_out(batch, keys, by=user_of(request)) if batch.is_plan else 0
    if count:
        text = ngettext("%(count)s client was left out.", "%(count)s clients were left out.", count)
        messages.info(request, text % {"count": number_text(count)})
    elif batch.is_plan:
        messages.warning(request, _("Nobody was left out: tick the clients first."))
    else:
        messages.warning(request, _("This plan was confirmed in the meantime: nobody was left out."))
    return model_admin.redirect_to_page(batch, show=request.POST.get("show", ""), p=request.POST.get("p", ""))


def discard(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """Delete the plan: nothing was asked."""
    if not services.discard(batch):
        messages.warning(request, _("This plan was confirmed in the meantime: it cannot be discarded."))
        return model_admin.redirect_to_page(batch)
    messages.info(request, _("The plan was discarded. Nobody was asked."))
    return model_admin.redirect_to_list()
