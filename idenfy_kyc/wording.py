"""Codes put into words, in the language of whoever reads.

What is stored is a code with parameters, so that the record reads the same in every language and outlives a rewording.
A code that is not known here (a newer version wrote it, or iDenfy did) comes back as it is: shown raw, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language_info, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from .choices import ENDS_BY_CLOCK, EventKind, PauseReason, Reason, State, status_label
from .dates import date_text, day_text, duration_left_text, moment_text, number_text, record_text
from .models import InformationRequest, RequestBatch, RequestEvent
from .told import delivery_text

Params = Mapping[str, Any]

_REASONS: dict[str, Promise] = {
    Reason.OPEN_REQUEST: gettext_lazy("Has an open request already"),
    Reason.SAME_CLIENT: gettext_lazy("A further verification of a client in this plan"),
    Reason.INELIGIBLE: gettext_lazy("The verification’s status at iDenfy rules it out"),
    Reason.LEFT_OUT: gettext_lazy("Left out"),
    Reason.OVERTAKEN: gettext_lazy("Asked again already, or answered since this plan was made"),
    Reason.NO_ANSWER: gettext_lazy("iDenfy’s answer did not arrive"),
    Reason.UNREADABLE: gettext_lazy("iDenfy’s answer could not be read"),
    Reason.SERVER_ERROR: gettext_lazy("iDenfy answered that something went wrong there"),
    Reason.NOT_IDENFY: gettext_lazy("Something other than iDenfy seems to have answered"),
    Reason.REDIRECTED: gettext_lazy("The answer pointed to another address, which was not followed"),
    Reason.SENDER_DIED: gettext_lazy("The sending broke off before an answer was written down"),
    Reason.WITHDRAWN: gettext_lazy("Withdrawn"),
    Reason.GIVEN_UP: gettext_lazy("Given up, and asked again"),
    Reason.ERASED: gettext_lazy("The client’s personal data was erased"),
    Reason.MARKED: gettext_lazy("Marked as answered by staff"),
}

_REASONS_WITH: dict[str, list[tuple[str, Any]]] = {
    Reason.LEFT_OUT: [("by", gettext_lazy("Left out by %(by)s"))],
    Reason.WITHDRAWN: [("note", gettext_lazy("Withdrawn: “%(note)s”"))],
    Reason.GIVEN_UP: [("by", gettext_lazy("Given up by %(by)s, and asked again"))],
    Reason.MARKED: [
        ("by", gettext_lazy("Marked by %(by)s: “%(note)s”")),
        ("note", gettext_lazy("Marked: “%(note)s”")),
    ],
}
"""Better words, for those that have this parameter: the first that fits."""

_PAUSES: dict[str, Promise] = {
    PauseReason.PERSON: gettext_lazy("somebody stopped it"),
    PauseReason.NOT_CONFIGURED: gettext_lazy("no API key is set"),
    PauseReason.OTHER_ACCOUNT: gettext_lazy("the API key or address is another one than when it was confirmed"),
    PauseReason.UNAUTHORIZED: gettext_lazy("iDenfy does not accept the API key"),
    PauseReason.CONTRACT: gettext_lazy("iDenfy says that the contract does not allow it"),
    PauseReason.PERMISSION: gettext_lazy("iDenfy says that the API key may not do this"),
    PauseReason.RATE_LIMITED: gettext_lazy("iDenfy asks us to slow down"),
    PauseReason.QUOTA: gettext_lazy("the requests of this hour are used up"),
    PauseReason.UNREACHABLE: gettext_lazy("iDenfy cannot be reached"),
    PauseReason.OUTAGE: gettext_lazy("iDenfy does not answer"),
    PauseReason.REFUSALS: gettext_lazy("the first were all refused for the same reason"),
}

_EVENTS: dict[str, Promise] = {
    EventKind.PLANNED: gettext_lazy("Planned"),
    EventKind.LEFT_OUT: gettext_lazy("Left out of the plan"),
    EventKind.TAKEN_BACK: gettext_lazy("Taken back into the plan"),
    EventKind.NOT_ALLOWED: gettext_lazy("Not confirmed: a second person must confirm this plan"),
    EventKind.CONFIRMED: gettext_lazy("Confirmed"),
    EventKind.NOT_ASKED: gettext_lazy("Not asked"),
    EventKind.PAUSED: gettext_lazy("Sending stopped"),
    EventKind.CONTINUED: gettext_lazy("Sending continued"),
    EventKind.ISSUED: gettext_lazy("iDenfy issued a link"),
    EventKind.REFUSED: gettext_lazy("Refused by iDenfy"),
    EventKind.UNKNOWN: gettext_lazy("Uncertain whether the client was asked"),
    EventKind.LATE_LINK: gettext_lazy("iDenfy’s answer came late; the link is kept"),
    EventKind.REVEALED: gettext_lazy("The link was shown"),
    EventKind.DOWNLOADED: gettext_lazy("The link was downloaded"),
    EventKind.OPENED: gettext_lazy("The client went on to iDenfy"),
    EventKind.WITHDRAWN: gettext_lazy("Withdrawn"),
    EventKind.CANCELLED: gettext_lazy("Taken out of the queue: the verification’s status at iDenfy rules it out"),
    EventKind.GIVEN_UP: gettext_lazy("Given up, and asked again"),
    EventKind.ASKED_AGAIN: gettext_lazy("Asked again"),
    EventKind.EXPIRED: gettext_lazy("No answer received; the time is over"),
    EventKind.ANSWERED: gettext_lazy("The client answered"),
    EventKind.MARKED: gettext_lazy("Marked as answered"),
    EventKind.STARTED: gettext_lazy("The verification began here"),
    EventKind.TOLD: gettext_lazy("iDenfy reports"),
    EventKind.CONTRADICTED: gettext_lazy("iDenfy has changed its decision"),
    EventKind.DOCUMENT_EXPIRES: gettext_lazy("iDenfy warns that the client’s document expires"),
    EventKind.ANSWERED_ELSEWHERE: gettext_lazy("The client answered a request that was not made here"),
    EventKind.TOLD_AGAIN: gettext_lazy("iDenfy told again what the client had answered before"),
    EventKind.REVIEWED: gettext_lazy("iDenfy’s review of the answer is over"),
    EventKind.LISTED: gettext_lazy("iDenfy’s list of verifications says"),
    EventKind.REFRESHED: gettext_lazy("iDenfy was asked for the status"),
    EventKind.LOOKED_AT: gettext_lazy("The answer was looked at"),
    EventKind.SET_ASIDE: gettext_lazy("What iDenfy told could not be used here, and was set aside"),
    EventKind.ERASED: gettext_lazy("Personal data erased"),
}


def reason_text(reason: str, params: Params) -> str:
    """Why a request is not asked, uncertain, withdrawn or answered; empty without a reason."""
    text = _word(_REASONS, reason)
    if reason == Reason.INELIGIBLE and params.get("status"):
        return _("%(status)s at iDenfy") % {"status": status_label(params["status"])}
    for key, words in _REASONS_WITH.get(reason, []):
        if params.get(key):
            return str(words % params)
    if reason == Reason.OPEN_REQUEST and (details := _open_details(params)):
        return _("%(reason)s (%(details)s)") % {"reason": text, "details": ", ".join(details)}
    return text


def marked_text(request: InformationRequest) -> str:
    """Who marked a request as answered, and where it was seen; empty if nobody did: then iDenfy said so."""
    is_marked = request.state == State.COMPLETED and request.reason == Reason.MARKED
    return reason_text(request.reason, request.reason_params) if is_marked else ""


def late_answer_text(request: InformationRequest) -> str:
    """That a client answered though it was over: “answered on 4 March, after the link had been withdrawn”; or empty."""
    if request.state != State.COMPLETED or request.ended_at is None:
        return ""
    words = {"day": day_text(request.ended_at)}
    if request.reason in {Reason.WITHDRAWN, Reason.GIVEN_UP}:
        return _("Answered on %(day)s, after the link had been withdrawn") % words
    if request.reason == "" and request.expires_at is not None and request.expires_at < request.ended_at:
        return _("Answered on %(day)s, after the time was over") % words
    return ""


def pause_text(batch: RequestBatch, now: datetime | None = None) -> str:
    """Why a batch waits, with the local time at which it goes on, or why it has stopped; empty if neither."""
    if batch.paused_at is None:
        return ""
    if batch.pause_reason == PauseReason.PERSON:
        name = batch.pause_params.get("name")
        return _("Stopped by %(name)s") % {"name": name} if name else _("Stopped")
    why = pause_reason_text(batch.pause_reason, batch.pause_params)
    if batch.paused_until is None:
        return _("Stopped: %(why)s") % {"why": why}
    if batch.is_waiting(now or timezone.now()):
        return _("Waiting until %(time)s: %(why)s") % {"time": moment_text(batch.paused_until, now), "why": why}
    return _("Trying again: %(why)s") % {"why": why}


def event_text(event: RequestEvent) -> str:
    """One line of the history in words; who and when stand in columns of their own."""
    kind, params, text = event.kind, event.params, _word(_EVENTS, event.kind)
    details = ""
    if kind == EventKind.PAUSED and params.get("reason") != PauseReason.PERSON:
        return _paused_text(params)
    if kind in {EventKind.PLANNED, EventKind.CONFIRMED}:
        details = _clients_text(params.get("clients"))
    elif kind in {EventKind.NOT_ASKED, EventKind.UNKNOWN} or params.get("reason") == Reason.ERASED:
        details = reason_text(params.get("reason", ""), params)
    elif kind == EventKind.REFUSED:
        details = said_text(params)
    elif kind in {EventKind.WITHDRAWN, EventKind.MARKED} and params.get("note"):
        details = _("“%(words)s”") % {"words": params["note"]}
    elif kind == EventKind.TOLD:
        details = _told_text(params)
    elif kind == EventKind.REFRESHED:
        details = str(status_label(params.get("status", "")))
    elif kind in {EventKind.CONTRADICTED, EventKind.LISTED}:
        was, now = (status_label(params.get(name, "")) for name in ("was", "status"))
        details = ", ".join([_("%(was)s before, %(now)s now") % {"was": was, "now": now}, *_when_verified(params)])
    elif kind == EventKind.SET_ASIDE and params.get("event"):
        details = delivery_text(params["event"])
    elif kind == EventKind.DOCUMENT_EXPIRES:
        details = date_text(params.get("day", ""))
    elif kind in {EventKind.ANSWERED, EventKind.ANSWERED_ELSEWHERE, EventKind.REVIEWED}:
        details = ", ".join(_about_answer(params))
    return _("%(what)s: %(details)s") % {"what": text, "details": details} if details else text


def asks_text(batch: RequestBatch) -> str:
    """What a batch asks for, as short as a cell of a list needs it."""
    asks = []
    if batch.additional_step_upload_required:
        asks.append(_("document upload"))
    if batch.questionnaire:
        asks.append(_("questionnaire “%(key)s”") % {"key": batch.questionnaire})
    if batch.risk_assessment_profile:
        asks.append(_("risk assessment"))
    if batch.bank_card_verification:
        asks.append(_("bank card check"))
    return capfirst(", ".join(asks)) or _("Nothing chosen yet")


def language_text(code: str) -> str:
    """The name of a language in the reader's; of one that Django does not know, the code."""
    try:
        return str(get_language_info(code.replace("_", "-").lower())["name_translated"])
    except KeyError:
        return code


