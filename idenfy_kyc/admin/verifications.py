"""The list of verifications, where every request begins, and the page of one: its requests and what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.csrf import csrf_exempt

from .. import dates, services, told, wording
from ..choices import STATUS_LABELS, State, status_label
from ..clients import introduce
from ..decorators import durable
from ..models import InformationRequest, RequestBatch, Verification
from . import answers, from_list
from .acts import act, lead_to_plan
from .asked import any_of_client, last_sent_of, newest_of, requests_seen_by
from .drawing import client_facts, client_html, client_name, state_html, with_beneath
from .erase import ErasingAdmin, erased_text
from .filters import LastAskedFilter, RequestStateFilter, StatusFilter, VerifiedFilter
from .history import history_of_verification
from .lists import BoundedAdmin, BoundedChangeList, counted
from .refreshing import RefreshingAdmin
from .search import by_client, first_found
from .seen import user_of

IN_WORDS = {"status": "status_in_words", "verified_at": "verified_at_in_words"}
"""Fields, and what stands in their place for whoever may not change them."""


class VerificationForm(forms.ModelForm):  # type: ignore[type-arg]
    """Statuses to choose from, in words. One that we do not know yet is kept, and can be kept on.

    The form knows what it showed: what nobody touched is no change, though iDenfy has told something else since.
    """

    class Meta:
        model = Verification
        fields = ["scan_ref", "client_id", "name", "status", "verified_at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "status" in self.fields:
            self.fields["status"].widget = forms.Select(choices=_status_choices(self.instance.status))
        for field in self.fields.values():
            field.show_hidden_initial = self.instance.pk is not None


def _status_choices(current: str) -> list[tuple[str, Any]]:
    used: set[str] = set()
    choices: list[tuple[str, Any]] = []
    for status, label in STATUS_LABELS.items():
        choices.append((status, format_lazy("{} ({})", label, status) if str(label) in used else label))
        used.add(str(label))
    return choices if current in STATUS_LABELS else [*choices, (current, status_label(current))]


class VerificationChangeList(BoundedChangeList):
    """Can be sorted by the moment of the last request; the other lists pay nothing for it."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Verification]:
        requests = requests_seen_by(self.model_admin.admin_site, request)
        self.root_queryset = self.root_queryset.alias(last_sent_at=last_sent_of(requests))
        rows: QuerySet[Verification] = super().get_queryset(request, exclude_parameters)
        return rows


