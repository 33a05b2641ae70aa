"""The figures: one table, for the terminal, for ``results.txt`` and for the README."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import checks
from .evidence import Evidence
from .schedule import SENDER, WEB, GoDown, KillOne, Misbehave, Phase, RestartDatabase

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "prove" / "results.txt"
README = ROOT / "README.md"
BEGIN, END = "<!-- proved: begin -->\n", "<!-- proved: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One thing that must hold: its line in the table, and the check."""

    what: str
    count: Callable[[Evidence], int]
    allowed: Callable[[Evidence], int]
    check: Callable[[Evidence], list[str]]


def _broken(check: Callable[[Evidence], list[str]]) -> Callable[[Evidence], int]:
    return lambda seen: len(check(seen))


def _none(_seen: Evidence) -> int:
    return 0


def _zero(what: str, check: Callable[[Evidence], list[str]]) -> Bound:
    return Bound(what=what, count=_broken(check), allowed=_none, check=check)


BOUNDS = (
    _zero("calls made once more without a person, after any answer but 401, 402, 403 or 429", checks.posted_again),
    _zero("calls made once more after iDenfy had issued the link", checks.posted_after_issue),
    _zero("links not stored, though answered to a process that lived until the database was back", checks.links_lost),
    Bound(
        what="uncertain since a process was killed: `CONCURRENCY` (4) for each",
        count=lambda seen: len(checks.died(seen)),
        allowed=checks.allowed_for_kills,
        check=checks.uncertain_for_kills,
    ),
    Bound(
        what="uncertain since iDenfy failed: 3 + `CONCURRENCY` for each outage and sender, one for each later try",
        count=lambda seen: sum(len(rows) for _outage, rows in checks.by_outage(seen)),
        allowed=lambda seen: sum(
            checks.allowed_for_outage(outage, seen.limits) for outage, _ in checks.by_outage(seen)
        ),
        check=checks.uncertain_for_outages,
    ),
    _zero("uncertain though nothing was wrong", checks.uncertain_for_nothing),
    _zero("neither over, nor with the client, nor waiting for a person", checks.unfinished),
    _zero("pages that failed while server and database were there", checks.pages_failed),
)


def planned(phases: tuple[Phase, ...]) -> list[tuple[str, int]]:
    """What the seed decides: the first figures of the table."""
    acts = [moment.act for phase in phases for moment in phase.moments]
    restarts = [act for act in acts if isinstance(act, RestartDatabase)]
    kills = [act for act in acts if isinstance(act, KillOne)] + [act.killing for act in restarts if act.killing]
    return _faults(
        requests=sum(phase.clients for phase in phases),
        killed=[kill.who for kill in kills],
        restarts=len(restarts),
        outages=sum(isinstance(act, Misbehave | GoDown) for act in acts),
    )


def performed(seen: Evidence) -> list[tuple[str, int]]:
    """The same figures, as it came about."""
    return _faults(
        requests=sum(row.follows is None for row in seen.rows),
        killed=[kill.who for kill in seen.kills],
        restarts=len(seen.restarts),
        outages=len(seen.outages),
    )


def _faults(*, requests: int, killed: list[str], restarts: int, outages: int) -> list[tuple[str, int]]:
    return [
        ("requests", requests),
        ("web workers killed", killed.count(WEB)),
        ("`idenfy_send` killed", killed.count(SENDER)),
        ("PostgreSQL ended at once and restarted", restarts),
        ("iDenfy slow, down for a minute, cutting connections, with 429, 5xx, HTML: times", outages),
    ]


def measured(seen: Evidence) -> list[tuple[str, int]]:
    """What came of it: figures that differ from run to run."""
    issued, stored = [post for post in seen.posts if post.issued], {row.token for row in seen.rows}
    lost = [post for post in issued if post.token not in stored]
    with_process = checks.not_stored(seen)
    return [
        ("calls that reached iDenfy", len(seen.posts)),
        ("links that it issued", len(issued)),
        ("links that are stored", len(issued) - len(lost)),
        ("links whose answer iDenfy cut off, spoilt or sent too late", len(lost) - len(with_process)),
        ("links that were answered, and went with the process that was killed", len(with_process)),
        ("uncertain ones that a person asked again", sum(row.follows is not None for row in seen.rows)),
        ("of these refused, since iDenfy held the first request", sum(row.state == "refused" for row in seen.rows)),
        ("pages that officers called", len(seen.pages)),
    ]


def table(seed: int, seen: Evidence) -> str:
    """Two columns: what was seen, and what may be seen at the most."""
    lines = [f"| `make prove SEED={seed}` | seen | allowed |", "|---|---|---|"]
    lines += [f"| {what} | {count:,} | |" for what, count in (*performed(seen), *measured(seen))]
    lines += [f"| {bound.what} | {bound.count(seen):,} | {bound.allowed(seen):,} |" for bound in BOUNDS]
    return "\n".join(lines) + "\n"


def broken(phases: tuple[Phase, ...], seen: Evidence) -> list[str]:
    """Everything that does not hold, in words; also if not everything happened that should have."""
    pairs = zip(planned(phases), performed(seen), strict=True)
    missing = [f"{what}: {count}, and not {wanted}" for (what, wanted), (_what, count) in pairs if count != wanted]
    return missing + [words for bound in BOUNDS for words in bound.check(seen)]


def quoted(readme: str) -> str:
    """The table that stands in the README."""
    return readme.partition(BEGIN)[2].partition(END)[0].strip() + "\n"


def write_down(text: str) -> None:
    """Keep the table, and quote it where the README has the last one."""
    RESULTS.write_text(text)
    readme = README.read_text()
    before, begin, rest = readme.partition(BEGIN)
    README.write_text(f"{before}{begin}{text}{rest[rest.index(END) :]}")