def state_label(request: InformationRequest) -> str:
    """The state as it is to anybody who looks now."""
    if request.deliveries_were_missing:
        return _("No answer received (deliveries were missing)")
    return str(request.shown_state.label)


def time_left_text(request: InformationRequest, now: datetime | None = None) -> str:
    """“3 days left”, or “ended”; empty while there is no end, or when it ended otherwise than by the clock."""
    now = now or timezone.now()
    if request.expires_at is None or request.state not in ENDS_BY_CLOCK | {State.EXPIRED}:
        return ""
    if request.state == State.EXPIRED or request.expires_at <= now:
        return _("ended")
    return duration_left_text(request.expires_at - now)


def said_text(params: Params) -> str:
    """iDenfy's own words in quotes; without any its error code, or else the HTTP status; empty if it said nothing."""
    if params.get("message"):
        return _("“%(words)s”") % {"words": params["message"]}
    if params.get("identifier"):
        return str(params["identifier"])
    return _("HTTP status %(code)s") % {"code": params["status_code"]} if params.get("status_code") else ""


def _word(words: Mapping[str, Promise], code: str) -> str:
    return str(words.get(code, code))


def _open_details(params: Params) -> list[str]:
    details = []
    by, at, until = params.get("by"), _moment(params.get("at")), _moment(params.get("until"))
    if by and at:
        details.append(_("asked by %(name)s on %(day)s") % {"name": by, "day": day_text(at)})
    elif at:
        details.append(_("asked on %(day)s") % {"day": day_text(at)})
    if until:
        details.append(_("until %(day)s") % {"day": day_text(until)})
    return details


