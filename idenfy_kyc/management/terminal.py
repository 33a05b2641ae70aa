"""What a command says: lines for everybody, and a bar for whoever watches a terminal."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from typing import Protocol

from django.utils.translation import gettext as _

from ..durations import about

REDRAW_SECONDS = 0.5
BAR_WIDTH = 24


class Stream(Protocol):
    """As much of Django's ``OutputWrapper`` as is needed here."""

    def write(self, msg: str = ..., *, ending: str | None = ...) -> object: ...
    def isatty(self) -> bool: ...
    def flush(self) -> object: ...


class Terminal:
    """Writes to a stream that may go away: a closed terminal or pipe must not cost an answer that is under way."""

    def __init__(self, stream: Stream, *, quiet: bool) -> None:
        self.stream = stream
        self.quiet = quiet
        self.has_bar = False
        self._live = not quiet and stream.isatty()
        self._drawn_at = 0.0
        self._started: tuple[str, float, int] | None = None

    def say(self, line: str) -> None:
        """One line, in place of the bar."""
        self.clear()
        if not self.quiet:
            self._write(line, ending="\n")

    def is_due(self) -> bool:
        """Whether the bar should be drawn again: only on a terminal, and not at every call."""
        return self._live and time.monotonic() - self._drawn_at >= REDRAW_SECONDS

    def draw(self, title: str, done: int, total: int) -> None:
        """The bar, on one line that is written over the last one."""
        now = self._drawn_at = time.monotonic()
        if self._started is None or self._started[0] != title:
            self._started = (title, now, done)
        since, first = self._started[1:]
        filled = BAR_WIDTH * done // total
        bar = "#" * filled + "." * (BAR_WIDTH - filled)
        share = _("%(percent)d %%, %(done)d of %(total)d") % {
            "percent": 100 * done // total,
            "done": done,
            "total": total,
        }
        has_pace = done > first and total > done and now > since
        left = about(total - done, rate=(done - first) / (now - since)) if has_pace else ""
        line = f"{title}  [{bar}]  {share}{left and ', '}{left}"
        self._write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", ending="")
        self.has_bar = True

    def clear(self) -> None:
        """Take the bar away."""
        if self.has_bar:
            self._write("\r\x1b[K", ending="")
            self.has_bar = False

    def _write(self, text: str, *, ending: str) -> None:
        with suppress(OSError, ValueError):
            self.stream.write(text, ending=ending)
            self.stream.flush()
