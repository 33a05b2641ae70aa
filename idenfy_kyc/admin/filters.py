"""The filters beside the lists. All of them ask by what is true now, not by what is written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import DateTimeField, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..choices import OPEN, State, status_label
from ..models import InformationRequest, RequestBatch, Verification
from ..models.request import InformationRequestQuerySet
from .base import DECISION, DECISION_NEEDED, our_rows, rows_seen_by

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise
    Choices = list[tuple[str, Text]]

NEVER_ASKED = (State.DRAFT, State.SKIPPED)
"""Rows of plans: no request that anybody made of a client."""
MONTH = timedelta(days=30)
YEAR = timedelta(days=365)


def requests_seen_by(site: admin.AdminSite, request: HttpRequest) -> InformationRequestQuerySet:
    """What this user sees of the requests that somebody made of a client, sent or not."""
    return our_rows(rows_seen_by(site, request, InformationRequest)).made()


def newest_of(requests: InformationRequestQuerySet) -> Coalesce:
    """The key of a verification's request that the list shows and the filter goes by: the open one, or else the newest.

    Two look-ups in an index for each verification, however many requests it has.
    """
    of_this = requests.filter(verification=OuterRef("pk")).order_by("-pk").values("pk")
    return Coalesce(Subquery(requests.filter(open_verification=OuterRef("pk")).values("pk")), Subquery(of_this[:1]))


def last_sent_of(requests: InformationRequestQuerySet) -> Coalesce:
    """When a verification's client was last asked. ``Coalesce`` is NULL for whoever sees no requests, where a bare
    subquery would empty the list that is sorted by it."""
    sent = requests.filter(verification=OuterRef("pk"), sent_at__isnull=False).order_by("-sent_at").values("sent_at")
    return Coalesce(Subquery(sent[:1]), Value(None), output_field=DateTimeField())


class ChoiceFilter(admin.SimpleListFilter):
    """A filter that knows its choices beforehand, each with what it does to the list."""

    options: dict[str, tuple[Text, Callable[[QuerySet[Any]], QuerySet[Any]]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(code, label) for code, (label, _narrow) in self.options.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        option = self.options.get(self.value() or "")
        return option[1](queryset) if option else queryset


class StatusFilter(admin.SimpleListFilter):
    """The statuses that there are. Those with the same word are one choice."""

    title = _("status")
    parameter_name = "status"
    NONE_YET = "-"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        rows = model_admin.get_queryset(request).order_by().values_list("status", flat=True).distinct()
        self._alike: dict[str, list[str]] = {}
        for status in sorted(rows):
            self._alike.setdefault(str(status_label(status)), []).append(status)
        return [(statuses[0] or self.NONE_YET, label) for label, statuses in sorted(self._alike.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verification]) -> QuerySet[Verification]:
        if self.value() is None:
            return queryset
        status = "" if self.value() == self.NONE_YET else str(self.value())
        return queryset.filter(status__in=self._alike.get(str(status_label(status)), [status]))


class RequestsFilter(admin.SimpleListFilter):
    """Verifications by their requests: by those that the user sees, and not offered to whoever sees none."""

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Any], model_admin: Any) -> None:
        self.requests = requests_seen_by(model_admin.admin_site, request)
        super().__init__(request, params, model, model_admin)

    def has_output(self) -> bool:
        """Without it, Django neither shows nor applies a filter."""
        return super().has_output() and not self.requests.query.is_empty()


class RequestStateFilter(RequestsFilter):
    """By what became of the request that the list shows."""

    title = _("request")
    parameter_name = "request"
    SHOWN = tuple(state for state in State if state not in NEVER_ASKED)
    NO_REQUEST = "none"
    ANY_OPEN = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            (self.NO_REQUEST, _("No request yet")),
            (self.ANY_OPEN, _("Any open request")),
            *((state.value, state.label) for state in self.SHOWN),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verification]) -> QuerySet[Verification]:
        value = self.value()
        if value == self.NO_REQUEST:
            return queryset.filter(~Exists(self.requests.filter(verification=OuterRef("pk"))))
        if value == self.ANY_OPEN or value in OPEN:
            still = self.requests.shown_as([State(value)] if value in OPEN else OPEN)
            return queryset.filter(Exists(still.filter(open_verification=OuterRef("pk"))))
        if value in self.SHOWN:
            ended = self.requests.shown_as([State(value)])
            queryset = queryset.alias(newest_request=newest_of(self.requests))
            return queryset.filter(Exists(ended.filter(pk=OuterRef("newest_request"))))
        return queryset


def _verified_since(span: timedelta) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(verified_at__gte=timezone.now() - span)


def _verified_before(span: timedelta) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(verified_at__lt=timezone.now() - span)


class VerifiedFilter(ChoiceFilter):
    title = _("verified")
    parameter_name = "verified"
    options = {
        "30d": (_("In the last 30 days"), _verified_since(MONTH)),
        "12m": (_("In the last 12 months"), _verified_since(YEAR)),
        "over12m": (_("Over 12 months ago"), _verified_before(YEAR)),
        "over24m": (_("Over 24 months ago"), _verified_before(2 * YEAR)),
        "none": (_("Not known"), lambda rows: rows.filter(verified_at=None)),
    }


class LastAskedFilter(RequestsFilter):
    """Not asked since then. Whoever was never asked has no "last asked over a year ago"."""

    title = _("last asked")
    parameter_name = "asked"
    NEVER = "never"
    SPANS = {"over30d": MONTH, "over12m": YEAR}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            (self.NEVER, _("Never")),
            ("over30d", _("Over 30 days ago")),
            ("over12m", _("Over 12 months ago")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verification]) -> QuerySet[Verification]:
        value = self.value() or ""
        sent = self.requests.filter(verification=OuterRef("pk"), sent_at__isnull=False)
        if value == self.NEVER:
            return queryset.filter(~Exists(sent))
        if value in self.SPANS:
            lately = sent.filter(sent_at__gte=timezone.now() - self.SPANS[value])
            return queryset.filter(Exists(sent), ~Exists(lately))
        return queryset


class StateFilter(admin.SimpleListFilter):
    """Requests by their state. Rows of plans are no requests: they show only to whoever asks for them here."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(state.value, state.label) for state in (*RequestStateFilter.SHOWN, *NEVER_ASKED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> QuerySet[InformationRequest]:
        rows = our_rows(queryset)
        value = self.value()
        if value is not None and value in State.values:
            return rows.shown_as([State(value)])
        return rows.made()


