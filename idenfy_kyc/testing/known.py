"""What the fake knows of verifications, and how it tells: its list, page by page, and the status of one.

How many a page holds, and what comes after the last one, iDenfy's documentation does not say. The fake does as Django
REST framework does, of which iDenfy's document has the marks.

https://documentation.idenfy.com/kyc/verification-list
https://documentation.idenfy.com/kyc/data-retrieval
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from idenfy_kyc.testing.journal import Journal
from idenfy_kyc.testing.replies import Reply, json_reply, refusal

PAGE_LIMIT = 100
"""On a page, however many are asked for, unless ``page_limit`` of the fake says otherwise."""
PAGE_DEFAULT = 10
_BEYOND = json_reply(404, {"detail": "Invalid page."})
_SCHEMA = """CREATE TABLE IF NOT EXISTS known (
    scan_ref TEXT PRIMARY KEY, status TEXT NOT NULL, client_id TEXT NOT NULL, said TEXT NOT NULL)"""
_PUT = """INSERT INTO known VALUES (?, ?, ?, ?) ON CONFLICT (scan_ref) DO UPDATE SET
    status = excluded.status, said = excluded.said,
    client_id = CASE excluded.client_id WHEN '' THEN client_id ELSE excluded.client_id END"""
_SAID = {
    "autoDocument": "DOC_VALIDATED",
    "autoFace": "FACE_MATCH",
    "manualDocument": "DOC_VALIDATED",
    "manualFace": "FACE_MATCH",
    "fraudTags": [],
    "mismatchTags": [],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A verification that the fake has. ``said``: what it says of it besides, in iDenfy's names."""

    scan_ref: str
    status: str
    client_id: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)


class Knowledge:
    """The table, in the file of the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        with journal.transaction():
            journal.rows(_SCHEMA)

    def know(self, verifications: Iterable[Known]) -> None:
        """From now on these are so; the others stay as they are."""
        with self._journal.transaction():
            for one in verifications:
                self._put(one)

    def learn(self, payload: Mapping[str, Any]) -> None:
        """The same from what is told by webhook. Within a transaction of the journal."""
        status = payload["status"]
        said = {name: status[name] for name in _SAID}
        client_id = payload["clientId"]
        self._put(Known(scan_ref=payload["scanRef"], status=status["overall"], client_id=client_id, said=said))

    def begin(self, scan_ref: str, client_id: str) -> None:
        """A verification begins. Within a transaction of the journal."""
        self._put(Known(scan_ref=scan_ref, status="ACTIVE", client_id=client_id))

    def some(self, client_id: str, *, skip: int, limit: int) -> tuple[int, list[Known]]:
        """How many there are, of one client or of all, and some of them, the oldest first."""
        where, values = (" WHERE client_id = ?", [client_id]) if client_id else ("", [])
        count = int(self._journal.rows(f"SELECT count(*) FROM known{where}", *values)[0][0])  # noqa: S608
        rows = self._journal.rows(f"SELECT * FROM known{where} ORDER BY rowid LIMIT ? OFFSET ?", *values, limit, skip)  # noqa: S608
        return count, [_known(row) for row in rows]

    def one(self, scan_ref: str) -> Known | None:
        """One of them."""
        rows = self._journal.rows("SELECT * FROM known WHERE scan_ref = ?", scan_ref)
        return _known(rows[0]) if rows else None

    def _put(self, one: Known) -> None:
        self._journal.rows(_PUT, one.scan_ref, one.status, one.client_id, json.dumps(one.said))


def _known(row: tuple[str, str, str, str]) -> Known:
    return Known(scan_ref=row[0], status=row[1], client_id=row[2], said=json.loads(row[3]))


def list_reply(knowledge: Knowledge, query: str, *, limit: int, url: str) -> Reply:
    """The page that ``query`` asks for; ``url`` is the address of the list."""
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    page, size = _number(asked.get("page"), 1), min(_number(asked.get("perPage"), PAGE_DEFAULT) or PAGE_DEFAULT, limit)
    if page is None:
        return _BEYOND
    count, found = knowledge.some(asked.get("clientId", ""), skip=(page - 1) * size, limit=size)
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
    said = {**_SAID, **known.said, "scanRef": known.scan_ref, "clientId": known.client_id}
    return json_reply(200, {"status": known.status, **said})
