"""What an answer of iDenfy means for the request, and for the batch it belongs to. Pure: decides, changes nothing.

The one question behind the table: *may the client have been asked?* If iDenfy said that it did nothing, or nothing was
sent, the request goes back into the queue. If iDenfy refused it, it is over. In every other case it is **uncertain**,
and is never sent again: there is no idempotency key, and no call that would tell.

iDenfy's ``identifier`` speaks first, the HTTP status second: older documentation has every error as a 400.
https://documentation.idenfy.com/kyc/id-error-messages
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from ..api import InformationSession
from ..choices import PauseReason, Reason, State
from ..exceptions import IdenfyApiError, IdenfyConnectionError, IdenfyStatusError

Answer = InformationSession | IdenfyApiError


class Effect(Enum):
    """What the answer says about everything else that waits to be asked."""

    GO_ON = auto()
    DOUBT = auto()
    WAIT = auto()
    ALL_WAIT = auto()
    STOP = auto()
    ALL_STOP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of one request, and the effect on the others."""

    state: State
    effect: Effect
    reason: str = ""
    pause_reason: str = ""
    retry_after: float | None = None
    session: InformationSession | None = None
    status_code: int | None = None
    identifier: str = ""
    message: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """The columns of the request that say what happened."""
        said: dict[str, Any] = {
            "reason": self.reason,
            "reason_params": {},
            "status_code": self.status_code,
            "identifier": self.identifier[:100],
            "message": self.message[:500],
        }
        if self.session is not None:
            said |= {"token": self.session.token, "session_url": self.session.session_url}
        return said


def outcome_of(answer: Answer) -> Outcome:
    """What ``answer`` means: the table of ``docs/design.md``, read from the top."""
    if isinstance(answer, InformationSession):
        return Outcome(state=State.ISSUED, effect=Effect.GO_ON, session=answer)
    if isinstance(answer, IdenfyConnectionError):
        if answer.maybe_delivered:
            return Outcome(state=State.UNKNOWN, effect=Effect.DOUBT, reason=Reason.NO_ANSWER)
        return Outcome(state=State.QUEUED, effect=Effect.WAIT, pause_reason=PauseReason.UNREACHABLE)
    if isinstance(answer, IdenfyStatusError):
        return _outcome_of_status(answer)
    status_code = getattr(answer, "status_code", None)
    return Outcome(state=State.UNKNOWN, effect=Effect.DOUBT, reason=Reason.UNREADABLE, status_code=status_code)


def _outcome_of_status(error: IdenfyStatusError) -> Outcome:
    status, said = error.status_code, _SAID.get(error.identifier)
    meaning = said or _ANSWERED.get(status) or _by_class(status, is_json=error.is_json)
    state, effect, why = meaning
    return Outcome(
        state=state,
        effect=effect,
        reason=why if state is State.UNKNOWN else "",
        pause_reason=why if state is State.QUEUED else "",
        retry_after=error.retry_after,
        status_code=status,
        identifier=error.identifier,
        message=error.message,
    )


_Meaning = tuple[State, Effect, str]
_SLOW_DOWN: _Meaning = (State.QUEUED, Effect.ALL_WAIT, PauseReason.RATE_LIMITED)
_NO_KEY: _Meaning = (State.QUEUED, Effect.ALL_STOP, PauseReason.UNAUTHORIZED)
_NO_CONTRACT: _Meaning = (State.QUEUED, Effect.ALL_STOP, PauseReason.CONTRACT)
_NO_PERMISSION: _Meaning = (State.QUEUED, Effect.STOP, PauseReason.PERMISSION)
_BROKEN: _Meaning = (State.UNKNOWN, Effect.DOUBT, Reason.SERVER_ERROR)

_SAID: dict[str, _Meaning] = {
    "TOO_MANY_REQUESTS": _SLOW_DOWN,
    "UNAUTHORIZED": _NO_KEY,
    "PARTNER_CONTRACT_ERROR": _NO_CONTRACT,
    "PERMISSIONS_ERROR": _NO_PERMISSION,
    "INTERNAL_ERROR": _BROKEN,
}
_ANSWERED: dict[int, _Meaning] = {
    401: _NO_KEY,
    402: _NO_CONTRACT,
    403: _NO_PERMISSION,
    408: _BROKEN,
    429: _SLOW_DOWN,
}


def _by_class(status: int, *, is_json: bool) -> _Meaning:
    if 400 <= status < 500:
        if is_json:
            return (State.REFUSED, Effect.GO_ON, "")
        return (State.UNKNOWN, Effect.DOUBT, Reason.NOT_IDENFY)
    if 300 <= status < 400:
        return (State.UNKNOWN, Effect.DOUBT, Reason.REDIRECTED)
    return _BROKEN
