from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .batch import RequestBatch
from .primary import PrimaryManager
from .request import InformationRequest
from .verification import Verification

_APPEND_ONLY = "The record is append-only."
_PERSONAL = ("message", "day")
"""Parameters of a line that tell of one client: iDenfy's words, and the day on which his document expires."""


class RequestEventQuerySet(models.QuerySet["RequestEvent"]):
    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse: a line of the record is never changed."""
        raise TypeError(_APPEND_ONLY)

    def forget_words(self) -> None:
        """Take what iDenfy said of one client out of these lines, when that client's personal data is erased."""
        told = list(self.filter(params__has_any_keys=[*_PERSONAL]))
        for event in told:
            event.params = {name: value for name, value in event.params.items() if name not in _PERSONAL}
        lines: models.QuerySet[RequestEvent] = models.QuerySet(self.model, using=self.db)
        lines.bulk_update(told, ["params"], batch_size=100)

    def delete(self) -> NoReturn:
        """Refuse: a line goes only with the plan that it belongs to, or with what retention removes."""
        raise TypeError(_APPEND_ONLY)


class RequestEvent(models.Model):
    """One line of the record: what happened, when, by whom; without a secret and without a client's name.

    Written in the transaction that makes the change. ``actor_name`` is frozen, so that the line outlives the account;
    it is empty when nobody acted: the clock did, or the sender.
    """

    kind = models.CharField(max_length=20)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    actor_name = models.CharField(max_length=200, blank=True)
    batch = models.ForeignKey(RequestBatch, models.CASCADE, null=True, blank=True, related_name="events")
    """None where iDenfy told something of a verification that no request of ours asked for."""
    request = models.ForeignKey(InformationRequest, models.CASCADE, null=True, blank=True, related_name="events")
    verification = models.ForeignKey(Verification, models.PROTECT, null=True, blank=True, related_name="events")
    params = models.JSONField(default=dict, blank=True)

    objects = PrimaryManager.from_queryset(RequestEventQuerySet)()

    class Meta:
        verbose_name = _("line of the record")
        verbose_name_plural = _("lines of the record")
        # Of a large batch nearly all lines are about one request or another; few are about the batch.
        indexes = [models.Index(fields=["batch", "request"], name="idenfy_kyc_event_of_batch")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M:%S}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Append; a stored line is never changed."""
        if not self._state.adding:
            raise TypeError(_APPEND_ONLY)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse, as for many."""
        raise TypeError(_APPEND_ONLY)
