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
from .choices import APPROVED, DeliveryProblem, status_label
from .dates import date_text, day_text, number_text
from .models import Answer, Verification
from .vocabulary import check_text, risk_level_text, step_text, tag_text

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
    DeliveryProblem.UNREADABLE: gettext_lazy(
        "What it said can no longer be read here: it was kept too long, or its key is gone. Have it sent again from "
        "iDenfy’s dashboard, and set this one aside."
    ),
    DeliveryProblem.NOT_OURS: gettext_lazy("It is about something other than verifying people."),
    DeliveryProblem.NOT_HELD: gettext_lazy("The verification is not here, and deliveries add none in this project."),
    DeliveryProblem.SET_ASIDE: gettext_lazy("It could not be handled. Somebody has seen to it, and set it aside."),
    DeliveryProblem.ERASED: gettext_lazy("The client’s personal data was erased here."),
}


def delivery_text(event_type: str) -> str:
    """What a delivery tells; the event as it came if it is not known here."""
    return _word(_DELIVERIES, event_type) or _("Without a name")


def delivery_problem_text(problem: str) -> str:
    """Why a delivery could not be handled, or did nothing; empty if it did what it says."""
    return _word(_DELIVERY_PROBLEMS, problem)


REJECTING = frozenset({"INVALID", "NOT_FOUND"})
"""What iDenfy says of an additional step that it does not accept."""
ACCEPTED, REJECTED, IN_REVIEW, NO_VERDICT = "accepted", "rejected", "in_review", "none"


def verdict(answer: Answer) -> str:
    """What iDenfy makes of an answer: the document it asked for speaks first, then what a review decided.

    Questions alone are judged by nobody there: then there is no verdict, and staff are the ones to read.
    """
    if answer.is_in_review:
        return IN_REVIEW
    if answer.additional_step in REJECTING:
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


def risk_text(answer: Answer) -> str:
    """“42 of 100, medium”; empty if no risk was assessed."""
    level = risk_level_text(answer.risk_level)
    if answer.risk_score is None:
        return level
    score = _("%(score)s of 100") % {"score": number_text(answer.risk_score)}
    return _("%(score)s, %(level)s") % {"score": score, "level": level} if level else score


def status_text(answer: Answer) -> str:
    """The verification's status with which the answer came, or which its review has given it."""
    return str(status_label(answer.status)) if answer.status else ""


def apart_text(answer: Answer) -> str:
    """Why a status that says something else than the verdict is no contradiction; empty where both say the same."""
    is_rejected = verdict(answer) == REJECTED and answer.status == APPROVED
    is_accepted = verdict(answer) == ACCEPTED and answer.status == "DENIED"
    if not is_rejected and not is_accepted:
        return ""
    return _("The status is about the whole verification, the verdict about the document that was asked for.")


def document_text(answer: Answer) -> str:
    """What there is of an uploaded document, and where; empty if none was asked for, as far as one knows."""
    asks = answer.request is not None and answer.request.batch.additional_step_upload_required
    if answer.additional_step == "NOT_FOUND":
        return _("iDenfy found none in what the client sent")
    if answer.additional_step:
        return _("Uploaded, to be seen in iDenfy’s dashboard")
    return _("Was asked for: what the client uploaded is to be seen in iDenfy’s dashboard") if asks else ""


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
        return Question(said["title"], tuple(said.get("answers", ())), _files_text(said["files"]))
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
}


def facts_of(verification: Verification) -> list[tuple[str, list[tuple[str, str]]]]:
    """What iDenfy says of a verification, besides its status: each with its lines, as words and iDenfy's own code."""
    checks, changed = verification.checks, _changed_text(verification)
    facts = [
        (_("Changed after review"), [(changed, "")] if changed else []),
        (_("Differences"), [(capfirst(tag_text(tag)), tag) for tag in checks.get("mismatch_tags", ())]),
        (_("Suspicions"), [(capfirst(tag_text(tag)), tag) for tag in checks.get("fraud_tags", ())]),
        *(
            (str(name), [(capfirst(check_text(checks[key])), checks[key])])
            for key, name in _CHECKS.items()
            if checks.get(key)
        ),
        (_("Additional step"), list(_step_lines(verification))),
        (
            _("Document expires"),
            [(date_text(verification.document_expires), "")] if verification.document_expires else [],
        ),
    ]
    return [(name, lines) for name, lines in facts if lines]


def _step_lines(verification: Verification) -> Iterator[tuple[str, str]]:
    step = verification.checks.get("additional_step", "")
    if step:
        yield capfirst(step_text(step)), step
    if step in REJECTING and verification.status == APPROVED:
        yield _("The status is about the whole verification, this about the document that was asked for."), ""


def _changed_text(verification: Verification) -> str:
    moment = verification.changed_after_review_at
    text = _("iDenfy changed its decision on %(day)s. What was decided here on the old one, should be looked at again.")
    return text % {"day": day_text(moment)} if moment else ""


def _word(words: Mapping[str, Promise], code: str) -> str:
    return str(words.get(code, code))
