"""What must hold, whatever went wrong. Pure: each check takes the evidence and returns what breaks it, in words.

What can be observed, and what not:

- *A POST arrived*: the journal has it before it is answered. One that was cut off before its end is no POST.
- *An answer went out whole*: the journal says that the caller was still there, and to which end of which connection it
  answered. Just before the fake itself was killed that is no promise, and an answer whose fault was to be spoilt was
  none. One that came about when the caller's patience ended may have been too late.
- *Who received it*: a process that we kill is frozen first, and its connections are noted. So a lost answer is excused
  only if the very process that had its connection was killed, before it had the time to write: ``GRACE`` seconds,
  counted from the moment when the database was back. No more of them can be told apart from outside: whether a process
  had read an answer that lay at its end of the connection.
- *Why a request is uncertain*: the row says whether its sender died or no good answer came, and when it was sent.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

from idenfy_kyc.choices import Reason, State
from idenfy_kyc.testing import Fault, Post

from .evidence import Evidence, Kill, Limits, Outage, Page, Row

DOUBTS = 3
"""So many uncertain ones in a row make a batch wait, as the documentation says; not read from the code on trial."""
GRACE = 3.0
"""Seconds that a living process may take to write an answer: its longest pause between two tries is two."""
LAST_WORDS = 0.1
"""Seconds in which the fake finds its caller there, notes the answer and sends it. One of the two may die meanwhile."""
NEARLY = 0.5
"""Seconds before a caller's patience ends from which on nobody knows whether an answer was in time."""

_NOTHING_DONE = frozenset({401, 402, 403, 429})
_SPOILT = frozenset({fault.value for fault in Fault if fault.issues} - {Fault.NO_SESSION_URL.value})
_FINAL = frozenset({State.ISSUED, State.REFUSED, State.COMPLETED, State.EXPIRED, State.CANCELLED})


def posted_again(seen: Evidence) -> list[str]:
    """POSTs that followed one that may have been heard, without a person having asked again in between."""
    rows, broken = _rows_by_mark(seen.rows), []
    heard: dict[str, tuple[Post, Row]] = {}
    for post in seen.posts:
        row = rows.get((post.scan_ref, mark_of(post)))
        if row is None:
            broken.append(f"POST {post.number} is no request's of ours")
            continue
        before = heard.get(post.scan_ref)
        if before is not None and not _was_asked_again(*before, row):
            broken.append(f"POST {post.number} follows POST {before[0].number}, and nobody asked again")
        if post.status not in _NOTHING_DONE:
            heard[post.scan_ref] = post, row
    return broken


def posted_after_issue(seen: Evidence) -> list[str]:
    """POSTs of a request for which the fake had issued a link already."""
    broken = []
    issued: set[tuple[str, str]] = set()
    for post in seen.posts:
        whose = post.scan_ref, mark_of(post)
        if whose in issued:
            broken.append(f"POST {post.number} of a request that had its link")
        if post.issued:
            issued.add(whose)
    return broken


def links_lost(seen: Evidence) -> list[str]:
    """Links that were answered whole to a process that lived, and that are not stored.

    With each process that was killed no more may go than it can have had under way.
    """
    broken: list[str] = []
    with_kill: Counter[Kill] = Counter()
    for post in not_stored(seen):
        kill = _killed_with(post, seen)
        lived = kill.at - _could_write_from(post, seen) if kill else 0.0
        if kill is None:
            broken.append(f"the link of POST {post.number} went to a process that nobody killed")
        elif lived > GRACE:
            broken.append(f"the link of POST {post.number} could have been stored for {lived:.1f} s")
        else:
            with_kill[kill] += 1
    for kill, count in with_kill.items():
        broken += _too_many(f"links that went with one {kill.who}", count, seen.limits.concurrency)
    return broken


def uncertain_for_kills(seen: Evidence) -> list[str]:
    """More requests whose sender died than the killed ones can have had under way."""
    return _too_many("uncertain since their sender died", len(died(seen)), allowed_for_kills(seen))


def uncertain_for_outages(seen: Evidence) -> list[str]:
    """More uncertain requests than an outage may cost."""
    broken = []
    for outage, rows in by_outage(seen):
        words = f"uncertain in the outage “{outage.fault}”"
        broken += _too_many(words, len(rows), allowed_for_outage(outage, seen.limits))
    return broken


def uncertain_for_nothing(seen: Evidence) -> list[str]:
    """Uncertain requests, although nothing was wrong when they were sent."""
    explained = {row.key for _outage, rows in by_outage(seen) for row in rows}
    return [
        f"request {row.key} is uncertain ({row.uncertain_for})" for row in _unanswered(seen) if row.key not in explained
    ]


