from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..choices import CLOSED, ENDS_BY_CLOCK, MARKABLE, OPEN, State
from ..conf import get_settings
from .batch import RequestBatch
from .fields import EncryptedTextField, Unreadable
from .primary import PrimaryManager
from .verification import Verification

validate_last_four = RegexValidator(r"\A[0-9]{4}\Z", _("Four digits, for example 4242."))


def public_digest(public_id: str | uuid.UUID) -> str:
    """A one-way hash of the secret part of a client's link."""
    return hashlib.sha256(str(public_id).encode()).hexdigest()


def state_shown(now: datetime) -> Case:
    """The state in which a request is to anybody who looks ``now``: to group and to order by."""
    is_over = Q(state__in=ENDS_BY_CLOCK, expires_at__lte=now)
    return Case(When(is_over, then=Value(State.EXPIRED.value)), default=F("state"))


class InformationRequestQuerySet(models.QuerySet["InformationRequest"]):
    """Ask by what is *true now*: an overdue row counts as expired, whether or not anybody has written it down."""

    def move(self, to: State, **fields: Any) -> int:
        """Move those that may become ``to``; return how many did. The one way in which a state changes.

        One UPDATE compares the old state, sets the new one, fills or clears the two unique columns by which the
        database holds "one open request per client", and clears the secrets that have had their use.
        """
        guard: dict[str, Any] = {"open_verification": None, "open_client": None}
        if to.is_open:
            guard = {"open_verification": F("verification"), "open_client": F("client_key")}
        if not to.keeps_secrets:
            fields |= dict.fromkeys(self.model.SECRETS, "")
        return self.filter(state__in=to.may_follow).update(state=to, **guard, **fields)

    def overdue(self, now: datetime | None = None) -> InformationRequestQuerySet:
        """Those whose time is over and whose row does not say so yet."""
        return self.filter(state__in=ENDS_BY_CLOCK, expires_at__lte=now or timezone.now())

    def shown_as(self, states: Iterable[State], now: datetime | None = None) -> InformationRequestQuerySet:
        """Those that are in one of these states to anybody who looks now."""
        now = now or timezone.now()
        wanted = set(states)
        by_clock = wanted & ENDS_BY_CLOCK
        condition = Q(state__in=wanted - by_clock) | Q(state__in=by_clock, expires_at__gt=now)
        if State.EXPIRED in wanted:
            condition |= Q(state__in=ENDS_BY_CLOCK, expires_at__lte=now)
        return self.filter(condition)

    def open_now(self, now: datetime | None = None) -> InformationRequestQuerySet:
        """Those for which their client may not be asked again."""
        return self.shown_as(OPEN, now)

    def in_flight(self, since: datetime) -> InformationRequestQuerySet:
        """Claimed after ``since``: a living sender may be asking them at this moment."""
        return self.filter(state=State.SENDING, sent_at__gt=since)

    def markable(self) -> InformationRequestQuerySet:
        """Those of which staff may say that they were answered."""
        return self.filter(state__in=MARKABLE, sent_at__isnull=False)

    def made(self) -> InformationRequestQuerySet:
        """Those that somebody made of a client, sent or not: rows of plans are none."""
        return self.exclude(state__in=[State.DRAFT, State.SKIPPED])

    def asked_again_since(self) -> InformationRequestQuerySet:
        """Those that a later request follows. Only the last of a chain can be asked again."""
        later = InformationRequest.objects.made().filter(again_of__isnull=False)  # few; PostgreSQL is told so
        return self.filter(Exists(later.filter(again_of=OuterRef("pk"))))

    def refused_beside(self) -> InformationRequestQuerySet:
        """Those that iDenfy refused while an earlier one was over only *here*, each with its end as ``held_until``.

        iDenfy has no call to cancel a request. One that was withdrawn or given up once it was sent may still be
        pending there, and as long as it is, iDenfy refuses new ones.
        """
        earlier = InformationRequest.objects.filter(
            state=State.CANCELLED, verification=OuterRef("verification"), sent_at__isnull=False
        )
        alive = earlier.filter(expires_at__gt=OuterRef("outcome_at")).order_by("-expires_at").values("expires_at")
        return (
            self.filter(state=State.REFUSED).annotate(held_until=Subquery(alive[:1])).filter(held_until__isnull=False)
        )

    def needing_decision(self, now: datetime | None = None) -> InformationRequestQuerySet:
        """Those that wait for a person; nothing will happen to them by itself before their time is over.

        * Uncertain ones, until then; also those whose sender is presumed dead, and nobody has written it down yet.
        * Queued ones of a batch that has stopped.
        * Queued ones that nobody sends: the batch does not wait for a time, and within ``claim_window``, the longest
          that a living sender's call may take, it neither began nor claimed anything. Somebody closed its page.
        """
        now, settings = now or timezone.now(), get_settings()
        quiet = now - settings.claim_window
        lively = InformationRequest.objects.filter(sent_at__gt=quiet).values("batch")
        began = ("batch__confirmed_at", "batch__continued_at", "batch__paused_until")
        is_sent = Q(batch__in=lively) | Q(*((f"{moment}__gt", quiet) for moment in began), _connector=Q.OR)
        has_stopped = Q(batch__paused_at__isnull=False, batch__paused_until=None)
        is_dead = Q(state=State.SENDING, sent_at__lte=now - settings.CLAIM_TIMEOUT)
        is_uncertain = (Q(state=State.UNKNOWN) | is_dead) & Q(expires_at__gt=now)
        can_wait = self.filter(state__in=[State.UNKNOWN, State.SENDING, State.QUEUED])  # few of many, by an index
        return can_wait.filter(is_uncertain | Q(state=State.QUEUED) & (has_stopped | ~is_sent))


