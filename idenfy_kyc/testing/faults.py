"""The ways in which the fake misbehaves on demand: when it is asked, and when it tells.

A ``Fault`` belongs to one of two kinds, and which one matters more than its HTTP status. Either the request is turned
away before anything happens, or the link *is* issued and only the answer is spoilt. For whoever calls, both may look
alike.
"""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum

from idenfy_kyc.testing.replies import JSON, Reply, html_error, json_reply, refusal

OVERSIZE = 256 * 1024


class Fault(StrEnum):
    """One way to misbehave. Where ``value`` means something, the comment says what."""

    LATENCY = "latency"
    """Answers late, by ``value`` seconds (2); combines with any other fault."""

    # turned away: nothing is issued
    UNAUTHORIZED = "unauthorized"
    UNAUTHORIZED_400 = "unauthorized_400"
    NO_FUNDS = "no_funds"
    CONTRACT = "contract"
    FORBIDDEN = "forbidden"
    PERMISSIONS_400 = "permissions_400"
    NOT_FOUND = "not_found"
    HTML_NOT_FOUND = "html_not_found"
    BAD_VALUE = "bad_value"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    RATE_LIMITED_400 = "rate_limited_400"
    RETRY_AFTER = "retry_after"
    """429 with ``Retry-After: value`` (seconds, 2)."""
    REDIRECT = "redirect"
    INTERNAL_400 = "internal_400"
    SERVER_ERROR = "server_error"
    SERVER_ERROR_HTML = "server_error_html"
    BAD_GATEWAY = "bad_gateway"
    BAD_GATEWAY_HTML = "bad_gateway_html"
    UNAVAILABLE = "unavailable"
    UNAVAILABLE_HTML = "unavailable_html"
    CUT_BEFORE = "cut_before"
    """The connection is reset, and no link was issued."""

    # issued, and the answer is spoilt
    CUT_AFTER = "cut_after"
    """The connection is reset after the link was issued."""
    LOST = "lost"
    """The link was issued, and a proxy answers 502 in HTML."""
    DRIP = "drip"
    """A byte every ``value`` seconds (0.2), headers included."""
    NONSENSE = "nonsense"
    EMPTY = "empty"
    NO_SESSION_URL = "no_session_url"
    NO_TOKEN = "no_token"  # noqa: S105 - a fault's name
    OVERSIZED = "oversized"

    @property
    def issues(self) -> bool:
        """Whether the link is issued all the same."""
        return self in _ISSUING


_ISSUING = frozenset(
    {
        Fault.CUT_AFTER,
        Fault.LOST,
        Fault.DRIP,
        Fault.NONSENSE,
        Fault.EMPTY,
        Fault.NO_SESSION_URL,
        Fault.NO_TOKEN,
        Fault.OVERSIZED,
    }
)


class DeliveryFault(StrEnum):
    """One way in which a delivery does not simply come. Where ``value`` means something, the comment says what."""

    LATE = "late"
    """``value`` seconds (10) later; combines with any other fault."""
    TWICE = "twice"
    """The same bytes twice, one behind the other."""
    RESENT = "resent"
    """Again after ``value`` seconds (2), with fresh links to files: the same news in other bytes."""
    SHUFFLED = "shuffled"
    """Behind the next one of the same verification; without a next one, after ``value`` seconds (60)."""
    WRONG_KEY = "wrong_key"
    """Signed with a key that the project does not have."""
    MISSED = "missed"
    """Never."""


DEFAULT_VALUES: dict[Fault | DeliveryFault, float] = {
    Fault.LATENCY: 2.0,
    Fault.RETRY_AFTER: 2.0,
    Fault.DRIP: 0.2,
    DeliveryFault.LATE: 10.0,
    DeliveryFault.RESENT: 2.0,
    DeliveryFault.SHUFFLED: 60.0,
}

# Answers of the authentication stage have no identifier: https://documentation.idenfy.com/kyc/id-error-messages
_TURNED_AWAY: dict[Fault, Reply] = {
    Fault.UNAUTHORIZED: json_reply(401, {"message": "Invalid authorization credentials"}),
    Fault.UNAUTHORIZED_400: refusal(400, "UNAUTHORIZED", "You are not authorized."),
    Fault.NO_FUNDS: json_reply(402, {"message": "Action not allowed due to lack of funds or exceeded limit."}),
    Fault.CONTRACT: refusal(400, "PARTNER_CONTRACT_ERROR", "Your contract does not include this."),
    Fault.FORBIDDEN: json_reply(403, {"message": "Partner inactive"}),
    Fault.PERMISSIONS_400: refusal(400, "PERMISSIONS_ERROR", "You have no permission for this verification."),
    Fault.NOT_FOUND: json_reply(404, {"detail": "No such verification."}),
    Fault.HTML_NOT_FOUND: html_error(404, "Not Found"),
    Fault.BAD_VALUE: refusal(400, "BAD_VALUE", "This verification cannot be updated."),
    Fault.TIMEOUT: html_error(408, "Request Timeout"),
    Fault.RATE_LIMITED: refusal(429, "TOO_MANY_REQUESTS", "Too many requests."),
    Fault.RATE_LIMITED_400: refusal(400, "TOO_MANY_REQUESTS", "Too many requests."),
    Fault.RETRY_AFTER: refusal(429, "TOO_MANY_REQUESTS", "Too many requests."),
    Fault.REDIRECT: replace(html_error(302, "Found"), headers=(("Location", "/maintenance/"),)),
    Fault.INTERNAL_400: refusal(400, "INTERNAL_ERROR", "Something went wrong."),
    Fault.SERVER_ERROR: refusal(500, "INTERNAL_ERROR", "Something went wrong."),
    Fault.SERVER_ERROR_HTML: html_error(500, "Server Error"),
    Fault.BAD_GATEWAY: json_reply(502, {"message": "Bad gateway"}),
    Fault.BAD_GATEWAY_HTML: html_error(502, "Bad Gateway"),
    Fault.UNAVAILABLE: json_reply(503, {"message": "Service unavailable"}),
    Fault.UNAVAILABLE_HTML: html_error(503, "Service Unavailable"),
    # The status is for servers that cannot cut a connection.
    Fault.CUT_BEFORE: replace(html_error(502, "Bad Gateway"), cut=True),
}


def turned_away(fault: Fault, value: float) -> Reply:
    """The answer of a fault before which nothing happens."""
    reply = _TURNED_AWAY[fault]
    if fault is Fault.RETRY_AFTER:
        return replace(reply, headers=(*reply.headers, ("Retry-After", f"{value:.0f}")))
    return reply


def spoilt(fault: Fault, reply: Reply, value: float) -> Reply:
    """What becomes of the good answer ``reply`` of a link that was issued."""
    match fault:
        case Fault.CUT_AFTER:
            return replace(html_error(502, "Bad Gateway"), cut=True)
        case Fault.LOST:
            return html_error(502, "Bad Gateway")
        case Fault.DRIP:
            return replace(reply, drip=value)
        case Fault.NONSENSE:
            return replace(reply, body=b'{"sessionUrl": ["and", {"then"')
        case Fault.EMPTY:
            return replace(reply, body=b"")
    return replace(reply, headers=(("Content-Type", JSON),), body=_edited(fault, reply.body))


def _edited(fault: Fault, body: bytes) -> bytes:
    answer = json.loads(body)
    if fault is Fault.OVERSIZED:
        answer["padding"] = "x" * OVERSIZE
    else:
        for name in ("sessionUrl", "redirectUrl") if fault is Fault.NO_SESSION_URL else ("tokenString", "authToken"):
            answer.pop(name, None)
    return json.dumps(answer).encode()
