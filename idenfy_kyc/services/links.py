"""The links: shown to staff, handed out, and opened by the client. Every showing leaves a line in the record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from ..choices import EventKind, State
from ..models import InformationRequest
from . import database
from .record import note_requests

if TYPE_CHECKING:
    from .record import User


def reveal(request: InformationRequest, *, by: User) -> bool:
    """Record that somebody was shown the link; return whether there is one to show."""
    if not request.has_link:
        return False
    note_requests(EventKind.REVEALED, [request], by=by)
    return True


def record_download(requests: Iterable[InformationRequest], *, by: User) -> None:
    """Record that somebody took these links away in a file."""
    with transaction.atomic(using=database.alias()):
        note_requests(EventKind.DOWNLOADED, requests, by=by)


def open_link(request: InformationRequest) -> str | None:
    """Record that the client goes on, and return where to; None if the link is over or leads nowhere safe."""
    if not request.has_link or not is_web_address(request.session_url):
        return None
    with transaction.atomic(using=database.alias()):
        working = InformationRequest.objects.shown_as([State.ISSUED]).filter(pk=request.pk)
        if not working.update(opened_at=Coalesce("opened_at", timezone.now())):
            return None
        note_requests(EventKind.OPENED, [request])
    return str(request.session_url)


def is_web_address(url: str) -> bool:
    """Whether a ``sessionUrl`` may become a link at all: never ``javascript:`` and the like, and no line break."""
    if any(char.isspace() or not char.isprintable() for char in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
