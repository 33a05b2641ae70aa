"""What iDenfy has told, put into words: deliveries, verdicts, tags, and what clients answered.

iDenfy's own words are kept as they came, and its lists grow: what is not known here is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .api.deliveries import TEST_EVENT, Event
from .choices import DeliveryProblem, status_label
from .dates import date_text, day_text, number_text
from .models import Answer, Verification

_DELIVERIES: dict[str, Promise] = {
    Event.LEGACY: gettext_lazy("A verification’s status"),
    Event.AUTO_FINISHED: gettext_lazy("The automatic check is over"),
    Event.MANUAL_FINISHED: gettext_lazy("A person at iDenfy has decided"),
    Event.EXPIRED: gettext_lazy("The client did not finish in time"),
    Event.CANCELLED: gettext_lazy("The client broke off"),
    Event.RESUBMITTED: gettext_lazy("A client’s answer"),
    Event.DOCUMENT_EXPIRATION: gettext_lazy("A document expires"),
    Event.VIDEO_CALL_FINISHED: gettext_lazy("A video call is over"),
    TEST_EVENT: gettext_lazy("A test of ours, which does nothing"),
}

_DELIVERY_PROBLEMS: dict[str, Promise] = {
    DeliveryProblem.NO_JSON: gettext_lazy("It cannot be read."),
    DeliveryProblem.NO_SCAN_REF: gettext_lazy("It names no verification."),
    DeliveryProblem.OTHER_EVENT: gettext_lazy("What it says does not fit what it is called."),
    DeliveryProblem.RELABELLED: gettext_lazy("The same had come under another name, and is not believed."),
    DeliveryProblem.BROKE_OFF: gettext_lazy("Something went wrong here. It will be tried again."),
    DeliveryProblem.NOT_OURS: gettext_lazy("It is about something other than verifying people."),
    DeliveryProblem.NOT_HELD: gettext_lazy("The verification is not here, and deliveries add none in this project."),
    DeliveryProblem.ERASED: gettext_lazy("The client’s personal data was erased here."),
}


def delivery_text(event_type: str) -> str:
    """What a delivery tells; the event as it came if it is not known here."""
    return _word(_DELIVERIES, event_type) or _("Without a name")


def delivery_problem_text(problem: str) -> str:
    """Why a delivery could not be handled, or did nothing; empty if it did what it says."""
    return _word(_DELIVERY_PROBLEMS, problem)


_TAGS: dict[str, Promise] = {
    "NAME": gettext_lazy("another first name than expected"),
    "SURNAME": gettext_lazy("another surname than expected"),
    "FULL_NAME": gettext_lazy("another name than expected"),
    "DOCUMENT_NUMBER": gettext_lazy("another document number than expected"),
    "PERSONAL_CODE": gettext_lazy("another personal code than expected"),
    "EXPIRY_DATE": gettext_lazy("another expiry date than expected"),
    "DATE_OF_BIRTH": gettext_lazy("another date of birth than expected"),
    "DATE_OF_ISSUE": gettext_lazy("another date of issue than expected"),
    "NATIONALITY": gettext_lazy("another nationality than expected"),
    "SEX": gettext_lazy("another sex than expected"),
    "DOC_INFO_MISMATCH": gettext_lazy("the document says something else than expected"),
    "UNDER_AGE": gettext_lazy("too young"),
    "OVER_AGE": gettext_lazy("too old"),
    "UNKNOWN_AGE": gettext_lazy("the age is not known"),
    "UTILITY_ADDRESS": gettext_lazy("another address on the utility bill"),
    "UTILITY_NAME": gettext_lazy("another name on the utility bill"),
    "EXPIRED_UTILITY_BILL": gettext_lazy("expired utility bill"),
    "INVALID_ADDITIONAL_STEP": gettext_lazy("the document is not valid"),
    "ADDITIONAL_STEP_NOT_FOUND": gettext_lazy("no document was found"),
    "ADDITIONAL_STEP_INFORMATION_MISMATCH": gettext_lazy("the document says something else than expected"),
    "EXPIRED_ADDITIONAL_STEP_INFORMATION": gettext_lazy("the document has expired"),
    "REGISTRY_CENTER_INFO_MISMATCH": gettext_lazy("the population register says something else"),
    "DRIVER_LICENSE_INFO_MISMATCH": gettext_lazy("the driving licence says something else"),
    "NOT_SUPPORTED_POA_DOCUMENT_TYPE": gettext_lazy("a kind of proof of address that is not accepted"),
    "NOT_SUPPORTED_POA_DOCUMENT_COUNTRY": gettext_lazy("a proof of address from a country that is not accepted"),
    "POA_COUNTRIES_MISMATCH": gettext_lazy("the proof of address is from another country"),
    "POA_SCREENSHOT_DETECTED": gettext_lazy("the proof of address is a screenshot"),
}

_RISK_LEVELS: dict[str, Promise] = {
    "VERY_LOW": gettext_lazy("very low"),
    "LOW": gettext_lazy("low"),
    "MEDIUM": gettext_lazy("medium"),
    "HIGH": gettext_lazy("high"),
    "VERY_HIGH": gettext_lazy("very high"),
    "NOT_CHECKED": gettext_lazy("not checked"),
}

_BANK_CARD: dict[str, Promise] = {
    "MATCH": gettext_lazy("The bank card is the one expected."),
    "NO_MATCH": gettext_lazy("The bank card is not the one expected."),
    "NOT_COMPARED": gettext_lazy("The bank card was shown; there was nothing to compare it with."),
}

ACCEPTED, REJECTED, IN_REVIEW, NO_VERDICT = "accepted", "rejected", "in_review", "none"


def verdict(answer: Answer) -> str:
    """What iDenfy makes of an answer: the document it asked for speaks first, then what a review decided.

    Questions alone are judged by nobody there: then there is no verdict, and staff are the ones to read.
    """
    if answer.is_in_review:
        return IN_REVIEW
    if answer.additional_step in {"INVALID", "NOT_FOUND"}:
        return REJECTED
    if answer.additional_step == "VALID":
        return ACCEPTED
    if answer.reviewed_at is not None:
        return {"APPROVED": ACCEPTED, "DENIED": REJECTED}.get(answer.status, NO_VERDICT)
    return NO_VERDICT


def verdict_text(answer: Answer) -> str:
    """The verdict in words: “Rejected: expired utility bill”."""
    words = {
        ACCEPTED: _("Accepted"),
        REJECTED: _("Rejected"),
        IN_REVIEW: _("In review at iDenfy"),
        NO_VERDICT: _("No verdict"),
    }[verdict(answer)]
    why = ", ".join(tag_text(tag) for tag in answer.mismatch_tags)
    return _("%(verdict)s: %(why)s") % {"verdict": words, "why": why} if why else words


def tag_text(tag: str) -> str:
    """One of iDenfy's tags as a part of a sentence; one that is not known here as it came."""
    return _word(_TAGS, tag)


