"""What the README and the documentation say of the code, compared with the code."""

from __future__ import annotations

import ast
import inspect
import re
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from pkgutil import resolve_name

import django
import pytest
from django.core.management import get_commands, load_command_class
from django.template.loader import get_template
from django.urls import reverse
from django.utils.text import capfirst

import idenfy_kyc
from example_project import demo
from idenfy_kyc import checks, services, wording
from idenfy_kyc.api import VerificationAsks
from idenfy_kyc.choices import MOVES, OPEN, BatchState, EventKind, PauseReason, Reason, State
from idenfy_kyc.conf import Settings
from idenfy_kyc.management.examination import EXAMINATIONS
from idenfy_kyc.services.planning import ASKED
from idenfy_kyc.testing import DeliveryFault, Fault, server
from tests.pages import PAGES, ROOT, Block, blocks, code_spans, section, table

README = PAGES["README.md"]
VERIFICATION_ASKS = {field.name for field in fields(VerificationAsks)}
DEFAULTS = {field.name: field.default for field in fields(Settings)}


@pytest.mark.parametrize("block", blocks("python"), ids=str)
class TestThePythonOnEveryPage:
    def test_can_be_read(self, block: Block) -> None:
        assert block.tree.body

    def test_imports_what_there_is(self, block: Block) -> None:
        missing = [
            f"{node.module}.{name.name}"
            for node in ast.walk(block.tree)
            if isinstance(node, ast.ImportFrom) and not node.level
            for name in node.names
            if not _is_there(f"{node.module}.{name.name}")
        ]

        assert missing == []

    def test_calls_services_as_they_want_to_be_called(self, block: Block) -> None:
        for node in ast.walk(block.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("services."):
                signature = inspect.signature(resolve_name(f"idenfy_kyc.{ast.unparse(node.func)}"))
                given = {keyword.arg or "": None for keyword in node.keywords}
                bound = signature.bind(*node.args, **given)
                asks = VERIFICATION_ASKS if "start_verification" in ast.unparse(node.func) else set(ASKED)
                assert set(bound.arguments.get("asks", {})) <= asks

    def test_sets_settings_that_there_are(self, block: Block) -> None:
        for node in ast.walk(block.tree):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "IDENFY_KYC":
                assert isinstance(node.value, ast.Dict)
                assert {ast.literal_eval(key) for key in node.value.keys if key} <= set(DEFAULTS)


@pytest.mark.parametrize("page", PAGES)
class TestEveryPage:
    def test_names_commands_and_options_that_there_are(self, page: str) -> None:
        for span in code_spans(PAGES[page]):
            for command, parser in _parsers(span):
                known = {option for action in parser._actions for option in action.option_strings}
                options = set(re.findall(r"(?<=\s)--[a-z-]+", span.partition(command)[2]))
                assert options <= known, span

    def test_makes_targets_that_there_are(self, page: str) -> None:
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

        for span in code_spans(PAGES[page]):
            named = re.match(r"make ([a-z]+)", span)
            assert named is None or named[1] in targets, span

    def test_names_addresses_that_there_are(self, page: str) -> None:
        for name in re.findall(r"\b(?:idenfy_kyc:|admin:idenfy_kyc_)\w+", PAGES[page]):
            assert reverse(name, args=[uuid.uuid4()])

    def test_names_templates_that_there_are(self, page: str) -> None:
        for span in code_spans(PAGES[page]):
            if re.fullmatch(r"(admin/)?idenfy_kyc/.*\.html", span):
                assert get_template(span) is not None

    def test_names_the_codes_of_checks_that_there_are(self, page: str) -> None:
        known = set(re.findall(r"\b[EW]\d{3}\b", inspect.getsource(checks)))

        assert set(re.findall(r"\bidenfy_kyc\.([EW]\d{3})\b", PAGES[page])) <= known

    def test_links_to_files_that_are_there(self, page: str) -> None:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGES[page]):
            assert (ROOT / page).parent.joinpath(target).is_file(), target


