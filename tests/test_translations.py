"""Nothing that people read is out of a translator's reach."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template.base import DebugLexer, TokenType

from tests.environments import ROOT, SHOWCASE, run_in
from tests.translations import LANGUAGE, has_tools, make_catalogue, pseudo, texts_of, translated, untranslated
from tests.walk import MANY, walk

PACKAGE = ROOT / "idenfy_kyc"
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))
SCRIPTS = sorted((PACKAGE / "static").rglob("*.js"))
MODULES = [
    *sorted((PACKAGE / "admin").glob("*.py")),
    *sorted((PACKAGE / "management").rglob("*.py")),
    *(PACKAGE / f"{name}.py" for name in ("choices", "told", "views", "wording")),
]
"""What puts things into words. Exceptions, checks and ``--help`` are for developers, and English, as in Django."""
TRANSLATES = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext"}
FOR_DEVELOPERS = {"help", "epilog"}
A_WORD = re.compile(r"(?<![\w-])[A-Za-z]{2,}(?![\w-])")
A_SENTENCE = re.compile("[A-Za-z]{2,}[.:;]? [A-Za-z]{2,}")


def _within_the_package(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a walk through all pages and acts finds in the language that nobody speaks."""
    if not has_tools():
        assert not os.environ.get("CI"), "GNU gettext is missing"
        pytest.skip("GNU gettext is missing")
    folder = tmp_path_factory.mktemp("translations")
    return run_in(
        walk,
        folder / "db.sqlite3",
        **SHOWCASE,
        LANGUAGE_CODE=LANGUAGE,
        LANGUAGES=[[LANGUAGE, LANGUAGE]],
        LOCALE_PATHS=[str(make_catalogue(folder))],
        NUMBER_GROUPING=3,
        THOUSAND_SEPARATOR="·",
    )


class TestEveryPageAndAct:
    def test_has_no_word_of_ours_that_cannot_be_translated(self, walked: dict[str, Any]) -> None:
        assert walked["of_ours"] > 1000
        assert walked["untranslated"] == {}

    def test_has_the_plural_that_a_number_takes(self, walked: dict[str, Any]) -> None:
        assert [text.partition("Àšķîñĝ")[0] for text in walked["plurals"]] == ["⟦①", "⟦②", "⟦③"]

    def test_groups_large_numbers_as_the_language_does(self, walked: dict[str, Any]) -> None:
        grouped = f"{MANY:,}".replace(",", "·")

        assert [text for text in walked["many"] if grouped in text]
        assert [text for text in walked["many"] if str(MANY) in text or f"{MANY:,}" in text] == []


class TestTemplates:
    @pytest.mark.parametrize("template", TEMPLATES, ids=_within_the_package)
    def test_have_no_words_outside_of_their_tags(self, template: Path) -> None:
        assert [text for text in texts_of(without_tags(template.read_text())) if A_WORD.search(text)] == []


class TestModules:
    @pytest.mark.parametrize("module", MODULES, ids=_within_the_package)
    def test_have_no_sentence_that_is_not_translated(self, module: Path) -> None:
        assert list(sentences(ast.parse(module.read_text()))) == []


class TestScripts:
    @pytest.mark.parametrize("script", SCRIPTS, ids=_within_the_package)
    def test_have_no_words_of_their_own(self, script: Path) -> None:
        code = re.sub(r"^\s*//.*$", "", script.read_text(), flags=re.MULTILINE)

        literals = [max(found) for found in re.findall(r'"([^"\n]*)"|`([^`]*)`', code)]

        assert [text for text in literals if A_SENTENCE.search(text) and text != "use strict"] == []


class TestTheLanguage:
    def test_keeps_what_a_translation_must_take_over(self) -> None:
        assert pseudo("Ask %(count)s clients, <b>now</b>: 7 %%") == "⟦Àšķ %(count)s çļîéñţš, <b>ñöŵ</b>: 7 %%⟧"

    def test_has_three_plural_forms(self) -> None:
        entry = 'msgid "one"\nmsgid_plural "all"\nmsgstr[0] "one"\nmsgstr[1] "all"'

        assert translated(f"header\n\n{entry}").splitlines()[-3:] == [
            'msgstr[0] "⟦①öñé⟧"',
            'msgstr[1] "⟦②àļļ⟧"',
            'msgstr[2] "⟦③àļļ⟧"',
        ]

    @pytest.mark.parametrize(
        "text", ["⟦Šţàţé⟧", "Select ⟦ŕéǫûéšţ⟧ to view | Django site admin", "2 results", "⟦17 March⟧", "Ελένη, 7"]
    )
    def test_lets_pass_what_is_translated_or_djangos(self, text: str) -> None:
        assert untranslated([text]) == []

    @pytest.mark.parametrize("text", ["Ask again", "⟦Àšķ⟧ again", "Select request to view", "2 Requests"])
    def test_finds_what_nobody_can_translate(self, text: str) -> None:
        assert untranslated([text]) == [text]

    def test_reads_what_people_see_and_hear(self) -> None:
        page = '<p title="a">b<img alt="c"></p><script>no</script><input type="submit" value="d"><i data-x="e f">'

        assert texts_of(page) == ["a", "b", "c", "d", "e f"]


def without_tags(template: str) -> str:
    """A template with nothing left of what Django puts in, translated words above all."""
    kept, is_translated = [], False
    for token in DebugLexer(template).tokenize():
        if token.token_type is TokenType.BLOCK:
            tag = token.split_contents()[0]
            is_translated = tag == "blocktranslate" or (is_translated and tag != "endblocktranslate")
        kept.append(token.contents if token.token_type is TokenType.TEXT and not is_translated else "")
    return "".join(kept)


def sentences(node: ast.AST) -> Iterator[str]:
    """String literals that are more than a word, but docstrings, HTML, and what somebody translates or never sees."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Call) and (_name(node.func) in TRANSLATES or _name(node.func, of=True) == "logger"):
        return
    if isinstance(node, ast.keyword) and node.arg in {*FOR_DEVELOPERS, "content_type", "headers"}:
        return
    if isinstance(node, ast.Assign) and _name(node.targets[0]) in FOR_DEVELOPERS:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from A_SENTENCE.findall(re.sub("<[^>]*>", "", node.value))
    for child in ast.iter_child_nodes(node):
        yield from sentences(child)


def _name(node: ast.AST, *, of: bool = False) -> str:
    """What an expression is called; with ``of``, whose attribute it is."""
    if isinstance(node, ast.Attribute):
        return _name(node.value) if of else node.attr
    return node.id if isinstance(node, ast.Name) and not of else ""
