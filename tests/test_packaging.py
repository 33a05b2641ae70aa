"""What is said in several places about versions says the same."""

from __future__ import annotations

import re
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
