"""Our style sheets know no left and no right: a page in Arabic is the mirror image of one in English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.environments import ROOT

STYLES = sorted((ROOT / "idenfy_kyc" / "static").rglob("*.css"))
PHYSICAL = re.compile(
    r"^\s*((?:(?:margin|padding|border|scroll-\w+)-)?(?:left|right)\b[\w-]*|(?:text-align|float|clear)\s*:\s*(?:left|right)|"
    r"border-(?:top|bottom)-(?:left|right)-radius)",
    re.MULTILINE,
)


def physical(css: str) -> list[str]:
    """The declarations that name a side, and those of four sides that differ."""
    code = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    four = re.findall(r"(?:margin|padding|inset|border-width)\s*:\s*\S+ (\S+) \S+ (\S+);", code)
    return [*PHYSICAL.findall(code), *(f"{right} and {left}" for right, left in four if right != left)]


class TestStyles:
    @pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
    def test_name_no_side(self, style: Path) -> None:
        assert physical(style.read_text()) == []

    @pytest.mark.parametrize(
        "declaration", ["left: 0;", "margin-right: 1px;", "text-align: left;", "padding: 0 1px 0 2px;", "float: right;"]
    )
    def test_that_name_one_are_found(self, declaration: str) -> None:
        assert physical(f"a {{\n  {declaration}\n}}") != []
