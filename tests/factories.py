"""Rows for tests, made directly: in any state, without the services that the tests are about.

Every function takes the fields that matter to the test, and makes up the rest.
"""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification, client_digest
from idenfy_kyc.models.request import public_digest
from idenfy_kyc.services.account import fingerprint

_numbers = itertools.count(1)

LINK = "https://ivs.idenfy.test/session?authToken=s3cret-in-the-link"
TOKEN = "s3cret-token"
HAD_LINK = {State.ISSUED, State.COMPLETED, State.EXPIRED, State.CANCELLED}


def make_user(email: str = "", **fields: Any) -> Any:
    """A user of the test project; without an email any."""
    fields.setdefault("full_name", "Rasa Kazlauskienė")
    return get_user_model()._default_manager.create_user(email or f"user-{next(_numbers)}@example.com", **fields)


def verification_fields(**fields: Any) -> dict[str, Any]:
    """What an approved verification of a client of its own looks like."""
    number = next(_numbers)
    return {
        "scan_ref": str(uuid.UUID(int=number)),
        "client_id": f"C-{number}",
        "name": f"Client number {number}",
        "status": "APPROVED",
        "verified_at": datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
    } | fields


def make_verification(**fields: Any) -> Verification:
    """One verification in the database."""
    return Verification.objects.create(**verification_fields(**fields))


def make_verifications(count: int, **fields: Any) -> list[Verification]:
    """``count`` of them, each of a client of its own unless ``client_id`` is given; as they stand in the database."""
    made = Verification.objects.bulk_create([Verification(**verification_fields(**fields)) for _ in range(count)])
    return list(Verification.objects.filter(scan_ref__in=[v.scan_ref for v in made]).order_by("pk"))


def make_batch(*, confirmed: bool = False, **fields: Any) -> RequestBatch:
    """A batch without rows: a plan, or as it is once somebody confirmed it."""
    fields = {"note": "annual review", "questionnaire": "source-of-funds"} | fields
    if confirmed:
        now = timezone.now()
        fields = {
            "confirmed_at": now,
            "confirmed_by_name": "Rasa Kazlauskienė",
            "fingerprint": fingerprint(),
        } | fields
    return RequestBatch.objects.create(**fields)


def make_request(state: State = State.DRAFT, **fields: Any) -> InformationRequest:
    """One request in ``state``, with what a request in that state has."""
    verification = fields.pop("verification", None) or make_verification()
    batch = fields.pop("batch", None) or make_batch(confirmed=state not in {State.DRAFT, State.SKIPPED})
    key = None if batch.per_verification else client_digest(verification.client_id)
    fields = {"client_key": key} | _fields_of(state, batch) | fields
    if state.is_open:
        fields = {"open_verification": verification, "open_client": key} | fields
    public_id = uuid.uuid4()
    if state in HAD_LINK:
        fields = {"public_digest": public_digest(public_id)} | fields
    if state is State.ISSUED:
        fields = {"public_id": str(public_id)} | fields
    request = InformationRequest.objects.create(batch=batch, verification=verification, state=state, **fields)
    request.public_id = str(public_id)  # the client still has the link when it is over, and we do not
    return request


def make_queue(count: int, **fields: Any) -> RequestBatch:
    """A confirmed batch with ``count`` queued requests."""
    batch = make_batch(confirmed=True, **fields)
    for verification in make_verifications(count):
        make_request(State.QUEUED, batch=batch, verification=verification)
    return batch


def _fields_of(state: State, batch: RequestBatch) -> dict[str, Any]:
    if state in {State.DRAFT, State.SKIPPED, State.QUEUED}:
        return {}
    now = timezone.now()
    fields = {"claim": uuid.uuid4(), "sent_at": now, "expires_at": now + batch.lifetime, "attempts": 1}
    if state is not State.SENDING:
        fields["outcome_at"] = now
    if state is State.ISSUED:
        fields |= {"issued_at": now, "session_url": LINK, "token": TOKEN}
    if state in {State.REFUSED, State.COMPLETED, State.EXPIRED, State.CANCELLED}:
        fields["ended_at"] = now
    return fields