def risk_text(answer: Answer) -> str:
    """“42 of 100, medium”; empty if no risk was assessed."""
    level = _word(_RISK_LEVELS, answer.risk_level)
    if answer.risk_score is None:
        return level
    score = _("%(score)s of 100") % {"score": number_text(answer.risk_score)}
    return _("%(score)s, %(level)s") % {"score": score, "level": level} if level else score


def bank_card_text(answer: Answer) -> str:
    """What came of the bank card check; empty if there was none."""
    return _word(_BANK_CARD, answer.bank_card)


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its answers, as they are read; ``remark`` stands where there are none to show."""

    title: str
    answers: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a questionnaire."""

    title: str
    questions: tuple[Question, ...]


def sections_of(answer: Answer) -> Iterator[Section]:
    """The answered questionnaire, for reading."""
    for section in answer.questionnaire.get("sections", ()):
        yield Section(section["title"], tuple(_question(question) for question in section["questions"]))


def _question(said: Mapping[str, Any]) -> Question:
    if "files" in said:
        return Question(said["title"], remark=_files_text(said["files"]))
    if said["type"] == "PASSWORD":
        return Question(said["title"], remark=_("A password. It is not kept."))
    answers = tuple(_read(said["type"], value) for value in said["answers"])
    return Question(said["title"], answers, "" if any(answers) else _("Not answered"))


def _read(kind: str, value: str | bool) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return date_text(value) if kind in {"DATE", "DATETIME"} else value


def _files_text(count: int) -> str:
    if not count:
        return _("No file")
    text = ngettext(
        "%(count)s file, to be read in iDenfy’s dashboard", "%(count)s files, to be read in iDenfy’s dashboard", count
    )
    return text % {"count": number_text(count)}


_CHECKS: dict[str, Promise] = {
    "auto_document": gettext_lazy("Document, automatic check"),
    "manual_document": gettext_lazy("Document, checked by a person"),
    "auto_face": gettext_lazy("Face, automatic check"),
    "manual_face": gettext_lazy("Face, checked by a person"),
    "additional_step": gettext_lazy("Additional step"),
}


def facts_of(verification: Verification) -> list[tuple[str, list[tuple[str, str]]]]:
    """What iDenfy says of a verification, besides its status: each with its lines, as words and iDenfy's own code."""
    checks, changed = verification.checks, _changed_text(verification)
    facts = [
        (_("Changed after review"), [(changed, "")] if changed else []),
        (_("Differences"), [(capfirst(tag_text(tag)), tag) for tag in checks.get("mismatch_tags", ())]),
        (_("Suspicions"), [(tag, "") for tag in checks.get("fraud_tags", ())]),
        *((str(name), [(checks[key], "")]) for key, name in _CHECKS.items() if checks.get(key)),
        (_("Document expires"), [(verification.document_expires, "")] if verification.document_expires else []),
    ]
    return [(name, lines) for name, lines in facts if lines]


def _changed_text(verification: Verification) -> str:
    moment = verification.changed_after_review_at
    text = _("iDenfy changed its decision on %(day)s. What was decided here on the old one, should be looked at again.")
    return text % {"day": day_text(moment)} if moment else ""


def decided_text(answer: Answer) -> str:
    """The verification's status with which the answer came, or which its review has given it."""
    return str(status_label(answer.status)) if answer.status else ""


def _word(words: Mapping[str, Promise], code: str) -> str:
    return str(words.get(code, code))
