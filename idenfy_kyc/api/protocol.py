"""What is said to iDenfy and what its answers mean: paths, payloads, answer → value or error. No I/O.

Nothing is published about the errors of this endpoint, and whatever stands between us and iDenfy may answer in its
place. So an answer is trusted as little as possible: **any** status, headers and bytes end in a value or in one of our
own errors, and of the words only what can be stored and shown safely is kept.

https://documentation.idenfy.com/api-reference/kyc-verifications/request-additional-information-from-client
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

from ..exceptions import IdenfyResponseError, IdenfyStatusError
from ..secret import Secret

MAX_ANSWER_BYTES = 64 * 1024
"""An honest answer is a few hundred bytes; a longer one is not read to its end, and none of it is believed."""
MAX_IDENTIFIER = 100
MAX_MESSAGE = 500
MAX_RETRY_AFTER = 86_400.0
"""Seconds. A server that wants us to stay away for longer than a day is confused, or is not iDenfy."""

IDENTIFICATIONS_PATH = "/kyc/identifications/?perPage=1"
"""The list of verifications, as short as it comes: asks no client, and tells whether iDenfy takes our key.

https://documentation.idenfy.com/kyc/verification-list
"""

START_VERIFICATION_PATH = "/api/v2/token"
REDIRECT_PATH = "/api/v2/redirect"
"""Where the client goes with his token: https://documentation.idenfy.com/kyc/iframe-redirect"""

_SCAN_REF = re.compile(r"[A-Za-z0-9-]{1,40}")
_UNFIT_FOR_URLS = re.compile(r"[\s\x00-\x20\x7f]")
_NO_JSON = object()
_WORDS = ("message", "detail", "error_description", "error", "title")
_OF_NO_FIELD = {*_WORDS, "nonFieldErrors", "non_field_errors", "errors"}
_DEEPEST_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationAsks:
    """What one call asks the client for. ``lifetime`` is how long the link works, and is always sent."""

    lifetime: timedelta
    questionnaire: str = ""
    risk_assessment_profile: UUID | None = None
    additional_step_upload_required: bool = False
    bank_card_verification: bool = False
    bank_card_expected_last_four: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationSession:
    """What iDenfy issued. Both are bearer secrets: whoever holds one acts as the client.

    ``session_url`` is empty if iDenfy sent none: older captures of its documentation have the token alone.
    """

    token: str = field(repr=False)
    session_url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationAsks:
    """Whom to verify, and how. What is left empty is not sent, and iDenfy's own default holds.

    ``expiry_time`` is how long the token works, ``session_length`` how long the client has once he has begun.
    ``further`` are more keys of the call, in iDenfy's names, as they are.
    """

    client_id: str
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    date_of_birth: date | None = field(default=None, repr=False)
    external_ref: str = ""
    locale: str = ""
    country: str = ""
    documents: tuple[str, ...] = ()
    success_url: str = ""
    error_url: str = ""
    unverified_url: str = ""
    callback_url: str = ""
    expiry_time: timedelta | None = None
    session_length: timedelta | None = None
    questionnaire: str = ""
    risk_assessment_profile: UUID | None = None
    further: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationSession:
    """What iDenfy began. ``token`` is a bearer secret, and so is ``redirect_url``, which is empty if none came."""

    scan_ref: str
    token: str = field(repr=False)
    redirect_url: str = field(repr=False)


def request_information_path(scan_ref: str) -> str:
    """The path to post to, from the root of the API.

    Raises ValueError for a ``scan_ref`` that no path can carry: an empty one, and ``.`` and ``..``, which stay what
    they are however they are quoted, and which anything on the way may resolve into another path.
    """
    if scan_ref in {"", ".", ".."}:
        raise ValueError("This scan reference cannot stand in a path")
    return f"/kyc/identifications/{quote(scan_ref, safe='')}/request-information/"


def request_information_payload(asks: InformationAsks) -> dict[str, Any]:
    """The JSON body. What is not asked for is left out: iDenfy takes no null, and says nothing about false."""
    payload: dict[str, Any] = {
        "lifetime": asks.lifetime // timedelta(seconds=1),
        "questionnaire": asks.questionnaire,
        "riskAssessmentProfile": str(asks.risk_assessment_profile or ""),
        "additionalStepUploadRequired": asks.additional_step_upload_required,
        "bankCardVerification": asks.bank_card_verification,
        "bankCardExpectedLastFour": asks.bank_card_expected_last_four,
    }
    return {name: value for name, value in payload.items() if value or name == "lifetime"}


def start_verification_payload(asks: VerificationAsks) -> dict[str, Any]:
    """The JSON body. ``tokenType`` is always sent: iDenfy's schema wants it, its guide says that it need not be."""
    payload: dict[str, Any] = {
        "clientId": asks.client_id,
        "tokenType": "IDENTIFICATION",
        "firstName": asks.first_name,
        "lastName": asks.last_name,
        "dateOfBirth": asks.date_of_birth and asks.date_of_birth.isoformat(),
        "externalRef": asks.external_ref,
        "locale": asks.locale,
        "country": asks.country,
        "documents": list(asks.documents),
        "successUrl": asks.success_url,
        "errorUrl": asks.error_url,
        "unverifiedUrl": asks.unverified_url,
        "callbackUrl": asks.callback_url,
        "expiryTime": asks.expiry_time and asks.expiry_time // timedelta(seconds=1),
        "sessionLength": asks.session_length and asks.session_length // timedelta(seconds=1),
        "questionnaire": asks.questionnaire,
        "riskAssessmentProfile": str(asks.risk_assessment_profile or ""),
    }
    return {name: value for name, value in payload.items() if value} | dict(asks.further)


