"""Writing the record: who did what, when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from django.utils import timezone

from ..choices import EventKind
from ..models import InformationRequest, RequestBatch, RequestEvent, Verification
from .database import insert

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    User: TypeAlias = AbstractBaseUser | None


def frozen_name(user: User) -> str:
    """A user's name as text that outlives the account. Works for every user model."""
    if user is None:
        return ""
    full_name = getattr(user, "get_full_name", str)
    return str(full_name() or user.get_username())[:200]


def note_batch(kind: EventKind, batch: RequestBatch, *, by: User = None, **params: Any) -> None:
    """One line about a whole batch."""
    RequestEvent.objects.create(kind=kind, batch=batch, actor=by, actor_name=frozen_name(by), params=params)  # type: ignore[misc]


def line_about(verification: Verification, kind: EventKind, *, by: User = None, **params: Any) -> RequestEvent:
    """A line about a verification and no request, not stored yet."""
    return RequestEvent(
        kind=kind,
        verification_id=verification.pk,
        actor=by,
        actor_name=frozen_name(by),
        params=params,  # type: ignore[misc]
    )


def line_of(request: InformationRequest, kind: EventKind, *, by: User = None, **params: Any) -> RequestEvent:
    """A line about one request, not stored yet."""
    return RequestEvent(
        kind=kind,
        actor=by,  # type: ignore[misc]
        actor_name=frozen_name(by),
        batch_id=request.batch_id,
        request_id=request.pk,
        verification_id=request.verification_id,
        params=params,
    )


def note_requests(kind: EventKind, requests: Iterable[InformationRequest], *, by: User = None, **params: Any) -> None:
    """One line for each of these requests.

    In the order in which everybody locks verifications, since a line that refers to one locks it too.
    """
    at, name = timezone.now(), frozen_name(by)
    lines = (
        RequestEvent(
            kind=kind,
            at=at,
            actor=by,  # type: ignore[misc]
            actor_name=name,
            batch_id=request.batch_id,
            request_id=request.pk,
            verification_id=request.verification_id,
            params=params,
        )
        for request in sorted(requests, key=lambda request: request.verification_id)
    )
    insert(lines)
