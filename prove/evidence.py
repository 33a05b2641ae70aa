"""What was seen: our rows, the fake's journal, and what the driver itself did. Moments are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

from idenfy_kyc.testing import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One request as it stands in our database when all is over.

    ``mark`` is the questionnaire that its batch alone has asked for: it stands in the body of each of its POSTs, so
    that with ``scan_ref`` it tells whose a POST is.
    """

    key: int
    scan_ref: str
    mark: str
    state: str
    confirmed_at: float
    confirmed_by: str
    follows: int | None = None
    token: str = field(default="", repr=False)
    sent_at: float | None = None
    uncertain_for: str = ""
    """Why nobody knows whether its client was asked; also if it was given up since. Empty if that is known."""
    batch_has_stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A process that was killed: frozen ``at`` one moment, and ``gone_at`` another.

    ``connections`` are its ends of those to the fake, as it held them when it was frozen. Until it was gone, they were
    still open, and whatever came was answered to nobody.
    """

    at: float
    gone_at: float
    who: str
    connections: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time in which iDenfy misbehaved, and how many senders were at work then.

    ``loses``: an answer may be lost by it. If not, it was late, or said that nothing was done.
    """

    fault: str
    begun: float
    ended: float
    senders: int
    loses: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time in which something was away."""

    begun: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that an officer called; ``trouble`` is empty if it came."""

    begun: float
    ended: float
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The settings that the bounds are made of; times in seconds."""

    concurrency: int
    read_timeout: float
    call_deadline: float
    retry_waits: tuple[float, ...]


@dataclass(slots=True, kw_only=True)
class Evidence:
    """All of it."""

    limits: Limits
    rows: list[Row] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    restarts: list[Span] = field(default_factory=list)
    fake_deaths: list[float] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
