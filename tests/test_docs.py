"""What the README and the design say of the code, compared with the code."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

import idenfy_kyc
from idenfy_kyc.choices import MOVES, OPEN, State
from idenfy_kyc.conf import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DESIGN = (ROOT / "docs" / "design.md").read_text()


class TestTheReadme:
    def test_lists_every_setting_and_no_other(self) -> None:
        table = README.partition("## Settings")[2].partition("\n## ")[0]

        named = {
            name for row in re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
        }

        assert named == {field.name for field in fields(Settings)}

    def test_names_the_wheel_that_is_built(self) -> None:
        assert f"django_idenfy_kyc-{idenfy_kyc.__version__}-py3-none-any.whl" in README

    @pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    def test_has_examples_that_are_python(self, code: str) -> None:
        lines = code.splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())

        assert ast.parse("\n".join(line[indent:] for line in lines)).body

    @pytest.mark.parametrize("target", re.findall(r"\]\((?!http|#)([^)]+)\)", README))
    def test_links_to_files_that_are_there(self, target: str) -> None:
        assert target.startswith("docs/images/") or (ROOT / target).is_file()

    @pytest.mark.parametrize("anchor", re.findall(r"\]\(#([^)]+)\)", README))
    def test_links_to_headings_that_are_there(self, anchor: str) -> None:
        headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)

        assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


class TestTheDesign:
    @pytest.mark.parametrize("state", State)
    def test_has_the_table_of_moves(self, state: State) -> None:
        row = re.search(rf"^\| `{state.value}` \| (\w*) ?\| ([^|]+) \|.*\| ([^|]+) \|$", DESIGN, re.MULTILINE)

        assert row is not None
        assert (row[1] == "yes") is (state in OPEN)
        assert row[2] == state.label
        assert set(re.findall(r"`(\w+)`", row[3])) == {after.value for after in MOVES[state]}
