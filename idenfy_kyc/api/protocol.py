"""What is said to iDenfy and what its answers mean: paths, payloads, answer → value or error. No I/O.

Nothing is published about the errors of this endpoint, and whatever stands between us and iDenfy may answer in its
place. So an answer is trusted as little as possible: **any** status, headers and bytes end in a value or in one of our
own errors, and of the words only what can be stored and shown safely is kept.

https://documentation.idenfy.com/api-reference/kyc-verifications/request-additional-information-from-client
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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


@sensitive_variables()
def decipher_request_information(status_code: int, headers: Mapping[str, str], body: bytes) -> InformationSession:
    """What the answer holds: the session that iDenfy issued.

    Raises IdenfyStatusError for any status but 2xx, and IdenfyResponseError for a 2xx without a token that we can
    read. Nothing else, whatever the answer is. The content type is not asked: JSON is what parses as JSON.
    """
    data = good_object(status_code, headers, body)
    token = _secret(data.get("tokenString"))
    if not token:
        raise IdenfyResponseError("The answer has no tokenString", status_code=status_code)
    return InformationSession(token=token, session_url=_secret(data.get("sessionUrl")))


@sensitive_variables()
def decipher_identifications(status_code: int, headers: Mapping[str, str], body: bytes) -> int:
    """How many verifications iDenfy says there are.

    Raises IdenfyStatusError for any status but 2xx, and IdenfyResponseError for a 2xx without a number of them. Nothing
    else, whatever the answer is.
    """
    return count_in(good_object(status_code, headers, body), status_code)


def count_in(data: Mapping[str, Any], status_code: int) -> int:
    """The number of verifications in a good answer. Raises IdenfyResponseError if there is none."""
    count = data.get("count")
    if not isinstance(count, float) or not count.is_integer() or count < 0:
        raise IdenfyResponseError("The answer has no count of verifications", status_code=status_code)
    return int(count)


def is_whole(body: bytes, *, limit: int = MAX_ANSWER_BYTES) -> bool:
    """Whether ``body`` is all of an answer, even if the connection broke before it was ended properly."""
    return isinstance(_json(body, limit), dict)


@sensitive_variables()
def good_object(
    status_code: int, headers: Mapping[str, str], body: bytes, *, limit: int = MAX_ANSWER_BYTES
) -> dict[str, Any]:
    """The JSON object of a good answer of at most ``limit`` bytes.

    Raises IdenfyStatusError for any status but 2xx, and IdenfyResponseError for a 2xx that is no object.
    """
    data = _json(body, limit)
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


def _json(body: bytes, limit: int) -> Any:
    """The parsed body, or ``_NO_JSON``.

    ``RecursionError`` is what the parser answers to ten thousand brackets; integers are read as floats because
    Python refuses those of more than 4,300 digits, and we want none of them.
    """
    if len(body) > limit:
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