class DecisionFilter(ChoiceFilter):
    """What waits for a person: those that the line above every list counts."""

    title = _("decision")
    parameter_name = DECISION
    options = {DECISION_NEEDED: (_("Needs a decision"), lambda rows: our_rows(rows).needing_decision())}


def _ends_within(span: timedelta) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(
        state=State.ISSUED, expires_at__gt=timezone.now(), expires_at__lte=timezone.now() + span
    )


class EndsFilter(ChoiceFilter):
    title = _("time left")
    parameter_name = "ends"
    options = {
        "24h": (_("Within 24 hours"), _ends_within(timedelta(hours=24))),
        "3d": (_("Within 3 days"), _ends_within(timedelta(days=3))),
    }


_NOT_ANSWERED = Q(issued_at__isnull=False) & ~Q(state__in=[State.COMPLETED, State.CANCELLED])


class OpenedFilter(ChoiceFilter):
    title = _("opening")
    parameter_name = "opened"
    options = {
        "yes": (_("Opened and not answered"), lambda rows: rows.filter(_NOT_ANSWERED, opened_at__isnull=False)),
        "never": (_("Never opened"), lambda rows: rows.filter(_NOT_ANSWERED, opened_at=None)),
    }


class AskedByFilter(admin.SimpleListFilter):
    """By the frozen name: it outlives the account."""

    title = _("asked by")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        rows = model_admin.get_queryset(request).order_by()
        batches = RequestBatch.objects.filter(Exists(rows.filter(batch=OuterRef("pk")))).exclude(confirmed_by_name="")
        names = batches.values_list("confirmed_by_name", flat=True).distinct()
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> QuerySet[InformationRequest]:
        return queryset.filter(batch__confirmed_by_name=self.value()) if self.value() else queryset
