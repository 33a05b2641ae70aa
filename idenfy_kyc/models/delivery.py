from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..choices import DeliveryProblem
from .fields import EncryptedTextField
from .primary import PrimaryManager

_BROKEN_OFF = ("", DeliveryProblem.BROKE_OFF)
"""Of whose handling nothing is known but that it is not over."""


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def failed(self) -> WebhookDeliveryQuerySet:
        """Those that could not be handled, and wait for a person unless they are due."""
        return self.filter(handled_at=None)

    def hopeless(self) -> WebhookDeliveryQuerySet:
        """Those of them that nobody will handle again by himself: a person must say that he has seen to them."""
        return self.failed().exclude(problem__in=_BROKEN_OFF)

    def due(self) -> WebhookDeliveryQuerySet:
        """Those whose handling broke off, or never began: it may well work now. What cannot be read never will."""
        return self._broken_off().exclude(body="")

    def _broken_off(self) -> WebhookDeliveryQuerySet:
        return self.failed().filter(problem__in=_BROKEN_OFF)

    def note_unreadable(self) -> None:
        """Of those that might have worked nothing is left to be handled: nobody need wait for them."""
        self._broken_off().filter(body="").update(problem=DeliveryProblem.UNREADABLE)

    def forget(self, at: datetime) -> None:
        """Leave nothing of what these say, and nothing to be handled: their client's personal data is erased."""
        self.failed().update(handled_at=at, problem=DeliveryProblem.ERASED)
        self.exclude(body="").update(body="")


class WebhookDelivery(models.Model):
    """One signed delivery from iDenfy, kept before it is handled. The same bytes told again are the same row.

    The body holds personal data that nothing else of ours keeps: it is encrypted, and goes after
    ``WEBHOOK_RETENTION_DAYS``. Without it a delivery can no longer be handled again.
    """

    digest = models.CharField(max_length=64, unique=True, editable=False)
    body_digest = models.CharField(max_length=64, editable=False)
    """Of the bytes alone: the same message under another event's name, which is not signed, is not believed."""
    event_type = models.CharField(_("event"), max_length=100, blank=True)
    scan_ref = models.CharField(_("scan reference"), max_length=40, blank=True, db_index=True)
    body = EncryptedTextField(blank=True, default="")
    received_at = models.DateTimeField(_("received on"), default=timezone.now, db_index=True)
    after_silence = models.BooleanField(default=False, editable=False)
    """Whether none had come for ``WEBHOOK_SILENCE`` before it. Noted as it comes: hard to find later."""
    last_received_at = models.DateTimeField(_("last received on"), default=timezone.now)
    receipts = models.PositiveIntegerField(_("received"), default=1)
    handled_at = models.DateTimeField(_("handled on"), null=True, blank=True)
    problem = models.CharField(_("problem"), max_length=40, blank=True)
    """A code: why it could not be handled, or why there was nothing to do. Empty for whatever did what it says."""

    verification_key: int | None = None
    """The verification that it is about, where somebody has looked that up. Not stored."""
    others_wait = True
    """Whether, as far as we know, other deliveries of its verification wait to be handled again. Not stored."""

    objects = PrimaryManager.from_queryset(WebhookDeliveryQuerySet)()

    class Meta:
        verbose_name = _("delivery from iDenfy")
        verbose_name_plural = _("deliveries from iDenfy")
        indexes = [
            # What waits to be handled again is hardly ever more than a few rows among millions.
            models.Index(fields=["handled_at", "id"], name="idenfy_kyc_delivery_handled"),
            models.Index(fields=["after_silence", "received_at"], name="idenfy_kyc_delivery_silence"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    @property
    def raw(self) -> bytes:
        """The body, byte for byte; they are kept as text of which each character is one."""
        return str(self.body).encode("latin-1")

    @property
    def is_handled(self) -> bool:
        """Whether it has done what it had to do."""
        return self.handled_at is not None

    @property
    def has_broken_off(self) -> bool:
        """Whether no other reason is known for which it was not handled."""
        return self.problem in _BROKEN_OFF

    @property
    def can_be_handled(self) -> bool:
        """Whether its body is still there, and can be read."""
        return bool(self.body)


class WebhookRejection(models.Model):
    """How many deliveries of one hour no key of ours had signed. Nothing else of them is kept.

    ``named`` are those that bore an event's name, as all of iDenfy's do: they may be real ones, and missing here. What
    bears none is a scanner's.
    """

    hour = models.DateTimeField(_("hour"), unique=True)
    count = models.PositiveIntegerField(_("rejected"), default=0)
    named = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    objects = PrimaryManager()

    class Meta:
        verbose_name = _("rejected deliveries of an hour")
        verbose_name_plural = _("rejected deliveries by hour")

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}"