def _moment(text: object) -> datetime | None:
    """A moment as parameters keep it, or None for anything else."""
    try:
        return parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None


def pause_reason_text(reason: str, params: Params) -> str:
    """Why a batch, or anything else that asks iDenfy, waits or has stopped."""
    text = _word(_PAUSES, reason)
    if reason == PauseReason.QUOTA and params.get("quota"):
        quota = params["quota"]
        words = ngettext(
            "the %(quota)s request of this hour is used up", "the %(quota)s requests of this hour are used up", quota
        )
        return words % {"quota": number_text(quota)}
    if reason == PauseReason.REFUSALS and params.get("count"):
        count = params["count"]
        words = ngettext(
            "the first %(count)s was refused", "the first %(count)s were all refused for the same reason", count
        )
        text = words % {"count": number_text(count)}
        said = said_text(params)
        return _("%(what)s: %(details)s") % {"what": text, "details": said} if said else text
    if params.get("status_code"):
        return _("%(what)s (%(details)s)") % {"what": text, "details": params["status_code"]}
    return text


def _paused_text(params: Params) -> str:
    why = pause_reason_text(params.get("reason", ""), params)
    if until := _moment(params.get("until")):
        return _("Sending waited until %(time)s: %(why)s") % {"time": record_text(until), "why": why}
    return _("Sending stopped: %(why)s") % {"why": why}


