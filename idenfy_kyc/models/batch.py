from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..choices import State
from ..conf import MAX_LIFETIME, MIN_LIFETIME, get_settings
from .primary import PrimaryManager

if TYPE_CHECKING:
    from .request import InformationRequestQuerySet


def default_lifetime() -> timedelta:
    return get_settings().DEFAULT_LIFETIME


class RequestBatch(models.Model):
    """One *ask*: what is asked, why, of whom, by whom. A single request is a batch of one.

    Whether it is a plan, sending, waiting, stopped or done is not stored: see :class:`idenfy_kyc.services.Progress`.
    """

    ASKS = (
        "additional_step_upload_required",
        "questionnaire",
        "risk_assessment_profile",
        "bank_card_verification",
    )

    lifetime = models.DurationField(_("the link works for"), default=default_lifetime)
    questionnaire = models.CharField(_("questionnaire"), max_length=200, blank=True)
    risk_assessment_profile = models.UUIDField(_("risk assessment profile"), null=True, blank=True)
    additional_step_upload_required = models.BooleanField(_("document upload"), default=False)
    bank_card_verification = models.BooleanField(_("bank card check"), default=False)
    note = models.CharField(_("reason"), max_length=500, blank=True)
    selection = models.TextField(_("how the clients were chosen"), blank=True)
    per_verification = models.BooleanField(_("once for each verification, even of the same client"), default=False)

    planned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("planned by")
    )
    planned_by_name = models.CharField(max_length=200, blank=True)
    planned_at = models.DateTimeField(_("planned on"), default=timezone.now)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("asked by")
    )
    confirmed_by_name = models.CharField(max_length=200, blank=True)
    confirmed_at = models.DateTimeField(_("asked on"), null=True, blank=True, db_index=True)
    fingerprint = models.CharField(max_length=64, blank=True)

    continued_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    pause_reason = models.CharField(max_length=40, blank=True)
    pause_params = models.JSONField(default=dict, blank=True)

    if TYPE_CHECKING:
        requests: InformationRequestQuerySet

    objects: ClassVar[models.Manager[RequestBatch]] = PrimaryManager()

    class Meta:
        verbose_name = _("request batch")
        verbose_name_plural = _("request batches")
        indexes = [
            models.Index(fields=["confirmed_by_name", "id"], name="idenfy_kyc_bat_asked_by"),
            models.Index(fields=["questionnaire", "confirmed_at"], name="idenfy_kyc_bat_used"),
        ]
        constraints = [
            models.CheckConstraint(
                name="idenfy_kyc_batch_pause_has_reason",
                condition=models.Q(paused_at=None, paused_until=None, pause_reason="")
                | (models.Q(paused_at__isnull=False) & ~models.Q(pause_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    @property
    def is_plan(self) -> bool:
        """Whether nobody has confirmed it: nothing was asked."""
        return self.confirmed_at is None

    def is_stopped(self) -> bool:
        """Whether it goes on only when a person continues it."""
        return self.paused_at is not None and self.paused_until is None

    def is_waiting(self, now: datetime) -> bool:
        """Whether it goes on by itself, but later."""
        return self.paused_until is not None and self.paused_until > now

    @property
    def run_started_at(self) -> datetime | None:
        """When the present run began: at the confirmation, or after it last waited or stopped."""
        return max(filter(None, (self.confirmed_at, self.continued_at, self.paused_until)), default=None)

    def clean(self) -> None:
        """Refuse what iDenfy would refuse, and what an auditor would ask about."""
        self.questionnaire = self.questionnaire.strip()
        self.note = self.note.strip()
        errors: dict[str, ValidationError] = {}
        if not any(getattr(self, name) for name in self.ASKS):
            errors["additional_step_upload_required"] = ValidationError(
                _("Choose at least one thing to ask for."), code="nothing_asked"
            )
        if not MIN_LIFETIME <= self.lifetime <= MAX_LIFETIME:
            errors["lifetime"] = ValidationError(_("Choose between 1 hour and 30 days."), code="lifetime")
        if not self.note:
            errors["note"] = ValidationError(_("Give a reason."), code="required")
        if errors:
            raise ValidationError(errors)

    def rows_in(self, *states: State) -> InformationRequestQuerySet:
        """Its requests in these states, as stored."""
        return self.requests.filter(state__in=states)
