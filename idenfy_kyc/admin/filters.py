"""The filters beside the lists. All of them ask by what is true now, not by what is written down.

Each must answer quickly on a million rows. One that goes by a time also lists by it (``list_order``): the rows then
come straight out of the index, where a list by age would be read from its beginning until a hundred are found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..choices import OPEN, State, status_label
from ..models import InformationRequest, RequestBatch, Verification
from .above import DECISION, DECISION_NEEDED
from .asked import (
    any_of,
    any_of_client,
    ended_as,
    in_state,
    is_one_of,
    requests_seen_by,
    sent_to_client,
    verified_again,
)
from .seen import our_rows, rows_seen_by

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise
    Choices = list[tuple[str, Text]]

NEVER_ASKED = (State.DRAFT, State.SKIPPED)
"""Rows of plans: no request that anybody made of a client."""
MONTH = timedelta(days=30)
YEAR = timedelta(days=365)
MOST_CHOICES = 100
"""Of a filter whose choices are found in the rows."""


def found_in(rows: QuerySet[Any], column: str) -> Iterator[str]:
    """The different words in an indexed column of text, but for the empty one; at most :data:`MOST_CHOICES`.

    Skips from one to the next, a look-up in the index for each, where DISTINCT would read every row.
    """
    words = rows.order_by(column).values_list(column, flat=True)
    last = ""
    for _number in range(MOST_CHOICES):
        last = words.filter(**{f"{column}__gt": last}).first() or ""
        if not last:
            return
        yield last


class Option(NamedTuple):
    """A choice of a filter: what it is called, what it does to the list, and by what the list then goes."""

    label: Text
    narrow: Callable[[QuerySet[Any]], QuerySet[Any]]
    order: tuple[str, ...] = ()


class ChoiceFilter(admin.SimpleListFilter):
    """A filter that knows its choices beforehand."""

    options: dict[str, Option] = {}

    @property
    def list_order(self) -> tuple[str, ...]:
        """What the list goes by while this filter is in use."""
        option = self.options.get(self.value() or "")
        return option.order if option else ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(code, option.label) for code, option in self.options.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        option = self.options.get(self.value() or "")
        return option.narrow(queryset) if option else queryset


class StatusFilter(admin.SimpleListFilter):
    """The statuses that there are. Those with the same word are one choice."""

    title = _("status")
    parameter_name = "status"
    NONE_YET = "-"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        rows = model_admin.get_queryset(request)
        self._alike: dict[str, list[str]] = {}
        for status in [*([""] if rows.filter(status="").exists() else []), *found_in(rows, "status")]:
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
        self.verifications = rows_seen_by(model_admin.admin_site, request, Verification)
        super().__init__(request, params, model, model_admin)

    def has_output(self) -> bool:
        """Without it, Django neither shows nor applies a filter."""
        return super().has_output() and not self.requests.query.is_empty()


class RequestStateFilter(RequestsFilter):
    """By what became of the request that the list shows; but *no request yet* is said of the client."""

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
            return queryset.alias(any_request=any_of_client(self.requests)).filter(any_request=None)
        if value == self.ANY_OPEN:
            still = is_one_of(self.requests.shown_as(OPEN), "open_request")
            return queryset.filter(still, open_request__open_verification__isnull=False)  # which skips all the others
        if value == State.EXPIRED and self.requests.overdue().exists():
            return queryset.filter(ended_as(self.requests, State.EXPIRED))
        if value in self.SHOWN:
            return queryset.filter(in_state(self.requests, State(value)))
        return queryset


def _verified_since(span: timedelta) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(verified_at__gte=timezone.now() - span)


def _verified_before(span: timedelta) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(verified_at__lt=timezone.now() - span)


LATEST_VERIFIED_FIRST = ("-verified_at", "-pk")


class VerifiedFilter(ChoiceFilter):
    title = _("verified")
    parameter_name = "verified"
    options = {
        "30d": Option(_("In the last 30 days"), _verified_since(MONTH), LATEST_VERIFIED_FIRST),
        "12m": Option(_("In the last 12 months"), _verified_since(YEAR), LATEST_VERIFIED_FIRST),
        "over12m": Option(_("Over 12 months ago"), _verified_before(YEAR), LATEST_VERIFIED_FIRST),
        "over24m": Option(_("Over 24 months ago"), _verified_before(2 * YEAR), LATEST_VERIFIED_FIRST),
        "none": Option(_("Not known"), lambda rows: rows.filter(verified_at=None)),
    }


class LastAskedFilter(RequestsFilter):
    """By the last time that the client was asked, through whichever of his verifications. Whoever was never asked was
    not asked since he was verified either: with *verified: over 12 months ago* that is who is due. But he has no "last
    asked over a year ago". Whoever was verified again, is judged by the last time, and stands there once.

    That moment is looked up for one verification after the other, until there are enough. So the oldest come first
    where no new one can be meant, and nobody reads past these.
    """

    title = _("last asked")
    parameter_name = "asked"
    NEVER = "never"
    SINCE_VERIFIED = "verified"
    SPANS = {"over30d": MONTH, "over12m": YEAR}

    @property
    def list_order(self) -> tuple[str, ...]:
        if self.value() == self.SINCE_VERIFIED:
            return LATEST_VERIFIED_FIRST
        return ("pk",) if self.value() in self.SPANS else ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            (self.NEVER, _("Never")),
            (self.SINCE_VERIFIED, _("Not since verified")),
            ("over30d", _("Over 30 days ago")),
            ("over12m", _("Over 12 months ago")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Verification]) -> QuerySet[Verification]:
        value = self.value() or ""
        if value == self.NEVER:
            return queryset.alias(ever=sent_to_client(self.requests)).filter(ever=None)
        if value == self.SINCE_VERIFIED:
            since = sent_to_client(self.requests, sent_at__gte=OuterRef("verified_at"))
            due = queryset.alias(since=since, verified_again=verified_again(self.verifications))
            return due.filter(since=None, verified_at__isnull=False, verified_again=None)
        if value in self.SPANS:
            lately = sent_to_client(self.requests, sent_at__gte=timezone.now() - self.SPANS[value])
            asked = queryset.alias(lately=lately, ever=sent_to_client(self.requests))
            return asked.filter(lately=None, ever__isnull=False)
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
    options = {DECISION_NEEDED: Option(_("Needs a decision"), lambda rows: our_rows(rows).needing_decision())}


UNREAD = {"answer": "unread"}
"""What an address says for answers that nobody has looked at."""


_LATEST_ANSWER_FIRST = ("-answer__reviewed_at", "-answer__pk")
"""Of those that have not been reviewed. PostgreSQL would else expect a hundred times as many, and read them all."""


class AnswerFilter(ChoiceFilter):
    """What came back, for whoever has to read it."""

    title = _("answer")
    parameter_name = "answer"
    options = {
        UNREAD["answer"]: Option(
            _("Answered, not looked at"), lambda rows: rows.filter(answer__isnull=False, answer__looked_at=None)
        ),
        "review": Option(
            _("In review at iDenfy"),
            lambda rows: rows.filter(answer__review_follows=True, answer__reviewed_at=None),
            _LATEST_ANSWER_FIRST,
        ),
    }


def _ends_within(span: timedelta) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(
        state=State.ISSUED, expires_at__gt=timezone.now(), expires_at__lte=timezone.now() + span
    )


_FIRST_TO_END_FIRST = ("expires_at", "-pk")


class EndsFilter(ChoiceFilter):
    title = _("time left")
    parameter_name = "ends"
    options = {
        "24h": Option(_("Within 24 hours"), _ends_within(timedelta(hours=24)), _FIRST_TO_END_FIRST),
        "3d": Option(_("Within 3 days"), _ends_within(timedelta(days=3)), _FIRST_TO_END_FIRST),
    }


_NOT_ANSWERED = Q(state__in=[State.ISSUED, State.EXPIRED], issued_at__isnull=False)


class OpenedFilter(ChoiceFilter):
    """Links that were given out, and no answer came; those that have ended too."""

    title = _("opening")
    parameter_name = "opened"
    options = {
        "yes": Option(_("Opened and not answered"), lambda rows: rows.filter(_NOT_ANSWERED, opened_at__isnull=False)),
        "never": Option(_("Never opened"), lambda rows: rows.filter(_NOT_ANSWERED, opened_at=None)),
    }


class AskedByFilter(admin.SimpleListFilter):
    """By the frozen name: it outlives the account."""

    title = _("asked by")
    parameter_name = "by"
    ORDER = ("-batch", "-pk")

    @property
    def list_order(self) -> tuple[str, ...]:
        """Batch by batch, newest first: only as many batches of this person are read as have to be."""
        return self.ORDER if self.value() else ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        rows = model_admin.get_queryset(request).order_by()
        batches = RequestBatch.objects.alias(seen=any_of(rows, "batch")).filter(seen__isnull=False)
        return [(name, name) for name in found_in(batches, "confirmed_by_name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InformationRequest]) -> QuerySet[InformationRequest]:
        return queryset.filter(batch__confirmed_by_name=self.value()) if self.value() else queryset
