"""What iDenfy tells us by webhook: whether it was iDenfy, and what the bytes say. No I/O.

The signature covers the raw body and nothing else: not the event type, which is a header, and no time. So a captured
delivery can be sent again, also under another event's name; what is read here is cross-checked, and what it may change
is decided in :mod:`idenfy_kyc.services.hearing`.

A payload is read as leniently as one can: every key may be missing, null, or of another type than the schema says, and
lists of words grow. Only what names the verification, and what makes the event what it is, must be there.

https://documentation.idenfy.com/kyc/webhooks
https://documentation.idenfy.com/security/callback-signing
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ..exceptions import UnreadableDelivery

MAX_EVENT = 100
MAX_SCAN_REF = 40
MAX_CLIENT_ID = 100
MAX_NAME = 200
MAX_WORD = 40
MAX_TAGS = 50
MAX_ANSWER = 10_000
MAX_DEPTH = 100
_NO_ANSWER = frozenset(
    {
        *("final", "status", "manualAddress", "manualAddressMatch"),
        *("AML", "amlCheck", "LID", "CRIMINAL_CHECK", "registryCenterCheck", "driverLicenseCheck", "gdcMatch"),
        *("platform", "clientIp", "clientIpCountry", "clientLocation"),
    }
)
"""What a review or a later check may change, or what says nothing of the answer itself."""
_ANSWERED = frozenset({"additionalData"})
"""All of ``data`` that belongs to an answer. The rest is the document of the first day, which a review may correct."""
_FILES = frozenset({"FILE", "FILE_MULTI"})
_NOT_KEPT = frozenset({"PASSWORD"})
_WITHOUT_FILES = frozenset(
    {
        *("CHECKBOX", "COLOR", "COUNTRY", "COUNTRY_MULTI", "DATE", "DATETIME", "EMAIL", "FLOAT", "INTEGER", "LIST"),
        *("RADIO", "SELECT", "SELECT_MULTI", "TEL", "TEXT", "TEXT_AREA", "TIME", "URL"),
    }
)
"""The questions of which we know that a web address in their answer is what the client has written."""
_WEB_ADDRESS = re.compile(r"://|\b[\w-]+\.[a-z]{2,}/", re.IGNORECASE)
"""Also without its beginning: ``files.example.com/…`` leads there all the same."""
_PLAIN = str | int | float
"""What an answer may be: true and false are among them. Whatever else came might hold links."""


class Event(StrEnum):
    """The events of identity verification, as the header ``Idenfy-Event-Type`` names them."""

    LEGACY = "IDENTIFICATION"
    AUTO_FINISHED = "IDENTIFICATION_AUTO_FINISHED"
    MANUAL_FINISHED = "IDENTIFICATION_MANUAL_FINISHED"
    EXPIRED = "IDENTIFICATION_EXPIRED"
    CANCELLED = "IDENTIFICATION_CANCELLED"
    RESUBMITTED = "IDENTIFICATION_RESUBMITTED"
    DOCUMENT_EXPIRATION = "DOCUMENT_EXPIRATION"
    VIDEO_CALL_FINISHED = "VIDEO_CALL_FINISHED"


TEST_EVENT = "IDENFY_KYC_TEST"
"""What ``idenfy_doctor --webhook`` delivers: an event that iDenfy does not have, so that it can do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """iDenfy's results, in its own words; an empty string where it said nothing."""

    auto_face: str = ""
    manual_face: str = ""
    auto_document: str = ""
    manual_document: str = ""
    additional_step: str = ""
    fraud_tags: tuple[str, ...] = ()
    mismatch_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """What a client has answered, as far as it was asked for. ``identity`` stays when the same is told again."""

    identity: str
    questionnaire: Mapping[str, Any] | None = field(default=None, repr=False)
    risk_score: int | None = None
    risk_level: str = ""
    bank_card: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one delivery says."""

    event: str
    scan_ref: str
    client_id: str = ""
    name: str = field(default="", repr=False)
    status: str = ""
    is_final: bool = False
    finished_at: datetime | None = None
    checks: Checks = Checks()
    answer: GivenAnswer | None = None
    document_expires: str = ""
    expiration_threshold: str = ""


def signature_fits(body: bytes, signature: str, keys: Iterable[str]) -> bool:
    """Whether one of ``keys`` has signed exactly these bytes: the hex of HMAC-SHA256, compared in constant time."""
    if isinstance(keys, str):
        keys = [keys]  # a slip in the settings, of which each letter would else be a key
    given = signature.strip().encode("utf-8", "replace")
    fits = [hmac.compare_digest(sign(body, key).encode(), given) for key in keys if key]
    return any(fits)


def sign(body: bytes, key: str) -> str:
    """The header ``Idenfy-Signature`` for these bytes."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def event_name(header: str) -> str:
    """The event as a header names it, in so many characters and of such a kind as every database takes."""
    return _text(header, MAX_EVENT)


