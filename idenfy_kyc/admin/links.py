"""What staff do with links that are out: take them away in a file, for a few or a whole batch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import dates, services
from ..choices import State
from ..clients import client_of, introduce
from ..conf import get_settings
from ..models import InformationRequest
from ..models.request import InformationRequestQuerySet
from .drawing import client_link_url
from .seen import may_reveal, user_of

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
        until = dates.sortable_text(row.expires_at) if row.expires_at else ""
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
