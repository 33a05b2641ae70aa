"""What is said in several places about versions says the same."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

import idenfy_kyc

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
CLASSIFIER = re.compile(r"^(Programming Language :: Python|Framework :: Django) :: (\d+\.\d+)$")


@pytest.fixture
def metadata() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


@pytest.fixture
def versions(metadata: ConfigParser) -> dict[str, list[str]]:
    """The versions that the classifiers name, oldest first."""
    found: dict[str, list[str]] = {}
    for line in metadata["metadata"]["classifiers"].splitlines():
        if match := CLASSIFIER.match(line):
            found.setdefault(match[1].rpartition(" ")[2], []).append(match[2])
    return found


class TestVersions:
    def test_of_the_package_is_stated_once(self, metadata: ConfigParser) -> None:
        assert metadata["metadata"]["version"] == "attr: idenfy_kyc.__version__"
        assert re.fullmatch(r"\d+\.\d+\.\d+", idenfy_kyc.__version__)

    def test_of_python_begin_with_the_one_that_is_required(
        self, metadata: ConfigParser, versions: dict[str, list[str]]
    ) -> None:
        tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]

        assert metadata["options"]["python_requires"] == f">={versions['Python'][0]}"
        assert tools["ruff"]["target-version"] == f"py{versions['Python'][0].replace('.', '')}"

    def test_of_django_begin_with_the_one_that_is_required(
        self, metadata: ConfigParser, versions: dict[str, list[str]]
    ) -> None:
        assert f"django>={versions['Django'][0]}" in metadata["options"]["install_requires"].split()

    def test_are_all_in_the_readme(self, versions: dict[str, list[str]]) -> None:
        readme = (ROOT / "README.md").read_text()

        assert f"Python {versions['Python'][0]}+" in readme
        assert f"Django {', '.join(versions['Django'][:-1])} or {versions['Django'][-1]}" in readme


class TestTheMatrix:
    MATRIX = tomllib.loads((ROOT / ".ci" / "matrix.toml").read_text())
    CUT = [cell.split() for cell in MATRIX["cut"]]
    DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}

    def test_has_the_versions_of_the_classifiers(self, versions: dict[str, list[str]]) -> None:
        pythons = {python for allowed in self.MATRIX["django"].values() for python in allowed}

        assert list(self.MATRIX["django"]) == versions["Django"]
        assert pythons == {*versions["Python"]}

    def test_has_the_databases_of_the_readme(self) -> None:
        *others, last = [self.DATABASES[name] for name in self.MATRIX["databases"]]

        assert f"; {', '.join(others)} or {last} (" in (ROOT / "README.md").read_text()

    def test_is_tried_in_ci_on_each_server_beside_make_test_on_sqlite(self) -> None:
        databases = {database for _python, _django, database in self.CUT}

        assert databases | {"sqlite"} == {*self.MATRIX["databases"]}

    def test_is_tried_in_ci_with_the_oldest_of_all_and_the_newest_of_all(self, versions: dict[str, list[str]]) -> None:
        python_of = {django: python for python, django, _database in self.CUT}

        assert python_of["lowest"] == versions["Python"][0]
        assert python_of["newest"] == versions["Python"][-1]

    def test_says_which_cells_there_are(self) -> None:
        command = [sys.executable, str(ROOT / ".ci" / "cells.py"), "all"]

        cells = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

        pairs = sum(map(len, self.MATRIX["django"].values()))
        assert len({*cells}) == len(cells) == (pairs + 2) * len(self.MATRIX["databases"])
        assert {*self.MATRIX["cut"]} <= {*cells}


class TestDependencies:
    def test_are_few(self, metadata: ConfigParser) -> None:
        names = re.findall(r"^[a-z0-9]+", metadata["options"]["install_requires"], flags=re.MULTILINE)

        assert names == ["cryptography", "django", "requests", "urllib3"]


class TestTheHooksBeforeACommit:
    HOOKS = re.findall(r"^ +entry: \.venv/bin/(\S+)(.*)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE)
    RECIPE = re.findall(r"^lint:[^\n]*\n((?:\t[^\n]*\n)+)", MAKEFILE, re.MULTILINE)[0]
    LINT = re.findall(r"\$\(BIN\)/(\S+)(.*)$", RECIPE, re.MULTILINE)

    def test_are_tools_that_make_lint_runs_too(self) -> None:
        group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["lint"]
        installed = {re.split(r"[<>=]", name)[0] for name in group if isinstance(name, str)}
        hooks = {tool for tool, _options in self.HOOKS}

        assert hooks == {"ruff", "djade", "django-upgrade"}
        assert hooks <= {tool for tool, _options in self.LINT} & installed

    def test_mean_the_oldest_django_as_make_lint_does(self, versions: dict[str, list[str]]) -> None:
        options = " ".join(options for _tool, options in [*self.HOOKS, *self.LINT])
        meant = set(re.findall(r"--target-version (\S+)", options))

        assert meant == {versions["Django"][0]}
