"""What staff do with links that are out: take them away in a file, or withdraw them. For a few, or a whole batch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import services, wording
from ..choices import State
from ..clients import client_of, introduce
from ..conf import get_settings
from ..models import InformationRequest
from ..models.request import InformationRequestQuerySet
from ..services.ending import WITHDRAWABLE
from .base import client_link_url, may_ask, may_reveal, user_of

if TYPE_CHECKING:
    from .base import BaseAdmin

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (spreadsheets take both)
CSV_COLUMNS = (gettext_lazy("client ID"), gettext_lazy("name"))
CSV_COLUMNS_OF_HOST = (gettext_lazy("e-mail"), gettext_lazy("language"))
"""What only the host project knows; there if it has set ``CLIENTS``."""


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


def _lines(rows: list[InformationRequest], links: Iterable[str | None]) -> Iterable[list[str]]:
    asks_host = bool(get_settings().CLIENTS)
    introduce(row.verification for row in rows)
    columns = (*CSV_COLUMNS, *(CSV_COLUMNS_OF_HOST if asks_host else ()), gettext_lazy("link"))
    yield [
        *map(capfirst, map(str, columns)),
        _("Works until (%(zone)s)") % {"zone": timezone.get_current_timezone()},
    ]
    for row, link in zip(rows, links, strict=True):
        until = wording.sortable_text(row.expires_at) if row.expires_at else ""
        client, verification = client_of(row.verification), row.verification
        of_host = [client.email or "", client.language or ""] if asks_host else []
        yield [verification.client_id, client.name or verification.name, *of_host, str(link), until]


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
    if request.method == "POST":
        services.write_down_time(queryset)  # or a dead sender's requests would still count as being asked
    rows = queryset.shown_as(WITHDRAWABLE)
    count, chosen = rows.count(), queryset.count()
    if not count:
        messages.warning(request, _nothing_to_withdraw(chosen))
        return HttpResponseRedirect(back)
    sent = request.method == "POST" and "_withdraw" in request.POST
    form = WithdrawForm(request.POST if sent else None, initial={"expected": count})
    if sent and form.is_valid():
        if _withdraw(request, rows, count, form.cleaned_data):
            return HttpResponseRedirect(back)
        form = WithdrawForm(initial={"expected": count, "note": form.cleaned_data["note"]})
    if form.errors:
        form.fields["note"].widget.attrs["autofocus"] = True
    context = admin.page_context(
        request,
        title=_button_text(count),
        crumb=crumb or _("Withdraw…"),
        form=form,
        adminform=AdminForm(form, [(None, {"fields": ["note"]})], {}),  # type: ignore[arg-type]
        errors=form.errors,
        hidden=list(_pairs(hidden or {})),
        back=back,
        left_alone=_left_alone(chosen - count) if chosen > count else "",
        **_what_iDenfy_holds(rows),
    )
    return TemplateResponse(request, admin.withdraw_template, context)


def _withdraw(request: HttpRequest, rows: InformationRequestQuerySet, count: int, answers: dict[str, Any]) -> bool:
    """Withdraw them, unless they are not as many as the person was shown; return whether they were."""
    if answers["expected"] != count:
        messages.warning(request, _("Something changed in the meantime. Look at the numbers, and press again."))
        return False
    keys = rows.select_related(None).only("pk")
    messages.success(request, _withdrawn(services.withdraw(keys, by=user_of(request), note=answers["note"])))
    return True


def _pairs(hidden: Mapping[str, str | list[str]]) -> Iterable[tuple[str, str]]:
    for name, values in hidden.items():
        for value in [values] if isinstance(values, str) else values:
            yield name, value


def _what_iDenfy_holds(rows: InformationRequestQuerySet) -> dict[str, Any]:  # noqa: N802 (its name is written so)
    """What becomes of each kind, and the last day on which iDenfy may still hold one."""
    known = rows.exclude(state=State.QUEUED)
    last = known.order_by("-expires_at").values_list("expires_at", flat=True).first()
    counts = {state: rows.filter(state=state).count() for state in (State.ISSUED, State.UNKNOWN, State.QUEUED)}
    return {
        "consequences": [_consequence(state, count) for state, count in counts.items() if count],
        "held_until": wording.day_text(last) if last else "",
    }


def _consequence(state: State, count: int) -> str:
    if state is State.ISSUED:
        words = ngettext(
            "%(count)s client has a link. It stops working here at once.",
            "%(count)s clients have a link. These stop working here at once.",
            count,
        )
    elif state is State.UNKNOWN:
        words = ngettext(
            "%(count)s is uncertain: iDenfy may have a request, and nobody has its link.",
            "%(count)s are uncertain: iDenfy may have these requests, and nobody has their links.",
            count,
        )
    else:
        words = ngettext(
            "%(count)s has not been asked yet, and will not be.",
            "%(count)s have not been asked yet, and will not be.",
            count,
        )
    return words % {"count": wording.number_text(count)}


def _left_alone(count: int) -> str:
    return ngettext(
        "%(count)s of those you chose is left alone: it is over already, or being asked at this moment.",
        "%(count)s of those you chose are left alone: they are over already, or being asked at this moment.",
        count,
    ) % {"count": wording.number_text(count)}


def _button_text(count: int) -> str:
    words = ngettext("Withdraw %(count)s request", "Withdraw %(count)s requests", count)
    return words % {"count": wording.number_text(count)}


def _withdrawn(count: int) -> str:
    words = ngettext("%(count)s request was withdrawn.", "%(count)s requests were withdrawn.", count)
    return words % {"count": wording.number_text(count)}


def _nothing_to_withdraw(count: int) -> str:
    return ngettext(
        "There is nothing to withdraw: it is over already, or being asked at this moment.",
        "There is nothing to withdraw: all of these are over already, or being asked at this moment.",
        count,
    )
