"""What a delivery may change of what we hold of a verification. Pure: decides, changes nothing.

Deliveries come twice, late and out of order, and bear neither a time nor a number. So what they do must not depend on
their order as far as that is possible:

1. **Within one review round nothing moves backwards.** A status that iDenfy called final is not undone by one that it
   did not: a late "automatic check, review follows" arrives after the review like any other news of yesterday. Among
   statuses that are not final, the one further on holds, in the order of ``_FURTHER_ON``.
2. **A session that expired or was cancelled decides nothing.** Neither its event nor its status is ever final, whatever
   it says: whoever finished all the same, has been verified.
3. **Between two final statuses the last one received holds.** People at iDenfy approve and deny again, and only they
   know which came last. A final status that contradicts the one we held is marked *changed after review*, so that
   staff can look, and ask iDenfy again.
4. **Deleted stays deleted.** What iDenfy no longer has, no delivery brings back.
5. **Words that we do not know are kept as they came**, and stand between "in review" and a result.
6. **What iDenfy says when it is asked**, by its list or about one verification, holds at that moment and knows no
   rounds. What it deleted or archived is taken as it comes. A *result* (approved, denied, suspected) takes the place of
   whatever was not final; where we hold a final status that says otherwise, it is taken and marked as in rule 3.
   What is no result can only move forward what is not final: while a client answers us, iDenfy may call him in review.
   It gives way to what iDenfy has told us since we asked, and whether a status is final only a delivery says.

7. **When the client was verified is the earliest moment of which iDenfy says that it approved him then**, for good.
   What a review decides of his answers since, moves it no more than a denial does: he was verified when he was. The
   least of all does not depend on their order. Nobody is verified by an approval that a review still follows, nor by a
   denial.

A client's answer opens a new round at iDenfy, but the status that we hold stays until that round's result: an answer
that waits for its review stands with the request, not with the verification. So completing a request depends on no
order.

https://documentation.idenfy.com/kyc/status-handling
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..api.deliveries import Event, Report
from ..choices import APPROVED, GONE

_FURTHER_ON = ("", "ACTIVE", "EXPIRED", "REVIEWING", None, "SUSPECTED", "DENIED", "APPROVED")
"""None stands for every word that we do not know."""
RESULTS = frozenset({"APPROVED", "DENIED", "SUSPECTED"})
_PUT_AWAY = GONE | {"ARCHIVED"}
_ENDS_NOTHING = frozenset({Event.EXPIRED, Event.CANCELLED})
_NO_RESULT = frozenset({"ACTIVE", "EXPIRED"})
"""Also under another event's name: the legacy event tells the end of a session, too."""
_SEEN_THEN = frozenset({Event.LEGACY, Event.AUTO_FINISHED, Event.MANUAL_FINISHED})
"""Events whose ``finishTime`` is when the client was verified, and not when he answered something since."""
_OPEN, _FINAL, _GONE = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What we hold of a verification. ``told_at`` is when iDenfy told it; None if it was not iDenfy who did."""

    status: str = ""
    is_final: bool = False
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the report's status takes the place of ours, and whether it contradicts a final one."""

    adopts: bool
    contradicts: bool = False


def decide(held: Held, report: Report, at: datetime) -> Decision:
    """What becomes of our status when ``report`` was received ``at``. The rules stand above."""
    if not report.status:
        return Decision(adopts=False)
    ours, told = _standing(held.status, held.is_final), _standing(report.status, is_final(report))
    if ours[0] == told[0] == _FINAL:
        is_newer = held.told_at is None or at >= held.told_at
        return Decision(adopts=is_newer, contradicts=held.status != report.status)
    return Decision(adopts=told > ours)


def decide_current(held: Held, status: str, at: datetime) -> Decision:
    """What becomes of our status when iDenfy, asked ``at``, says ``status``: rule 6."""
    if status == held.status or held.status in GONE:
        return Decision(adopts=False)
    if status in _PUT_AWAY:
        return Decision(adopts=True)
    if held.told_at is not None and held.told_at > at:
        return Decision(adopts=False)
    if status in RESULTS:
        return Decision(adopts=True, contradicts=held.is_final and held.status not in _PUT_AWAY)
    return Decision(adopts=_standing(status, False) > _standing(held.status, held.is_final))


def is_final(report: Report) -> bool:
    """Whether this status ends a review round."""
    return report.is_final and report.event not in _ENDS_NOTHING and report.status not in _NO_RESULT


def verified_at(held: datetime | None, report: Report, finished_at: datetime | None) -> datetime | None:
    """When the client was verified, by what we held and by ``report``, which names ``finished_at``: rule 7."""
    approves = report.status == APPROVED and is_final(report) and report.event in _SEEN_THEN
    if finished_at is None or not approves:
        return held
    return finished_at if held is None else min(held, finished_at)


def _standing(status: str, is_final: bool) -> tuple[int, int, str]:
    """How far on; a larger one takes the place of a smaller one."""
    if status in GONE:
        return (_GONE, 0, "")
    if is_final:
        return (_FINAL, 0, "")
    known = status in _FURTHER_ON
    return (_OPEN, _FURTHER_ON.index(status if known else None), "" if known else status)
