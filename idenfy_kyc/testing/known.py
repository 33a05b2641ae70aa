"""What the fake knows of verifications, and how it tells: its list, page by page, and the status of one.

How many a page holds, and what comes after the last one, iDenfy's documentation does not say. The fake does as Django
REST framework does, of which iDenfy's document has the marks.

https://documentation.idenfy.com/kyc/verification-list
https://documentation.idenfy.com/kyc/data-retrieval
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

from idenfy_kyc.testing.journal import Known
from idenfy_kyc.testing.replies import Reply, json_reply, refusal

PAGE_LIMIT = 100
"""On a page, however many are asked for, unless ``page_limit`` of the fake says otherwise."""
PAGE_DEFAULT = 10
_BEYOND = json_reply(404, {"detail": "Invalid page."})


def list_reply(query: str, *, limit: int, find: Callable[..., tuple[int, list[Known]]], url: str) -> Reply:
    """The page that ``query`` asks for. ``find`` is the journal's ``known``, ``url`` the address of the list."""
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    page, size = _number(asked.get("page"), 1), min(_number(asked.get("perPage"), PAGE_DEFAULT) or PAGE_DEFAULT, limit)
    if page is None:
        return _BEYOND
    count, found = find(asked.get("clientId", ""), skip=(page - 1) * size, limit=size)
    if page > 1 and not found:
        return _BEYOND

    def address(number: int) -> str:
        return f"{url}?{urlencode(asked | {'page': number, 'perPage': size})}"

    results = [{"scanRef": one.scan_ref, "status": one.status, "suspected": one.status == "SUSPECTED"} for one in found]
    return json_reply(
        200,
        {
            "count": count,
            "next": address(page + 1) if page * size < count else None,
            "previous": address(page - 1) if page > 1 else None,
            "results": results,
        },
    )


def _number(text: str | None, otherwise: int) -> int | None:
    """A number from 1 on; None for what is none."""
    if text is None:
        return otherwise
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) else None


def asked_about(body: bytes) -> str:
    """The verification that a body of ``/api/v2/status`` names; empty if it names none."""
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    scan_ref = data.get("scanRef") if isinstance(data, dict) else None
    return scan_ref if isinstance(scan_ref, str) else ""


def status_reply(known: Known | None) -> Reply:
    """How one verification stands."""
    if known is None:
        return refusal(404, "BAD_VALUE", "There is no verification with this scanRef.")
    return json_reply(
        200,
        {
            "status": known.status,
            "autoDocument": "DOC_VALIDATED",
            "autoFace": "FACE_MATCH",
            "manualDocument": "DOC_VALIDATED",
            "manualFace": "FACE_MATCH",
            "fraudTags": [],
            "mismatchTags": [],
            "scanRef": known.scan_ref,
            "clientId": known.client_id,
            **known.said,
        },
    )
