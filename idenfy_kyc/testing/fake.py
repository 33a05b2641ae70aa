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
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from idenfy_kyc.testing import contract, known
from idenfy_kyc.testing.behaviour import Behaviour
from idenfy_kyc.testing.deliveries import signed_headers
from idenfy_kyc.testing.desk import REDIRECT, SESSION, Desk
from idenfy_kyc.testing.faults import DeliveryFault, Fault, spoilt, turned_away
from idenfy_kyc.testing.journal import Journal, Post, Session
from idenfy_kyc.testing.known import Knowledge, Known
from idenfy_kyc.testing.outbox import Outbox, Told
from idenfy_kyc.testing.people import People
from idenfy_kyc.testing.replies import JSON, Reply, html_error, json_reply, refusal

CREDENTIALS = ("fake-key", "fake-secret")
SIGNING_KEY = "fake-signing-key"

_REQUEST_INFORMATION = re.compile(r"/kyc/identifications/([^/]+)/request-information/")
_LIST = "/kyc/identifications/"
_STATUS = "/api/v2/status"
_TOKEN = "/api/v2/token"  # noqa: S105 - a path
_UNAUTHORIZED = json_reply(
    401, {"message": "Invalid authorization credentials"}, ("WWW-Authenticate", 'Basic realm="api"')
)
_NOT_ALLOWED = refusal(405, "METHOD_NOT_ALLOWED", "This method is not allowed.")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery with all that it takes to post it."""

    told: Told
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class FakeIdenfy(Behaviour):
    """An iDenfy of your own.

    ``path`` is the file of its memory: several processes may open the same one, and each sees what the others receive
    and obeys what the others set. ``latency`` (seconds), ``expired_blocks``, ``questionnaires`` and ``webhook_url`` are
    written to the file if given; otherwise what stands there holds. ``public_url`` is where its links lead, if that is
    not where its API was called. ``signing_key`` signs its deliveries. ``clock`` gives seconds since the epoch.

    ``people`` are the clients and reviewers: what they do is told by webhook, as soon as a server of
    ``idenfy_kyc.testing`` runs over the same file.
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
        webhook_url: str | None = None,
        signing_key: str = SIGNING_KEY,
        public_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(Journal(path), clock)
        self._knowledge = Knowledge(self._journal)
        self._outbox = Outbox(self._journal, clock)
        self.people = People(self._journal, self._outbox, clock)
        self._desk = Desk(self._journal, self._outbox, self.people)
        self._signing_key = signing_key
        self._authorization = b"Basic " + base64.b64encode(f"{api_key}:{api_secret}".encode())
        self._public_url = public_url.rstrip("/")
        if latency is not None:
            self.latency = latency
        if expired_blocks is not None:
            self.expired_blocks = expired_blocks
        if questionnaires is not None:
            self.questionnaires = frozenset(questionnaires)
        if webhook_url is not None:
            self.webhook_url = webhook_url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def know(self, scan_ref: str, *, status: str = "APPROVED", client_id: str = "", **said: Any) -> None:
        """Have this verification from now on, so. ``said``: what else it says of it, such as ``fraudTags``."""
        self.know_all([Known(scan_ref=scan_ref, status=status, client_id=client_id, said=said)])

    def know_all(self, verifications: Iterable[Known]) -> None:
        """The same for many."""
        self._knowledge.know(verifications)

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

    def told(self, scan_ref: str | None = None) -> list[Told]:
        """What it told by webhook, or will, oldest first; with the project's answers."""
        return self._outbox.told(scan_ref)

    # What it tells

    def resend(self, number: int) -> Told:
        """Tell this once more, as from iDenfy's dashboard: with fresh links to files. Raises ``LookupError``."""
        return self._outbox.resend(number)

    def next_delivery(self) -> Parcel | None:
        """A delivery that is due, for whoever asks to post it at once."""
        url = self.webhook_url
        told = self._outbox.claim(has_address=bool(url))
        if told is None:
            return None
        body = told.body.encode()
        key = self._signing_key if told.fault != DeliveryFault.WRONG_KEY else f"not {self._signing_key}"
        headers = {**signed_headers(told.event, body, key=key), "Content-Type": JSON}
        return Parcel(told, told.url or url, headers, body)

    def mark_delivered(self, parcel: Parcel, *, status: int, words: str) -> None:
        """What the project answered; a status of 0 if nothing came."""
        self._outbox.mark(parcel.told, status=status, words=words)

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
        base_url = self._public_url or base_url.rstrip("/") or f"http://{lower.get('host', 'localhost')}"
        if page := self._desk.page(method, path, query, body):
            return page
        if method == "POST":
            if match:
                answer = partial(self._answer, match[1], base_url)
                return self._call(path, match[1], body, partial(self._good, lower, body, contract.parse, answer))
            if path == _TOKEN:
                begin = partial(self._begin, base_url)
                return self._call(path, "", body, partial(self._good, lower, body, contract.parse_token, begin))
            return self._status(lower, body) if path == _STATUS else self._stray_post(path, body)
        if method == "GET" and path == _LIST:
            return self._list(lower, query, base_url + _LIST)
        return _NOT_ALLOWED if match or path in {_LIST, _STATUS, _TOKEN} else html_error(404, "Not Found")

    def mark_answered(self, reply: Reply, *, caller: str = "") -> None:
        """Whoever delivers ``reply`` is about to, and the ``caller`` is still there. For the journal."""
        if reply.post is not None and not reply.cut:
            self._journal.add_answer(reply.post, at=self._clock(), caller=caller)

    def _call(self, path: str, scan_ref: str, body: bytes, good: Callable[[float], tuple[Reply, str]]) -> Reply:
        """A call of the API, with the faults that hold for it."""
        now = self._clock()
        # One transaction for all of it: two callers at one moment, and one of them finds the other's link pending.
        with self._journal.transaction():
            reply, token, fault = self._with_faults(scan_ref, now, good)
            return self._written(reply, now, path, body, scan_ref=scan_ref, fault=fault, token=token)

    def _with_faults(
        self, scan_ref: str, now: float, good: Callable[[float], tuple[Reply, str]]
    ) -> tuple[Reply, str, str]:
        """What becomes of a good answer: the reply, the token that was issued, and the fault. In a transaction."""
        faults = self._journal.draw_faults(scan_ref, now)
        latency = self.latency + faults.pop(Fault.LATENCY, 0.0)
        fault, value = next(iter(faults.items()), (None, 0.0))
        token = ""
        if fault is not None and not fault.issues:
            reply = turned_away(fault, value)
        else:
            reply, token = good(now)
            if reply.status < 300 and fault is not None:
                reply = spoilt(fault, reply, value)
        return replace(reply, latency=latency), token, fault or ""

    def _good(
        self,
        headers: Mapping[str, str],
        body: bytes,
        parse: Callable[..., dict[str, Any]],
        answer: Callable[[float, dict[str, Any]], tuple[Reply, str]],
        now: float,
    ) -> tuple[Reply, str]:
        """The reply of an iDenfy without faults, and the token of the link that it issued, if it did.

        ``parse`` reads the body, ``answer`` does what it asks.
        """
        if not self._is_authorized(headers):
            return _UNAUTHORIZED, ""
        if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            return json_reply(415, {"detail": "This media type is not supported."}), ""
        try:
            asks = parse(body, questionnaires=self.questionnaires)
        except contract.InvalidBodyError as error:
            return refusal(400, error.identifier, error.message), ""
        return answer(now, asks)

    def _answer(self, scan_ref: str, base_url: str, now: float, asks: dict[str, Any]) -> tuple[Reply, str]:
        """A client is asked."""
        pending = self._journal.pending(scan_ref)
        if pending and pending.begins:
            return refusal(400, "BAD_VALUE", "This verification is not finished."), ""
        if pending and (self.expired_blocks or pending.expires_at > now):
            return refusal(400, "BAD_VALUE", "Information has already been requested for this verification."), ""
        self._journal.settle(scan_ref)
        token = self._issue(scan_ref, asks, now, asks.get("lifetime", contract.DEFAULT_LIFETIME))
        return json_reply(200, {"sessionUrl": f"{base_url}{SESSION}?authToken={token}", "tokenString": token}), token

    def _begin(self, base_url: str, now: float, asks: dict[str, Any]) -> tuple[Reply, str]:
        """A verification begins. Its token is no link of a request, and does not count as one."""
        scan_ref = str(uuid.uuid4())
        token = self._issue(scan_ref, asks, now, asks.get("expiryTime", contract.DEFAULT_EXPIRY))
        self._knowledge.begin(scan_ref, asks["clientId"])
        answer = {
            **{"message": "Token created successfully", "authToken": token, "scanRef": scan_ref},
            **{"redirectUrl": f"{base_url}{REDIRECT}?authToken={token}", "digitString": None},
        }
        return json_reply(201, dict.fromkeys(("firstName", "lastName", "externalRef")) | asks | answer), ""

    def _issue(self, scan_ref: str, asks: dict[str, Any], now: float, seconds: float) -> str:
        token = f"fake-{secrets.token_urlsafe(24)}"
        self._journal.add_session(
            Session(token=token, scan_ref=scan_ref, asks=asks, issued_at=now, expires_at=now + seconds, pending=True)
        )
        return token

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

    def _list(self, headers: Mapping[str, str], query: str, url: str) -> Reply:
        """A page of what it knows. Faults that are for everybody hit it, too."""

        def good(_now: float) -> tuple[Reply, str]:
            if not self._is_authorized(headers):
                return _UNAUTHORIZED, ""
            return known.list_reply(self._knowledge, query, limit=self.page_limit, url=url), ""

        with self._journal.transaction():
            return self._with_faults("", self._clock(), good)[0]

    def _status(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """How one verification stands. In the journal, and not as a request to its client."""
        scan_ref, now = known.asked_about(body), self._clock()

        def good(_now: float) -> tuple[Reply, str]:
            if not self._is_authorized(headers):
                return _UNAUTHORIZED, ""
            return known.status_reply(self._knowledge.one(scan_ref)), ""

        with self._journal.transaction():
            reply, _token, fault = self._with_faults(scan_ref, now, good)
            return self._written(reply, now, _STATUS, body, fault=fault)


def _identifier(reply: Reply) -> str:
    if reply.status < 400 or not reply.body.startswith(b"{"):
        return ""
    return str(json.loads(reply.body).get("identifier", ""))
