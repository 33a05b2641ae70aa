"""What a body of the request-information call may hold; the limits are those of iDenfy's OpenAPI document.

https://documentation.idenfy.com/api-reference/kyc-verifications/request-additional-information-from-client
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container
from typing import Any

MAX_LIFETIME = 2_592_000
DEFAULT_LIFETIME = 86_400

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class InvalidBodyError(Exception):
    """The body is refused: iDenfy's identifier, and its words."""

    def __init__(self, identifier: str, message: str) -> None:
        super().__init__(identifier)
        self.identifier = identifier
        self.message = message


def parse(body: bytes, *, questionnaires: Container[str] | None = None) -> dict[str, Any]:
    """What ``body`` asks for. Raises ``InvalidBodyError``. ``questionnaires``: the keys that exist; None takes any."""
    try:
        asks = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidBodyError("JSON_ERROR", "The body is not valid JSON.") from None
    if not isinstance(asks, dict):
        raise InvalidBodyError("VALIDATION_ERROR", "The body must be a JSON object.")
    for name, value in asks.items():
        if name not in _FIELDS:
            raise InvalidBodyError("VALIDATION_ERROR", f"{name}: this field is not known.")
        holds, rule = _FIELDS[name]
        if not holds(value):
            raise InvalidBodyError("VALIDATION_ERROR", f"{name}: must be {rule}.")
    if questionnaires is not None and "questionnaire" in asks and asks["questionnaire"] not in questionnaires:
        raise InvalidBodyError("VALIDATION_ERROR", "questionnaire: there is no questionnaire with this key.")
    return asks


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_lifetime(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_LIFETIME


def _is_key(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_last_four(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) == 4)


_FIELDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "lifetime": (_is_lifetime, f"a whole number from 0 to {MAX_LIFETIME}"),
    "questionnaire": (_is_key, "a string of at least one character"),
    "riskAssessmentProfile": (_is_uuid, "a UUID"),
    "additionalStepUploadRequired": (_is_bool, "true or false"),
    "bankCardVerification": (_is_bool, "true or false"),
    "bankCardExpectedLastFour": (_is_last_four, "a string of four characters, or null"),
}
