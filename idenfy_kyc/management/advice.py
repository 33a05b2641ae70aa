"""What to do about what went wrong: for commands, whose readers can change settings."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ..choices import PauseReason, Reason
from ..exceptions import IdenfyApiError, IdenfyStatusError
from ..services.answers import outcome_of


class ToDo(Exception):
    """What to do, in one sentence or several."""


def what_to_do(error: IdenfyApiError) -> str:
    """The same reading of an answer as that by which batches stop and wait."""
    outcome = outcome_of(error)
    words = _WHAT_TO_DO.get(outcome.pause_reason or outcome.reason)
    if words is None:
        words = gettext_lazy("It refuses this call (%(answer)s): see that BASE_URL is iDenfy’s, and ask iDenfy why.")
    answer = error.status_code if isinstance(error, IdenfyStatusError) else error
    return str(words) % {"answer": answer}


_NOT_IDENFY = gettext_lazy("Something else seems to have answered (%(answer)s): correct BASE_URL, or the proxy.")
_WHAT_TO_DO: dict[str, Promise] = {
    PauseReason.UNREACHABLE: gettext_lazy(
        "%(answer)s; let this machine call BASE_URL, and look at proxy and certificates."
    ),
    PauseReason.UNAUTHORIZED: gettext_lazy(
        "It does not take the key (%(answer)s): copy API_KEY and API_SECRET anew from its dashboard."
    ),
    PauseReason.CONTRACT: gettext_lazy("The contract does not allow this (%(answer)s): settle it with iDenfy."),
    PauseReason.PERMISSION: gettext_lazy("The key may not do this (%(answer)s): settle it with iDenfy."),
    PauseReason.RATE_LIMITED: gettext_lazy("It asks to slow down (%(answer)s): try again in an hour."),
    Reason.SERVER_ERROR: gettext_lazy("It has a fault of its own (%(answer)s): try again in some minutes."),
    Reason.NOT_IDENFY: _NOT_IDENFY,
    Reason.REDIRECTED: _NOT_IDENFY,
    Reason.UNREADABLE: _NOT_IDENFY,
}
