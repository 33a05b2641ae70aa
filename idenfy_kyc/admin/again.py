"""Asking again, as staff see it: the ways to a plan, and the chain of requests on both of its sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import services
from ..choices import State
from ..dates import day_text, number_text, stamp_text
from ..models import InformationRequest, RequestBatch
from ..models.request import InformationRequestQuerySet
from ..services.again import ASKED_AGAIN
from .acts import lead_to_plan
from .base import BaseAdmin
from .drawing import batch_name, link_html, state_html
from .seen import may_ask, our_rows, rows_seen_by, user_of

if TYPE_CHECKING:
    from .batches import RequestBatchAdmin
    from .requests import InformationRequestAdmin

OF_A_BATCH = (State.UNKNOWN, State.REFUSED, State.EXPIRED, State.CANCELLED)
"""The outcomes of a batch that are asked again as a whole. Who answered is looked at one by one."""
BATCHES_NAMED = 3
SHOWN = 20


# The ways to a plan


def plan(
    model_admin: BaseAdmin, request: HttpRequest, requests: InformationRequestQuerySet, selection: str
) -> HttpResponse | None:
    """Plan to ask these again, and go there; None, with a message, if that is not possible."""
    requests = requests.made()  # the list can show rows of plans, and those are no requests
    if not requests.exists():
        messages.warning(request, _("There is nobody here to ask again: nobody was asked."))
        return None

    def made() -> RequestBatch:
        return services.ask_again(requests, planned_by=user_of(request), selection=selection)

    return lead_to_plan(model_admin, request, made)


def of_the_chosen(
    model_admin: InformationRequestAdmin, request: HttpRequest, requests: InformationRequestQuerySet
) -> HttpResponse | None:
    """The ticked ones of the list, or all that match."""
    count = requests.count()
    text = ngettext(
        "%(count)s request, chosen to be asked again", "%(count)s requests, chosen to be asked again", count
    )
    return plan(model_admin, request, requests, text % {"count": number_text(count)})


def of_an_outcome(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """One outcome of a batch."""
    back = model_admin.redirect_to_page(batch)
    outcome = request.POST.get("outcome", "")
    if outcome not in OF_A_BATCH:
        return back
    state = State(outcome)
    words = {"outcome": state.label, "name": batch_name(batch)}
    selection = _("“%(outcome)s” of “%(name)s”, asked again") % words
    return plan(model_admin, request, model_admin.rows_seen(request, batch).shown_as([state]), selection) or back


# The chain


def about_request(
    model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest
) -> dict[str, Any]:
    """What the page of a request says of the one before and of those after, and whether it can be asked again."""
    seen = our_rows(model_admin.get_queryset(request)).made().select_related("batch").defer(*InformationRequest.SECRETS)
    after = list(seen.filter(again_of=row.pk).order_by("pk")[:SHOWN])
    before = seen.filter(pk=row.again_of_id) if row.again_of_id else []
    return {
        "asked_again_after": _links(model_admin, before),
        "asked_again": _links(model_admin, after),
        "next_step": next_step_text(request, row.shown_state, stamp_text(row.expires_at) if row.expires_at else ""),
        "still_held": still_held_text(InformationRequest.objects.filter(pk=row.pk)),
        "again_url": model_admin.url_of("again", row.pk) if _may_again(model_admin, request, row) else "",
    }


def _may_again(model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest) -> bool:
    can = row.shown_state in ASKED_AGAIN and row.verification.is_eligible
    if not (can and model_admin.has_ask_again_permission(request)):
        return False
    return not InformationRequest.objects.filter(pk=row.pk).asked_again_since().exists()


def _links(model_admin: BaseAdmin, rows: Any) -> SafeString:
    """“request of 3 March”, with its state, for each."""
    lines = [
        (
            link_html(
                model_admin.url_of("change", row.pk, model=InformationRequest),
                _("request of %(day)s") % {"day": day_text(row.sent_at or row.batch.confirmed_at)},
            ),
            state_html(row),
        )
        for row in rows
    ]
    return format_html_join("", '<span class="ik-chain">{} {}</span>', lines)


def next_step_text(request: HttpRequest, state: State, until: str) -> str:
    """What is to be done about what did not go well, before it is asked again; or who can. Empty for other states.

    ``until`` is when an uncertain request is over.
    """
    if state not in {State.REFUSED, State.UNKNOWN, State.QUEUED}:
        return ""
    if not may_ask(request):
        return _("A colleague who may ask clients decides what to do.")
    if state is State.UNKNOWN:
        text = _(
            "Look in iDenfy’s dashboard whether the request is there. If it is, wait until %(time)s; if it is not, ask "
            "again."
        )
        return text % {"time": until}
    return _("Read iDenfy’s words, settle the reason, then ask again.") if state is State.REFUSED else ""


def still_held_text(rows: InformationRequestQuerySet) -> str:
    """Why iDenfy may have refused these: an earlier request is over here, and perhaps not there. Else empty."""
    held = rows.refused_beside().aggregate(count=Count("pk"), until=Max("held_until"))
    if not held["count"]:
        return ""
    text = ngettext(
        "An earlier request may have reached iDenfy; if so it refuses new ones until %(day)s.",
        "Earlier requests to %(count)s of them may have reached iDenfy; if so it refuses new ones until %(day)s.",
        held["count"],
    )
    return text % {"count": number_text(held["count"]), "day": day_text(held["until"])}


def chain_of_batch(
    model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch
) -> list[tuple[str, SafeString]]:
    """Which batches this one follows, and in which its clients were asked again; derived from the rows."""
    seen = rows_seen_by(model_admin.admin_site, request, RequestBatch)
    before = batch.requests.filter(again_of__isnull=False).exclude(state=State.SKIPPED).values("again_of__batch")
    after = InformationRequest.objects.made().filter(again_of__isnull=False, again_of__batch=batch).values("batch")
    named = {
        _("Asked again after"): seen.filter(pk__in=before),
        _("Asked again in"): seen.filter(pk__in=after),
    }
    found = {name: _names(model_admin, batches) for name, batches in named.items()}
    return [(name, links) for name, links in found.items() if links]


def _names(model_admin: BaseAdmin, batches: Any) -> SafeString:
    """Each with its day, since who asks again mostly gives the same reason."""
    named = list(batches.order_by("-pk")[: BATCHES_NAMED + 1])
    links = [
        (
            link_html(model_admin.url_of("change", batch.pk, model=RequestBatch), batch_name(batch)),
            day_text(batch.confirmed_at),
        )
        for batch in named[:BATCHES_NAMED]
    ]
    text = format_html_join(", ", "{} ({})", links)
    return format_html("{}, {}", text, _("and others")) if len(named) > BATCHES_NAMED else text


def about_plan(visible: InformationRequestQuerySet) -> dict[str, Any]:
    """What is to be said on the page of a plan that asks again: what it gives up, who has answered, how it begins."""
    drafts = visible.filter(state=State.DRAFT, again_of__isnull=False)
    uncertain, answered = Q(again_of__state=State.UNKNOWN), Q(again_of__state=State.COMPLETED)
    held = drafts.aggregate(
        count=Count("pk", filter=uncertain),
        until=Max("again_of__expires_at", filter=uncertain),
        answered=Count("pk", filter=answered),
    )
    asks = drafts.order_by().values_list(*(f"again_of__batch__{name}" for name in ("lifetime", *RequestBatch.ASKS)))
    return {
        "gives_up": _gives_up_text(held) if held["count"] else "",
        "have_answered": _have_answered_text(held["answered"]) if held["answered"] else "",
        "asks_differ": len(asks.distinct()[:2]) > 1,
    }


def _have_answered_text(count: int) -> str:
    text = ngettext(
        "%(count)s has answered the earlier request.", "%(count)s have answered the earlier requests.", count
    )
    return text % {"count": number_text(count)}


def _gives_up_text(held: dict[str, Any]) -> str:
    text = ngettext(
        "%(count)s is uncertain, and is given up for the new request. If the first request did reach iDenfy, it "
        "refuses this one, until %(day)s.",
        "%(count)s are uncertain, and are given up for the new requests. If the first requests did reach iDenfy, it "
        "refuses these, until %(day)s.",
        held["count"],
    )
    return text % {"count": number_text(held["count"]), "day": day_text(held["until"])}