def unfinished(seen: Evidence) -> list[str]:
    """Requests that are neither over nor wait for the client, and for which no person is waited for either."""
    return [f"request {row.key} is {row.state}" for row in seen.rows if not _is_settled(row)]


def pages_failed(seen: Evidence) -> list[str]:
    """Pages that did not come, although the database and the server's processes were there."""
    return [f"{page.trouble} at {page.begun:.1f}" for page in seen.pages if page.trouble and not _was_away(page, seen)]


def answered_whole(seen: Evidence) -> list[Post]:
    """The POSTs whose link went out in time and unspoilt."""
    patience = seen.limits.read_timeout - NEARLY
    return [
        post
        for post in seen.posts
        if post.issued
        and post.answered_at is not None
        and post.fault not in _SPOILT
        and post.answered_at - post.at < patience
        and not any(0 <= death - post.answered_at < LAST_WORDS for death in seen.fake_deaths)
    ]


def not_stored(seen: Evidence) -> list[Post]:
    """Those of them whose link is in no row of ours."""
    stored = {row.token for row in seen.rows}
    return [post for post in answered_whole(seen) if post.token not in stored]


def died(seen: Evidence) -> list[Row]:
    """The requests whose sender died."""
    return [row for row in seen.rows if row.uncertain_for == Reason.SENDER_DIED]


def allowed_for_kills(seen: Evidence) -> int:
    """``CONCURRENCY`` for each."""
    return seen.limits.concurrency * len(seen.kills)


def allowed_for_outage(outage: Outage, limits: Limits) -> int:
    """3 + ``CONCURRENCY`` for each sender at work, and one for each try that the batch makes before it is over."""
    return (DOUBTS + limits.concurrency) * outage.senders + tries_within(outage, limits)


def tries_within(outage: Outage, limits: Limits) -> int:
    """How often a batch that waits as it should tries again within this outage: once after each wait; then it stops."""
    return sum(passed < outage.ended - outage.begun for passed in accumulate(limits.retry_waits))


def by_outage(seen: Evidence) -> list[tuple[Outage, list[Row]]]:
    """The outages that lose answers, each with its uncertain ones: under way when it began, or sent in its midst."""
    left = _unanswered(seen)
    found = []
    for outage in filter(lambda outage: outage.loses, seen.outages):
        since = outage.begun - seen.limits.call_deadline
        rows = [row for row in left if row.sent_at is not None and since <= row.sent_at <= outage.ended]
        left = [row for row in left if row not in rows]
        found.append((outage, rows))
    return found


def mark_of(post: Post) -> str:
    """The questionnaire that a POST asks for; empty if its body cannot be read."""
    try:
        return str(json.loads(post.body).get("questionnaire", ""))
    except (ValueError, AttributeError):
        return ""


def _rows_by_mark(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    return {(row.scan_ref, row.mark): row for row in rows}


def _was_asked_again(post: Post, row: Row, later: Row) -> bool:
    """Whether ``later`` is a new request that a person made after ``post``, a POST of ``row``."""
    return later.follows == row.key and later.confirmed_by != "" and later.confirmed_at > post.at


def _killed_with(post: Post, seen: Evidence) -> Kill | None:
    """The kill of the process that received this answer, if it was killed."""
    later = [kill for kill in seen.kills if kill.gone_at + LAST_WORDS >= _answered_at(post)]
    return next((kill for kill in later if post.answered_to in kill.connections), None)


def _could_write_from(post: Post, seen: Evidence) -> float:
    """When the database was there for this answer."""
    came = _answered_at(post)
    return max([came, *(span.ended for span in seen.restarts if span.begun - GRACE <= came <= span.ended)])


def _answered_at(post: Post) -> float:
    return post.answered_at or 0.0


def _unanswered(seen: Evidence) -> list[Row]:
    return [row for row in seen.rows if row.uncertain_for not in {"", Reason.SENDER_DIED}]


def _too_many(what: str, count: int, allowed: int) -> list[str]:
    return [f"{count} {what}, {allowed} allowed"] if count > allowed else []


def _is_settled(row: Row) -> bool:
    return row.state in _FINAL or row.state == State.UNKNOWN or (row.state == State.QUEUED and row.batch_has_stopped)


def _was_away(page: Page, seen: Evidence) -> bool:
    spans = [(span.begun, span.ended + GRACE) for span in seen.restarts]
    spans += [(kill.at, kill.gone_at) for kill in seen.kills]
    return any(begun <= page.ended and page.begun <= ended for begun, ended in spans)