def delivery_digest(event_type: str, body: bytes) -> str:
    """What tells one delivery from another: the event and every byte."""
    return hashlib.sha256(event_type.encode("utf-8", "replace") + b"\n" + body).hexdigest()


def scan_ref_of(body: bytes) -> str:
    """The verification that a body names; empty if it names none. Also of a body that is otherwise of no use."""
    try:
        return scan_ref_in(_parsed(body))
    except UnreadableDelivery:
        return ""


def read_delivery(event_type: str, body: bytes) -> Report:
    """What a delivery says.

    Of an event that we do not know, only whose it is. Raises ``UnreadableDelivery`` for what is no JSON object, names
    no verification, or does not fit its event: the event's name is not signed, and might be another delivery's.
    """
    data = _parsed(body)
    scan_ref = scan_ref_in(data)
    common: dict[str, Any] = {
        "event": event_type,
        "scan_ref": scan_ref,
        "client_id": client_id_in(data),
    }
    if event_type not in set(Event):
        return Report(**common)
    if not scan_ref:
        raise UnreadableDelivery("no_scan_ref")
    if event_type == Event.DOCUMENT_EXPIRATION:
        threshold = _text(data.get("expirationThreshold"), MAX_WORD)
        if not threshold or "status" in data:
            raise UnreadableDelivery("other_event")
        return Report(
            **common, expiration_threshold=threshold, document_expires=_text(data.get("documentExpiration"), MAX_WORD)
        )
    if event_type == Event.VIDEO_CALL_FINISHED:
        return Report(**common)
    return _identification(event_type, data, common)


def _identification(event_type: str, data: Mapping[str, Any], common: dict[str, Any]) -> Report:
    said, is_final = _object(data.get("status")), data.get("final")
    status = status_word(said.get("overall"))
    if not status or not isinstance(is_final, bool) or "expirationThreshold" in data:
        raise UnreadableDelivery("other_event")
    if event_type == Event.MANUAL_FINISHED and not is_final:
        raise UnreadableDelivery("other_event")
    return Report(
        **common,
        name=_name(_object(data.get("data"))),
        status=status,
        is_final=is_final,
        finished_at=_moment(data.get("finishTime")),
        checks=checks_in(said),
        answer=_answer(data) if event_type == Event.RESUBMITTED else None,
    )


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableDelivery("no_json") from None
    if not isinstance(data, dict) or _is_too_deep(data):
        raise UnreadableDelivery("no_json")
    return data


def _is_too_deep(data: Any) -> bool:
    """Whether it is nested deeper than anything that iDenfy has to say; how deep Python gets depends on its version."""
    layer: list[Any] = [data]
    for _depth in range(MAX_DEPTH):
        layer = [inner for each in layer if isinstance(each, dict | list) for inner in _inside(each)]
        if not layer:
            return False
    return True


