"""The fake's memory: one SQLite file, which survives a reload and which several threads and processes share.

The journal (``post`` and ``answer``) is only ever added to. A test that kills the sender, or the fake, reads there what
really arrived. What is pending stands in ``session``, at most one a verification, held by a partial unique index. The
switches and the faults stand in the same file, so that a test or the demo steers a fake that runs in another process.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from idenfy_kyc.testing.faults import DeliveryFault, Fault

AnyFault = TypeVar("AnyFault", Fault, DeliveryFault)

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS post (
        number INTEGER PRIMARY KEY, at REAL NOT NULL, path TEXT NOT NULL, scan_ref TEXT NOT NULL, body TEXT NOT NULL,
        status INTEGER NOT NULL, identifier TEXT NOT NULL, fault TEXT NOT NULL, token TEXT NOT NULL,
        cut INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS post_scan_ref ON post (scan_ref)",
    """CREATE TABLE IF NOT EXISTS answer (
        post INTEGER PRIMARY KEY REFERENCES post, at REAL NOT NULL, caller TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE IF NOT EXISTS session (
        token TEXT PRIMARY KEY, scan_ref TEXT NOT NULL, asks TEXT NOT NULL,
        issued_at REAL NOT NULL, expires_at REAL NOT NULL, pending INTEGER NOT NULL)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_pending ON session (scan_ref) WHERE pending",
    """CREATE TABLE IF NOT EXISTS script (
        number INTEGER PRIMARY KEY, fault TEXT NOT NULL, value REAL NOT NULL, scan_ref TEXT, prefix TEXT,
        remaining INTEGER, ends_at REAL)""",
    "CREATE TABLE IF NOT EXISTS switch (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

# A request that was answered so was not looked at: asking the same again is right.
_UNHEARD = (
    "(status IN (401, 402, 403, 429)"
    " OR identifier IN ('UNAUTHORIZED', 'PARTNER_CONTRACT_ERROR', 'PERMISSIONS_ERROR', 'TOO_MANY_REQUESTS'))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST that arrived, whatever became of it.

    ``status`` is what it was answered with, or would have been had the connection not been ``cut``. ``answered_at`` is
    when the answer was about to be sent to a caller who was still there, ``answered_to`` that caller's end of the
    connection, as ``host:port``; None and empty if that never came.
    """

    number: int
    at: float
    path: str
    scan_ref: str
    body: str = field(repr=False)
    status: int
    identifier: str
    fault: str
    token: str = field(repr=False)
    cut: bool
    answered_at: float | None
    answered_to: str

    @property
    def issued(self) -> bool:
        """Whether a link was issued."""
        return self.token != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What was asked of one client, behind one link: for information, or to begin a verification.

    Times are seconds since the epoch.
    """

    token: str = field(repr=False)
    scan_ref: str
    asks: dict[str, Any]
    issued_at: float
    expires_at: float
    pending: bool

    @property
    def begins(self) -> bool:
        """Whether the verification begins with it, so that nothing is known of the client yet."""
        return "clientId" in self.asks


class Journal:
    """The tables. Without a ``path`` they are in memory, for one process. To be opened in the process that uses it."""

    def __init__(self, path: str | Path | None = None) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            ":memory:" if path is None else path, timeout=30, isolation_level=None, check_same_thread=False
        )
        # A killed process loses nothing that was committed, a machine without power may. That is enough for a fake, and
        # saves two fsyncs a request.
        self._db.execute("PRAGMA synchronous = OFF")
        with self.transaction():
            for statement in _SCHEMA:
                self._db.execute(statement)
            if "caller" not in {column[1] for column in self._db.execute("PRAGMA table_info(answer)")}:
                self._db.execute("ALTER TABLE answer ADD COLUMN caller TEXT NOT NULL DEFAULT ''")  # an older file

    def close(self) -> None:
        """Close the file. A closed journal cannot be used again."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time, among threads and processes alike."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """What one statement gives."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # What arrived

    def add_post(
        self,
        *,
        at: float,
        path: str,
        scan_ref: str,
        body: bytes,
        status: int,
        identifier: str,
        fault: str,
        token: str,
        cut: bool,
    ) -> int:
        """Write one line and return its number."""
        text = body.decode("utf-8", "replace")
        values = (at, path, scan_ref, text, status, identifier, fault, token, cut)
        sql = "INSERT INTO post VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number"
        return int(self.rows(sql, *values)[0][0])

    def add_answer(self, post: int, *, at: float, caller: str) -> None:
        """Note that the answer to ``post`` goes out."""
        self.rows("INSERT INTO answer VALUES (?, ?, ?)", post, at, caller)

    def posts(self, scan_ref: str | None = None) -> list[Post]:
        """What arrived, oldest first."""
        sql = "SELECT post.*, answer.at, coalesce(answer.caller, '') FROM post LEFT JOIN answer ON answer.post = number"
        if scan_ref is None:
            rows = self.rows(f"{sql} ORDER BY number")
        else:
            rows = self.rows(f"{sql} WHERE scan_ref = ? ORDER BY number", scan_ref)
        names = (
            "number",
            "at",
            "path",
            "scan_ref",
            "body",
            "status",
            "identifier",
            "fault",
            "token",
            "cut",
            "answered_at",
            "answered_to",
        )
        return [Post(**{**dict(zip(names, row, strict=True)), "cut": bool(row[9])}) for row in rows]

    def count_posts(self) -> Counter[str]:
        """How many POSTs arrived for each verification."""
        return Counter(dict(self.rows("SELECT scan_ref, count(*) FROM post GROUP BY scan_ref")))

    def count_heard(self) -> Counter[str]:
        """The same, without those that were answered that nothing was done."""
        return Counter(dict(self.rows(f"SELECT scan_ref, count(*) FROM post WHERE NOT {_UNHEARD} GROUP BY scan_ref")))  # noqa: S608

    def count_issued(self) -> Counter[str]:
        """How many links were issued for each verification."""
        return Counter(dict(self.rows("SELECT scan_ref, count(*) FROM post WHERE token != '' GROUP BY scan_ref")))

    # What is pending

    def add_session(self, session: Session) -> None:
        """Issue a link. Raises ``sqlite3.IntegrityError`` if another one of the same verification is pending."""
        values = (session.token, session.scan_ref, json.dumps(session.asks), session.issued_at, session.expires_at)
        self.rows("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)", *values, session.pending)

    def session(self, token: str) -> Session | None:
        """What ``token`` leads to."""
        return self._one_session("token = ?", token)

    def sessions(self, limit: int) -> list[Session]:
        """The newest ones."""
        return self._sessions("TRUE ORDER BY issued_at DESC, rowid DESC LIMIT ?", limit)

    def verification(self, scan_ref: str) -> Session | None:
        """How the verification began, if that was here."""
        return self._one_session("scan_ref = ? AND asks LIKE '%\"clientId\":%' ORDER BY issued_at DESC", scan_ref)

    def pending(self, scan_ref: str) -> Session | None:
        """What the client of this verification has been asked and has not answered."""
        return self._one_session("scan_ref = ? AND pending", scan_ref)

    def settle(self, scan_ref: str) -> None:
        """Nothing is pending for this verification any more."""
        self.rows("UPDATE session SET pending = 0 WHERE scan_ref = ? AND pending", scan_ref)

    def expire(self, token: str, *, at: float) -> None:
        """This link works until ``at``."""
        self.rows("UPDATE session SET expires_at = ? WHERE token = ?", at, token)

    def _one_session(self, where: str, value: str) -> Session | None:
        return next(iter(self._sessions(where, value)), None)

    def _sessions(self, where: str, value: str | int) -> list[Session]:
        return [
            Session(
                token=token,
                scan_ref=scan_ref,
                asks=json.loads(asks),
                issued_at=issued_at,
                expires_at=expires_at,
                pending=bool(pending),
            )
            for token, scan_ref, asks, issued_at, expires_at, pending in self.rows(
                f"SELECT * FROM session WHERE {where}",  # noqa: S608
                value,
            )
        ]

    # How to behave

    def add_fault(
        self,
        fault: Fault | DeliveryFault,
        *,
        value: float,
        scan_ref: str | None,
        prefix: str | None,
        times: int | None,
        ends_at: float | None,
    ) -> None:
        """Misbehave from now on, for whom and how long it says."""
        values = (fault.value, value, scan_ref, prefix, times, ends_at)
        self.rows("INSERT INTO script VALUES (NULL, ?, ?, ?, ?, ?, ?)", *values)

    def clear_faults(self) -> None:
        """Behave."""
        self.rows("DELETE FROM script")

    def draw_faults(self, scan_ref: str, now: float) -> dict[Fault, float]:
        """The faults that hit this request, with their values: at most one besides lateness. Counts them down.

        What holds for everybody comes before what holds for one client: an outage is an outage.
        """
        return self._draw(Fault, Fault.LATENCY, scan_ref, now)

    def draw_delivery_faults(self, scan_ref: str, now: float) -> dict[DeliveryFault, float]:
        """The same for what is told of this verification."""
        return self._draw(DeliveryFault, DeliveryFault.LATE, scan_ref, now)

    def _draw(self, kind: type[AnyFault], lateness: AnyFault, scan_ref: str, now: float) -> dict[AnyFault, float]:
        rows = self.rows(
            """SELECT number, fault, value FROM script
            WHERE (remaining IS NULL OR remaining > 0) AND (ends_at IS NULL OR ends_at > ?)
            AND (scan_ref IS NULL OR scan_ref = ?) AND (prefix IS NULL OR substr(?, 1, length(prefix)) = prefix)
            ORDER BY scan_ref IS NOT NULL OR prefix IS NOT NULL, number""",
            now,
            scan_ref,
            scan_ref,
        )
        drawn: dict[AnyFault, float] = {}
        for number, name, value in rows:
            if name not in set(kind):
                continue
            fault = kind(name)
            if fault is lateness:
                drawn[fault] = drawn.get(fault, 0.0) + value
            elif any(other is not lateness for other in drawn):
                continue
            else:
                drawn[fault] = value
            self.rows("UPDATE script SET remaining = remaining - 1 WHERE number = ?", number)
        return drawn

    def switch(self, name: str, default: Any) -> Any:
        """A switch's value, or ``default`` while nobody has set it."""
        rows = self.rows("SELECT value FROM switch WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else default

    def set_switch(self, name: str, value: Any) -> None:
        """Set a switch, for every process that has the file open."""
        self.rows("INSERT OR REPLACE INTO switch VALUES (?, ?)", name, json.dumps(value))
