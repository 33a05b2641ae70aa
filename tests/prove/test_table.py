"""The figures of the proof: that they stand in the README as they were printed, and that a broken bound shows."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from idenfy_kyc.choices import Reason, State
from prove import table
from prove.evidence import Evidence
from prove.schedule import WEB, KillOne, Moment, Phase, schedule
from tests.pages import PAGES
from tests.pages import table as rows_of
from tests.prove.test_checks import killed, post, row, seen, uncertain

RESULTS = table.RESULTS.read_text()
NOTHING_ELSE = (Phase(name="page", clients=1, plans=1, tabs=1, senders=0),)
BOUNDS = [bound.what for bound in table.BOUNDS]


class TestTheResults:
    def test_stand_in_the_readme(self) -> None:
        assert table.quoted(PAGES["README.md"]) == RESULTS

    def test_are_of_the_schedule_that_their_seed_gives(self) -> None:
        seed = int(re.findall(r"SEED=(\d+)", RESULTS)[0])
        said = {cells[0]: cells[1] for cells in rows_of(RESULTS)}

        for what, count in table.planned(schedule(seed, 2000)):
            assert said[what] == f"{count:,}"

    def test_have_every_bound_and_hold_it(self) -> None:
        bounds = [cells for cells in rows_of(RESULTS) if cells[2]]

        assert [cells[0] for cells in bounds] == BOUNDS
        for _what, count, allowed in bounds:
            assert int(count.replace(",", "")) <= int(allowed.replace(",", ""))

    def test_add_up(self) -> None:
        figures = {cells[0]: int(cells[1].replace(",", "")) for cells in rows_of(RESULTS)}
        issued, *where = (count for what, count in figures.items() if what.startswith("links that") or "answer" in what)

        assert issued == sum(where[:3])


class TestTheTable:
    def test_shows_nothing_broken_when_nothing_is(self) -> None:
        found = seen(rows=[row(token="token-1")], posts=[post()])

        assert table.broken(NOTHING_ELSE, found) == []
        assert f"| {BOUNDS[0]} | 0 | 0 |" in table.table(1, found)

    def test_shows_that_not_everything_happened(self) -> None:
        moment = Moment(posts=1, delay=0.0, act=KillOne(who=WEB, which=0.0))
        phases = (replace(NOTHING_ELSE[0], clients=2, moments=(moment,)),)

        assert table.broken(phases, seen(rows=[row()])) == [
            "requests: 1, and not 2",
            "web workers killed: 0, and not 1",
        ]

    @pytest.mark.parametrize(
        ("number", "found"),
        [
            (0, {"rows": [row(token="token-1")], "posts": [post(), post(2, status=400)]}),
            (2, {"rows": [row()], "posts": [post()]}),
            (3, {"rows": uncertain(5, Reason.SENDER_DIED), "kills": [killed()]}),
            (5, {"rows": uncertain(1)}),
            (6, {"rows": [row(state=State.QUEUED)]}),
        ],
    )
    def test_shows_what_is_broken(self, number: int, found: dict[str, Any]) -> None:
        evidence: Evidence = seen(**found)

        lines = rows_of(table.table(1, evidence))

        _what, count, allowed = next(cells for cells in lines if cells[0] == BOUNDS[number])
        assert int(count) > int(allowed)
        assert set(table.BOUNDS[number].check(evidence)) <= set(table.broken(NOTHING_ELSE, evidence))


class TestWritingDown:
    def test_keeps_the_table_and_quotes_it_where_the_last_one_stood(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        readme, results = tmp_path / "README.md", tmp_path / "results.txt"
        readme.write_text(f"before\n{table.BEGIN}old\n{table.END}\nafter\n")
        monkeypatch.setattr(table, "README", readme)
        monkeypatch.setattr(table, "RESULTS", results)

        table.write_down("| new |\n")

        assert results.read_text() == "| new |\n"
        assert readme.read_text() == f"before\n{table.BEGIN}| new |\n{table.END}\nafter\n"
        assert table.quoted(readme.read_text()) == "| new |\n"
