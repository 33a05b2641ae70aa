"""A language in which every word of ours can be told from everybody else's: ``Ask`` is ``⟦Àšķ⟧``.

Its catalogue is made from the sources, by the tools that a translator uses. Whatever Latin words a page then still has
are Django's own, which are in Django's catalogues; or nobody can translate them.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path

import django
from django.utils.dates import MONTHS, MONTHS_3

from tests.environments import ROOT

LANGUAGE = "xx"
FORMS = "①②③"
"""Which of its three plural forms a sentence is in: for one, for two to four, for the others."""
HEADER = """msgid ""
msgstr ""
"Language: xx\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=3; plural=(n == 1 ? 0 : n >= 2 && n <= 4 ? 1 : 2);\\n"

"""
_LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "àƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýžÀƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽ"
)
_KEPT = re.compile(r"(%%|%\(\w+\)[a-z]|\\.|<[^>]+>)")
"""What a translation must take over: placeholders, escapes, tags."""
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd%]|\{\w*\}")
_ENTRY = re.compile(r'^(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?) ((?:".*"\n)+)', re.MULTILINE)

NAMES = {"EET", "EEST", "Europe", "Vilnius", "testserver", "SQLite"}
WORDS_THAT_MAY_STAND = {*map(str, MONTHS.values()), *(str(month).capitalize() for month in MONTHS_3.values()), *NAMES}
"""Words within our sentences that are Django's, the months; or names, of the tests' time zone, host and database."""
_PUT_TOGETHER = re.compile(r" \| |[›✖]|(?<=^Error:)")
"""What Django's templates put between sentences of one text: in a title, in breadcrumbs, before a link."""
_ADDRESS = re.compile(r"\S+@example\.com|https?://\S+|/\w[\w-]*/\S*")


def has_tools() -> bool:
    """Whether GNU gettext is here."""
    return all(map(shutil.which, ("xgettext", "msgen", "msgfmt")))


def make_catalogue(folder: Path) -> Path:
    """Translate the package into the language, and return what ``LOCALE_PATHS`` needs."""
    package = shutil.copytree(ROOT / "idenfy_kyc", folder / "idenfy_kyc")
    (package / "locale").mkdir(exist_ok=True)
    manage = [sys.executable, "-m", "django"]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}  # the folder is none of ours
    subprocess.run(
        [*manage, "makemessages", "-l", LANGUAGE, "--no-wrap", "-v0"], cwd=package, env=environment, check=True
    )
    catalogue = package / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"
    extracted = subprocess.run(["msgen", "--no-wrap", catalogue], capture_output=True, text=True, check=True).stdout
    catalogue.write_text(translated(extracted))
    subprocess.run([*manage, "compilemessages", "-l", LANGUAGE, "-v0"], cwd=package, env=environment, check=True)
    return package / "locale"


def translated(catalogue: str) -> str:
    """A catalogue whose translations repeat the originals, with ours in their place."""
    _header, *entries = catalogue.split("\n\n")
    return HEADER + "\n\n".join(map(_translated_entry, entries))


def _translated_entry(entry: str) -> str:
    is_format = re.search(r'^msgctxt ".*format', entry, re.MULTILINE)  # of a date: letters that stand for its parts
    if is_format:
        return entry
    lines = []
    for name, text in _ENTRY.findall(entry + "\n"):
        if name == "msgstr":
            lines.append(f'msgstr "{pseudo(_joined(text))}"\n')
        elif name.startswith("msgstr"):
            lines += [f'msgstr[{form}] "{pseudo(_joined(text), FORMS[form])}"\n' for form in _forms_of(name)]
        else:
            lines.append(f"{name} {text}")
    flags = re.findall(r"^#,.*\n", entry, re.MULTILINE)
    return "".join([*flags, *lines])


def _forms_of(name: str) -> tuple[int, ...]:
    return (0,) if name == "msgstr[0]" else (1, 2)


def _joined(text: str) -> str:
    return "".join(line[1:-1] for line in text.splitlines())


def pseudo(text: str, mark: str = "") -> str:
    """``text`` in the language: as long, legible, and without a Latin letter of its own."""
    parts = (part if place % 2 else part.translate(_LETTERS) for place, part in enumerate(_KEPT.split(text)))
    return f"⟦{mark}{''.join(parts)}⟧"


# What is on a page


class _Texts(HTMLParser):
    """Whatever a person reads or hears: text, and the attributes that hold words."""

    ATTRIBUTES = {"title", "aria-label", "placeholder", "alt", "label"}

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_code = tag in {"script", "style"}
        given = {name: value or "" for name, value in attrs}
        self.found += [
            value
            for name, value in given.items()
            if name in self.ATTRIBUTES
            or (name.startswith("data-") and " " in value)
            or (name == "value" and given.get("type") in {"submit", "button", "reset"})
        ]

    def handle_endtag(self, tag: str) -> None:
        self.is_code = False

    def handle_data(self, data: str) -> None:
        if not self.is_code:
            self.found.append(data)


def texts_of(html: str) -> list[str]:
    """The texts of a page, each as it stands in its element."""
    parser = _Texts()
    parser.feed(html)
    return [" ".join(text.split()) for text in parser.found if text.strip()]


def untranslated(texts: Iterable[str]) -> list[str]:
    """Those that have Latin words which are neither Django's nor within what Django put into its own."""
    parts = (part.strip(" (") for text in texts for part in _PUT_TOGETHER.split(text))
    return sorted({part for part in parts if not _is_accounted_for(part)})


@cache
def _is_accounted_for(text: str) -> bool:
    if not _latin_words(text):
        return True
    found = (pattern.fullmatch(text) for pattern in _djangos_sentences())
    return any(match is not None and all(map(_is_accounted_for, match.groups())) for match in found)


def _latin_words(text: str) -> set[str]:
    words = re.findall(r"[\w-]+", _ADDRESS.sub("", text))
    return {word for word in words if re.fullmatch("[A-Za-z]{2,}", word)} - WORDS_THAT_MAY_STAND


@cache
def _djangos_sentences() -> list[re.Pattern[str]]:
    """What Django says, with anything for its placeholders; but not what would be all placeholder."""
    sentences = {sentence for path in _djangos_catalogues() for sentence in _originals(path.read_text())}
    return [
        re.compile("(.*)".join(map(re.escape, _PLACEHOLDER.split(sentence))), re.IGNORECASE)
        for sentence in sorted(sentences)
        if re.search("[A-Za-z]{2}", _PLACEHOLDER.sub("", sentence))
    ]


def _djangos_catalogues() -> Iterator[Path]:
    django_itself = Path(django.__file__).parent
    return chain.from_iterable(django_itself.glob(f"{part}/locale/en/**/*.po") for part in ("conf", "contrib/*"))


def _originals(catalogue: str) -> Iterator[str]:
    for name, text in _ENTRY.findall(catalogue):
        if name.startswith("msgid"):
            yield " ".join(str(ast.literal_eval(f'"{_joined(text)}"')).split())
