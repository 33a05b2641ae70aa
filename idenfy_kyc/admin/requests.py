"""The list of requests, which is the record, and the page of one: who asked whom for what, why, what became of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Case, DateTimeField, Q, QuerySet, When
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import dates, services, wording
from ..choices import State
from ..clients import introduce
from ..decorators import durable
from ..models import Answer, InformationRequest, RequestBatch
from . import again, answers, request_page
from .acts import PAGE, act
from .base import ReadOnlyAdmin
from .drawing import batch_name, client_html, link_html, state_html, with_beneath
from .endings import MARK_ANSWERED, WITHDRAW, Ending
from .filters import AnswerFilter, AskedByFilter, DecisionFilter, EndsFilter, OpenedFilter, StateFilter
from .links import links_csv_response
from .lists import BoundedAdmin, BoundedChangeList
from .search import by_client, first_found
from .seen import may_ask, may_reveal, our_rows

ASKABLE = {"id", "pk", "batch", "verification", "state", "sent_at", "expires_at", "opened_at"}


class RequestChangeList(BoundedChangeList):
    """Without the secrets: a list shows none."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[InformationRequest]:
        rows: QuerySet[InformationRequest] = super().get_queryset(request, exclude_parameters)
        return rows.defer(*InformationRequest.SECRETS)

    def get_results(self, request: HttpRequest) -> None:
        """The page’s batches and verifications come in a query each: of a join MariaDB reads every row and sorts it."""
        super().get_results(request)
        self.result_list = self.result_list.prefetch_related("batch", "verification", "answer")


