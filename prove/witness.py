"""The evidence that is collected when all is over: our rows from our database, the POSTs from the fake's journal."""

from __future__ import annotations

from collections.abc import Iterator

from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.conf import get_settings
from idenfy_kyc.models import InformationRequest, RequestEvent

from .evidence import Limits, Row


def limits() -> Limits:
    """What the settings say."""
    settings = get_settings()
    return Limits(
        concurrency=settings.CONCURRENCY,
        read_timeout=settings.READ_TIMEOUT,
        call_deadline=settings.call_deadline,
        retry_waits=tuple(wait.total_seconds() for wait in settings.RETRY_WAITS),
    )


def rows() -> Iterator[Row]:
    """Every request that somebody made."""
    doubts = dict(
        RequestEvent.objects.filter(kind=EventKind.UNKNOWN).order_by("pk").values_list("request_id", "params__reason")
    )
    for request in InformationRequest.objects.made().select_related("batch", "verification").order_by("pk"):
        batch = request.batch
        is_uncertain = request.state == State.UNKNOWN or request.reason == Reason.GIVEN_UP
        yield Row(
            key=request.pk,
            scan_ref=request.verification.scan_ref,
            mark=batch.questionnaire,
            state=request.state,
            confirmed_at=batch.confirmed_at.timestamp() if batch.confirmed_at else 0.0,
            confirmed_by=batch.confirmed_by_name,
            follows=request.again_of_id,
            token=str(request.token),
            sent_at=request.sent_at.timestamp() if request.sent_at else None,
            uncertain_for=doubts.get(request.pk, "") if is_uncertain else "",
            batch_has_stopped=batch.is_stopped(),
        )
