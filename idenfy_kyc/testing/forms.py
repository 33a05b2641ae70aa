"""The forms on the fake's pages, and the list of what it told. Plain HTML: no script, nothing from elsewhere.

The forms are not multipart, on purpose: of a file the browser sends the name alone, so nothing is ever uploaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from idenfy_kyc.testing.faults import DeliveryFault
from idenfy_kyc.testing.outbox import Told
from idenfy_kyc.testing.questions import MULTIPLE, SECTIONS, YES, Question

REVIEW = "review"
STATUSES = {"APPROVED": "Approved", "DENIED": "Denied", "SUSPECTED": "Suspected"}
VERDICTS = {"VALID": "Valid", "INVALID": "Invalid", "NOT_FOUND": "Not found"}
MISMATCHES = {
    "EXPIRED_UTILITY_BILL": "Utility bill too old",
    "UTILITY_NAME": "Another name on it",
    "UTILITY_ADDRESS": "Another address on it",
    "NOT_SUPPORTED_POA_DOCUMENT_TYPE": "Not a proof of address",
}
_COMES = {
    "": "at once",
    DeliveryFault.LATE: "10 seconds late",
    DeliveryFault.TWICE: "twice",
    DeliveryFault.RESENT: "again after 2 seconds, with fresh links to files",
    DeliveryFault.SHUFFLED: "behind the next one",
    DeliveryFault.WRONG_KEY: "signed with a wrong key",
    DeliveryFault.MISSED: "never",
}
_INPUTS = {"DATE": "date", "EMAIL": "email", "FILE": "file", "TEL": "tel"}


def answer_form(asks: Mapping[str, Any]) -> str:
    """Answering what was asked for, as the client."""
    parts = []
    if "questionnaire" in asks:
        parts += [_group(title, *(_question(question) for question in questions)) for title, questions in SECTIONS]
    if asks.get("additionalStepUploadRequired"):
        parts.append(_input("upload", "A document, for example a proof of address", "file"))
    if "riskAssessmentProfile" in asks:
        parts.append(_input("risk", "The risk score that comes out, 0 to 100", "number", "12"))
    if asks.get("bankCardVerification"):
        parts.append(_input("card", "The last four digits of your card", "text", "4242"))
    return (
        _form("Answer, as the client", "answer", "Send the answer", *parts, _review(), _comes())
        + _form("", "expire", "Let the link expire")
        + "<p>iDenfy tells nobody that a link has expired: your project goes by its own clock.</p>"
    )


def verification_form() -> str:
    """Being verified, as the client."""
    return _form(
        "Be verified, as the client",
        "finish",
        "Show document and face",
        _select("status", "The automatic check says", STATUSES),
        _review(),
        _comes(),
    ) + _form("", "expire", "Let the time run out")


def decision_form(heading: str, asks: Mapping[str, Any]) -> str:
    """Deciding, as the reviewer."""
    upload = bool(asks.get("additionalStepUploadRequired"))
    on_upload = [
        _select("additional_step", "The document that was sent", VERDICTS),
        _select("mismatch", "What is wrong with it", {"": "Nothing"} | MISMATCHES),
    ]
    verdict = _select("status", "The verification", STATUSES)
    return _form(heading, "decide", "Decide", verdict, *(on_upload if upload else ()), _comes())


def told_list(told: Sequence[Told], *, has_address: bool) -> str:
    """What was told to the project, newest first, and what it answered."""
    rows = "".join(
        f"<li>{time_of(one.at)}<br><strong>{escape(one.event)}</strong>, {escape(one.payload['status']['overall'])}<br>"
        f"{escape(_fate(one, has_address=has_address))}"
        f'<form method="post"><input type="hidden" name="number" value="{one.number}">'
        '<button name="act" value="resend">Send again</button></form></li>'
        for one in reversed(told)
    )
    return f'<h2>What your project was told</h2><ul class="list">{rows}</ul><p><a href="">Look again</a></p>'


def time_of(seconds: float) -> str:
    """A moment, for people and machines."""
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return f'<time datetime="{moment.isoformat(timespec="seconds")}">{moment:%d %B %Y, %H:%M:%S} UTC</time>'


def _fate(told: Told, *, has_address: bool) -> str:
    if told.due_at is None:
        return "Kept back: it never comes"
    if told.sent_at is None and not (has_address or told.url):
        return "Waits: this fake knows no address to send it to"
    if told.sent_at is None and told.waits:
        return "Waits for the next one"
    if told.status is None:
        return "On its way"
    return f"Your project answered {told.status}: {told.words}" if told.status else f"No answer: {told.words}"


def _form(heading: str, act: str, button: str, *parts: str) -> str:
    title = f"<h2>{heading}</h2>" if heading else ""
    return f'{title}<form method="post">{"".join(parts)}<button name="act" value="{act}">{button}</button></form>'


def _group(title: str, *parts: str) -> str:
    return f"<fieldset><legend>{escape(title)}</legend>{''.join(parts)}</fieldset>"


def _review() -> str:
    choices = (("", "nothing: this is final"), (REVIEW, "a person at iDenfy reviews it"))
    return _group("And then", _choices("then", "radio", choices, ("",)))


def _comes() -> str:
    return _select("comes", "The webhook comes", _COMES)


def _question(question: Question) -> str:
    if question.type == "CHECKBOX":
        return _choices(question.key, "checkbox", ((YES, question.title),), question.example)
    if question.type == "RADIO":
        return _group(question.title, _choices(question.key, "radio", _pairs(question), question.example))
    if question.type in MULTIPLE:
        return _group(question.title, _choices(question.key, "checkbox", _pairs(question), question.example))
    if question.choices:
        return _select(question.key, question.title, {"": "–"} | dict(_pairs(question)), question.example)
    if question.type == "TEXT_AREA":
        text = escape("".join(question.example))
        return _field(
            question.key,
            question.title,
            f'<textarea id="{question.key}" name="{question.key}" rows="3">{text}</textarea>',
        )
    kind = _INPUTS.get(question.type, "text")
    return _input(question.key, question.title, kind, "" if kind == "file" else "".join(question.example))


def _pairs(question: Question) -> list[tuple[str, str]]:
    return [(choice, choice) for choice in question.choices]


def _choices(name: str, kind: str, choices: Sequence[tuple[str, str]], chosen: Sequence[str]) -> str:
    boxes = "".join(
        f'<label><input type="{kind}" name="{name}" value="{escape(value)}"{" checked" * (value in chosen)}> '
        f"{escape(words)}</label>"
        for value, words in choices
    )
    return f'<div class="choices">{boxes}</div>'


def _select(name: str, label: str, options: Mapping[str, str], chosen: Sequence[str] = ()) -> str:
    lines = "".join(
        f'<option value="{escape(value)}"{" selected" * (value in chosen)}>{escape(words)}</option>'
        for value, words in options.items()
    )
    return _field(name, label, f'<select id="{name}" name="{name}">{lines}</select>')


def _input(name: str, label: str, kind: str, value: str = "") -> str:
    limits = ' min="0" max="100"' if kind == "number" else ""
    return _field(name, label, f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}"{limits}>')


def _field(name: str, label: str, control: str) -> str:
    return f'<p class="field"><label for="{name}">{escape(label)}</label>{control}</p>'