def _inside(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def scan_ref_in(data: Mapping[str, Any]) -> str:
    """The verification that an object of iDenfy’s names; empty if it names none."""
    value = _text(data.get("scanRef"), MAX_SCAN_REF + 1)
    return value if len(value) <= MAX_SCAN_REF and value.isascii() and value.replace("-", "a").isalnum() else ""


def checks_in(said: Mapping[str, Any]) -> Checks:
    """The results that an object of iDenfy’s bears."""
    return Checks(
        auto_face=_text(said.get("autoFace"), MAX_WORD),
        manual_face=_text(said.get("manualFace"), MAX_WORD),
        auto_document=_text(said.get("autoDocument"), MAX_WORD),
        manual_document=_text(said.get("manualDocument"), MAX_WORD),
        additional_step=_text(said.get("additionalSteps"), MAX_WORD),
        fraud_tags=_tags(said.get("fraudTags")),
        mismatch_tags=_tags(said.get("mismatchTags")),
    )


def status_word(value: Any) -> str:
    """A verification's status, in capitals as iDenfy writes it; empty if that is none."""
    return _text(value, MAX_WORD).upper()


def client_id_in(data: Mapping[str, Any]) -> str:
    """Whose it is; empty if the object does not say."""
    return _text(data.get("clientId"), MAX_CLIENT_ID)


def _answer(data: Mapping[str, Any]) -> GivenAnswer:
    risk, card = _object(data.get("riskAssessment")), _object(data.get("bankCardVerification"))
    score = risk.get("riskScore")
    return GivenAnswer(
        identity=_identity(data),
        questionnaire=_questionnaire(_object(data.get("questionnaireAnswers"))),
        risk_score=score if isinstance(score, int) and not isinstance(score, bool) and 0 <= score <= 100 else None,
        risk_level=_text(risk.get("riskLevel"), MAX_WORD),
        bank_card=_text(card.get("status"), MAX_WORD),
    )


def _identity(data: Mapping[str, Any]) -> str:
    """The same for the same answer told again: without what others have said of it since, and with one word for every
    link, since the links to files work for an hour and are fresh each time."""
    told = {name: value for name, value in data.items() if name not in _NO_ANSWER}
    told["data"] = {name: value for name, value in _object(data.get("data")).items() if name in _ANSWERED}
    text = json.dumps(_without_links(told), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_links(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_links(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_links(item) for item in value]
    return "a link" if isinstance(value, str) and value.startswith(("https://", "http://")) else value


def _questionnaire(said: Mapping[str, Any]) -> dict[str, Any] | None:
    """Sections, questions and answers as text. Of files only how many there are: their links end within the hour, and
    the files are in iDenfy's dashboard. Of a type that we do not know, whatever has a link in it is taken for a file. A
    password is nothing that anybody here should read."""
    if not said:
        return None
    return {
        "title": _text(said.get("title"), MAX_NAME),
        "sections": [
            {
                "title": _text(section.get("title"), MAX_NAME),
                "questions": [_question(_object(question)) for question in _list(section.get("questions"))],
            }
            for section in map(_object, _list(said.get("sections")))
        ],
    }


def _question(said: Mapping[str, Any]) -> dict[str, Any]:
    kind, value = _text(said.get("type"), MAX_WORD), said.get("value")
    values = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, _PLAIN)]
    answer: dict[str, Any] = {"title": _text(said.get("title"), MAX_ANSWER), "type": kind}
    if kind in _FILES:
        return answer | {"files": len(values)}
    if kind in _NOT_KEPT:
        return answer | {"answers": []}
    told = [item for item in values if kind in _WITHOUT_FILES or not _WEB_ADDRESS.search(str(item))]
    answer["answers"] = [item if isinstance(item, bool) else _lines(str(item)) for item in told]
    return answer if told == values else answer | {"files": len(values) - len(told)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(data: Mapping[str, Any]) -> str:
    parts = (_text(data.get("docFirstName"), MAX_NAME), _text(data.get("docLastName"), MAX_NAME))
    return (_text(data.get("fullName"), MAX_NAME) or " ".join(filter(None, parts)))[:MAX_NAME]


def _moment(seconds: Any) -> datetime | None:
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < 2**33:
        return None
    return datetime.fromtimestamp(seconds, tz=UTC)


def _tags(value: Any) -> tuple[str, ...]:
    return tuple(filter(None, (_text(tag, MAX_WORD) for tag in _list(value)[:MAX_TAGS])))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, limit: int) -> str:
    """One line that can be stored and shown: what is invisible or turns the direction of writing becomes a space."""
    if not isinstance(value, str):
        return ""
    return " ".join("".join(char if char.isprintable() else " " for char in value).split())[:limit]


def _lines(text: str) -> str:
    """The same for several lines."""
    return "\n".join("".join(char if char.isprintable() else " " for char in line) for line in text.splitlines())[
        :MAX_ANSWER
    ]
