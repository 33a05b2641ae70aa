"""What goes wrong, and when. Pure: the same seed gives the same schedule.

A moment is counted in POSTs that reached iDenfy, not in seconds: then a fault always hits clients being asked, on a
fast machine and on a slow one. What exactly is under way in that moment, no seed decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from idenfy_kyc.testing import Fault

WEB, SENDER = "a web worker", "idenfy_send"
A_MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KillOne:
    """``kill -9`` of one process; ``which`` chooses among those that run, from 0 up to 1."""

    who: str
    which: float

    def __str__(self) -> str:
        return f"kill {self.who}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartDatabase:
    """PostgreSQL ends at once, and is back after ``seconds``. ``killing`` dies meanwhile, if it is given."""

    seconds: float
    killing: KillOne | None = None

    def __str__(self) -> str:
        meanwhile = f", and {self.killing} meanwhile" if self.killing else ""
        return f"PostgreSQL away for {self.seconds:.1f} s{meanwhile}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehave:
    """iDenfy answers so for ``seconds``. ``loses``: an answer may be lost by it, which makes it an outage."""

    fault: Fault
    seconds: float
    value: float | None = None
    loses: bool = True

    def __str__(self) -> str:
        value = f" ({self.value:.1f})" if self.value is not None else ""
        return f"iDenfy answers {self.fault.value}{value} for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoDown:
    """iDenfy's process is killed, and nothing listens there for ``seconds``."""

    seconds: float

    def __str__(self) -> str:
        return f"iDenfy down for {self.seconds:.0f} s"


Act = KillOne | RestartDatabase | Misbehave | GoDown


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """``act`` once ``posts`` more have arrived since the phase began, and ``delay`` seconds after that."""

    posts: int
    delay: float
    act: Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One batch: how many clients, how many plans of these same clients there are, and who sends it."""

    name: str
    clients: int
    plans: int
    tabs: int
    senders: int
    moments: tuple[Moment, ...] = field(default=())


def schedule(seed: int, requests: int) -> tuple[Phase, ...]:
    """The three phases for so many requests."""
    chance = Random(seed)
    quarter = requests // 4
    return (
        Phase(name="page", clients=quarter, plans=1, tabs=1, senders=0, moments=_page(chance, quarter)),
        Phase(name="four", clients=2 * quarter, plans=4, tabs=0, senders=4, moments=_four(chance, 2 * quarter)),
        Phase(name="both", clients=quarter, plans=1, tabs=1, senders=1, moments=_both(chance, quarter)),
    )


def _page(chance: Random, clients: int) -> tuple[Moment, ...]:
    """An open page sends, under gunicorn."""
    acts: list[Act] = [
        *(_kill(chance, WEB) for _ in range(4)),
        RestartDatabase(seconds=chance.uniform(0.2, 4)),
        _outage(chance, Fault.CUT_AFTER),
        _outage(chance, Fault.HTML_NOT_FOUND),
        _slow(chance),
        Misbehave(fault=Fault.RETRY_AFTER, seconds=chance.uniform(1, 2), value=3, loses=False),
    ]
    return _spread(chance, acts, clients)


def _four(chance: Random, clients: int) -> tuple[Moment, ...]:
    """Four ``idenfy_send`` at once."""
    acts: list[Act] = [
        *(_kill(chance, SENDER) for _ in range(8)),
        RestartDatabase(seconds=chance.uniform(0.2, 4)),
        RestartDatabase(seconds=chance.uniform(2, 4), killing=_kill(chance, SENDER)),
        _outage(chance, Fault.CUT_BEFORE),
        _outage(chance, Fault.SERVER_ERROR),
        Misbehave(fault=Fault.RATE_LIMITED, seconds=chance.uniform(1, 3), loses=False),
    ]
    return _spread(chance, acts, clients)


def _both(chance: Random, clients: int) -> tuple[Moment, ...]:
    """An open page and an ``idenfy_send``."""
    acts: list[Act] = [
        *(_kill(chance, who) for who in (WEB, WEB, SENDER, SENDER)),
        RestartDatabase(seconds=chance.uniform(0.2, 4)),
        _outage(chance, Fault.LOST),
        _outage(chance, Fault.LATENCY, value=5),
        _slow(chance),
        GoDown(seconds=A_MINUTE),
    ]
    return _spread(chance, acts, clients)


def _kill(chance: Random, who: str) -> KillOne:
    return KillOne(who=who, which=chance.random())


def _outage(chance: Random, fault: Fault, value: float | None = None) -> Misbehave:
    return Misbehave(fault=fault, seconds=chance.uniform(2, 8), value=value)


def _slow(chance: Random) -> Misbehave:
    """Late, and still in time."""
    return Misbehave(fault=Fault.LATENCY, seconds=chance.uniform(3, 6), value=chance.uniform(0.5, 1), loses=False)


def _spread(chance: Random, acts: list[Act], clients: int) -> tuple[Moment, ...]:
    """In any order, at any moments of the phase but its very beginning and end."""
    chance.shuffle(acts)
    posts = sorted(chance.randint(clients // 20, clients * 17 // 20) for _ in acts)
    return tuple(Moment(posts=at, delay=chance.uniform(0, 0.2), act=act) for at, act in zip(posts, acts, strict=True))
