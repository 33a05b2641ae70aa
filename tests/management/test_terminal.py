from __future__ import annotations

import time
from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from idenfy_kyc.management.terminal import REDRAW_SECONDS, Terminal


class Screen(StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        return True


class BrokenPipe(Screen):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


class TestTerminal:
    def test_says_lines(self) -> None:
        stream = StringIO()

        Terminal(OutputWrapper(stream), quiet=False).say("100 asked")

        assert stream.getvalue() == "100 asked\n"

    def test_is_silent_when_quiet(self) -> None:
        stream = Screen()
        terminal = Terminal(OutputWrapper(stream), quiet=True)

        terminal.say("100 asked")

        assert stream.getvalue() == ""
        assert not terminal.is_due()

    def test_draws_no_bar_into_a_file(self) -> None:
        assert not Terminal(OutputWrapper(StringIO()), quiet=False).is_due()

    def test_draws_the_bar_over_itself_and_takes_it_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "100")
        stream = Screen()
        terminal = Terminal(OutputWrapper(stream), quiet=False)

        terminal.draw("Batch 7", 25, 100)
        terminal.draw("Batch 7", 50, 100)
        terminal.say("Batch 7: done.")
        terminal.say("Really.")

        first, second, rest = stream.getvalue().split("\r\x1b[K")[1:]
        assert first == "Batch 7  [######..................]  25 %, 25 of 100"
        assert second.startswith("Batch 7  [############............]  50 %, 50 of 100")
        assert rest == "Batch 7: done.\nReally.\n"

    def test_says_how_long_it_takes_at_the_pace_so_far(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "100")
        stream = Screen()
        terminal = Terminal(OutputWrapper(stream), quiet=False)

        for second, done in ((0, 0), (10, 0), (10, 100), (10, 5000)):
            monkeypatch.setattr(time, "monotonic", lambda second=second: 1000.0 + second)
            terminal.draw("Batch 7", done, 5000)

        endings = [line.rpartition("of 5000")[2] for line in stream.getvalue().split("\r\x1b[K")[1:]]
        assert endings == ["", "", ", about 8 minutes", ""]

    def test_keeps_the_bar_on_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "30")
        stream = Screen()

        Terminal(OutputWrapper(stream), quiet=False).draw("Batch 7", 25, 100)

        assert len(stream.getvalue()) == len("\r\x1b[K") + 29

    def test_draws_not_at_every_call(self) -> None:
        terminal = Terminal(OutputWrapper(Screen()), quiet=False)
        was_due = terminal.is_due()

        terminal.draw("Batch 7", 25, 100)

        assert was_due
        assert REDRAW_SECONDS > 0
        assert not terminal.is_due()

    def test_outlives_its_reader(self) -> None:
        terminal = Terminal(OutputWrapper(BrokenPipe()), quiet=False)

        terminal.draw("Batch 7", 25, 100)
        terminal.say("100 asked")

        assert not terminal.has_bar
