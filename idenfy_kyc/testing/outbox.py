"""What the fake tells by webhook: written down first, sent afterwards, and what the answer was.

It stands in the same file as the journal. So whoever has the file open may let the fake tell something, and the process
that serves it does the sending. What was told stays, also when it never came: a test can compare.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from idenfy_kyc.testing.deliveries import fresh_links
from idenfy_kyc.testing.faults import DEFAULT_VALUES, DeliveryFault
from idenfy_kyc.testing.journal import Journal

TRIES = 2
PAUSE = 0.5
"""iDenfy was once documented to repeat what was not answered 2xx, once, after half a second. Now it says no numbers."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS told (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, token TEXT NOT NULL, scan_ref TEXT NOT NULL, event TEXT NOT NULL,
    body TEXT NOT NULL, url TEXT NOT NULL, fault TEXT NOT NULL, due_at REAL, waits INTEGER NOT NULL,
    tries INTEGER NOT NULL, sent_at REAL, status INTEGER, words TEXT NOT NULL)"""
_NAMES = (
    *("number", "at", "token", "scan_ref", "event", "body", "url", "fault"),
    *("due_at", "waits", "tries", "sent_at", "status", "words"),
)
# One that waits for the next one of its verification goes as soon as that one has been answered.
_DUE = """sent_at IS NULL AND (url != '' OR ?) AND (due_at <= ? OR (waits AND EXISTS (SELECT 1 FROM told AS next
    WHERE next.scan_ref = told.scan_ref AND next.number > told.number AND next.status IS NOT NULL)))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One delivery.

    ``due_at`` is None if it never goes. ``status`` is what it was answered with, 0 if nothing came, and None until
    then; ``words`` are the answer's first. ``url`` is an address of its own, where it has one.
    """

    number: int
    at: float
    token: str = field(repr=False)
    scan_ref: str
    event: str
    body: str = field(repr=False)
    url: str
    fault: str
    due_at: float | None
    waits: bool
    tries: int
    sent_at: float | None
    status: int | None
    words: str

    @property
    def payload(self) -> dict[str, Any]:
        """What it says."""
        said: dict[str, Any] = json.loads(self.body)
        return said

    @property
    def is_accepted(self) -> bool:
        """Whether the project has taken it."""
        return self.status is not None and 200 <= self.status < 300


class Outbox:
    """The table."""

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._clock = clock
        with journal.transaction():
            journal.rows(_SCHEMA)
            journal.rows("CREATE INDEX IF NOT EXISTS told_unsent ON told (due_at) WHERE sent_at IS NULL")

    def tell(
        self,
        event: str,
        payload: Mapping[str, Any],
        *,
        token: str = "",
        url: str = "",
        comes: DeliveryFault | None = None,
    ) -> Told:
        """Tell this, in the way that ``comes`` says, or else as the faults that hold just now will have it.

        Within a transaction of the journal.
        """
        now, scan_ref = self._clock(), str(payload["scanRef"])
        drawn = self._journal.draw_delivery_faults(scan_ref, now)
        faults = drawn if comes is None else {comes: DEFAULT_VALUES.get(comes, 0.0)}
        due_at: float | None = now + faults.pop(DeliveryFault.LATE, 0.0)
        fault, value = next(iter(faults.items()), (None, 0.0))
        if fault is DeliveryFault.MISSED:
            due_at = None
        elif fault is DeliveryFault.SHUFFLED:
            due_at = now + value

        def add(said: Mapping[str, Any], due_at: float | None) -> Told:
            values = (now, token, scan_ref, event, json.dumps(said), url, fault or "", due_at)
            return self._add(*values, fault is DeliveryFault.SHUFFLED)

        told = add(payload, due_at)
        if fault is DeliveryFault.TWICE:
            add(payload, due_at)
        if fault is DeliveryFault.RESENT:
            add(fresh_links(payload, secrets.token_hex(8)), now + value)
        return told

    def resend(self, number: int) -> Told:
        """Tell the same again, with fresh links to files. Raises ``LookupError`` for a number that was never told."""
        with self._journal.transaction():
            known = self._one("number = ?", number)
            if known is None:
                raise LookupError(number)
            body = json.dumps(fresh_links(known.payload, secrets.token_hex(8)))
            now = self._clock()
            return self._add(now, known.token, known.scan_ref, known.event, body, known.url, "", now, False)

    def told(self, scan_ref: str | None = None) -> list[Told]:
        """All that was told, or all of one verification, oldest first."""
        if scan_ref is None:
            return self._all("TRUE ORDER BY number")
        return self._all("scan_ref = ? ORDER BY number", scan_ref)

    def last_of_session(self, token: str) -> Told | None:
        """What was told last of what began with this link."""
        return self._one("token = ? ORDER BY number DESC", token)

    def last_of(self, scan_ref: str) -> Told | None:
        """What was told last of a verification."""
        return self._one("scan_ref = ? ORDER BY number DESC", scan_ref)

    def claim(self, *, has_address: bool) -> Told | None:
        """One that is due, to be sent now by whoever asked; None if there is none.

        ``has_address`` says whether there is somewhere to send those that have no address of their own.
        """
        now = self._clock()
        # Looked for first: an UPDATE takes the file's write lock, also when there is nothing to do.
        if not self._journal.rows(f"SELECT 1 FROM told WHERE {_DUE} LIMIT 1", has_address, now):  # noqa: S608
            return None
        rows = self._journal.rows(
            f"""UPDATE told SET sent_at = ?, tries = tries + 1 WHERE number = (
                SELECT number FROM told WHERE {_DUE} ORDER BY due_at, number LIMIT 1) RETURNING *""",  # noqa: S608
            now,
            has_address,
            now,
        )
        return _told(rows[0]) if rows else None

    def mark(self, told: Told, *, status: int, words: str) -> None:
        """Note the answer. One that was not taken goes once more."""
        self._journal.rows("UPDATE told SET status = ?, words = ? WHERE number = ?", status, words, told.number)
        if not 200 <= status < 300 and told.tries < TRIES:
            again_at = self._clock() + PAUSE
            self._journal.rows("UPDATE told SET sent_at = NULL, due_at = ? WHERE number = ?", again_at, told.number)

    def _add(self, *values: Any) -> Told:
        marks = ", ".join("?" * len(values))
        sql = f"INSERT INTO told VALUES (NULL, {marks}, 0, NULL, NULL, '') RETURNING *"  # noqa: S608
        return _told(self._journal.rows(sql, *values)[0])

    def _one(self, where: str, value: str | int) -> Told | None:
        return next(iter(self._all(where, value)), None)

    def _all(self, where: str, *values: str | int) -> list[Told]:
        return [_told(row) for row in self._journal.rows(f"SELECT * FROM told WHERE {where}", *values)]  # noqa: S608


def _told(row: tuple[Any, ...]) -> Told:
    values = dict(zip(_NAMES, row, strict=True))
    return Told(**{**values, "waits": bool(values["waits"])})
