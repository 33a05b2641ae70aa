from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .fields import EncryptedTextField, Unreadable
from .primary import PrimaryManager
from .request import InformationRequest
from .verification import Verification


class AnswerQuerySet(models.QuerySet["Answer"]):
    def in_review(self) -> AnswerQuerySet:
        """Those on which iDenfy has not decided yet."""
        return self.filter(review_follows=True, reviewed_at=None)

    def not_looked_at(self) -> AnswerQuerySet:
        """Those that nobody here has looked at."""
        return self.filter(looked_at=None)


class Answer(models.Model):
    """What a client has answered, as iDenfy told it: to a request of ours, or to one that was not made here.

    The answers themselves are personal data: encrypted, shown to holders of ``view_answers``, and erased after
    ``ANSWER_RETENTION_DAYS``. What a review decides later is written over what the answer came with.
    """

    verification = models.ForeignKey(
        Verification, models.PROTECT, related_name="answers", verbose_name=_("verification"), db_index=False
    )
    request = models.OneToOneField(
        InformationRequest, models.PROTECT, null=True, blank=True, related_name="answer", verbose_name=_("request")
    )
    identity = models.CharField(max_length=64, editable=False)
    """The same when iDenfy tells the same answer again: it never completes a newer request."""
    received_at = models.DateTimeField(_("answered on"), default=timezone.now)
    review_follows = models.BooleanField(_("a review follows"), default=False)
    reviewed_at = models.DateTimeField(_("reviewed on"), null=True, blank=True)

    status = models.CharField(_("status"), max_length=40, blank=True)
    additional_step = models.CharField(_("additional step"), max_length=40, blank=True)
    mismatch_tags = models.JSONField(_("mismatch tags"), default=list, blank=True)
    risk_score = models.PositiveSmallIntegerField(_("risk score"), null=True, blank=True)
    risk_level = models.CharField(_("risk level"), max_length=40, blank=True)
    bank_card = models.CharField(_("bank card"), max_length=40, blank=True)
    questionnaire_json = EncryptedTextField(blank=True, default="")
    erased_at = models.DateTimeField(_("erased on"), null=True, blank=True)

    looked_at = models.DateTimeField(_("looked at on"), null=True, blank=True)
    looked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("looked at by"),
    )
    looked_by_name = models.CharField(max_length=200, blank=True)

    objects = PrimaryManager.from_queryset(AnswerQuerySet)()

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        permissions = [("view_answers", "Can read what clients answered")]
        indexes = [
            models.Index(fields=["looked_at"], name="idenfy_kyc_answer_unread"),
            models.Index(fields=["review_follows", "reviewed_at"], name="idenfy_kyc_answer_review"),
        ]
        constraints = [
            models.UniqueConstraint(name="idenfy_kyc_answer_told_once", fields=["verification", "identity"]),
            models.CheckConstraint(
                name="idenfy_kyc_answer_review_was_due", condition=Q(reviewed_at=None) | Q(review_follows=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    @property
    def is_in_review(self) -> bool:
        """Whether iDenfy has not decided yet."""
        return self.review_follows and self.reviewed_at is None

    @property
    def is_unreadable(self) -> bool:
        """Whether something was answered that no current key can decrypt."""
        return isinstance(self.questionnaire_json, Unreadable)

    @property
    def questionnaire(self) -> Mapping[str, Any]:
        """The answered questionnaire as iDenfy sent it; empty without one, or where no key can read it any more."""
        return json.loads(self.questionnaire_json) if self.questionnaire_json else {}
