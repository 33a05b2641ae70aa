from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..choices import status_label
from ..conf import get_settings
from .folded import FoldedField, FoldingQuerySet, copies, with_copies
from .primary import PrimaryManager

_ERASED_SALT = "idenfy_kyc.models.verification.erased_client"

validate_scan_ref = RegexValidator(
    r"\A[A-Za-z0-9-]{1,40}\Z",
    _("A scan reference has 1 to 40 letters, digits and hyphens, for example 3f2d0e6a-0a37-11ec-a45b-025ad99a18e7."),
)


def client_digest(client_id: str) -> str | None:
    """A one-way hash of a client ID, or None without one.

    The database compares digests, not IDs: under a case-insensitive or accent-blind collation two clients would
    otherwise be taken for one.
    """
    return hashlib.sha256(client_id.encode()).hexdigest() if client_id else None


def erased_digests(client_id: str) -> list[str]:
    """What may stand for this client ID once it is erased, beginning with what is stored; none without an ID.

    Keyed, since IDs that count up are soon tried. A project that rotates ``SECRET_KEY`` without a fallback finds nobody
    by his ID any more, unless it has an ``ERASURE_KEY``.
    """
    keys = [get_settings().ERASURE_KEY, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        salted_hmac(_ERASED_SALT, client_id, secret=key, algorithm="sha256").hexdigest()
        for key in keys
        if key and client_id
    ]


class VerificationQuerySet(FoldingQuerySet["Verification"]):
    def of_clients(self, client_ids: Collection[str]) -> VerificationQuerySet:
        """Every verification of these clients; a blank ID is nobody's."""
        return self.filter(client_id__in=[client_id for client_id in client_ids if client_id])

    def of_exactly(self, client_ids: Collection[str]) -> VerificationQuerySet:
        """The same, letter by letter: a database that takes ``c-1`` for ``C-1`` must not erase somebody else."""
        found = self.of_clients(client_ids).values_list("pk", "client_id")
        return self.filter(pk__in=[pk for pk, client_id in found if client_id in client_ids])


class Verification(models.Model):
    """One iDenfy verification, with no more personal data than staff need to recognise the client."""

    scan_ref = models.CharField(_("scan reference"), max_length=40, unique=True, validators=[validate_scan_ref])
    client_id = models.CharField(_("client ID"), max_length=100, blank=True, db_index=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    name_folded = FoldedField(max_length=400, of="name")
    status = models.CharField(_("status"), max_length=40, blank=True)
    verified_at = models.DateTimeField(_("verified on"), null=True, blank=True, db_index=True)
    is_final = models.BooleanField(_("reviewed to the end"), default=False)
    """Whether iDenfy called this status final. It may still change it: a person there can."""
    checks = models.JSONField(_("check results"), default=dict, blank=True)
    """iDenfy’s results and tags behind the status, in its own words."""
    told_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When iDenfy told us this status. What was told before that cannot undo it."""
    reviewed_at = models.DateTimeField(_("reviewed on"), null=True, blank=True)
    """When its newest review was told, for the first time: an answer asked for since then has not been reviewed."""
    changed_after_review_at = models.DateTimeField(_("changed after review"), null=True, blank=True)
    refreshed_at = models.DateTimeField(_("refreshed on"), null=True, blank=True, editable=False, db_index=True)
    """When iDenfy was last asked for this one's status, by a person: once an hour, or it bars us."""
    document_expires = models.CharField(_("document expires"), max_length=40, blank=True)
    expiration_threshold = models.CharField(max_length=40, blank=True)
    erased_client = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    """A keyed hash of the client ID that was erased: shows that a certain client was, and not whom one has."""
    erased_at = models.DateTimeField(_("erased on"), null=True, blank=True)
    """Since then no delivery, import or reconciliation brings anything of the client back."""
    created_at = models.DateTimeField(_("added on"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed on"), auto_now=True)

    objects = PrimaryManager.from_queryset(VerificationQuerySet)()

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")
        permissions = [
            ("request_information", "Can request information from clients"),
            ("erase_personal_data", "Can erase clients’ personal data"),
        ]
        # With the key behind it: the newest of a status are read, and no others.
        indexes = [models.Index(fields=["status", "id"], name="idenfy_kyc_ver_status")]

    def __str__(self) -> str:
        return self.scan_ref

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Store it. With a name goes its folded copy, also of a row that was loaded without it."""
        for copy in copies(type(self), self.__dict__):
            copy.pre_save(self, add=False)
        super().save(*args, update_fields=with_copies(type(self), update_fields), **kwargs)

    @property
    def is_eligible(self) -> bool:
        """Whether the client may be asked, as far as we know."""
        return self.erased_at is None and self.status not in get_settings().INELIGIBLE_STATUSES

    @property
    def status_label(self) -> str | Promise:
        """The status in words."""
        return status_label(self.status)

    @property
    def label(self) -> str:
        """What staff know the client by: the name, or else the client ID, or else the scan reference."""
        return str(_("Erased client")) if self.erased_at else self.name or self.client_id or self.scan_ref
