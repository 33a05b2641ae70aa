"""What iDenfy says when it is asked how verifications stand: its list, page by page, and the status of one. No I/O.

Of the list hardly anything is promised: neither how many a page holds nor in which order they come, nor what is
answered beyond the last one. So a page is read for what stands on it, and its ``next`` is only asked whether there is
one: that address may lead anywhere.

https://documentation.idenfy.com/kyc/verification-list
https://documentation.idenfy.com/kyc/data-retrieval
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.views.decorators.debug import sensitive_variables

from ..exceptions import IdenfyResponseError
from .deliveries import Checks, checks_in, client_id_in, scan_ref_in, status_word
from .protocol import count_in, good_object

MAX_LIST_BYTES = 1024 * 1024
"""A hundred verifications are ten thousand bytes; nobody promises that a page has no more."""
STATUS_PATH = "/api/v2/status"
_LIST_PATH = "/kyc/identifications/"


class Listed(NamedTuple):
    """A line of the list. It has no more: neither whose it is, nor when, nor whether a review is over."""

    scan_ref: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentificationsPage:
    """``count`` is of the whole list, ``size`` of this page, also of lines that cannot be read and are left out."""

    count: int
    size: int
    listed: tuple[Listed, ...]
    has_next: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentStatus:
    """How one verification stands."""

    status: str
    checks: Checks
    client_id: str = ""


def page_path(page: int, per_page: int) -> str:
    """The path of one page of the list, from the root of the API."""
    return f"{_LIST_PATH}?{urlencode({'page': page, 'perPage': per_page})}"


@sensitive_variables()
def decipher_page(status_code: int, headers: Mapping[str, str], body: bytes) -> IdentificationsPage:
    """What stands on a page of the list.

    Raises IdenfyStatusError for any status but 2xx, and IdenfyResponseError for a 2xx that is no page. Nothing else,
    whatever the answer is.
    """
    data = good_object(status_code, headers, body, limit=MAX_LIST_BYTES)
    results = data.get("results")
    if not isinstance(results, list):
        raise IdenfyResponseError("The answer has no list of verifications", status_code=status_code)
    lines = (Listed(scan_ref_in(line), status_word(line.get("status"))) for line in results if isinstance(line, dict))
    return IdentificationsPage(
        count=count_in(data, status_code),
        size=len(results),
        listed=tuple(line for line in lines if all(line)),
        has_next=bool(data.get("next")),
    )


@sensitive_variables()
def decipher_status(scan_ref: str, status_code: int, headers: Mapping[str, str], body: bytes) -> CurrentStatus:
    """How ``scan_ref`` stands.

    Raises IdenfyStatusError for any status but 2xx, and IdenfyResponseError for a 2xx that has no status or is about
    another verification. Nothing else, whatever the answer is.
    """
    data: dict[str, Any] = good_object(status_code, headers, body)
    status = status_word(data.get("status"))
    if not status:
        raise IdenfyResponseError("The answer has no status", status_code=status_code)
    if data.get("scanRef") and scan_ref_in(data) != scan_ref:
        raise IdenfyResponseError("The answer is about another verification", status_code=status_code)
    return CurrentStatus(status=status, checks=checks_in(data), client_id=client_id_in(data))
