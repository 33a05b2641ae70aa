"""Request batches: the list, and the one page of a batch, which is its whole journey.

Django's change view is replaced whole, not bent: what the page shows depends on the state, and there is nothing to
"save". Every act has an address of its own, and checks method, permission and row before it does anything.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import services
from ..choices import BatchState, State
from ..dates import number_text, short_day_text, stamp_text, time_text
from ..decorators import durable
from ..models import InformationRequest, RequestBatch, Verification
from ..models.request import InformationRequestQuerySet
from ..services import Progress
from ..services.ending import WITHDRAWABLE
from ..wording import asks_text
from . import again, plan, progress, report
from .acts import act
from .base import ReadOnlyAdmin
from .drawing import batch_name, with_beneath
from .endings import MARK_ANSWERED, WITHDRAW
from .links import links_csv_response
from .lists import BoundedAdmin, BoundedChangeList
from .seen import may_ask, may_reveal, our_rows, rows_seen_by

ACTS = (
    *("send", "progress", "pause", "continue", "leave_out", "take_back", "discard", "again", "mark_answered"),
    *("withdraw", "download"),
)
"""What has an address beneath that of a batch."""


class BatchChangeList(BoundedChangeList):
    """Looks up where the batches of a page stand, all at once."""

    def get_results(self, request: HttpRequest) -> None:
        """The page's batches, each with its ``standing``: two queries more, however many and however large they are."""
        super().get_results(request)
        batches = list(self.result_list)
        standings = services.progress_of_each(batches)
        for batch in batches:
            batch.standing = standings[batch.pk]
        self.result_list = batches


@admin.register(RequestBatch)
class RequestBatchAdmin(BoundedAdmin, ReadOnlyAdmin):
    """The list of batches, and the page of one: plan, progress, report. Made to be subclassed.

    How many clients a batch has, and how far it is, is the same for everybody who may see it; whoever may ask confirms
    and sends all of it. Who these clients are, their groups and links, come from the ``get_queryset`` of the requests'
    admin on the same site, and so does what is left out, withdrawn or downloaded.
    """

    plan_template = "admin/idenfy_kyc/requestbatch/plan.html"
    progress_template = "admin/idenfy_kyc/requestbatch/progress.html"
    report_template = "admin/idenfy_kyc/requestbatch/report.html"

    list_display = ("reason", "asks", "clients", "outcomes", "answered", "asked_by", "asked_on", "state")
    list_display_links = ("reason",)
    search_fields = ("note", "questionnaire", "confirmed_by_name", "planned_by_name")
    search_help_text = gettext_lazy("Search by reason, questionnaire or name of the person who asked.")
    ordering = ("-pk",)
    actions = None

    # The list

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BatchChangeList

    @admin.display(description=gettext_lazy("Reason"), ordering="note")
    def reason(self, batch: RequestBatch) -> str:
        """And beneath it what tells a batch apart from the one that it follows, which has the same reason."""
        name = batch.note or _("(a plan without a reason yet)")
        return with_beneath(name, _("asked again") if _standing(batch).again else "")

    @admin.display(description=gettext_lazy("Asked for"))
    def asks(self, batch: RequestBatch) -> str:
        return asks_text(batch)

    @admin.display(description=gettext_lazy("Clients"))
    def clients(self, batch: RequestBatch) -> str:
        return number_text(_standing(batch).total)

    @admin.display(description=gettext_lazy("Outcome"))
    def outcomes(self, batch: RequestBatch) -> str:
        standing = _standing(batch)
        if not standing.done:
            return "–"
        refused, uncertain = (standing.counts.get(state, 0) for state in (State.REFUSED, State.UNKNOWN))
        links = ngettext("%(count)s link", "%(count)s links", standing.links) % {"count": number_text(standing.links)}
        others = [
            ngettext("%(count)s refused", "%(count)s refused", refused) % {"count": number_text(refused)},
            ngettext("%(count)s uncertain", "%(count)s uncertain", uncertain) % {"count": number_text(uncertain)},
        ]
        said = [text for text, count in zip(others, (refused, uncertain), strict=True) if count]
        return with_beneath(links, ", ".join(said))

    @admin.display(description=gettext_lazy("Answered"))
    def answered(self, batch: RequestBatch) -> str:
        standing = _standing(batch)
        if not standing.reached:
            return "–"
        answered = _("%(answered)s of %(links)s") % {
            "answered": number_text(standing.counts.get(State.COMPLETED, 0)),
            "links": number_text(standing.reached),
        }
        marked = ngettext("%(count)s marked by staff", "%(count)s marked by staff", standing.marked)
        beneath = marked % {"count": number_text(standing.marked)} if standing.marked else ""
        return with_beneath(answered, beneath)

    @admin.display(description=gettext_lazy("Asked by"), ordering="confirmed_by_name")
    def asked_by(self, batch: RequestBatch) -> str:
        if batch.is_plan:
            return _("planned by %(name)s") % {"name": batch.planned_by_name} if batch.planned_by_name else "–"
        return batch.confirmed_by_name

    @admin.display(description=gettext_lazy("On"), ordering="confirmed_at")
    def asked_on(self, batch: RequestBatch) -> str:
        moment = batch.confirmed_at or batch.planned_at
        return with_beneath(short_day_text(moment), time_text(moment))

    @admin.display(description=gettext_lazy("State"))
    def state(self, batch: RequestBatch) -> SafeString:
        return batch_state_html(_standing(batch))

    # The page of a batch

    def get_urls(self) -> list[URLPattern]:
        return [*(self.own_path(act, getattr(self, f"{act}_view")) for act in ACTS), *super().get_urls()]

    @durable
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Plan, progress or report: whichever the batch has come to."""
        if request.method == "POST" and not may_ask(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        batch = self.get_object(request, object_id)
        if not self.has_view_permission(request, batch):
            raise PermissionDenied
        if batch is None:
            return self.not_there(request, object_id)
        if request.method == "POST":
            return self._post(request, batch)
        if batch.is_plan:
            return plan.view(self, request, batch)
        standing = services.progress_of(batch)
        if standing.state is BatchState.DONE:
            return report.view(self, request, batch, standing)
        return progress.view(self, request, batch, standing)

    def _post(self, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
        if batch.is_plan and "_confirm" in request.POST:
            return plan.confirm(self, request, batch)
        if batch.is_plan and "_save" in request.POST:
            return plan.save(self, request, batch)
        if not batch.is_plan:
            messages.info(request, _("This plan was confirmed already. Nobody is asked twice."))
        return self.redirect_to_page(batch)

    @durable
    def send_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, progress.send)

    @durable
    def pause_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, progress.pause)

    @durable
    def continue_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, progress.resume)

    @durable
    def leave_out_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, plan.leave_out)

    @durable
    def take_back_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, plan.take_back)

    @durable
    def discard_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, plan.discard)

    @durable
    def again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, again.of_an_outcome)

    @durable
    def mark_answered_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, _mark_answered)

    @durable
    def withdraw_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, _withdraw)

    @durable
    def download_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, _download, allowed=may_reveal)

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, progress.watch, methods=("GET",), allowed=self.has_view_permission)

    # What plan, progress and report have in common

    def requests_seen(self, request: HttpRequest) -> InformationRequestQuerySet:
        """The requests that this user sees on this site: of all batches, those of plans too."""
        return our_rows(rows_seen_by(self.admin_site, request, InformationRequest))

    def rows_seen(self, request: HttpRequest, batch: RequestBatch) -> InformationRequestQuerySet:
        """Those of this batch."""
        return self.requests_seen(request).filter(batch=batch)

    def render_page(
        self, request: HttpRequest, batch: RequestBatch, template: str, *, title: str, **context: Any
    ) -> TemplateResponse:
        """One of the three pages, in the admin's frame."""
        chain = again.chain_of_batch(self, request, batch)
        frame = self.page_context(request, title=title, crumb=batch.note or _("Plan"), **context)
        frame |= {
            "batch": batch,
            "facts": [*_facts(batch), *chain],
            "chain": chain,
            "urls": {name: self.url_of(name, batch.pk) for name in ACTS},
            "back_url": self._back_url(),
            "is_popup": IS_POPUP_VAR in request.GET,
        }
        return TemplateResponse(request, template, frame)

    def _back_url(self) -> str:
        """Where clients are chosen; the list of batches on a site without it."""
        return self.url_of("changelist", model=Verification if self.admin_site.is_registered(Verification) else None)

    def redirect_to_page(self, batch: RequestBatch, *, to: str = "", **query: str) -> HttpResponseRedirect:
        """Back to the page of the batch, after a POST; ``to`` is where on it, such as ``#rows``."""
        asked = {name: value for name, value in query.items() if value}
        url = self.url_of("change", batch.pk)
        return HttpResponseRedirect(f"{url}?{urlencode(asked)}{to}" if asked else f"{url}{to}")

    def redirect_to_list(self) -> HttpResponseRedirect:
        """Back to where clients are chosen, when there is no batch any more."""
        return HttpResponseRedirect(self._back_url())