@sensitive_variables()
def decipher_request_information(status_code: int, headers: Mapping[str, str], body: bytes) -> InformationSession:
    """What the answer holds: the session that iDenfy issued.

    Raises IdenfyStatusError for any status but 2xx, and IdenfyResponseError for a 2xx without a token that we can
    read. Nothing else, whatever the answer is. The content type is not asked: JSON is what parses as JSON.
    """
    data = _object(status_code, headers, body)
    token = _secret(data.get("tokenString"))
    if not token:
        raise IdenfyResponseError("The answer has no tokenString", status_code=status_code)
    return InformationSession(token=token, session_url=_secret(data.get("sessionUrl")))


@sensitive_variables()
def decipher_start_verification(status_code: int, headers: Mapping[str, str], body: bytes) -> VerificationSession:
    """What the answer holds: the verification that iDenfy began. 201, says its schema; 200, says its guide.

    Raises IdenfyStatusError for any status but 2xx, and IdenfyResponseError for a 2xx without a token or a scan
    reference. Nothing else, whatever the answer is.
    """
    data = _object(status_code, headers, body)
    token, scan_ref = _secret(data.get("authToken")), data.get("scanRef")
    if not token:
        raise IdenfyResponseError("The answer has no authToken", status_code=status_code)
    if not isinstance(scan_ref, str) or not _SCAN_REF.fullmatch(scan_ref):
        raise IdenfyResponseError("The answer has no scanRef", status_code=status_code)
    redirect_url = _secret(data.get("redirectUrl"))
    leads_somewhere = redirect_url.startswith(("https://", "http://")) and not _UNFIT_FOR_URLS.search(redirect_url)
    return VerificationSession(
        scan_ref=scan_ref, token=token, redirect_url=redirect_url if leads_somewhere else Secret()
    )


@sensitive_variables()
def decipher_identifications(status_code: int, headers: Mapping[str, str], body: bytes) -> int:
    """How many verifications iDenfy says there are.

    Raises IdenfyStatusError for any status but 2xx, and IdenfyResponseError for a 2xx without a number of them. Nothing
    else, whatever the answer is.
    """
    count = _object(status_code, headers, body).get("count")
    if not isinstance(count, float) or not count.is_integer() or count < 0:
        raise IdenfyResponseError("The answer has no count of verifications", status_code=status_code)
    return int(count)


def is_whole(body: bytes) -> bool:
    """Whether ``body`` is all of an answer, even if the connection broke before it was ended properly."""
    return isinstance(_json(body), dict)


@sensitive_variables()
def _object(status_code: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The JSON object of a good answer."""
    data = _json(body)
    if not 200 <= status_code < 300:
        raise _status_error(status_code, headers, data)
    if not isinstance(data, dict):
        raise IdenfyResponseError("The answer is not a JSON object", status_code=status_code)
    return data


def _status_error(status_code: int, headers: Mapping[str, str], data: Any) -> IdenfyStatusError:
    identifier = data.get("identifier") if isinstance(data, dict) else None
    return IdenfyStatusError(
        status_code,
        identifier=_readable(identifier, MAX_IDENTIFIER) if isinstance(identifier, str) else "",
        message=_readable(_words(data), MAX_MESSAGE),
        # A bare number is more likely a gateway's plain text, such as 404, than an API speaking.
        is_json=isinstance(data, dict | list | str),
        retry_after=_retry_after(headers),
    )


def _json(body: bytes) -> Any:
    """The parsed body, or ``_NO_JSON``.

    ``RecursionError`` is what the parser answers to ten thousand brackets; integers are read as floats because
    Python refuses those of more than 4,300 digits, and we want none of them.
    """
    if len(body) > MAX_ANSWER_BYTES:
        return _NO_JSON
    try:
        return json.loads(body, parse_int=float)
    except (ValueError, RecursionError):
        return _NO_JSON


def _secret(value: Any) -> Secret:
    """``value`` as it came if it is text that says something and can be encoded, else an empty string."""
    if not isinstance(value, str) or not value.strip():
        return Secret()
    try:
        value.encode()
    except UnicodeEncodeError:
        return Secret()
    return Secret(value)


def _words(data: Any, depth: int = _DEEPEST_WORDS) -> str:
    """The words of an error, in the shapes that iDenfy documents and those of Django REST framework.

    Of an object only known keys are text to be shown; of the others only lists of messages and what nests them, since
    anything may stand there, a token among it.
    """
    if isinstance(data, str):
        return data
    if not depth or not isinstance(data, dict | list):
        return ""
    if isinstance(data, list):
        parts = [_words(item, depth - 1) for item in data]
    else:
        said = [value for key in _WORDS if isinstance(value := data.get(key), str) and value.strip()]
        nested = [(name, value) for name, value in data.items() if isinstance(value, dict | list)]
        parts = said[:1] or [_labelled(name, _words(value, depth - 1)) for name, value in nested]
    return " ".join(part for part in parts if part)


def _labelled(name: str, words: str) -> str:
    return f"{name}: {words}" if words and name not in _OF_NO_FIELD else words


def _readable(text: str, limit: int) -> str:
    """One line of ``text``: what is invisible, or turns the direction of writing, or cannot be stored becomes space."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, 0 to ``MAX_RETRY_AFTER``; None if the header is missing or says nothing that we can read."""
    value = next((value.strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    if value.isascii() and value.isdigit():
        return min(float(value), MAX_RETRY_AFTER)
    try:
        then = parsedate_to_datetime(value)
        # RFC 9110 has dates in GMT alone; "-0000", which Python reads as naive, means the same.
        seconds = (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(tz=UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
