"""The words of the field: states of a request and which may follow which; statuses of a verification."""

from __future__ import annotations

from typing import Any

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class State(TextChoices):
    """Where an information request stands. The table of moves is :data:`MOVES`, and nowhere else."""

    DRAFT = "draft", _("Planned")
    SKIPPED = "skipped", _("Not asked")
    QUEUED = "queued", _("Waiting to be asked")
    SENDING = "sending", _("Being asked")
    ISSUED = "issued", _("Waiting for the client")
    UNKNOWN = "unknown", _("Uncertain")
    REFUSED = "refused", _("Refused by iDenfy")
    COMPLETED = "completed", _("Answered")
    EXPIRED = "expired", _("No answer received")
    CANCELLED = "cancelled", _("Withdrawn")

    @property
    def may_follow(self) -> list[State]:
        """The states that this one may follow."""
        return [old for old, new in MOVES.items() if self in new]

    @property
    def is_open(self) -> bool:
        """Whether the client may not be asked again meanwhile."""
        return self in OPEN

    @property
    def keeps_secrets(self) -> bool:
        """Secrets die with their use: these states have none to keep."""
        return self not in {State.COMPLETED, State.EXPIRED, State.CANCELLED}


MOVES: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.QUEUED, State.SKIPPED}),
    State.SKIPPED: frozenset({State.DRAFT}),
    State.QUEUED: frozenset({State.SENDING, State.CANCELLED}),
    State.SENDING: frozenset({State.ISSUED, State.REFUSED, State.UNKNOWN, State.QUEUED, State.COMPLETED}),
    State.ISSUED: frozenset({State.COMPLETED, State.EXPIRED, State.CANCELLED}),
    State.UNKNOWN: frozenset({State.ISSUED, State.REFUSED, State.COMPLETED, State.EXPIRED, State.CANCELLED}),
    State.REFUSED: frozenset(),
    State.COMPLETED: frozenset(),
    State.EXPIRED: frozenset({State.COMPLETED}),
    State.CANCELLED: frozenset({State.COMPLETED}),
}

OPEN = frozenset({State.QUEUED, State.SENDING, State.ISSUED, State.UNKNOWN})
CLOSED = frozenset(State) - OPEN
ENDS_BY_CLOCK = frozenset({State.ISSUED, State.UNKNOWN})
"""Over at ``expires_at``, whether or not anybody has written it down yet."""
MARKABLE = frozenset(State.COMPLETED.may_follow) - {State.SENDING}
"""Whose client may have answered without our hearing of it, provided it was sent: what staff may mark as answered."""


GONE = frozenset({"DELETED", "EXPIRED-DELETED"})
"""Statuses of a verification whose data iDenfy no longer has: nothing brings it back."""
APPROVED = "APPROVED"
"""The one status that iDenfy's documentation speaks of where it speaks of asking again."""

STATUS_LABELS: dict[str, Any] = {
    "": _("Not known yet"),
    APPROVED: _("Approved"),
    "DENIED": _("Denied"),
    "SUSPECTED": _("Suspected"),
    "REVIEWING": _("In review"),
    "EXPIRED": _("Expired"),
    "EXPIRED-DELETED": _("Expired"),
    "ACTIVE": _("Not finished"),
    "DELETED": _("Deleted"),
    "ARCHIVED": _("Archived"),
}
"""iDenfy's ``overall`` statuses. A dict and no ``choices=``: iDenfy's lists grow, and a new word is kept as it came."""


def status_label(status: str) -> str | Promise:
    """A verification's status for people; an unknown one as it came, marked as new."""
    label: str | Promise | None = STATUS_LABELS.get(status)
    return label if label is not None else _("%(status)s (iDenfy’s new word)") % {"status": status}


class Reason(TextChoices):
    """Why a request is where it is; stored as a code with parameters, put into words by ``idenfy_kyc.wording``."""

    # not asked
    OPEN_REQUEST = "open_request"
    SAME_CLIENT = "same_client"
    INELIGIBLE = "ineligible"
    LEFT_OUT = "left_out"
    OVERTAKEN = "overtaken"
    # uncertain
    NO_ANSWER = "no_answer"
    UNREADABLE = "unreadable"
    SERVER_ERROR = "server_error"
    NOT_IDENFY = "not_idenfy"
    REDIRECTED = "redirected"
    SENDER_DIED = "sender_died"
    # withdrawn
    WITHDRAWN = "withdrawn"
    GIVEN_UP = "given_up"
    ERASED = "erased"
    # answered, as staff say; without a reason it was iDenfy who said so
    MARKED = "marked"


class PauseReason(TextChoices):
    """Why a batch waits (there is a time) or has stopped (a person must continue it)."""

    PERSON = "person"
    NOT_CONFIGURED = "not_configured"
    OTHER_ACCOUNT = "other_account"
    UNAUTHORIZED = "unauthorized"
    CONTRACT = "contract"
    PERMISSION = "permission"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    UNREACHABLE = "unreachable"
    OUTAGE = "outage"
    REFUSALS = "refusals"


class EventKind(TextChoices):
    """What a line of the record says happened."""

    PLANNED = "planned"
    LEFT_OUT = "left_out"
    TAKEN_BACK = "taken_back"
    NOT_ALLOWED = "not_allowed"
    CONFIRMED = "confirmed"
    NOT_ASKED = "not_asked"
    PAUSED = "paused"
    CONTINUED = "continued"
    ISSUED = "issued"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    LATE_LINK = "late_link"
    REVEALED = "revealed"
    DOWNLOADED = "downloaded"
    OPENED = "opened"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    GIVEN_UP = "given_up"
    ASKED_AGAIN = "asked_again"
    EXPIRED = "expired"
    ANSWERED = "answered"
    MARKED = "marked"
    STARTED = "started"
    TOLD = "told"
    CONTRADICTED = "contradicted"
    DOCUMENT_EXPIRES = "document_expires"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    TOLD_AGAIN = "told_again"
    REVIEWED = "reviewed"
    LISTED = "listed"
    REFRESHED = "refreshed"
    LOOKED_AT = "looked_at"
    SET_ASIDE = "set_aside"
    ERASED = "erased"


class Refreshed(TextChoices):
    """How asking iDenfy for the status of one verification ended."""

    CHANGED = "changed"
    REVIEWED = "reviewed"
    SAME = "same"
    KEPT = "kept"
    TOO_SOON = "too_soon"
    ERASED = "erased"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_REACHED = "not_reached"


class DeliveryProblem(TextChoices):
    """Why a delivery could not be handled, or why there was nothing to do."""

    # could not be handled
    NO_JSON = "no_json"
    NO_SCAN_REF = "no_scan_ref"
    OTHER_EVENT = "other_event"
    RELABELLED = "relabelled"
    BROKE_OFF = "broke_off"
    UNREADABLE = "unreadable"
    # nothing to do
    NOT_OURS = "not_ours"
    NOT_HELD = "not_held"
    SET_ASIDE = "set_aside"
    ERASED = "erased"


class BatchState(TextChoices):
    """What a batch is doing; derived from its pause and its rows, never stored."""

    PLAN = "plan", _("Plan, nothing sent")
    SENDING = "sending", _("Sending")
    WAITING = "waiting", _("Waiting")
    STOPPED = "stopped", _("Stopped")
    DONE = "done", _("Done")
