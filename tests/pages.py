"""The pages that people read, cut into what can be compared with the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in FILES}
_FENCED = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code; ``str()`` is where it stands."""

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def tree(self) -> ast.Module:
        """It as Python."""
        return ast.parse(self.code)


def blocks(language: str) -> list[Block]:
    """Every block in this language, on all pages."""
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, language, dedent(match[3]))
        for page, text in PAGES.items()
        for match in _FENCED.finditer(text)
        if match[2] == language
    ]


def example(page: str, containing: str) -> str:
    """The one Python block of a page with these words in it."""
    (found,) = (block.code for block in blocks("python") if block.page == page and containing in block.code)
    return found


def section(page: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its rank or above."""
    marks = heading.partition(" ")[0]
    below = PAGES[page].partition(f"\n{heading}\n")[2]
    return re.split(rf"^#{{1,{len(marks)}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without their heads; each cell as it is written."""
    rows = [re.split(r"(?<!\\) ?\| ?", line.strip("|").strip()) for line in text.splitlines() if line.startswith("|")]
    rules = {number for number, cells in enumerate(rows) if set(cells[0]) <= {"-"} and cells[0]}
    return [cells for number, cells in enumerate(rows) if number not in rules and number + 1 not in rules]


def code_spans(text: str) -> Iterator[str]:
    """What stands between backticks, and the lines of console blocks."""
    for block in re.findall(r"```(?:console|text|ini)\n(.*?)```", text, re.DOTALL):
        yield from (line.partition("  #")[0].strip() for line in block.splitlines())
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