class TestTheReadme:
    def test_names_the_wheel_that_is_built(self) -> None:
        assert f"django_idenfy_kyc-{idenfy_kyc.__version__}-py3-none-any.whl" in README

    @pytest.mark.parametrize("anchor", re.findall(r"\]\(#([^)]+)\)", README))
    def test_links_to_headings_that_are_there(self, anchor: str) -> None:
        headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)

        assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def test_leads_to_every_page_of_the_documentation(self) -> None:
        led_to = set(re.findall(r"\]\((docs/\w+\.md)\)", README))
        only_included_from_elsewhere = {"docs/first-request.md", "docs/contributing.md", "docs/changelog.md"}

        assert led_to == {page for page in PAGES if page.startswith("docs/")} - only_included_from_elsewhere


class TestTheDesign:
    @pytest.mark.parametrize("state", State)
    def test_has_the_table_of_moves(self, state: State) -> None:
        row = re.search(
            rf"^\| `{state.value}` \| (\w*) ?\| ([^|]+) \|.*\| ([^|]+) \|$", PAGES["docs/design.md"], re.MULTILINE
        )

        assert row is not None
        assert (row[1] == "yes") is (state in OPEN)
        assert row[2] == state.label
        assert set(re.findall(r"`(\w+)`", row[3])) == {after.value for after in MOVES[state]}


class TestThePageOfSettings:
    NAMES = re.findall(r"^### (\w+)$", PAGES["docs/settings.md"], re.MULTILINE)

    def test_has_every_setting_once_and_no_other(self) -> None:
        assert sorted(self.NAMES) == sorted(DEFAULTS)

    @pytest.mark.parametrize("name", NAMES)
    def test_says_its_type_and_its_default(self, name: str) -> None:
        said = re.match(r"\s*(.+); by default `(.+)`\n", section("docs/settings.md", f"### {name}"))

        assert said is not None
        assert said[1] == capfirst(checks._type_in_words(checks._TYPES[name]))
        assert eval(said[2], {"timedelta": timedelta}) == DEFAULTS[name]  # noqa: S307 (of a page of ours)

    @pytest.mark.parametrize(
        "name", [name for name, (_low, _high, words) in checks.LIMITS.items() if "None" not in words]
    )
    def test_says_its_bounds(self, name: str) -> None:
        assert checks.LIMITS[name][2] in section("docs/settings.md", f"### {name}")

    def test_has_every_message_of_the_checks(self) -> None:
        said = {row[0].strip("`") for row in table(section("docs/settings.md", "## What the check says"))}

        assert {code.rpartition(".")[2] for code in said} == set(
            re.findall(r"\b[EW]\d{3}\b", inspect.getsource(checks))
        )


class TestThePageOfStates:
    def test_has_every_state_as_it_is_shown(self) -> None:
        rows = table(section("docs/states.md", "## The states of a request"))

        assert {row[0]: (row[1], row[2]) for row in rows} == {
            f"`{state.value}`": (str(state.label), "yes" if state in OPEN else "") for state in State
        }

    def test_says_why_a_client_is_not_asked_as_the_plan_does(self) -> None:
        rows = table(section("docs/states.md", "## Why a client of a plan is not asked"))
        reasons = list(Reason)[: list(Reason).index(Reason.NO_ANSWER)]

        assert {row[0]: row[1] for row in rows} == {
            f"`{reason.value}`": str(wording._REASONS[reason]) for reason in reasons
        }

    def test_has_every_state_of_a_batch(self) -> None:
        text = section("docs/states.md", "## The states of a batch").partition("###")[0]

        assert [row[0] for row in table(text)] == [str(state.label) for state in BatchState]

    def test_says_why_a_batch_waits_or_has_stopped_as_the_page_does(self) -> None:
        rows = table(section("docs/states.md", "### Why a batch waits or has stopped"))
        said = {row[0]: row[1] for row in rows}

        assert said.pop("`person`") == "Stopped by …"
        assert said == {
            f"`{reason.value}`": str(wording._PAUSES[reason]) for reason in PauseReason if reason != PauseReason.PERSON
        }


