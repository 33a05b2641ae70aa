"""Whoever sits before the fake's pages: what was pressed there becomes an act of the client or of the reviewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qs, quote

from idenfy_kyc.testing import pages
from idenfy_kyc.testing.faults import DeliveryFault
from idenfy_kyc.testing.forms import MISMATCHES, REVIEW, STATUSES, VERDICTS
from idenfy_kyc.testing.journal import Journal, Session
from idenfy_kyc.testing.outbox import Outbox
from idenfy_kyc.testing.people import NotPossibleError, People
from idenfy_kyc.testing.replies import Reply, html_reply

SESSION = "/session/"
REDIRECT = "/api/v2/redirect"
_NEWEST = 200
_LOOKS_AFTER = 0.4
"""Seconds until the page that follows an act: by then the project has mostly answered, and the page can say what."""

Form = Mapping[str, Sequence[str]]


class Desk:
    """The pages of :mod:`idenfy_kyc.testing.pages`, and what their forms do."""

    def __init__(self, journal: Journal, outbox: Outbox, people: People) -> None:
        self._journal = journal
        self._outbox = outbox
        self._people = people

    def page(self, method: str, path: str, query: str, body: bytes) -> Reply | None:
        """The answer to somebody with a browser; None if there is no such page."""
        token = parse_qs(query).get("authToken", [""])[-1]
        if method == "POST":
            return self._pressed(token, body) if path == SESSION else None
        if method not in {"GET", "HEAD"}:
            return None
        if path == REDIRECT:
            return _go_to(f"../../session/?authToken={quote(token)}")
        if path == SESSION:
            session = self._journal.session(token)
            return pages.session_page(self._shown(session) if session else None)
        if path == f"{SESSION}all/":
            return pages.list_page([self._shown(session) for session in self._journal.sessions(_NEWEST)])
        return pages.style_sheet() if path == f"{SESSION}style.css" else None

    def _shown(self, session: Session) -> pages.Shown:
        return pages.Shown(
            session=session,
            standing=self._people.standing(session),
            told=self._outbox.told(session.scan_ref),
            has_address=bool(self._journal.switch("webhook_url", "")),
        )

    def _pressed(self, token: str, body: bytes) -> Reply:
        session = self._journal.session(token)
        if session is None:
            return pages.session_page(None)
        try:
            self._act(session, parse_qs(body.decode("utf-8", "replace")))
        except NotPossibleError as error:
            return pages.session_page(self._shown(session), problem=str(error))
        return replace(_go_to(f"?authToken={quote(token)}"), latency=_LOOKS_AFTER)

    def _act(self, session: Session, form: Form) -> None:
        act, scan_ref, way = _one(form, "act"), session.scan_ref, _one(form, "comes")
        comes = DeliveryFault(way) if way in set(DeliveryFault) else None
        review_follows = _one(form, "then") == REVIEW
        if act == "answer":
            self._people.answer(
                scan_ref,
                review_follows=review_follows,
                given=form,
                uploads=bool(_one(form, "upload")),
                risk_score=_score(_one(form, "risk")),
                card=_one(form, "card"),
                comes=comes,
            )
        elif act == "finish":
            status = _known(_one(form, "status"), STATUSES) or "APPROVED"
            self._people.finish(scan_ref, status=status, review_follows=review_follows, comes=comes)
        elif act == "decide":
            mismatch = _known(_one(form, "mismatch"), MISMATCHES)
            self._people.decide(
                scan_ref,
                status=_known(_one(form, "status"), STATUSES) or "APPROVED",
                additional_step=_known(_one(form, "additional_step"), VERDICTS) or None,
                mismatch_tags=[mismatch] if mismatch else [],
                comes=comes,
            )
        elif act == "expire":
            self._people.let_expire(session.token)
        elif act == "resend":
            self._resend(scan_ref, _one(form, "number"))
        else:
            raise NotPossibleError("There is nothing of this kind to do.")

    def _resend(self, scan_ref: str, number: str) -> None:
        told = next((one for one in self._outbox.told(scan_ref) if str(one.number) == number), None)
        if told is None:
            raise NotPossibleError("This was never told.")
        self._outbox.resend(told.number)


def _go_to(location: str) -> Reply:
    return html_reply(303, "", ("Location", location))


def _one(form: Form, name: str) -> str:
    return next(iter(form.get(name, ())), "")


def _known(word: str, words: Mapping[str, str]) -> str:
    return word if word in words else ""


def _score(text: str) -> int:
    return min(int(text), 100) if text.isascii() and text.isdigit() and len(text) < 4 else 0
