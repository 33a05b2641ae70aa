"""Asking one client from Python, without the admin."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from ..choices import Reason, State
from ..exceptions import AlreadyOpen, NotEligible, PlanChanged
from ..models import InformationRequest, RequestBatch, Verification, client_digest
from ..models.request import InformationRequestQuerySet
from . import database
from .confirming import check_asks, check_configured, queue
from .ending import write_down_time
from .planning import Candidate, freeze, new_batch
from .sending import send as send_batch
from .workers import hand_over

if TYPE_CHECKING:
    from .record import User


def request_information(
    verification: Verification, *, requested_by: User, note: str, send: bool = True, **asks: Any
) -> InformationRequest:
    """Ask the client of one verification; return the request as the call left it.

    ``asks`` are the fields of :class:`~idenfy_kyc.models.RequestBatch`: ``lifetime`` (a ``timedelta``),
    ``questionnaire``, ``risk_assessment_profile``, ``additional_step_upload_required``, ``bank_card_verification``;
    and ``bank_card_expected_last_four``. Look at ``shown_state`` of what comes back: only *issued* has a link.

    With ``send=False`` the request is only queued (and handed over, if ``SENDER`` names a worker), and this is the one
    form allowed inside a transaction.
    ``SECOND_PERSON_ABOVE`` does not apply: it is about plans, which people make and confirm; this is the host's code.

    Raises ``AlreadyOpen``, ``NotEligible``, ``ValidationError`` (what is asked), ``ImproperlyConfigured`` (no
    credentials), ``TypeError`` (an ask that there is not); and with ``send`` ``RuntimeError`` inside a transaction, and
    ``DatabaseError`` if the database would not take iDenfy's answer: then the request may have been made.
    https://documentation.idenfy.com/kyc/request-update
    """
    if send:
        database.refuse_transaction()
    check_configured()
    last_four = asks.pop("bank_card_expected_last_four", "")
    new = partial(new_batch, planned_by=requested_by, note=note, **asks)
    check_asks(new(), last_four=last_four)
    # Of this client only: the caller may be in a transaction, and would hold everybody else's rows.
    write_down_time(_open_ones(Verification.objects.get(pk=verification.pk)))
    try:
        request = database.repeat_on_conflict(
            lambda: _queue_one(new(), verification.pk, by=requested_by, last_four=last_four)
        )
    except IntegrityError as error:
        # The unique columns know better than what this transaction can see.
        raise AlreadyOpen from error
    if send:
        send_batch(request.batch)
        request.refresh_from_db()
    else:
        hand_over(request.batch)
    return request


def _open_ones(verification: Verification) -> InformationRequestQuerySet:
    """By all that planning looks at: the verification, the client's digest, and whose verification it is now."""
    own, client_id = Q(open_verification=verification), verification.client_id
    of_client = Q(open_client=client_digest(client_id)) | Q(open_verification__client_id=client_id)
    return InformationRequest.objects.filter(own | of_client if client_id else own)


def _queue_one(batch: RequestBatch, key: int, *, by: User, last_four: str) -> InformationRequest:
    """In one transaction. What is known of the verification is read anew: the caller's may be old."""
    verification = Verification.objects.get(pk=key)
    with transaction.atomic(using=database.alias()):
        candidate = Candidate.of(verification)
        request = freeze(batch, [candidate]).requests.get()
        if request.state == State.SKIPPED:
            ruled_out = request.reason in {Reason.INELIGIBLE, Reason.ERASED}
            raise NotEligible(request.reason_params.get("status", request.reason)) if ruled_out else AlreadyOpen()
        try:
            queue(batch, by=by, expected=1, last_four=last_four, may_alone=True)
        except PlanChanged:
            raise AlreadyOpen from None
        request.refresh_from_db()
        return request
