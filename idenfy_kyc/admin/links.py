"""What staff do with links that are out: take them away in a file, or withdraw them. For a few, or a whole batch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import services, wording
from ..choices import State
from ..models import InformationRequest
from ..models.request import InformationRequestQuerySet
from ..services.ending import WITHDRAWABLE
from .base import client_link_url, may_ask, may_reveal, user_of

if TYPE_CHECKING:
    from .base import BaseAdmin

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (spreadsheets take both)
CSV_COLUMNS = (gettext_lazy("Client ID"), gettext_lazy("Name"), gettext_lazy("Link"))


def links_csv_response(
    request: HttpRequest, queryset: InformationRequestQuerySet, filename: str, *, back: str = "../"
) -> HttpResponse:
    """A file with our link of each request in ``queryset`` that has one that works; every one goes on record first.

    Never has iDenfy's address or token in it. Without a single link it redirects to ``back`` with a message instead.
    Raises ``PermissionDenied`` without ``reveal_link``.
    """
    if not may_reveal(request):
        raise PermissionDenied
    rows = [
        row
        for row in queryset.shown_as([State.ISSUED]).select_related("verification").order_by("pk")
        if services.is_web_address(row.session_url)
    ]
    links = [client_link_url(request, row) for row in rows]
    if not rows or None in links:
        messages.error(request, no_urls_text() if rows else _("None of these has a link that works."))
        return HttpResponseRedirect(back)
    services.record_download(rows, by=user_of(request))
    text = _csv(_lines(rows, links))
    return HttpResponse(
        text.encode("utf-8-sig"),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"},
    )


def no_urls_text() -> str:
    """What to do when there is no page for the client to open."""
    return _(
        'There is no address for clients yet. Your administrator must add include("idenfy_kyc.urls") to the project’s '
        "URLs."
    )


def _lines(rows: Iterable[InformationRequest], links: Iterable[str | None]) -> Iterable[list[str]]:
    yield [*map(str, CSV_COLUMNS), _("Works until (%(zone)s)") % {"zone": timezone.get_current_timezone()}]
    for row, link in zip(rows, links, strict=True):
        until = wording.sortable_text(row.expires_at) if row.expires_at else ""
        yield [row.verification.client_id, row.verification.name, str(link), until]


def _csv(lines: Iterable[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([neutral(cell) for cell in line] for line in lines)
    return text.getvalue()


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: names come from clients, and clients may be anybody."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


class WithdrawForm(forms.Form):
    """Why; and how many the person was shown, so that nobody withdraws more than he saw."""

    note = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("For the record; clients do not see it."),
        error_messages={"required": gettext_lazy("Give a reason.")},
    )
    expected = forms.IntegerField(widget=forms.HiddenInput, required=False)


def withdraw_page(
    admin: BaseAdmin,
    request: HttpRequest,
    queryset: InformationRequestQuerySet,
    *,
    back: str,
    crumb: str = "",
    hidden: Mapping[str, str | list[str]] | None = None,
) -> HttpResponse:
    """Ask why, say what it means, then withdraw those of ``queryset`` that can be; afterwards redirect to ``back``.

    The page posts to itself with ``_withdraw``. ``hidden`` is what it must send along, as for an action of a list.
    Raises ``PermissionDenied`` without ``request_information``.
    """
    if not may_ask(request):
        raise PermissionDenied
    rows = queryset.shown_as(WITHDRAWABLE)
    count, chosen = rows.count(), queryset.count()
    if not count:
        messages.warning(request, _nothing_to_withdraw(chosen))
        return HttpResponseRedirect(back)
    sent = request.method == "POST" and "_withdraw" in request.POST
    form = WithdrawForm(request.POST if sent else None, initial={"expected": count})
    if sent and form.is_valid():
        if form.cleaned_data["expected"] == count:
            withdrawn = services.withdraw(
                rows.select_related(None).only("pk"), by=user_of(request), note=form.cleaned_data["note"]
            )
            messages.success(request, _withdrawn(withdrawn))
            return HttpResponseRedirect(back)
        form = WithdrawForm(initial={"expected": count, "note": form.cleaned_data["note"]})
        messages.warning(request, _("Something changed in the meantime. Look at the numbers, and press again."))
    if form.errors:
        form.fields["note"].widget.attrs["autofocus"] = True
    context = admin.page_context(
        request,
        title=ngettext("Withdraw %(count)s request", "Withdraw %(count)s requests", count) % {"count": count},
        crumb=crumb or _("Withdraw…"),
        form=form,
        errors=form.errors,
        hidden=list(_pairs(hidden or {})),
        back=back,
        count=count,
        left_alone=chosen - count,
        **_what_iDenfy_holds(rows),
    )
    return TemplateResponse(request, "admin/idenfy_kyc/withdraw.html", context)


def _pairs(hidden: Mapping[str, str | list[str]]) -> Iterable[tuple[str, str]]:
    for name, values in hidden.items():
        for value in [values] if isinstance(values, str) else values:
            yield name, value


def _what_iDenfy_holds(rows: InformationRequestQuerySet) -> dict[str, Any]:  # noqa: N802 (its name is written so)
    """How many of each kind there are, and the last day on which iDenfy may still hold one."""
    known = rows.exclude(state=State.QUEUED)
    last = known.order_by("-expires_at").values_list("expires_at", flat=True).first()
    return {
        "queued": rows.filter(state=State.QUEUED).count(),
        "issued": rows.filter(state=State.ISSUED).count(),
        "unknown": rows.filter(state=State.UNKNOWN).count(),
        "held_until": wording.day_text(last) if last else "",
    }


def _withdrawn(count: int) -> str:
    return ngettext("%(count)s request was withdrawn.", "%(count)s requests were withdrawn.", count) % {"count": count}


def _nothing_to_withdraw(count: int) -> str:
    return ngettext(
        "There is nothing to withdraw: it is over already, or being asked at this moment.",
        "There is nothing to withdraw: all of these are over already, or being asked at this moment.",
        count,
    )