def _standing(batch: Any) -> Progress:
    """Where a batch of the list stands: our list looks it up for all at once, a list of a host's own one by one."""
    if not hasattr(batch, "standing"):
        batch.standing = services.progress_of(batch)
    standing: Progress = batch.standing
    return standing


def batch_state_html(standing: Progress) -> SafeString:
    """A shape and a word."""
    label = progress.state_label(standing)
    return format_html('<span class="ik-state ik-state-{}">{}</span>', standing.state.value, label)


def _facts(batch: RequestBatch) -> list[tuple[str, str]]:
    """Who asked for what, why and when: what stays the same on progress and report."""
    facts = [
        (_("Asked for"), asks_text(batch)),
        (_("Chosen"), batch.selection),
        (_("Asked by"), batch.confirmed_by_name),
        (_("On"), stamp_text(batch.confirmed_at) if batch.confirmed_at else ""),
    ]
    return [(name, value) for name, value in facts if value]


def _withdraw(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """All that can be withdrawn: what waits to be asked as well as links that are out."""
    return WITHDRAW.page(
        model_admin,
        request,
        model_admin.rows_seen(request, batch).shown_as(WITHDRAWABLE),
        back=model_admin.url_of("change", batch.pk),
        crumb=batch_name(batch),
    )


def _mark_answered(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    """One outcome of it."""
    outcome = request.POST.get("outcome", "")
    if outcome not in report.MARKED_TOGETHER:
        return model_admin.redirect_to_page(batch)
    return MARK_ANSWERED.page(
        model_admin,
        request,
        model_admin.rows_seen(request, batch).shown_as([State(outcome)]),
        back=model_admin.url_of("change", batch.pk),
        crumb=batch_name(batch),
        hidden={"outcome": outcome},
    )


def _download(model_admin: RequestBatchAdmin, request: HttpRequest, batch: RequestBatch) -> HttpResponse:
    rows = model_admin.rows_seen(request, batch).defer(None)
    back = model_admin.url_of("change", batch.pk)
    return links_csv_response(request, rows, f"links-{batch.pk}.csv", back=back)