def _told_text(params: Params) -> str:
    label = str(status_label(params.get("status", "")))
    said = label if params.get("is_final") else _("%(status)s, not final yet") % {"status": label}
    return ", ".join([said, *_when_verified(params)])


def _when_verified(params: Params) -> Iterator[str]:
    """Since when the client is verified, where that has changed; and what had stood here before, if something had."""
    now, before = _moment(params.get("verified_at")), _moment(params.get("thought_at"))
    if now and before:
        words = {"now": record_text(now), "before": record_text(before)}
        yield _("verified on %(now)s, where %(before)s had stood") % words
    elif now:
        yield _("verified on %(when)s") % {"when": record_text(now)}


_AFTER: dict[str, Promise] = {
    State.EXPIRED: gettext_lazy("after the time was over"),
    State.CANCELLED: gettext_lazy("after the link had been withdrawn"),
    State.UNKNOWN: gettext_lazy("it was uncertain whether he had been asked"),
}
_DOCUMENTS: dict[str, Promise] = {
    "VALID": gettext_lazy("the document was accepted"),
    "INVALID": gettext_lazy("the document was rejected"),
    "NOT_FOUND": gettext_lazy("no document was found"),
}


def _about_answer(params: Params) -> Iterator[str]:
    """What the request had been when its client answered all the same; what follows, or what iDenfy has decided."""
    if after := _AFTER.get(params.get("after", "")):
        yield str(after)
    if params.get("review_follows"):
        yield _("iDenfy reviews it")
    if params.get("status"):
        yield str(status_label(params["status"]))
    if document := _DOCUMENTS.get(params.get("additional_step", "")):
        yield str(document)


def _clients_text(count: object) -> str:
    if not isinstance(count, int):
        return ""
    return ngettext("%(count)s client to be asked", "%(count)s clients to be asked", count) % {
        "count": number_text(count)
    }
