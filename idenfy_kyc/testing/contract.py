"""What the bodies of the two calls may hold; the limits are those of iDenfy's OpenAPI document.

https://documentation.idenfy.com/api-reference/kyc-verifications/request-additional-information-from-client
https://documentation.idenfy.com/kyc/generate-token
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container
from typing import Any

MAX_LIFETIME = 2_592_000
DEFAULT_LIFETIME = 86_400
DEFAULT_EXPIRY = 3_600

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class InvalidBodyError(Exception):
    """The body is refused: iDenfy's identifier, and its words."""

    def __init__(self, identifier: str, message: str) -> None:
        super().__init__(identifier)
        self.identifier = identifier
        self.message = message


def parse(body: bytes, *, questionnaires: Container[str] | None = None) -> dict[str, Any]:
    """What ``body`` asks a client for. Raises ``InvalidBodyError``. ``questionnaires``: the keys that exist; None takes
    any."""
    asks = _object(body)
    for name in asks.keys() - _FIELDS.keys():
        raise InvalidBodyError("VALIDATION_ERROR", f"{name}: this field is not known.")
    _check(asks, _FIELDS, questionnaires)
    return asks


def parse_token(body: bytes, *, questionnaires: Container[str] | None = None) -> dict[str, Any]:
    """Whom ``body`` wants verified. Raises ``InvalidBodyError``. Of its many fields those are checked that we send."""
    asks = _object(body)
    for name in ("clientId", "tokenType"):
        if name not in asks:
            raise InvalidBodyError("MISSING_VALUE", f"{name}: this field is required.")
    _check(asks, _TOKEN_FIELDS, questionnaires)
    return asks


def _object(body: bytes) -> dict[str, Any]:
    try:
        asks = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidBodyError("JSON_ERROR", "The body is not valid JSON.") from None
    if not isinstance(asks, dict):
        raise InvalidBodyError("VALIDATION_ERROR", "The body must be a JSON object.")
    return asks


def _check(asks: dict[str, Any], rules: dict[str, _Rule], questionnaires: Container[str] | None) -> None:
    for name, (holds, rule) in rules.items():
        if name in asks and not holds(asks[name]):
            raise InvalidBodyError("VALIDATION_ERROR", f"{name}: must be {rule}.")
    if questionnaires is not None and "questionnaire" in asks and asks["questionnaire"] not in questionnaires:
        raise InvalidBodyError("VALIDATION_ERROR", "questionnaire: there is no questionnaire with this key.")


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_text(longest: int, shortest: int = 0) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and shortest <= len(value) <= longest


def _is_key(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_last_four(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) == 4)


_Rule = tuple[Callable[[object], bool], str]
_ADDRESS: _Rule = (_is_text(2048, 5), "an address of 5 to 2048 characters")

_FIELDS: dict[str, _Rule] = {
    "lifetime": (_is_number(0, MAX_LIFETIME), f"a whole number from 0 to {MAX_LIFETIME}"),
    "questionnaire": (_is_key, "a string of at least one character"),
    "riskAssessmentProfile": (_is_uuid, "a UUID"),
    "additionalStepUploadRequired": (_is_bool, "true or false"),
    "bankCardVerification": (_is_bool, "true or false"),
    "bankCardExpectedLastFour": (_is_last_four, "a string of four characters, or null"),
}

_TOKEN_FIELDS: dict[str, _Rule] = {
    "clientId": (_is_text(100, 1), "a string of 1 to 100 characters"),
    "tokenType": (lambda value: value in ("IDENTIFICATION", "DOCUMENT"), "IDENTIFICATION or DOCUMENT"),
    "firstName": (_is_text(100, 1), "a string of 1 to 100 characters"),
    "lastName": (_is_text(100, 1), "a string of 1 to 100 characters"),
    "externalRef": (_is_text(40), "a string of at most 40 characters"),
    "locale": (_is_text(7), "a string of at most 7 characters"),
    "country": (_is_text(2, 2), "a country of two letters"),
    "successUrl": _ADDRESS,
    "errorUrl": _ADDRESS,
    "unverifiedUrl": _ADDRESS,
    "callbackUrl": _ADDRESS,
    "expiryTime": (_is_number(0, MAX_LIFETIME), f"a whole number from 0 to {MAX_LIFETIME}"),
    "sessionLength": (_is_number(60, 3600), "a whole number from 60 to 3600"),
    "questionnaire": (_is_key, "a string of at least one character"),
    "riskAssessmentProfile": (_is_uuid, "a UUID"),
}
