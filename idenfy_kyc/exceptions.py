"""Everything that can go wrong, as one tree::

    IdenfyError
    ├── IdenfyApiError            talking to iDenfy went wrong
    │   ├── IdenfyConnectionError     no answer came (``maybe_delivered`` says whether the call may have)
    │   ├── IdenfyStatusError         iDenfy, or something in front of it, answered other than 2xx
    │   └── IdenfyResponseError       a 2xx answer that cannot be read
    ├── UnreadableDelivery        a signed delivery that says nothing we can use
    └── RequestError              the request may not be made, whatever iDenfy would say
        ├── AlreadyOpen               the client has an open request
        ├── BeingAsked                the client is being asked at this moment
        ├── NotEligible               the verification's status rules it out
        ├── TooMany                   more verifications than one batch may hold
        ├── PlanChanged               who was confirmed is not who would be asked
        └── SecondPersonNeeded        whoever planned may not confirm so many

``DeliveryRejected``, a delivery that iDenfy has not signed, is Django's ``SuspiciousOperation``: Django answers 400.
A missing or wrong setting is Django's ``ImproperlyConfigured``, on purpose outside this tree, so that no
``except IdenfyError`` swallows it.

No ``str()`` or ``repr()`` of these bears a body, a name, a token, a link or a key. What iDenfy said stands in
attributes, for the code that stores it.
"""

from __future__ import annotations

from django.core.exceptions import SuspiciousOperation


class IdenfyError(Exception):
    """The root of what this package raises by itself."""


class IdenfyApiError(IdenfyError):
    """Talking to iDenfy went wrong."""


class IdenfyConnectionError(IdenfyApiError):
    """No answer came.

    ``maybe_delivered`` is False only if not a byte of the request's body was handed to the socket. It is observed,
    never inferred from an exception's class: ``requests`` raises the same ``SSLError`` for a certificate that was
    refused and for a record corrupted after the server had read the whole request.
    """

    def __init__(self, description: str, *, maybe_delivered: bool) -> None:
        super().__init__(description)
        self.maybe_delivered = maybe_delivered


class IdenfyStatusError(IdenfyApiError):
    """An answer other than 2xx.

    ``identifier`` and ``message`` are iDenfy's words, empty if there were none; ``is_json`` tells whether the body
    was a JSON object, list or text (if not, it was hardly iDenfy who spoke); ``retry_after`` is in seconds, or None.
    """

    def __init__(
        self,
        status_code: int,
        *,
        identifier: str = "",
        message: str = "",
        is_json: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"iDenfy answered {status_code}")
        self.status_code = status_code
        self.identifier = identifier
        self.message = message
        self.is_json = is_json
        self.retry_after = retry_after


class IdenfyResponseError(IdenfyApiError):
    """A 2xx answer that we cannot read. After the call that asks: something was done, and we do not know what."""

    def __init__(self, description: str, *, status_code: int) -> None:
        super().__init__(description)
        self.status_code = status_code


class UnreadableDelivery(IdenfyError):
    """A delivery that iDenfy signed, and that says nothing we can use. ``code`` says why, and nothing of the body."""

    def __init__(self, code: str) -> None:
        super().__init__(f"The delivery cannot be read: {code}")
        self.code = code


class DeliveryRejected(SuspiciousOperation):
    """A delivery whose signature fits none of the keys: nothing of it is read or kept."""


class RequestError(IdenfyError):
    """The request may not be made, whatever iDenfy would say."""


class AlreadyOpen(RequestError):
    """The verification, or another one of the same client, has an open request."""


class BeingAsked(RequestError):
    """The client is being asked at this moment: try again when the answer is there, a minute later at the most."""


class NotEligible(RequestError):
    """The verification may not be asked: deleted, archived, expired or not finished at iDenfy, or erased here."""


class TooMany(RequestError):
    """More verifications were chosen than one batch may hold."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"More than {limit} verifications were chosen")
        self.limit = limit


class PlanChanged(RequestError):
    """The plan no longer asks the clients that were confirmed, or not so many; nothing was queued."""

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(f"{actual} would be asked, not {expected}")
        self.expected = expected
        self.actual = actual


class SecondPersonNeeded(RequestError):
    """Whoever planned may not confirm so many clients; nothing was queued, and the attempt is on record."""
