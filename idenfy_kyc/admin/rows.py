"""The rows of a batch on its page: a hundred at a time, under headings, one group or all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..choices import Reason, State
from ..clients import introduce
from ..dates import day_text, number_text
from ..models import InformationRequest, RequestBatch
from ..models.request import InformationRequestQuerySet
from ..services import mark_missed
from ..wording import reason_text, said_text, time_left_text
from .answers import verdict_beneath
from .drawing import client_html, client_name, state_html

ROWS_PER_PAGE = 100
LONGEST = 300
"""Characters of a word of the address: the name of a group may have a questionnaire's key in it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A choice of rows: the group's key, what it is called, how many there are."""

    key: str
    label: str
    count: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it is drawn."""

    request: InformationRequest
    name: str
    client: SafeString
    state: SafeString
    detail: str

    @property
    def verified(self) -> str:
        """When the client was verified; empty if nobody knows."""
        moment = self.request.verification.verified_at
        return day_text(moment) if moment else ""

    @property
    def can_be_ticked(self) -> bool:
        """Whether a person can leave it out of its plan, or take it back."""
        return self.request.state == State.DRAFT or self.request.reason == Reason.LEFT_OUT


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of rows."""

    page: Page[InformationRequest]
    heading: Callable[[InformationRequest], str] = str

    def lines(self) -> list[Line]:
        """The rows without headings."""
        return [_line(row) for row in self.page.object_list]

    def groups(self) -> Iterator[tuple[str, list[Line]]]:
        """The rows under their headings, in the order of the query."""
        for heading, rows in groupby(self.page.object_list, key=self.heading):
            yield heading, [_line(row) for row in rows]

    @property
    def found_text(self) -> str:
        """How many a search has found."""
        count = self.page.paginator.count
        return ngettext("%(count)s found.", "%(count)s found.", count) % {"count": number_text(count)}

    @property
    def extent_text(self) -> str:
        """Which of them these are: a printed page has no pages to turn."""
        words = {"first": self.page.start_index(), "last": self.page.end_index(), "count": self.page.paginator.count}
        text = _("Clients %(first)s to %(last)s of %(count)s.")
        return text % {name: number_text(number) for name, number in words.items()}

    @property
    def page_range(self) -> list[int | str]:
        """The pages to link to, with an ellipsis for those in between."""
        return list(self.page.paginator.get_elided_page_range(self.page.number))

    @property
    def ellipsis(self) -> str:
        """What stands for the pages in between."""
        return str(self.page.paginator.ELLIPSIS)


def not_asked_text(batch: RequestBatch) -> str:
    """“30 of the same clients, 53 of 53 other clients”, where verifications are not asked; empty if none is the same.

    So that clients and verifications add up.
    """
    skipped = Q(state=State.SKIPPED)
    of_each = (
        batch.requests.exclude(client_key=None)
        .order_by()
        .values("client_key")
        .annotate(asked=Count("pk", filter=~skipped), left=Count("pk", filter=skipped))
    )
    found = of_each.aggregate(
        same=Sum("left", filter=Q(asked__gt=0), default=0),
        others=Sum("left", filter=Q(asked=0), default=0),
        clients=Count("client_key", filter=Q(asked=0)),
    )
    unknown = batch.rows_in(State.SKIPPED).filter(client_key=None).count()
    same, others, clients = found["same"], found["others"] + unknown, found["clients"] + unknown
    parts = [ngettext("%(count)s of the same client", "%(count)s of the same clients", same)] if same else []
    if parts and clients:
        parts.append(
            ngettext("%(others)s of %(clients)s other client", "%(others)s of %(clients)s other clients", clients)
        )
    params = {"count": same, "others": others, "clients": clients}
    return ", ".join(parts) % {name: number_text(count) for name, count in params.items()}


def with_reason(text: str, reason: str) -> str:
    """A sentence, and after a colon what there is to add to it."""
    return _("%(text)s: %(reason)s.") % {"text": text, "reason": reason} if reason else _("%(text)s.") % {"text": text}


def asked_for(data: QueryDict, name: str) -> str:
    """A word of the address or of a form, as a database can be asked for it."""
    return data.get(name, "").replace("\0", "").strip()[:LONGEST]


def page_of(
    request: HttpRequest, rows: InformationRequestQuerySet, *, heading: Callable[[InformationRequest], str] = str
) -> Rows:
    """The page that the address names; the nearest one that exists."""
    page = Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get(PAGE_VAR))
    introduce(row.verification for row in page.object_list)
    mark_missed(page.object_list)
    return Rows(page, heading)


def _line(row: InformationRequest) -> Line:
    who = row.verification
    return Line(row, client_name(who), client_html(who), state_html(row), detail_of(row))


def detail_of(row: InformationRequest) -> str:
    """What is to be said of one row: how long its link still works, iDenfy's words or verdict, or our reason."""
    if row.shown_state is State.ISSUED:
        return time_left_text(row)
    if row.state == State.REFUSED:
        return said_text({"message": row.message, "identifier": row.identifier, "status_code": row.status_code})
    if row.state == State.COMPLETED and (verdict := verdict_beneath(row)):
        return verdict
    if row.state == State.DRAFT and row.bank_card_expected_last_four:
        return _("Bank card expected to end in %(digits)s") % {"digits": row.bank_card_expected_last_four}
    return reason_text(row.reason, row.reason_params)
