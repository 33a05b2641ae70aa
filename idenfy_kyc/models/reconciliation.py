from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Sum
from django.utils import timezone

from .primary import PrimaryManager


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    def calls_since(self, moment: datetime) -> int:
        """How many calls the runs made that were at work since ``moment``: rather too many than too few."""
        return self.filter(moved_at__gt=moment).aggregate(calls=Sum("calls"))["calls"] or 0


class Reconciliation(models.Model):
    """One run along iDenfy's list of verifications. A run that did not get to the end is where the next one begins.

    ``calls`` are those of this run; the numbers of what was found are those of the whole walk, from its first page on.
    """

    fingerprint = models.CharField(max_length=64, editable=False)
    """Which account's list: a page number of another one says nothing."""
    started_at = models.DateTimeField(default=timezone.now)
    """When the walk began; the same for all of its runs."""
    moved_at = models.DateTimeField(default=timezone.now, db_index=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    page = models.PositiveIntegerField(default=1)
    """The one to ask for next."""
    calls = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    """How many verifications iDenfy says it has."""
    listed = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    """Listed, and not here."""
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)

    objects = PrimaryManager.from_queryset(ReconciliationQuerySet)()

    class Meta:
        verbose_name = "reconciliation"
        verbose_name_plural = "reconciliations"

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
