"""Asking one client from Python, without the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from ..choices import Reason, State
from ..exceptions import AlreadyOpen, NotEligible, PlanChanged
from ..models import InformationRequest, RequestBatch, Verification
from . import database
from .confirming import check_asks, confirm
from .ending import write_down_time
from .planning import Candidate, freeze
from .record import frozen_name
from .sending import send as send_batch

if TYPE_CHECKING:
    from .record import User


def request_information(
    verification: Verification, *, requested_by: User, note: str, send: bool = True, **asks: Any
) -> InformationRequest:
    """Ask the client of one verification; return the request as the call left it.

    ``asks`` are the fields of :class:`~idenfy_kyc.models.RequestBatch`: ``lifetime`` (a ``timedelta``),
    ``questionnaire``, ``risk_assessment_profile``, ``additional_step_upload_required``, ``bank_card_verification``;
    and ``bank_card_expected_last_four``. Look at ``shown_state`` of what comes back: only *issued* has a link.

    With ``send=False`` the request is only queued, and this is the one form allowed inside a transaction.

    Raises ``AlreadyOpen``, ``NotEligible``, ``ValidationError`` (what is asked), ``ImproperlyConfigured`` (no
    credentials), and with ``send`` ``RuntimeError`` inside a transaction.
    https://documentation.idenfy.com/kyc/request-update
    """
    if send:
        database.refuse_transaction()
    last_four = asks.pop("bank_card_expected_last_four", "")
    asks |= {"note": note, "planned_by": requested_by, "planned_by_name": frozen_name(requested_by)}
    check_asks(RequestBatch(**asks), last_four=last_four)
    write_down_time()
    request = database.repeat_on_conflict(
        lambda: _queue_one(RequestBatch(**asks), verification.pk, by=requested_by, last_four=last_four)
    )
    if send:
        send_batch(request.batch)
        request.refresh_from_db()
    return request


def _queue_one(batch: RequestBatch, key: int, *, by: User, last_four: str) -> InformationRequest:
    """In one transaction. What is known of the verification is read anew: the caller's may be old."""
    verification = Verification.objects.get(pk=key)
    with transaction.atomic(using=database.alias()):
        candidate = Candidate(verification.pk, verification.client_id, verification.status, verification.verified_at)
        request = freeze(batch, [candidate]).requests.get()
        if request.state == State.SKIPPED:
            raise NotEligible(request.reason_params["status"]) if request.reason == Reason.INELIGIBLE else AlreadyOpen()
        try:
            confirm(batch, by=by, expected=1, last_four=last_four)
        except PlanChanged:
            raise AlreadyOpen from None
        request.refresh_from_db()
        return request
