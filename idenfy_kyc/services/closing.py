"""Closing the loop: a client's answer finds the request that it answers, and its review finds the answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ..api import CurrentStatus
from ..api.deliveries import GivenAnswer, Report
from ..choices import EventKind, Reason, State
from ..models import Answer, InformationRequest, RequestEvent, Verification
from ..signals import information_received
from . import database
from .hearing import RESULTS
from .record import frozen_name, line_about, line_of

if TYPE_CHECKING:
    from .record import User

_ASKED = (State.SENDING, State.ISSUED, State.UNKNOWN, State.COMPLETED, State.EXPIRED, State.CANCELLED)
"""States in which iDenfy may have asked the client, so that he may have answered."""


def record_answer(
    verification: Verification, report: Report, given: GivenAnswer, *, at: datetime, told_before: bool, is_new: bool
) -> list[RequestEvent]:
    """Keep an answer received ``at``, with the newest request that had been sent by then; it is answered now.

    Also one that had ended or was withdrawn: the client has answered all the same. Without such a request the answer
    stays with the verification: it answers something that was not asked here; one that ``is_new`` here has none. What
    iDenfy tells again changes nothing. Returns the lines for the record.
    """
    newest = None if is_new else _newest_asked(verification, at)
    if told_before:
        is_open = newest is not None and newest.shown_state.is_open
        return [line_of(newest, EventKind.TOLD_AGAIN)] if newest is not None and is_open else []
    request = newest if newest is not None and not hasattr(newest, "answer") else None
    _keep(verification, request, report, given, at)
    review: dict[str, Any] = {} if report.is_final else {"review_follows": True}
    if request is None:
        return [line_about(verification, EventKind.ANSWERED_ELSEWHERE, **review)]
    _complete(request, at)
    return [line_of(request, EventKind.ANSWERED, after=request.state, **review)]


def record_review(
    verification: Verification, report: Report, *, at: datetime, first_at: datetime
) -> list[RequestEvent]:
    """The end of a review: what waited for it is reviewed, with its result. An answer that comes later will find it.

    A review that was told before somebody was asked says nothing of his answer, though it may be told again ``at``
    any time: ``first_at`` is when it first was. Returns the lines for the record.
    """
    was_asked = Q(request__sent_at__lte=first_at) | Q(request=None, received_at__lte=first_at)
    in_review = Answer.objects.in_review().filter(was_asked, verification=verification)
    return _end_reviews(verification, in_review, _result(report.status, asdict(report.checks)), at)


def record_current(verification: Verification, current: CurrentStatus, *, at: datetime) -> list[RequestEvent]:
    """The end of a review that we were not told of, or did not know for one: what iDenfy, asked ``at``, lets us know.

    A result ends the review of an answer that came *without* one: iDenfy itself said that it was no result as long as
    the review went on. An answer that came as “approved, a review follows” may be called so all the while: of that
    nothing is known. Of the additional step iDenfy says nothing when it is asked. Returns the lines for the record.
    """
    if current.status not in RESULTS:
        return []
    in_review = Answer.objects.in_review().filter(verification=verification, received_at__lte=at)
    result = {"status": current.status, "mismatch_tags": list(current.checks.mismatch_tags)}
    return _end_reviews(verification, in_review.exclude(status__in=RESULTS), result, at)


def _end_reviews(
    verification: Verification, answers: QuerySet[Answer], result: dict[str, Any], at: datetime
) -> list[RequestEvent]:
    waiting = list(answers.select_related("request"))
    if waiting:
        Answer.objects.filter(pk__in=[answer.pk for answer in waiting]).update(reviewed_at=at, **result)
    said = {name: result[name] for name in ("status", "additional_step") if result.get(name)}
    return [_line(verification, answer.request, EventKind.REVIEWED, **said) for answer in waiting]


def look_at(answers: Iterable[Answer], *, by: User) -> int:
    """Note that somebody has looked at these answers; return how many nobody had looked at before."""
    now, name, looked = timezone.now(), frozen_name(by), 0
    for portion in database.portions(answers):
        keys = [answer.pk for answer in portion]
        with transaction.atomic(using=database.alias()):
            new = Answer.objects.not_looked_at().filter(pk__in=keys)
            looked += new.update(looked_at=now, looked_by=by, looked_by_name=name)
            mine = Answer.objects.filter(pk__in=keys, looked_at=now).select_related("request", "verification")
            RequestEvent.objects.bulk_create(
                _line(answer.verification, answer.request, EventKind.LOOKED_AT, by=by) for answer in mine
            )
    return looked


def _line(
    verification: Verification,
    request: InformationRequest | None,
    kind: EventKind,
    *,
    by: User = None,
    **params: Any,
) -> RequestEvent:
    """A line about an answer stands with its request, or else with the verification."""
    if request is None:
        return line_about(verification, kind, by=by, **params)
    return line_of(request, kind, by=by, **params)


def _keep(
    verification: Verification,
    request: InformationRequest | None,
    report: Report,
    given: GivenAnswer,
    at: datetime,
) -> None:
    """The review may have been told before the answer was: then its result stands with the verification."""
    review_follows = not report.is_final
    reviewed_at = _reviewed_since(verification, request) if review_follows else None
    if reviewed_at is None:
        result = _result(report.status, asdict(report.checks))
    else:
        result = _result(verification.status, verification.checks)
    Answer.objects.create(
        verification=verification,
        request=request,
        identity=given.identity,
        received_at=at,
        review_follows=review_follows,
        reviewed_at=reviewed_at,
        questionnaire_json=json.dumps(given.questionnaire) if given.questionnaire else "",
        risk_score=given.risk_score,
        risk_level=given.risk_level,
        bank_card=given.bank_card,
        **result,
    )


def _newest_asked(verification: Verification, at: datetime) -> InformationRequest | None:
    asked = InformationRequest.objects.filter(verification=verification, sent_at__lte=at, state__in=_ASKED)
    return asked.select_related("answer").defer(*InformationRequest.SECRETS).order_by("-sent_at", "-pk").first()


def _reviewed_since(verification: Verification, request: InformationRequest | None) -> datetime | None:
    """When the verification was reviewed, if that was after the request was sent.

    Of what was asked elsewhere nobody here knows when that was; so a review that was told before such an answer is not
    taken for its own. Nor can the bodies tell: where a file has taken the place of another one, an answer's is the same
    as that of the review before it, and a verdict on what nobody has looked at is worse than one that is missing.
    """
    reviewed_at, sent_at = verification.reviewed_at, request.sent_at if request else None
    return reviewed_at if reviewed_at and sent_at and reviewed_at >= sent_at else None


def _result(status: str, checks: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": status,
        "additional_step": checks.get("additional_step", ""),
        "mismatch_tags": list(checks.get("mismatch_tags", ())),
    }


def _complete(request: InformationRequest, at: datetime) -> None:
    """Whatever staff had said of it before, now iDenfy says that it was answered."""
    rows = InformationRequest.objects.filter(pk=request.pk)
    if not rows.move(State.COMPLETED, ended_at=at):
        rows.filter(state=State.COMPLETED, reason=Reason.MARKED).update(reason="", reason_params={}, ended_at=at)
    transaction.on_commit(
        lambda: information_received.send_robust(sender=InformationRequest, request_id=request.pk),
        using=database.alias(),
        robust=True,
    )
