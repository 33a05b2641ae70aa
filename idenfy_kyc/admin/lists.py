"""Lists of a million rows: none of them is counted, selected or sorted beyond what may be asked at once."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..conf import get_settings
from ..dates import number_text
from .base import BaseAdmin

PAGES = 100
"""So many pages can be turned, however few rows may be asked at once."""


class Counted(int):
    """A number of rows as Django's templates show it: “812”, or “more than 10,000” where nobody counted on.

    As a number it says how many can be paged through.
    """

    more_than: int | None

    def __new__(cls, number: int, more_than: int | None = None) -> Counted:
        counted = super().__new__(cls, number)
        counted.more_than = more_than
        return counted

    def __str__(self) -> str:
        if self.more_than is None:
            return number_text(int(self))
        return _("more than %(number)s") % {"number": number_text(self.more_than)}


def counted(rows: QuerySet[Any], *, reach: int = 0) -> Counted:
    """How many ``rows`` there are, counted to one more than may be asked at once.

    If there are more, the first ``reach`` of them can be paged through. Counted in the order of the list: where its
    first page comes straight out of an index, so do the others.
    """
    limit = get_settings().MAX_BATCH_SIZE
    found = rows[: limit + 1].count()
    if found <= limit:
        return Counted(found)
    return Counted(limit if limit >= reach else rows[:reach].count(), more_than=limit)


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages as far as it counts."""

    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> Counted:
        return counted(self.object_list, reach=PAGES * self.per_page)


class BoundedChangeList(ChangeList):
    """A list in an order that has an index. One that was counted to its end can be sorted by its columns, too."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """Django's, which lets a NUL pass that PostgreSQL refuses: such an address leads to the plain list."""
        found: dict[str, Any] = super().get_filters_params(params)
        if any("\0" in text for texts in found.values() for text in texts):
            raise IncorrectLookupParameters
        return found

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """What it is counted and paged in: as the filter in use says, or else as without a click on a column."""
        for spec in self.filter_specs:
            if order := getattr(spec, "list_order", None):
                return list(order)
        params, self.params = self.params, {}
        ordering: list[Any] = super().get_ordering(request, queryset)
        self.params = params
        return ordering

    def get_results(self, request: HttpRequest) -> None:
        """Django's, which counts, and has read no rows yet when it comes back; then sorted by the column clicked on.

        An address that names a number beyond what SQLite can hold leads to the plain list.
        """
        try:
            super().get_results(request)
        except OverflowError:
            raise IncorrectLookupParameters from None
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count  # or Django would offer to show all of them
        if self._goes_on:
            self.sortable_by: Any = ()
            for params in (self.params, self.filter_params):
                params.pop(ORDER_VAR, None)
        elif ORDER_VAR in self.params:
            clicked = super().get_ordering(request, self.queryset.order_by())
            query = self.result_list.query
            self.result_list = self.queryset.order_by(*clicked)[query.low_mark : query.high_mark]

    @property
    def _goes_on(self) -> bool:
        """Whether there are more rows than were counted; a host's own paginator counts them all."""
        return getattr(self.result_count, "more_than", None) is not None

    @property
    def page_alone(self) -> dict[str, Any] | None:
        """What Django’s actions are told of a list that cannot be selected whole: the page, as if it were all."""
        return {"result_list": self.result_list, "result_count": len(self.result_list)} if self._goes_on else None


class BoundedAdmin(BaseAdmin):
    """The admin of such a list."""

    paginator: ClassVar[Any] = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    """The number beside each choice of a filter would be counted to its end."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """Refuse to act on all that match if they are more than may be asked; no page offers it."""
        if request.POST.get("select_across") == "1" and (more_than := counted(queryset).more_than) is not None:
            messages.error(request, too_many_text(more_than))
            return None
        return super().response_action(request, queryset, *args, **kwargs)


def too_many_text(limit: int) -> str:
    """What to do about a selection that is larger than ``limit``."""
    return ngettext(
        "You chose more than %(limit)s, and no more go at once. Choose fewer, for example with the filters. Nothing "
        "was done.",
        "You chose more than %(limit)s, and no more go at once. Choose fewer, for example with the filters. Nothing "
        "was done.",
        limit,
    ) % {"limit": number_text(limit)}