@admin.register(InformationRequest)
class InformationRequestAdmin(BoundedAdmin, ReadOnlyAdmin):
    """Requests, to look at; what staff may do with one has a page or a POST of its own. Made to be subclassed."""

    class Media:
        js = [Script("idenfy_kyc/copy.js", defer=True)]

    list_display = (
        *("client", "asks", "in_batch", "state_in_words", "asked_on", "works_until", "opened", "answered_on"),
    )
    list_filter: ClassVar[Any] = (
        StateFilter,
        DecisionFilter,
        AnswerFilter,
        EndsFilter,
        OpenedFilter,
        ("sent_at", admin.DateFieldListFilter),
        AskedByFilter,
    )
    search_fields: ClassVar[Any] = (
        "verification__scan_ref__istartswith",
        "verification__client_id__istartswith",
        "verification__name__icontains",
        "batch__note__icontains",
    )
    search_help_text = gettext_lazy("Name or reason, or the beginning of a client ID or scan reference")
    ordering = ("-pk",)
    actions = ("look_at", "ask_again", "mark_answered", "withdraw", "download_links")
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
        """By client, or else by reason; by ``search_fields`` of a subclass's own as Django does it."""
        term = search_term.strip()
        if not term or self.get_search_fields(request) != InformationRequestAdmin.search_fields:
            return super().get_search_results(request, queryset, search_term)
        reason = Q(batch__in=RequestBatch.objects.filter(note__icontains=term).values("pk"))
        return first_found(queryset, [*by_client(queryset, term, "verification__"), reason]), False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Of the columns only a few can be asked about in the list's address.

        Django allows every one. Then whoever may only look could guess the path of a client’s link, letter by letter,
        and no line of the record would say so.
        """
        asked = lookup.partition("__")[0]
        columns = {name for field in self.opts.concrete_fields for name in (field.name, field.attname)}
        return (asked in ASKABLE or asked not in columns) and super().lookup_allowed(lookup, value, request)

    # The columns

    @admin.display(description=gettext_lazy("Client"), ordering="verification__name_folded")
    def client(self, row: InformationRequest) -> str:
        return client_html(row.verification, within_link=True)

    @admin.display(description=gettext_lazy("Asked for"))
    def asks(self, row: InformationRequest) -> str:
        return wording.asks_text(row.batch)

    @admin.display(description=gettext_lazy("State"), ordering="state")
    def state_in_words(self, row: InformationRequest) -> str:
        """And beneath it the verdict: a column of its own would make a wide list wider."""
        return with_beneath(state_html(row), answers.verdict_beneath(row))

    @admin.display(description=gettext_lazy("Asked on, by"), ordering="sent_at")
    def asked_on(self, row: InformationRequest) -> str:
        """One cell for two facts: a column for the name would make a wide list wider."""
        day = dates.short_day_text(row.sent_at) if row.sent_at else self.empty_value_display
        return with_beneath(day, row.batch.confirmed_by_name)

    @admin.display(description=gettext_lazy("Works until"), ordering="expires_at")
    def works_until(self, row: InformationRequest) -> str | None:
        """And beneath it how long the link still works, or that it has ended."""
        if row.expires_at is None or row.shown_state not in {State.ISSUED, State.EXPIRED}:
            return None
        return with_beneath(dates.short_day_text(row.expires_at), wording.time_left_text(row))

    @admin.display(description=gettext_lazy("Opened"), ordering="opened_at")
    def opened(self, row: InformationRequest) -> str | None:
        if row.opened_at:
            return dates.short_day_text(row.opened_at)
        return _("Not yet") if row.shown_state is State.ISSUED else None

    @admin.display(
        description=gettext_lazy("Answered on"),
        ordering=Case(When(state=State.COMPLETED, then="ended_at"), output_field=DateTimeField()),
    )
    def answered_on(self, row: InformationRequest) -> str | None:
        """When the client answered, as iDenfy says; or when somebody marked it so, and who."""
        if row.state != State.COMPLETED:
            return None
        day = dates.short_day_text(row.ended_at) if row.ended_at else ""
        return with_beneath(day, wording.marked_text(row))

    @admin.display(description=gettext_lazy("Reason"), ordering="batch__note")
    def in_batch(self, row: InformationRequest) -> str:
        """Why somebody asked; it leads to all whom he asked for it. Two batches of one reason are told apart."""
        link = link_html(self.batch_url(row), batch_name(row.batch))
        return with_beneath(link, _("asked again") if row.again_of_id else "")

    # What can be done with the ticked ones

    @durable
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    def has_ask_again_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A site without batches has nowhere to go from here."""
        return may_ask(request) and self.admin_site.is_registered(RequestBatch)

    @admin.action(description=gettext_lazy("Ask again…"), permissions=["ask_again"])
    def ask_again(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> HttpResponse | None:
        """Plan a new request for each of these, and go there."""
        return again.of_the_chosen(self, request, our_rows(queryset))

    @admin.action(description=gettext_lazy("Mark as answered…"), permissions=["request_information"])
    def mark_answered(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> HttpResponse:
        """Ask where it was seen, on a page of its own."""
        return self._end(MARK_ANSWERED, "mark_answered", request, queryset)

    @admin.action(description=gettext_lazy("Withdraw…"), permissions=["request_information"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> HttpResponse:
        """Ask why, on a page of its own."""
        return self._end(WITHDRAW, "withdraw", request, queryset)

    def _end(
        self, ending: Ending, action: str, request: HttpRequest, queryset: QuerySet[InformationRequest]
    ) -> HttpResponse:
        """All that match go by the list's own address, not by a field for each."""
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        across = request.POST.get("select_across") == "1"
        hidden: dict[str, str | list[str]] = {
            "action": action,
            "select_across": "1" if across else "0",
            ACTION_CHECKBOX_NAME: ticked[:1] if across else ticked,
        }
        return ending.page(self, request, our_rows(queryset), back=request.get_full_path(), hidden=hidden)

    def has_view_answers_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return answers.may_read(request)

    @admin.action(description=gettext_lazy("I have looked at this"), permissions=["view_answers"])
    def look_at(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> None:
        """For the answers of the ticked ones, or of all that match."""
        answers.look_at(request, Answer.objects.filter(request__in=our_rows(queryset).order_by().values("pk")))

    @admin.action(description=gettext_lazy("Download links (CSV)"), permissions=["reveal_link"])
    def download_links(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> HttpResponse:
        """The links of those that have one that works; the others are left out."""
        name = f"links-{timezone.now():%Y-%m-%d}.csv"
        return links_csv_response(request, our_rows(queryset).defer(None), name, back=request.get_full_path())

    # The page of one

    def get_urls(self) -> list[URLPattern]:
        return [
            self.own_path("show_link", self.show_link_view),
            self.own_path("look_at", self.look_at_view),
            self.own_path("again", self.again_view),
            self.own_path("mark_answered", self.mark_answered_view),
            self.own_path("withdraw", self.withdraw_view),
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
        return request_page.view(self, request, row, **(extra_context or {}))

    @durable
    def show_link_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, request_page.show_link, allowed=may_reveal)

    @durable
    def look_at_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, request_page.look_at, allowed=answers.may_read)

    @durable
    def again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, request_page.ask_again, allowed=self.has_ask_again_permission)

    @durable
    def withdraw_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, request_page.withdraw, methods=PAGE)

    @durable
    def mark_answered_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act(self, request, object_id, request_page.mark_answered, methods=PAGE)
