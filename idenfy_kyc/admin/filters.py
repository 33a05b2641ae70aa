"""The filters beside the lists. All of them ask by what is true now, not by what is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..choices import OPEN, State, status_label
from ..models import InformationRequest, Verification
from ..models.request import InformationRequestQuerySet

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise
    Choices = list[tuple[str, Text]]

NEVER_ASKED = (State.DRAFT, State.SKIPPED)
"""Rows of plans: no request that anybody made of a client."""
MONTH = timedelta(days=30)
YEAR = timedelta(days=365)


def asked() -> InformationRequestQuerySet:
    """The requests that somebody made of a client, sent or not."""
    return InformationRequest.objects.exclude(state__in=NEVER_ASKED)


def our_rows(queryset: QuerySet[InformationRequest]) -> InformationRequestQuerySet:
    """Those rows, with our questions: a host's subclass may have made a plain queryset of them."""
    if isinstance(queryset, InformationRequestQuerySet):
        return queryset
    return InformationRequest.objects.filter(pk__in=queryset.order_by().values("pk"))


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


class RequestStateFilter(admin.SimpleListFilter):
    """Verifications by what became of their newest request: the one that the list shows."""

    title = _("request")
    parameter_name = "request"
    SHOWN = (State.QUEUED, State.SENDING, State.ISSUED, State.UNKNOWN, State.REFUSED, State.COMPLETED, State.EXPIRED)
    NO_REQUEST = "none"
    ANY_OPEN = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        states = [*self.SHOWN, State.CANCELLED]
        return [
            (self.NO_REQUEST, _("No request yet")),
            (self.ANY_OPEN, _("Any open request")),
            *((state.value, state.label) for state in states),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verification]) -> QuerySet[Verification]:
        value = self.value()
        if value == self.NO_REQUEST:
            return queryset.filter(~Exists(asked().filter(verification=OuterRef("pk"))))
        if value == self.ANY_OPEN:
            return self._with(queryset, OPEN)
        if value in State.values:
            return self._with(queryset, [State(value)])
        return queryset

    def _with(self, queryset: QuerySet[Verification], states: Iterable[State]) -> QuerySet[Verification]:
        newer = asked().filter(
            verification=OuterRef("verification"), batch__confirmed_at__gt=OuterRef("batch__confirmed_at")
        )
        newest = asked().shown_as(states).filter(~Exists(newer))
        return queryset.filter(Exists(newest.filter(verification=OuterRef("pk"))))


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


def _last_asked_before(span: timedelta | None) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    """Not asked since then; ``None``: never. Whoever was never asked has no "last asked over a year ago"."""

    def narrow(rows: QuerySet[Any]) -> QuerySet[Any]:
        sent = InformationRequest.objects.filter(verification=OuterRef("pk"), sent_at__isnull=False)
        if span is None:
            return rows.filter(~Exists(sent))
        return rows.filter(Exists(sent), ~Exists(sent.filter(sent_at__gte=timezone.now() - span)))

    return narrow


class LastAskedFilter(ChoiceFilter):
    title = _("last asked")
    parameter_name = "asked"
    options = {
        "never": (_("Never"), _last_asked_before(None)),
        "over30d": (_("Over 30 days ago"), _last_asked_before(MONTH)),
        "over12m": (_("Over 12 months ago"), _last_asked_before(YEAR)),
    }


class StateFilter(admin.SimpleListFilter):
    """Requests by their state. Rows of plans are no requests: they show only to whoever asks for them here."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        last = [*NEVER_ASKED]
        return [(state.value, state.label) for state in [*(s for s in State if s not in last), *last]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> QuerySet[InformationRequest]:
        rows = our_rows(queryset)
        value = self.value()
        if value is not None and value in State.values:
            return rows.shown_as([State(value)])
        return rows.exclude(state__in=NEVER_ASKED)


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
        names = model_admin.get_queryset(request).order_by().values_list("batch__confirmed_by_name", flat=True)
        return [(name, name) for name in sorted(names.distinct()) if name]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> QuerySet[InformationRequest]:
        return queryset.filter(batch__confirmed_by_name=self.value()) if self.value() else queryset
