"""What people do at iDenfy: clients answer and are verified, reviewers decide. Each act tells the project by webhook.

A test calls these by the verification's ``scan_ref``; the fake's pages call them for whoever sits before them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from idenfy_kyc.testing import questions
from idenfy_kyc.testing.deliveries import fresh_links, identification
from idenfy_kyc.testing.faults import DeliveryFault
from idenfy_kyc.testing.journal import Journal, Session
from idenfy_kyc.testing.outbox import Outbox, Told

_LEVELS = ((20, "VERY_LOW"), (40, "LOW"), (60, "MEDIUM"), (80, "HIGH"), (101, "VERY_HIGH"))


class NotPossibleError(Exception):
    """Nobody could do this at iDenfy now; the words say why."""


class Standing(StrEnum):
    """Where a link's story stands."""

    OPEN = "open"
    EXPIRED = "expired"
    IN_REVIEW = "in_review"
    OVER = "over"


class People:
    """Clients and reviewers. Every act raises ``NotPossibleError`` if its time is not now.

    ``comes`` is the way in which its delivery comes; without it the faults decide that hold for deliveries.
    """

    def __init__(self, journal: Journal, outbox: Outbox, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._outbox = outbox
        self._clock = clock

    def standing(self, session: Session) -> Standing:
        """Where it stands: from what was told, what is pending, and the clock."""
        told = self._outbox.last_of_session(session.token)
        if told is not None:
            return Standing.OVER if told.payload["final"] else Standing.IN_REVIEW
        if not session.pending:
            return Standing.OVER
        return Standing.EXPIRED if session.expires_at <= self._clock() else Standing.OPEN

    def answer(
        self,
        scan_ref: str,
        *,
        review_follows: bool = False,
        given: Mapping[str, Sequence[str]] = questions.EXAMPLE,
        uploads: bool = True,
        risk_score: int = 12,
        card: str = "4242",
        comes: DeliveryFault | None = None,
    ) -> Told:
        """The client answers what he was asked, and only that: ``IDENTIFICATION_RESUBMITTED``.

        ``given`` are his answers to the questionnaire, by the keys of ``idenfy_kyc.testing.questions``; ``uploads``
        whether he sends the document; ``card`` its last four digits.
        """
        with self._journal.transaction():
            session = self._open_session(scan_ref, begins=False)
            asks, links = session.asks, _links()
            said: dict[str, Any] = {
                "status": "REVIEWING" if review_follows else "APPROVED",
                "final": not review_follows,
            }
            if "questionnaire" in asks:
                title = str(asks["questionnaire"])
                said["questionnaire"] = questions.answered(title, given, scan_ref=scan_ref, links=links)
            if asks.get("additionalStepUploadRequired"):
                verdict = None if review_follows else "VALID"
                said |= {
                    "additionalSteps": {"UTILITY_BILL": "UPLOAD"},
                    "additional_step": verdict if uploads else "NOT_FOUND",
                }
            if "riskAssessmentProfile" in asks:
                said["risk"] = {"riskScore": risk_score, "riskLevel": _level(risk_score)}
            if asks.get("bankCardVerification"):
                said["bankCardVerification"] = _card(asks.get("bankCardExpectedLastFour"), card)
            if not review_follows:
                self._journal.settle(scan_ref)
            return self._tell("IDENTIFICATION_RESUBMITTED", session, links, comes, **said)

    def finish(
        self,
        scan_ref: str,
        *,
        status: str = "APPROVED",
        review_follows: bool = False,
        comes: DeliveryFault | None = None,
    ) -> Told:
        """The client went through the verification that began with a token: ``IDENTIFICATION_AUTO_FINISHED``."""
        with self._journal.transaction():
            session = self._open_session(scan_ref, begins=True)
            overall = "REVIEWING" if review_follows else status
            told = self._tell(
                "IDENTIFICATION_AUTO_FINISHED", session, _links(), comes, status=overall, final=not review_follows
            )
            self._journal.settle(scan_ref)
            return told

    def decide(
        self,
        scan_ref: str,
        *,
        status: str = "APPROVED",
        additional_step: str | None = None,
        mismatch_tags: Sequence[str] = (),
        comes: DeliveryFault | None = None,
    ) -> Told:
        """A reviewer decides, for the first time or anew: ``IDENTIFICATION_MANUAL_FINISHED``.

        Of a verification of which nothing was told here, too: people at iDenfy may look at any of them.
        """
        with self._journal.transaction():
            last = self._outbox.last_of(scan_ref)
            unknown = identification(scan_ref, client_id="", first_name="", last_name="")
            payload = unknown if last is None else last.payload
            payload["status"] |= {
                "overall": status,
                "manualFace": "FACE_MATCH",
                "manualDocument": "DOC_VALIDATED",
                "mismatchTags": list(mismatch_tags),
                "additionalSteps": additional_step or payload["status"]["additionalSteps"],
            }
            payload = fresh_links(payload | {"final": True}, _links())
            if status == "APPROVED":
                self._journal.settle(scan_ref)
            return self._outbox.tell(
                "IDENTIFICATION_MANUAL_FINISHED",
                payload,
                token=last.token if last else "",
                url=last.url if last else "",
                comes=comes,
            )

    def let_expire(self, token: str) -> Told | None:
        """The time of this link is over: of a verification ``IDENTIFICATION_EXPIRED``; of a request nobody is told."""
        with self._journal.transaction():
            session = self._journal.session(token)
            if session is None or self.standing(session) is not Standing.OPEN:
                raise NotPossibleError("This link is over already.")
            self._journal.expire(token, at=self._clock())
            if not session.begins:
                return None
            self._journal.settle(session.scan_ref)
            return self._tell(
                "IDENTIFICATION_EXPIRED", session, _links(), None, status="EXPIRED", data={}, fileUrls=None
            )

    def _open_session(self, scan_ref: str, *, begins: bool) -> Session:
        session = self._journal.pending(scan_ref)
        if session is None or session.begins is not begins:
            raise NotPossibleError("Nothing is asked of this client.")
        standing = self.standing(session)
        if standing is not Standing.OPEN:
            raise NotPossibleError("The time is over." if standing is Standing.EXPIRED else "It was answered already.")
        return session

    def _tell(self, event: str, session: Session, links: str, comes: DeliveryFault | None, **said: Any) -> Told:
        """With what is known of the client: what was said when the verification began, if that was here."""
        began = self._journal.verification(session.scan_ref)
        asks = began.asks if began else {}
        known = {
            "client_id": asks.get("clientId", ""),
            "first_name": asks.get("firstName", "").upper(),
            "last_name": asks.get("lastName", "").upper(),
            "externalRef": asks.get("externalRef"),
            "startTime": int(session.issued_at),
            "finishTime": int(self._clock()),
            "links": links,
        }
        payload = identification(session.scan_ref, **known | said)
        return self._outbox.tell(
            event, payload, token=session.token, url=session.asks.get("callbackUrl", ""), comes=comes
        )


def _links() -> str:
    return secrets.token_hex(8)


def _level(score: int) -> str:
    return next(level for limit, level in _LEVELS if score < limit)


def _card(expected: str | None, last_four: str) -> dict[str, Any]:
    fits = None if expected is None else expected == last_four
    return {
        "id": secrets.token_hex(8),
        "status": "NOT_COMPARED" if fits is None else "MATCH" if fits else "NO_MATCH",
        "lastFour": last_four,
        "lastFourMatch": fits,
    }
