"""What iDenfy calls: one address for all of its events.

The view does as little as it can before it answers: iDenfy waits ten seconds, hardly tries again, and sends the client
to its failure page when it hears anything but 2xx.
"""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from . import services
from .decorators import discreet, durable
from .exceptions import DeliveryRejected

logger = logging.getLogger("idenfy_kyc")

MAX_BODY = 1024 * 1024
"""Bytes. A delivery has a few thousand; with every check switched on, some tens of thousands."""


@durable
@discreet
@csrf_exempt
@login_not_required
@never_cache
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Take a delivery: 200 once it is kept, whatever becomes of it; 400 unsigned; 413 too long; 500 if it was not kept.

    https://documentation.idenfy.com/kyc/webhooks
    """
    try:
        body = _read(request, MAX_BODY + 1)
    except Exception:  # noqa: BLE001 (a server's own errors: chunks that are none, a client who has gone)
        return _answer(400, "The body could not be read.")
    if len(body) > MAX_BODY:
        return _answer(413, "The body is too long.")
    event_type, signature = (request.headers.get(name, "") for name in ("Idenfy-Event-Type", "Idenfy-Signature"))
    try:
        services.receive(event_type=event_type, body=body, signature=signature)
    except DeliveryRejected:
        return _answer(400, "The signature fits none of our keys.")
    except DatabaseError as error:
        logger.critical("A delivery from iDenfy could not be kept: %s", type(error).__name__)
        return _answer(500, "Not kept. Please send it again.")
    return _answer(200, "Kept.")


def _read(request: HttpRequest, size: int) -> bytes:
    """At most so many bytes of the body.

    Under WSGI Django takes a body without a length for an empty one, and a delivery in chunks for a forgery. A server
    that knows where such a body ends says so.
    """
    if request.META.get("wsgi.input_terminated") and not request.headers.get("content-length"):
        return bytes(request.META["wsgi.input"].read(size))
    return request.read(size)


def _answer(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
