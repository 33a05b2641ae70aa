"""The settings: one dict, ``IDENFY_KYC``, in the host project; every key optional.

Read at each use, never at import, so that ``override_settings`` and late configuration work. What a key may be is
checked by :mod:`idenfy_kyc.checks`; here stand only the names, the types and the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

from django.conf import settings

SETTING = "IDENFY_KYC"

MAX_LIFETIME = timedelta(days=30)
"""iDenfy's limit (2,592,000 s): https://documentation.idenfy.com/api-reference/kyc-verifications/request-additional-information-from-client"""
MIN_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the host project has set, with defaults for the rest."""

    API_KEY: str = field(default="", repr=False)
    """The API key from iDenfy's dashboard. Without it nothing can be asked."""
    API_SECRET: str = field(default="", repr=False)
    """The secret that belongs to ``API_KEY``."""
    BASE_URL: str = "https://ivs.idenfy.com"
    """Where iDenfy's API lives. Must be https, unless it is this machine."""
    WEBHOOK_SIGNING_KEYS: tuple[str, ...] = field(default=(), repr=False)
    """The keys iDenfy may sign its deliveries with; several while you rotate them."""
    CREATE_FROM_WEBHOOK: bool = True
    """Whether a delivery about a verification that is not here yet adds it."""
    WEBHOOK_SILENCE: timedelta | None = timedelta(days=1)
    """How long no delivery may come before that is a gap, if it is unusual, too; None: for ever."""
    WEBHOOK_RETENTION_DAYS: int = 30
    """Days for which the body of a delivery is kept, encrypted, to handle it again."""
    ANSWER_RETENTION_DAYS: int | None = None
    """Days for which clients' answers are kept; None: until they are erased."""
    PLAN_RETENTION_DAYS: int = 30
    """Days for which a plan that nobody confirmed is kept."""
    ERASURE_KEY: str = field(default="", repr=False)
    """Key of the hash that stays of an erased client's ID; never change it. Empty: ``SECRET_KEY`` and its fallbacks."""
    ENVIRONMENT: str = ""
    """A word shown beside every heading, such as ``"TEST"``, so that nobody takes one system for the other."""
    PROJECT_NAME: str = ""
    """What clients know you as; stands on the page behind their link. Empty: the host name."""
    CLIENTS: str = ""
    """Dotted path to a function of yours that tells what you know of clients: see :mod:`idenfy_kyc.clients`."""
    SENDER: str = ""
    """Dotted path to a function that has a confirmed batch sent by a worker: see :mod:`idenfy_kyc.services.workers`.
    Empty: its open page sends."""
    CONNECT_TIMEOUT: float = 5.0
    """Seconds to reach iDenfy."""
    READ_TIMEOUT: float = 15.0
    """Seconds without a byte of the answer."""
    STEP_SECONDS: float = 3.0
    """Seconds for which one web request goes on asking; then it waits for what is under way."""
    CONCURRENCY: int = 8
    """Calls to iDenfy at one time, from one sender: 1 to 32."""
    HOURLY_QUOTA: int = 5000
    """Requests an hour. iDenfy's default limit is 10,000 for the whole account; the rest is for live traffic."""
    MAX_BATCH_SIZE: int = 10_000
    """Verifications in one batch: 1 to 50,000."""
    TYPE_COUNT_ABOVE: int | None = 100
    """Above so many clients the person who confirms must type their number; None: never."""
    SECOND_PERSON_ABOVE: int | None = None
    """Above so many clients whoever planned may not confirm; None: always may."""
    DEFAULT_LIFETIME: timedelta = timedelta(days=14)
    """How long a link works unless staff say otherwise: 1 hour to 30 days."""
    INELIGIBLE_STATUSES: tuple[str, ...] = ("DELETED", "ARCHIVED", "EXPIRED", "EXPIRED-DELETED", "ACTIVE")
    """Statuses of a verification, in iDenfy's words, whose client is never asked."""
    RETRY_WAITS: tuple[timedelta, ...] = (
        timedelta(minutes=1),
        timedelta(minutes=2),
        timedelta(minutes=5),
        timedelta(minutes=10),
    )
    """How long a batch waits, try after try, when iDenfy does not answer."""
    CLAIM_TIMEOUT: timedelta = timedelta(minutes=15)
    """After this a sender that never reported back is presumed dead, and what it was asking is uncertain."""

    @property
    def call_deadline(self) -> float:
        """Seconds within which one call to iDenfy is over, whatever happens."""
        return self.CONNECT_TIMEOUT + self.READ_TIMEOUT

    @property
    def claim_window(self) -> timedelta:
        """How long a live sender's claim may be under way; an older one is not sent any more."""
        return timedelta(seconds=3 * self.call_deadline)

    @property
    def is_configured(self) -> bool:
        """Whether there are credentials to ask with."""
        return bool(self.API_KEY and self.API_SECRET)


def get_settings() -> Settings:
    """The settings as they are now. Unknown keys are left to the system check, not raised here."""
    given: Any = getattr(settings, SETTING, {})
    if not isinstance(given, Mapping):
        return Settings()
    known = {f.name for f in fields(Settings)}
    return Settings(**{name: value for name, value in given.items() if name in known})
