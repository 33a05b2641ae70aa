"""The fake itself: one function from a request to a reply, with a memory. No sockets and no Django.

What is known of iDenfy it does; where iDenfy's documentation is silent it does what hurts a careless caller most, or
has a switch. It never learns that a link was withdrawn, because the real one has no call for that either.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote

from idenfy_kyc.testing import contract, known, pages
from idenfy_kyc.testing.faults import DEFAULT_VALUES, Fault, spoilt, turned_away
from idenfy_kyc.testing.journal import Journal, Known, Post, Session
from idenfy_kyc.testing.replies import Reply, html_error, json_reply, refusal

CREDENTIALS = ("fake-key", "fake-secret")

_REQUEST_INFORMATION = re.compile(r"/kyc/identifications/([^/]+)/request-information/")
_LIST = "/kyc/identifications/"
_STATUS = "/api/v2/status"
_UNAUTHORIZED = json_reply(
    401, {"message": "Invalid authorization credentials"}, ("WWW-Authenticate", 'Basic realm="api"')
)
_NOT_ALLOWED = refusal(405, "METHOD_NOT_ALLOWED", "This method is not allowed.")


class FakeIdenfy:
    """An iDenfy of your own.

    ``path`` is the file of its memory: several processes may open the same one, and each sees what the others receive
    and obeys what the others set. ``latency`` (seconds), ``expired_blocks`` and ``questionnaires`` are written to the
    file if given; otherwise what stands there holds. ``public_url`` is where its links lead, if that is not where its
    API was called. ``clock`` gives seconds since the epoch.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        api_key: str = CREDENTIALS[0],
        api_secret: str = CREDENTIALS[1],
        latency: float | None = None,
        expired_blocks: bool | None = None,
        questionnaires: Iterable[str] | None = None,
        public_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = Journal(path)
        self._authorization = b"Basic " + base64.b64encode(f"{api_key}:{api_secret}".encode())
        self._public_url = public_url.rstrip("/")
        self._clock = clock
        if latency is not None:
            self.latency = latency
        if expired_blocks is not None:
            self.expired_blocks = expired_blocks
        if questionnaires is not None:
            self.questionnaires = frozenset(questionnaires)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    # How it behaves

    @property
    def latency(self) -> float:
        """Seconds before every answer of the API; 0 at first."""
        return float(self._journal.switch("latency", 0.0))

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._journal.set_switch("latency", seconds)

    @property
    def expired_blocks(self) -> bool:
        """Whether a link that nobody used and that has expired still bars a new one.

        At first yes, to the letter of iDenfy's documentation: only a new approval frees the verification.
        """
        return bool(self._journal.switch("expired_blocks", True))

    @expired_blocks.setter
    def expired_blocks(self, blocks: bool) -> None:
        self._journal.set_switch("expired_blocks", blocks)

    @property
    def questionnaires(self) -> frozenset[str] | None:
        """The questionnaires that exist; None, at first, takes any key."""
        keys = self._journal.switch("questionnaires", None)
        return None if keys is None else frozenset(keys)

    @questionnaires.setter
    def questionnaires(self, keys: Iterable[str] | None) -> None:
        self._journal.set_switch("questionnaires", None if keys is None else sorted(keys))

    def misbehave(
        self,
        fault: Fault,
        *,
        times: int | None = None,
        seconds: float | None = None,
        scan_ref: str | None = None,
        prefix: str | None = None,
        value: float | None = None,
    ) -> None:
        """Answer with ``fault`` from now on: for the next ``times`` requests, for ``seconds``, or until ``behave``.

        ``scan_ref`` or ``prefix`` narrow it to one verification, or to those whose reference begins so. What ``value``
        means depends on the fault. An outage is a fault with ``seconds``.
        """
        self._journal.add_fault(
            fault,
            value=DEFAULT_VALUES.get(fault, 0.0) if value is None else value,
            scan_ref=scan_ref,
            prefix=prefix,
            times=times,
            ends_at=None if seconds is None else self._clock() + seconds,
        )

    def behave(self) -> None:
        """End all faults."""
        self._journal.clear_faults()

    @property
    def page_limit(self) -> int:
        """How many verifications a page of its list holds at the most; 100 at first."""
        return int(self._journal.switch("page_limit", known.PAGE_LIMIT))

    @page_limit.setter
    def page_limit(self, verifications: int) -> None:
        self._journal.set_switch("page_limit", verifications)

    def know(self, scan_ref: str, *, status: str = "APPROVED", client_id: str = "", **said: Any) -> None:
        """Have this verification from now on, so. ``said``: what else it says of it, such as ``fraudTags``."""
        self.know_all([Known(scan_ref=scan_ref, status=status, client_id=client_id, said=said)])

    def know_all(self, verifications: Iterable[Known]) -> None:
        """The same for many."""
        self._journal.know(verifications)

    def approve_again(self, scan_ref: str) -> None:
        """The client answered and iDenfy approved: a new request is possible."""
        self._journal.settle(scan_ref)

    # What it has seen

    def posts(self, scan_ref: str | None = None) -> list[Post]:
        """Every POST that arrived, oldest first, whatever became of it."""
        return self._journal.posts(scan_ref)

    def issued(self, scan_ref: str | None = None) -> list[Post]:
        """Those for which a link was issued."""
        return [post for post in self.posts(scan_ref) if post.issued]

    def count_posts(self) -> Counter[str]:
        """POSTs by ``scan_ref``."""
        return self._journal.count_posts()

    def count_heard(self) -> Counter[str]:
        """The same, without those answered that nothing was done (401, 402, 403, 429): more than one is our fault."""
        return self._journal.count_heard()

    def count_issued(self) -> Counter[str]:
        """Links issued, by ``scan_ref``."""
        return self._journal.count_issued()

    def count_status_calls(self) -> Counter[str]:
        """How often it was asked for the status of each verification."""
        bodies = (post.body for post in self.posts("") if post.path == _STATUS)
        return Counter(known.asked_about(body.encode()) for body in bodies)

    def session(self, token: str) -> Session | None:
        """What a token leads to."""
        return self._journal.session(token)

    # What it does

    def handle(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"", *, base_url: str = ""
    ) -> Reply:
        """Answer one request. ``target`` is the path as it stands in the request line, with its query; ``base_url`` is
        where this fake is mounted, by default the root of the ``Host`` that was called."""
        path, _, query = target.partition("?")
        path = unquote(path)
        lower = {name.lower(): value for name, value in headers.items()}
        match = _REQUEST_INFORMATION.fullmatch(path)
        if match and method == "POST":
            base_url = self._public_url or base_url.rstrip("/") or f"http://{lower.get('host', 'localhost')}"
            return self._request_information(path, match[1], lower, body, base_url)
        if method == "POST":
            return self._status(lower, body) if path == _STATUS else self._stray_post(path, body)
        if method in {"GET", "HEAD"} and path == "/session/":
            token = parse_qs(query).get("authToken", [""])[-1]
            return pages.session_page(self._journal.session(token), now=self._clock())
        if method in {"GET", "HEAD"} and path == "/session/style.css":
            return pages.style_sheet()
        if method == "GET" and path == _LIST:
            return self._list(lower, query, base_url.rstrip("/") or f"http://{lower.get('host', 'localhost')}")
        return _NOT_ALLOWED if match or path == _LIST else html_error(404, "Not Found")

    def mark_answered(self, reply: Reply) -> None:
        """Whoever delivers ``reply`` is about to, and the caller is still there. For the journal."""
        if reply.post is not None and not reply.cut:
            self._journal.add_answer(reply.post, at=self._clock())

    def _request_information(
        self, path: str, scan_ref: str, headers: Mapping[str, str], body: bytes, base_url: str
    ) -> Reply:
        now = self._clock()
        # One transaction for all of it: two callers at one moment, and one of them finds the other's link pending.
        with self._journal.transaction():
            faults = self._journal.draw_faults(scan_ref, now)
            latency = self.latency + faults.pop(Fault.LATENCY, 0.0)
            fault, value = next(iter(faults.items()), (None, 0.0))
            token = ""
            if fault is not None and not fault.issues:
                reply = turned_away(fault, value)
            else:
                reply, token = self._answer(scan_ref, headers, body, base_url, now)
                if token and fault is not None:
                    reply = spoilt(fault, reply, value)
            return self._written(
                replace(reply, latency=latency), now, path, body, scan_ref=scan_ref, fault=fault or "", token=token
            )

    def _answer(
        self, scan_ref: str, headers: Mapping[str, str], body: bytes, base_url: str, now: float
    ) -> tuple[Reply, str]:
        """The reply of an iDenfy without faults, and the token it issued, if it did."""
        if not self._is_authorized(headers):
            return _UNAUTHORIZED, ""
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return json_reply(415, {"detail": "This media type is not supported."}), ""
        try:
            asks = contract.parse(body, questionnaires=self.questionnaires)
        except contract.InvalidBodyError as error:
            return refusal(400, error.identifier, error.message), ""
        pending = self._journal.pending(scan_ref)
        if pending and (self.expired_blocks or pending.expires_at > now):
            return refusal(400, "BAD_VALUE", "Information has already been requested for this verification."), ""
        self._journal.settle(scan_ref)
        token = f"fake-{secrets.token_urlsafe(24)}"
        expires_at = now + asks.get("lifetime", contract.DEFAULT_LIFETIME)
        self._journal.add_session(
            Session(token=token, scan_ref=scan_ref, asks=asks, issued_at=now, expires_at=expires_at, pending=True)
        )
        return json_reply(200, {"sessionUrl": f"{base_url}/session/?authToken={token}", "tokenString": token}), token

    def _is_authorized(self, headers: Mapping[str, str]) -> bool:
        given = headers.get("authorization", "").encode("utf-8", "replace")
        return hmac.compare_digest(given, self._authorization)

    def _stray_post(self, path: str, body: bytes) -> Reply:
        reply = _NOT_ALLOWED if path == _LIST else html_error(404, "Not Found")
        return self._written(reply, self._clock(), path, body)

    def _written(
        self, reply: Reply, now: float, path: str, body: bytes, *, scan_ref: str = "", fault: str = "", token: str = ""
    ) -> Reply:
        """The reply, once the journal has it."""
        number = self._journal.add_post(
            at=now,
            path=path,
            scan_ref=scan_ref,
            body=body,
            status=reply.status,
            identifier=_identifier(reply),
            fault=fault,
            token=token,
            cut=reply.cut,
        )
        return replace(reply, post=number)

    def _list(self, headers: Mapping[str, str], query: str, base_url: str) -> Reply:
        """A page of what it knows. Faults that are for everybody hit it, too."""
        limit, find = self.page_limit, self._journal.known
        url = base_url + _LIST
        return self._with_faults("", headers, lambda: known.list_reply(query, limit=limit, find=find, url=url))

    def _status(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """How one verification stands. In the journal, and not as a request to its client."""
        scan_ref = known.asked_about(body)
        reply = self._with_faults(scan_ref, headers, lambda: known.status_reply(self._journal.known_one(scan_ref)))
        return self._written(reply, self._clock(), _STATUS, body)

    def _with_faults(self, scan_ref: str, headers: Mapping[str, str], good: Callable[[], Reply]) -> Reply:
        """What becomes of a good answer that issues nothing."""
        with self._journal.transaction():
            faults = self._journal.draw_faults(scan_ref, self._clock())
        latency = self.latency + faults.pop(Fault.LATENCY, 0.0)
        fault, value = next(iter(faults.items()), (None, 0.0))
        if fault is not None and not fault.issues:
            reply = turned_away(fault, value)
        elif not self._is_authorized(headers):
            reply = _UNAUTHORIZED
        else:
            reply = good() if fault is None else spoilt(fault, good(), value)
        return replace(reply, latency=latency)


def _identifier(reply: Reply) -> str:
    if reply.status < 400 or not reply.body.startswith(b"{"):
        return ""
    return str(json.loads(reply.body).get("identifier", ""))