@admin.register(Verification)
class VerificationAdmin(ErasingAdmin, RefreshingAdmin, BoundedAdmin):
    """Verifications: chosen here, added by hand if need be. Made to be subclassed."""

    form = VerificationForm
    fields: ClassVar[Any] = ("scan_ref", "client_id", "name", "status", "verified_at")
    list_display = ("client", "scan_ref", "status_in_words", "verified_on", "request_now", "last_asked")
    list_filter: ClassVar[Any] = (StatusFilter, RequestStateFilter, VerifiedFilter, LastAskedFilter)
    search_fields: ClassVar[Any] = ("scan_ref__istartswith", "client_id__istartswith", "name__icontains")
    search_help_text = gettext_lazy("Name, or the beginning of a client ID or scan reference")
    ordering = ("-pk",)
    actions = ("request_information", "refresh", "erase_personal_data")
    empty_value_display = "–"
    from_list_template = "admin/idenfy_kyc/verification/from_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return VerificationChangeList

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """A list of the host's own does not know when anybody was last asked, unless it is made of ours."""
        columns = super().get_sortable_by(request)
        knows = issubclass(self.get_changelist(request), VerificationChangeList)
        return columns if knows else [column for column in columns if column != "last_asked"]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list with what its columns need, in two queries more, whichever queryset and class it is made of."""
        changelist = super().get_changelist_instance(request)
        requests = requests_seen_by(self.admin_site, request)
        shown = Verification.objects.filter(pk__in=[verification.pk for verification in changelist.result_list])
        rows = shown.values_list("pk", newest_of(requests), any_of_client(requests), last_sent_of(requests))
        about = {pk: found for pk, *found in rows}
        newest_ones = requests.only("state", "expires_at", "reason", "reason_params").in_bulk(
            [newest for newest, *_rest in about.values()]
        )
        for verification in changelist.result_list:
            newest, of_client, last = about.get(verification.pk, (None, None, None))
            verification.newest_request = newest_ones.get(newest)
            verification.was_asked_elsewhere = newest is None and of_client is not None
            verification.last_sent_at = last
        introduce(changelist.result_list)
        return changelist

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Verification], search_term: str
    ) -> tuple[QuerySet[Verification], bool]:
        """By ID, or else by name; by ``search_fields`` of a subclass's own as Django does it."""
        term = search_term.strip()
        if not term or self.get_search_fields(request) != VerificationAdmin.search_fields:
            return super().get_search_results(request, queryset, search_term)
        return first_found(queryset, by_client(queryset, term)), False

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Status and time in words for whoever may only look; whoever may change it, chooses among the words."""
        fieldsets = super().get_fieldsets(request, obj)
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        read_only = self.get_readonly_fields(request, obj) if may_write else IN_WORDS
        words = {name: instead for name, instead in IN_WORDS.items() if name in read_only}
        if not words:
            return fieldsets
        return [(name, {**options, "fields": _in_words(options["fields"], words)}) for name, options in fieldsets]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """A scan reference names the verification at iDenfy: another one is another verification."""
        own = ("scan_ref",) if obj else ()
        return (*super().get_readonly_fields(request, obj), *own, *IN_WORDS.values())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not with requests: they are the record of what a client was asked."""
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or not InformationRequest.objects.filter(verification=obj).exists())

    # The columns

    @admin.display(description=gettext_lazy("Client"), ordering="name_folded")
    def client(self, verification: Verification) -> str:
        return client_html(verification, within_link=True)

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def status_in_words(self, verification: Verification) -> Any:
        return verification.status_label

    @admin.display(description=gettext_lazy("Verified on"))
    def verified_at_in_words(self, verification: Verification) -> str | None:
        return dates.record_text(verification.verified_at) if verification.verified_at else None

    @admin.display(description=gettext_lazy("Verified on"), ordering="verified_at")
    def verified_on(self, verification: Verification) -> str | None:
        return dates.short_day_text(verification.verified_at) if verification.verified_at else None

    @admin.display(description=gettext_lazy("Request"))
    def request_now(self, verification: Verification) -> str | None:
        """The open request, or else what became of the newest; without any, whether the client was asked at all."""
        newest: InformationRequest | None = getattr(verification, "newest_request", None)
        if newest is None:
            asked_elsewhere = getattr(verification, "was_asked_elsewhere", False)
            return _("Through another verification") if asked_elsewhere else None
        runs = newest.shown_state is State.ISSUED
        return with_beneath(
            state_html(newest, wording.time_left_text(newest) if runs else ""), wording.marked_text(newest)
        )

    @admin.display(description=gettext_lazy("Last asked"), ordering=F("last_sent_at").asc(nulls_first=True))
    def last_asked(self, verification: Verification) -> str | None:
        last = getattr(verification, "last_sent_at", None)
        return dates.short_day_text(last) if last else None

    # The way to a plan

    def has_request_information_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A site without batches has nowhere to go from here."""
        return super().has_request_information_permission(request, obj) and self.admin_site.is_registered(RequestBatch)

    @durable
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may_ask = self.has_request_information_permission(request)
        context = {"from_list_url": self.url_of("ask_from_list") if may_ask else ""} | (extra_context or {})
        return super().changelist_view(request, context)

    @admin.action(description=gettext_lazy("Request information…"), permissions=["request_information"])
    def request_information(self, request: HttpRequest, queryset: QuerySet[Verification]) -> HttpResponse | None:
        """Freeze what is ticked, or all that match, as a plan, and go there."""
        return self.go_to_plan(request, queryset, self._selection_in_words(request, queryset))

    @durable
    def request_information_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same for one, from its page."""
        return act(self, request, object_id, _request_one, allowed=self.has_request_information_permission)

    @csrf_exempt  # not for long: see there
    @durable
    def ask_from_list_view(self, request: HttpRequest) -> HttpResponse:
        """The same for a list that somebody has sent."""
        return from_list.view(self, request)

    def go_to_plan(
        self, request: HttpRequest, verifications: QuerySet[Verification] | Sequence[Verification], selection: str
    ) -> HttpResponse | None:
        """Plan a request for these and lead there; None, and a message that says why, if that cannot be."""

        def plan() -> RequestBatch:
            return services.plan(verifications, planned_by=user_of(request), selection=selection)

        return lead_to_plan(self, request, plan)

    def _selection_in_words(self, request: HttpRequest, queryset: QuerySet[Verification]) -> str:
        """How the clients were chosen, for the record: one sentence, kept in the language of the person who chose."""
        if request.POST.get("select_across") != "1":
            ticked = len(set(request.POST.getlist(ACTION_CHECKBOX_NAME)))
            by_hand = ngettext("%(count)s chosen by hand", "%(count)s chosen by hand", ticked)
            return by_hand % {"count": dates.number_text(ticked)}
        total = counted(queryset)
        count = str(total)
        conditions = "; ".join(self._conditions(request))
        if not conditions:
            return ngettext("All %(count)s verification", "All %(count)s verifications", total) % {"count": count}
        matching = ngettext(
            "All %(count)s that match: %(conditions)s", "All %(count)s that match: %(conditions)s", total
        )
        return matching % {"count": count, "conditions": conditions}

    def _conditions(self, request: HttpRequest) -> list[str]:
        """The filters of the list, as they stand beside it. A search is not quoted: its words may be a name."""
        changelist = self.get_changelist_instance(request)
        changelist.add_facets = False
        words = []
        for spec in changelist.filter_specs:
            _all, *choices = spec.choices(changelist)
            chosen = ", ".join(str(choice["display"]) for choice in choices if choice["selected"])
            if chosen:
                words.append(_("%(filter)s: %(choice)s") % {"filter": spec.title, "choice": chosen})
        if changelist.query:
            words.append(_("found by a search"))
        return words

    # The page of one

    def get_urls(self) -> list[URLPattern]:
        return [
            self.own_path("ask_from_list", self.ask_from_list_view, of_one=False),
            self.own_path("request_information", self.request_information_view),
            self.own_path("look_at", self.look_at_view),
            *super().get_urls(),
        ]

    @durable
    def look_at_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """*I have looked at this*, of answers to requests that were not made here."""
        return act(self, request, object_id, _look_at, allowed=answers.may_read)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        verification = self.get_object(request, object_id)
        context: dict[str, Any] = dict(extra_context or {})
        if verification is not None and self.has_view_permission(request, verification):
            context |= self._story(request, verification)
        return super().change_view(request, object_id, form_url, context)

    def _story(self, request: HttpRequest, verification: Verification) -> dict[str, Any]:
        asked = requests_seen_by(self.admin_site, request).filter(verification=verification)
        rows = asked.select_related("batch", "answer").defer(*InformationRequest.SECRETS, "answer__questionnaire_json")
        newest_first = rows.order_by("-batch__confirmed_at", "-pk")
        return {
            "title": _title(verification),
            "subtitle": verification.scan_ref,
            "client_facts": client_facts(verification),
            "client_requests": [self._as_row(row) for row in services.mark_missed(newest_first)],
            "told": told.facts_of(verification),
            "times": dates.zone_text(),
            "other_answers": answers.shown(request, verification.answers.filter(request=None).order_by("-received_at")),
            "look_url": self.url_of("look_at", verification.pk),
            "history": history_of_verification(
                verification, asked, page=request.GET.get("history", "1"), batch_url=self.batch_url
            ),
            "ask_url": self.url_of("request_information", verification.pk)
            if self.has_request_information_permission(request)
            else "",
            "refresh_url": self.refresh_url(request, verification),
            "may_not_be_asked": not verification.is_eligible,
            "erased": erased_text(verification),
            "erase_url": self.url_of("erase", verification.pk)
            if self.has_erase_personal_data_permission(request, verification) and not verification.erased_at
            else "",
        }

    def _as_row(self, row: InformationRequest) -> dict[str, Any]:
        moment = row.sent_at or row.batch.confirmed_at
        return {
            "asked_on": dates.short_day_text(moment) if moment else "",
            "asks": wording.asks_text(row.batch),
            "state": with_beneath(state_html(row), answers.verdict_beneath(row)),
            "left": wording.time_left_text(row) if row.shown_state is State.ISSUED else wording.marked_text(row),
            "by": row.batch.confirmed_by_name,
            "note": row.batch.note,
            "url": self.url_of("change", row.pk, model=InformationRequest),
        }


def _request_one(model_admin: VerificationAdmin, request: HttpRequest, verification: Verification) -> HttpResponse:
    one = model_admin.get_queryset(request).filter(pk=verification.pk)
    answer = model_admin.go_to_plan(request, one, _("1 chosen on its page"))
    return answer or HttpResponseRedirect(model_admin.url_of("change", verification.pk))


def _look_at(model_admin: VerificationAdmin, request: HttpRequest, verification: Verification) -> HttpResponse:
    answers.look_at(request, verification.answers.filter(request=None))
    return HttpResponseRedirect(model_admin.url_of("change", verification.pk))


def _title(verification: Verification) -> str:
    """As it may stand over a printed page, or become the name of a file."""
    if verification.erased_at is not None:
        return _("Verification of an erased client")
    return _("Verification of %(client)s") % {"client": client_name(verification)}


def _in_words(fields: Sequence[Any], words: Mapping[str, str]) -> list[Any]:
    """The same fields, which may stand side by side in a tuple, with ``words`` in place of some."""
    return [_in_words(field, words) if isinstance(field, list | tuple) else words.get(field, field) for field in fields]
