"""The list of requests, which is the record, and the page of one: who asked whom for what, why, what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import services, wording
from ..choices import State
from ..clients import introduce
from ..decorators import durable
from ..missed import missed_text
from ..models import InformationRequest, Verification
from ..services.ending import WITHDRAWABLE
from .base import (
    ReadOnlyAdmin,
    batch_name,
    client_facts,
    client_html,
    client_link_url,
    client_name,
    link_html,
    masked,
    may_ask,
    may_reveal,
    only_post,
    state_html,
    user_of,
)
from .filters import AskedByFilter, EndsFilter, OpenedFilter, StateFilter, our_rows
from .history import history_of_request
from .links import links_csv_response, no_urls_text, withdraw_page
from .verifications import of_an_id

ASKABLE = {"id", "pk", "batch", "verification", "state", "sent_at", "expires_at", "opened_at"}


class RequestChangeList(ChangeList):
    """Without the secrets: a list shows none."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[InformationRequest]:
        rows: QuerySet[InformationRequest] = super().get_queryset(request, exclude_parameters)
        return rows.defer(*InformationRequest.SECRETS)


@admin.register(InformationRequest)
class InformationRequestAdmin(ReadOnlyAdmin):
    """Requests, to look at; what staff may do with one has a page or a POST of its own. Made to be subclassed."""

    class Media:
        js = [Script("idenfy_kyc/copy.js", defer=True)]

    list_display = ("client", "asks", "state_in_words", "asked_by", "asked_on", "works_until", "opened", "in_batch")
    list_filter = (
        StateFilter,
        EndsFilter,
        OpenedFilter,
        ("sent_at", admin.DateFieldListFilter),
        AskedByFilter,
    )
    list_select_related = ("batch", "verification")
    show_full_result_count = False  # it would count the rows of plans, which the list does not show
    search_fields = (
        "verification__scan_ref__istartswith",
        "verification__client_id__istartswith",
        "verification__name__icontains",
        "batch__note__icontains",
    )
    search_help_text = gettext_lazy("Name or reason, or the beginning of a client ID or scan reference")
    ordering = ("-pk",)
    actions = ("withdraw", "download_links")
    empty_value_display = "–"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RequestChangeList

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        introduce(row.verification for row in changelist.result_list)
        services.mark_missed(changelist.result_list)
        return changelist

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InformationRequest], search_term: str
    ) -> tuple[QuerySet[InformationRequest], bool]:
        found = of_an_id(queryset, search_term.strip(), "verification")
        return super().get_search_results(request, queryset, search_term) if found is None else (found, False)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Of the columns only a few can be asked about in the list's address.

        Django allows every one. Then whoever may only look could guess the path of a client’s link, letter by letter,
        and no line of the record would say so.
        """
        asked = lookup.partition("__")[0]
        columns = {name for field in self.opts.concrete_fields for name in (field.name, field.attname)}
        return (asked in ASKABLE or asked not in columns) and super().lookup_allowed(lookup, value, request)

    # The columns

    @admin.display(description=gettext_lazy("Client"), ordering="verification__name")
    def client(self, row: InformationRequest) -> str:
        return client_html(row.verification, within_link=True)

    @admin.display(description=gettext_lazy("Asked for"))
    def asks(self, row: InformationRequest) -> str:
        return wording.asks_text(row.batch)

    @admin.display(description=gettext_lazy("State"), ordering="state")
    def state_in_words(self, row: InformationRequest) -> str:
        return state_html(row)

    @admin.display(description=gettext_lazy("Asked by"), ordering="batch__confirmed_by_name")
    def asked_by(self, row: InformationRequest) -> str | None:
        return row.batch.confirmed_by_name or None

    @admin.display(description=gettext_lazy("Asked on"), ordering="sent_at")
    def asked_on(self, row: InformationRequest) -> str | None:
        return wording.short_day_text(row.sent_at) if row.sent_at else None

    @admin.display(description=gettext_lazy("Works until"), ordering="expires_at")
    def works_until(self, row: InformationRequest) -> str | None:
        """For a link that works, how long it still does; for one that has ended, when it did."""
        if row.expires_at is None or row.shown_state not in {State.ISSUED, State.EXPIRED}:
            return None
        if row.shown_state is State.EXPIRED:
            return _("ended on %(day)s") % {"day": wording.short_day_text(row.expires_at)}
        return format_html(
            '{} <span class="ik-beneath">{}</span>', wording.short_day_text(row.expires_at), wording.time_left_text(row)
        )

    @admin.display(description=gettext_lazy("Opened"), ordering="opened_at")
    def opened(self, row: InformationRequest) -> str | None:
        if row.opened_at:
            return wording.short_day_text(row.opened_at)
        return _("Not yet") if row.shown_state is State.ISSUED else None

    @admin.display(description=gettext_lazy("Batch"), ordering="batch")
    def in_batch(self, row: InformationRequest) -> str:
        return link_html(self.batch_url(row), batch_name(row.batch))

    # What can be done with the ticked ones

    @durable
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    @admin.action(description=gettext_lazy("Withdraw…"), permissions=["request_information"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> HttpResponse:
        """Ask why on a page of its own. All that match go by the list's own address, not by a field for each."""
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        across = request.POST.get("select_across") == "1"
        hidden: dict[str, str | list[str]] = {
            "action": "withdraw",
            "select_across": "1" if across else "0",
            ACTION_CHECKBOX_NAME: ticked[:1] if across else ticked,
        }
        return withdraw_page(self, request, our_rows(queryset), back=request.get_full_path(), hidden=hidden)

    @admin.action(description=gettext_lazy("Download links (CSV)"), permissions=["reveal_link"])
    def download_links(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> HttpResponse:
        """The links of those that have one that works; the others are left out."""
        name = f"links-{timezone.now():%Y-%m-%d}.csv"
        return links_csv_response(request, our_rows(queryset).defer(None), name, back=request.get_full_path())

    # The page of one

    def get_urls(self) -> list[Any]:
        def own(route: str, view: Any, name: str) -> Any:
            name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
            return path(f"<path:object_id>/{route}/", self.admin_site.admin_view(view), name=name)

        return [
            own("show-link", self.show_link_view, "show_link"),
            own("withdraw", self.withdraw_view, "withdraw"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one request; there is nothing to save, so it is no form."""
        row = self.get_object(request, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if row is None:
            return self.not_there(request, object_id)
        return self._page(request, row, **(extra_context or {}))

    @durable
    def show_link_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same page with the link on it. Every showing goes on record before the link leaves the server."""
        if not (self.has_view_permission(request) and may_reveal(request)):
            raise PermissionDenied
        if request.method != "POST":
            return only_post()
        row = self.get_object(request, object_id)
        if row is None:
            return self.not_there(request, object_id)
        link = client_link_url(request, row) if _leads_on(row) else None
        on_record = link is not None and services.reveal(row, by=user_of(request))
        return self._page(request, row, link=link if on_record else None)

    @durable
    def withdraw_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Withdraw one."""
        if not may_ask(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        row = self.get_object(request, object_id)
        if row is None:
            return self.not_there(request, object_id)
        one = our_rows(self.get_queryset(request)).filter(pk=row.pk)
        return withdraw_page(self, request, one, back=self.url_of("change", row.pk))

    def _page(self, request: HttpRequest, row: InformationRequest, **extra: Any) -> HttpResponse:
        batch, verification = row.batch, row.verification
        services.mark_missed([row])
        name = client_name(verification)
        context = self.page_context(
            request,
            title=_("Request to %(client)s") % {"client": name},
            crumb=str(row),
            row=row,
            batch_link=link_html(self.batch_url(row), batch_name(batch)),
            client_link=link_html(self.url_of("change", verification.pk, model=Verification), name),
            client_id=verification.client_id if verification.client_id != name else "",
            client_facts=client_facts(verification),
            asks=wording.asks_text(batch),
            state=state_html(row),
            reason=missed_text() if row.deliveries_were_missing else wording.reason_text(row.reason, row.reason_params),
            asked_at=wording.stamp_text(row.sent_at) if row.sent_at else "",
            planned_at=wording.stamp_text(batch.planned_at),
            confirmed_at=wording.stamp_text(batch.confirmed_at) if batch.confirmed_at else "",
            works_until=wording.stamp_text(row.expires_at) if row.expires_at and row.shown_state in _HAS_END else "",
            left=wording.time_left_text(row),
            opened_at=wording.stamp_text(row.opened_at) if row.opened_at else "",
            withdraw_url=self._withdraw_url(request, row),
            history=history_of_request(row, page=request.GET.get("history", "1"), batch_url=self.batch_url),
            **self._about_link(request, row),
        )
        context |= extra
        template = self.change_form_template or [
            f"admin/{self.opts.app_label}/{self.opts.model_name}/change_form.html",
            f"admin/{self.opts.app_label}/change_form.html",
            "admin/idenfy_kyc/informationrequest/change_form.html",
        ]
        return TemplateResponse(request, template, context)

    def _withdraw_url(self, request: HttpRequest, row: InformationRequest) -> str:
        may = may_ask(request) and row.shown_state in WITHDRAWABLE
        return self.url_of("withdraw", row.pk) if may else ""

    def _about_link(self, request: HttpRequest, row: InformationRequest) -> dict[str, Any]:
        """The link as everybody may see it, the way to see it whole, or why there is none to give."""
        if not row.has_link:
            return {"link_problem": _late_link_text() if row.session_url else ""}
        if row.link_is_unreadable:
            return {"link_problem": _unreadable_text()}
        url = client_link_url(request, row)
        if not services.is_web_address(row.session_url):
            return {"link_problem": _unsafe_text() if row.session_url else _only_token_text()}
        if url is None:
            return {"link_problem": no_urls_text()}
        return {
            "masked_link": masked(url),
            "show_link_url": self.url_of("show_link", row.pk) if may_reveal(request) else "",
        }


_HAS_END = {State.ISSUED, State.UNKNOWN, State.EXPIRED}


def _leads_on(row: InformationRequest) -> bool:
    return row.has_link and services.is_web_address(row.session_url)


def _unreadable_text() -> str:
    return _(
        "A link is stored, and no key can read it: the project’s SECRET_KEY has changed. Your administrator can add "
        "the old one to SECRET_KEY_FALLBACKS."
    )


def _only_token_text() -> str:
    return _("iDenfy sent no address with this one, only a token for mobile apps. There is no link to give.")


def _unsafe_text() -> str:
    return _("What iDenfy sent is no web address. It is never shown or followed: there is no link to give.")


def _late_link_text() -> str:
    return _("iDenfy’s link came after this request was over. It is kept, and works for nobody here.")