class TestThePageOfTheTerminal:
    def test_has_every_line_of_the_doctor(self) -> None:
        lines = [str(label) for label, _look in EXAMINATIONS]
        doctor = section("docs/terminal.md", "## The doctor")

        assert [row[0] for row in table(doctor)] == lines
        assert re.findall(r"^([\w ]+?)  +\w", doctor.partition("```text\n")[2], re.MULTILINE) == lines


class TestTheReference:
    NAMES = re.findall(r"^\.\. auto\w+:: ([\w.]+)", "\n".join(PAGES.values()), re.MULTILINE)

    @pytest.mark.parametrize("name", NAMES)
    def test_names_what_there_is(self, name: str) -> None:
        assert inspect.getdoc(resolve_name(name))

    def test_has_every_service_that_is_meant_for_projects(self) -> None:
        names = re.findall(r"^    ([\w, ]+?)  ", services.__doc__ or "", re.MULTILINE)
        meant = {name for line in names for name in line.split(", ")}

        assert meant <= set(services.__all__)
        assert {name.removeprefix("idenfy_kyc.services.") for name in self.NAMES if ".services." in name} == meant


class TestThePageOfTesting:
    def test_has_every_fault_where_it_belongs(self) -> None:
        turned_away, issued = section("docs/testing.md", "## Faults").split("| the link *is* issued")
        named = [set(re.findall(r"`([A-Z_\d]{2,})`", part)) for part in (turned_away, issued.partition("`LATENCY`")[0])]

        assert named[0] == {fault.name for fault in Fault if not fault.issues} - {Fault.LATENCY.name}
        assert named[1] == {fault.name for fault in Fault if fault.issues}

    def test_has_every_fault_of_a_delivery(self) -> None:
        said = section("docs/testing.md", "## What it tells by webhook")

        assert {fault.name for fault in DeliveryFault} <= set(re.findall(r"`([A-Z_]+)`", said))


class TestThePageOfSecurity:
    def test_has_every_line_of_the_record(self) -> None:
        said = section("docs/security.md", "## What is recorded")

        for kind in EventKind:
            assert str(wording._EVENTS[kind]).partition(":")[0].partition(";")[0] in said


class TestTheOfficersGuide:
    def test_shows_every_picture_light_and_dark(self) -> None:
        shown = re.findall(r"^```\{image\} images/(\S+)", PAGES["docs/asking.md"], re.MULTILINE)

        assert sorted(shown) == sorted(path.name for path in (ROOT / "docs" / "images").iterdir())

    def test_has_the_words_of_the_screens(self) -> None:
        paragraphs = re.sub(r"(?<=\S)\n(?=\w)", " ", PAGES["docs/asking.md"])
        words = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", paragraphs))
        screens = words_on_screens()

        assert [phrase for phrase in words if not re.search(_with_any_number(phrase), screens)] == []


def words_on_screens() -> str:
    """What our admin and Django's say: their code, with the lines that break a string joined."""
    folders = [ROOT / "idenfy_kyc", Path(django.__file__).parent / "contrib" / "admin"]
    files = [path for folder in folders for suffix in ("py", "html") for path in folder.rglob(f"*.{suffix}")]
    return re.sub(r'"\n\s*"', "", "\n".join(path.read_text() for path in files))


def _with_any_number(phrase: str) -> str:
    """A pattern for a phrase in which numbers, and what an ellipsis leaves out, may be anything."""
    return re.sub(r"[\d,]*\d|(?<= )…(?= )", r".{1,20}", re.escape(phrase).replace(r"\ ", " "))


def _is_there(name: str) -> bool:
    try:
        return resolve_name(name) is not None
    except (AttributeError, ModuleNotFoundError):
        return False


def _parsers(span: str) -> Iterator[tuple[str, ArgumentParser]]:
    """The commands that a line calls, each with its parser."""
    modules = {"example_project.demo": demo._parser, "idenfy_kyc.testing": server._parser}
    for module in re.findall(r"-m ([\w.]+)", span):
        if module in modules:
            yield module, modules[module]()
    for command in re.findall(r"manage\.py (\w+)", span):
        yield command, load_command_class(get_commands()[command], command).create_parser("manage.py", command)
