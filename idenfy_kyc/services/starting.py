"""Starting a verification: the client is sent to iDenfy, and what becomes of it comes back by webhook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..api import IdenfyClient, VerificationAsks, VerificationSession
from ..choices import EventKind
from ..conf import MAX_LIFETIME
from ..models import Verification
from . import database
from .record import line_about

ACTIVE = "ACTIVE"
"""iDenfy's word for a verification that has begun."""
_LONGEST = {"client_id": 100, "first_name": 100, "last_name": 100, "external_ref": 40, "locale": 7}
_NOT_IN_NAMES = frozenset('~!@#$%^*()_+={}[]|:;",<>/?')
_ADDRESSES = ("success_url", "error_url", "unverified_url", "callback_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedVerification:
    """Where to send the client. ``redirect_url`` and ``token`` are bearer secrets: whoever holds one is the client.

    ``token`` is what iDenfy's mobile SDKs and its iframe take in place of the address.
    """

    verification: Verification
    redirect_url: str = field(repr=False)
    token: str = field(repr=False)


def start_verification(client_id: str, **asks: Any) -> StartedVerification:
    """Begin a verification of this client at iDenfy, and keep it here; say where to send him.

    ``asks`` are the fields of :class:`~idenfy_kyc.api.VerificationAsks`, such as ``first_name``, ``last_name``,
    ``success_url``, ``locale``, ``expiry_time`` (a ``timedelta``) or ``questionnaire``. What you leave out is not sent.

    Raises ``ValidationError``, by field and before anything is sent; ``ImproperlyConfigured`` without credentials;
    ``TypeError`` for an ask that there is not; and ``IdenfyApiError`` if iDenfy refuses or no answer comes. Then simply
    call it again: nobody was asked anything, and a verification whose token was lost expires by itself.

    It may run inside a transaction, unlike what asks clients: a rollback forgets the verification, and iDenfy's webhook
    brings it back. But the call takes up to ``CONNECT_TIMEOUT`` and ``READ_TIMEOUT``, and so long it holds your locks.
    Each one may cost you money at iDenfy: mind who can reach the view that calls this.
    https://documentation.idenfy.com/kyc/generate-token
    """
    wanted = VerificationAsks(client_id=client_id, **asks)
    if problems := dict(_problems(wanted)):
        raise ValidationError(problems)
    with IdenfyClient.from_settings() as client:
        session = client.start_verification(wanted)
    verification = _recorded(wanted, session)
    return StartedVerification(verification=verification, redirect_url=session.redirect_url, token=session.token)


def _recorded(wanted: VerificationAsks, session: VerificationSession) -> Verification:
    """The verification, kept. Somebody may have been faster: a webhook, or an import."""
    name = " ".join(filter(None, [wanted.first_name, wanted.last_name]))[:200]
    try:
        with transaction.atomic(using=database.alias()):
            verification = Verification.objects.create(
                scan_ref=session.scan_ref, client_id=wanted.client_id, name=name, status=ACTIVE
            )
            line_about(verification, EventKind.STARTED).save()
    except IntegrityError:
        return Verification.objects.get(scan_ref=session.scan_ref)
    return verification


def _problems(wanted: VerificationAsks) -> Iterator[tuple[str, str | Promise]]:
    """What iDenfy would refuse, by field: its answer would name no field that one could show."""
    for name, limit in _LONGEST.items():
        if len(getattr(wanted, name)) > limit:
            yield name, _("At most %(limit)s characters.") % {"limit": limit}
    if not (wanted.client_id.isascii() and wanted.client_id.isprintable() and wanted.client_id.strip()):
        yield "client_id", _("Letters, digits and signs of ASCII, for example C-1042.")
    for name in ("first_name", "last_name"):
        if not _NOT_IN_NAMES.isdisjoint(getattr(wanted, name)):
            yield name, _("iDenfy takes none of these: %(characters)s") % {"characters": "".join(sorted(_NOT_IN_NAMES))}
    for name in _ADDRESSES:
        if (address := getattr(wanted, name)) and not _is_address(address):
            yield name, _("A whole address of at most 2,048 characters, for example https://example.com/done/.")
    if wanted.country and not (len(wanted.country) == 2 and wanted.country.isascii() and wanted.country.isalpha()):
        yield "country", _("Two letters, for example LT.")
    if wanted.expiry_time is not None and not timedelta(seconds=1) <= wanted.expiry_time <= MAX_LIFETIME:
        yield "expiry_time", _("Choose between 1 second and 30 days.")
    if wanted.session_length is not None and not timedelta(minutes=1) <= wanted.session_length <= timedelta(hours=1):
        yield "session_length", _("Choose between 1 minute and 1 hour.")


def _is_address(text: str) -> bool:
    """Whether iDenfy can send somebody there; an app's own scheme will do, too."""
    if not 5 <= len(text) <= 2048 or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)