class InformationRequest(models.Model):
    """One client being asked once, of one verification, within one batch."""

    SECRETS = ("session_url", "token", "public_id")
    """Whoever holds one of them acts as the client. Never loaded for a list; gone once they have had their use."""

    public_id = EncryptedTextField(blank=True, default="", editable=False)
    """Where our own link leads, from the moment there is one until its time is over. As secret as iDenfy's link."""
    public_digest = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
    """By which the link is found, also when it is over: a stolen database shows no link that works."""
    batch = models.ForeignKey(
        RequestBatch, models.PROTECT, related_name="requests", verbose_name=_("batch"), db_index=False
    )
    verification = models.ForeignKey(
        Verification, models.PROTECT, related_name="requests", verbose_name=_("verification"), db_index=False
    )
    again_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="asked_again", verbose_name=_("asked again after")
    )
    """The request before it, where staff asked again. Asking again is always a new row; none is ever sent twice."""
    bank_card_expected_last_four = models.CharField(
        _("expected last four digits"), max_length=4, blank=True, validators=[validate_last_four]
    )

    state = models.CharField(_("state"), max_length=10, default=State.DRAFT)
    reason = models.CharField(max_length=40, blank=True)
    reason_params = models.JSONField(default=dict, blank=True)
    client_key = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001
    """What ``open_client`` is while the request is open: a digest of the client ID. NULL without one, and in a plan
    that asks once for each verification."""
    open_verification = models.OneToOneField(
        Verification, models.PROTECT, null=True, blank=True, editable=False, related_name="open_request"
    )
    open_client = models.CharField(max_length=64, null=True, blank=True, editable=False, unique=True)
    """The guard: a unique NULL is allowed many times on every engine, an empty string once."""

    attempts = models.PositiveIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    sent_at = models.DateTimeField(_("asked on"), null=True, blank=True, db_index=True)
    outcome_at = models.DateTimeField(null=True, blank=True)
    issued_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(_("works until"), null=True, blank=True)
    opened_at = models.DateTimeField(_("opened"), null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    session_url = EncryptedTextField(blank=True, default="")
    token = EncryptedTextField(blank=True, default="")
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    identifier = models.CharField(max_length=100, blank=True)
    message = models.CharField(max_length=500, blank=True)

    deliveries_were_missing = False
    """Whether, as far as somebody has looked, its answer may have been missed. Not stored."""

    objects = PrimaryManager.from_queryset(InformationRequestQuerySet)()

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        permissions = [("reveal_link", "Can see and download clients’ links")]
        indexes = [
            models.Index(fields=["state", "batch", "attempts", "id"], name="idenfy_kyc_req_queue"),
            models.Index(fields=["verification", "id", "sent_at"], name="idenfy_kyc_req_of_ver"),
            models.Index(fields=["batch", "outcome_at"], name="idenfy_kyc_req_outcomes"),
            models.Index(fields=["state", "expires_at"], name="idenfy_kyc_req_clock"),
            models.Index(fields=["state", "id"], name="idenfy_kyc_req_state"),
            models.Index(fields=["state", "verification", "id"], name="idenfy_kyc_req_state_of_ver"),
        ]
        constraints = [
            models.CheckConstraint(
                name="idenfy_kyc_request_guard_matches_state",
                # A comparison with NULL is neither true nor false, and a check refuses only what is false.
                condition=Q(
                    state__in=sorted(OPEN), open_verification__isnull=False, open_verification=F("verification")
                )
                | Q(state__in=sorted(CLOSED), open_verification=None, open_client=None),
            ),
            models.UniqueConstraint(name="idenfy_kyc_request_once_per_batch", fields=["batch", "verification"]),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    def is_overdue(self, now: datetime | None = None) -> bool:
        """Whether its time is over and the row does not say so yet."""
        return (
            self.state in ENDS_BY_CLOCK and self.expires_at is not None and self.expires_at <= (now or timezone.now())
        )

    @property
    def shown_state(self) -> State:
        """The state as it is to anybody who looks now."""
        return State.EXPIRED if self.is_overdue() else State(self.state)

    @property
    def may_be_marked(self) -> bool:
        """Whether staff may say that it was answered."""
        return self.state in MARKABLE and self.sent_at is not None

    @property
    def has_link(self) -> bool:
        """Whether there is a link that works and may be given to the client."""
        return self.shown_state is State.ISSUED

    @property
    def link_is_unreadable(self) -> bool:
        """Whether a link is stored that no current key can decrypt."""
        return isinstance(self.session_url, Unreadable) or isinstance(self.token, Unreadable)
