"""A list of clients as people have it, pasted or saved by a spreadsheet, read into lines. Pure: it knows no database.

Whoever sends 800 customer numbers does not think of formats, so what spreadsheets write is taken as it comes: UTF-8
with or without a mark, UTF-16 (Excel's "Unicode Text"), any line end, tabs, semicolons or commas, quotes, blank lines,
spaces of every kind around. Two things are never guessed:

- **What a column is.** If the first line names a column ``scan_ref`` or ``client_id``, however spelt, the names count,
  and all other columns are left aside. If not, every line is data, and its first cell is a client ID or a scan
  reference, whichever is found. What stands where no name says what it is, is counted: nothing is dropped in silence.
- **A letter.** Excel's plain "CSV" is in the code page of somebody's Windows, which the file does not name. IDs are
  ASCII and survive; every other letter becomes ``UNREADABLE``, and what contains one is never stored.

Whatever cannot be read raises ``ValidationError``, with one sentence that says what to do.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..dates import number_text

MAX_BYTES = 5_000_000
"""What is read of a file at most: 10,000 lines of 500 letters. More is no list of clients."""
COLUMNS = ("scan_ref", "client_id", "name", "status")
UNREADABLE = "\ufffd"

_HEADINGS = {
    "scan_ref": ("scan_ref", "scan reference", gettext_lazy("scan reference")),
    "client_id": (
        *("client_id", gettext_lazy("client ID"), "client number", "client no"),
        *("customer ID", "customer number", "customer no"),
    ),
    "name": ("name", gettext_lazy("name")),
    "status": ("status", gettext_lazy("status")),
}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods; .xls
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_AROUND = " \u200b\u200e\u200f\u2060\ufeff"
"""Blanks and marks that nobody sees; white space of every other kind is a blank by then."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list. ``number`` counts blank ones too, as an editor and a spreadsheet do.

    ``reference`` is what stands in a list without names of columns: a client ID or a scan reference.
    """

    number: int
    reference: str = ""
    scan_ref: str = ""
    client_id: str = ""
    name: str = ""
    status: str = ""

    @property
    def identifier(self) -> str:
        """What the line is looked up by. A scan reference says more than the client ID beside it."""
        return self.scan_ref or self.client_id or self.reference

    def contradicts(self, other: Line) -> bool:
        """Whether two lines about one scan reference say something different of it."""
        return any(getattr(self, name) != getattr(other, name) for name in COLUMNS if name != "scan_ref")


@dataclass(frozen=True, slots=True)
class ClientList:
    """The lines that say something, in their order.

    ``aside``: how many entries stand beside these, where no line names the column, and were not read.
    ``one_by_one``: if no line names any, the same list with each entry on a line of its own; for whoever says that all
    of them are IDs. Empty if it would be too long.
    """

    lines: tuple[Line, ...]
    aside: int = 0
    one_by_one: str = ""

    def as_text(self) -> str:
        """The list again, with no more than was read of it, every line where it stood; reads as the same list."""
        columns = [name for name in COLUMNS if any(getattr(line, name) for line in self.lines)]
        rows = {line.number: [getattr(line, name) for name in columns or ["reference"]] for line in self.lines}
        if columns:
            rows[1] = columns
        return "\n".join("\t".join(map(_quoted, rows.get(number, ()))) for number in range(1, max(rows) + 1))


def list_from_file(file: IO[bytes], *, most: int) -> ClientList:
    """The list in an uploaded file, of at most ``most`` lines; of the file no more than ``MAX_BYTES`` are looked at.

    Raises ``ValidationError``.
    """
    data = file.read(MAX_BYTES + 1)
    if data.startswith(_WORKBOOKS):
        raise ValidationError(
            _(
                "This is a workbook, not a list. In Excel choose Save As and “CSV UTF-8 (Comma delimited)”, in "
                "LibreOffice Save As and “Text CSV”; then choose that file here."
            )
        )
    text = _decoded(data)
    _refuse_no_text(text)
    if len(data) > MAX_BYTES:
        raise ValidationError(
            _("The file is larger than %(limit)s MB. Keep only the column with the IDs, or divide the list."),
            params={"limit": number_text(MAX_BYTES // 1_000_000)},
        )
    return list_from_text(text, most=most)


def list_from_text(text: str, *, most: int) -> ClientList:
    """The list in a pasted text, of at most ``most`` lines. Raises ``ValidationError``."""
    _refuse_no_text(text)
    columns: dict[str, int] | None = None
    read, aside = {0}, 0
    lines: list[Line] = []
    entries: list[str] = []
    for number, cells in _records(text):
        said = {place for place, cell in enumerate(cells) if cell}
        if columns is None:
            # A line without a first cell, such as a title further right, decides nothing.
            columns = _named(cells) or ({} if cells[0] else None)
            if columns:
                read, aside = said, 0
                continue
        aside += len(said - read)
        if columns:
            line = Line(number, **{name: cells[place] for name, place in columns.items() if place < len(cells)})
        else:
            line = Line(number, reference=cells[0])
            entries += filter(None, cells)
        if line == Line(number):
            continue
        if len(lines) == most:
            raise ValidationError(_too_long(most))
        lines.append(line)
    if not any(line.identifier for line in lines):
        raise ValidationError(_("There is no client ID and no scan reference in this list. Is it the right one?"))
    one_by_one = "\n".join(map(_quoted, entries)) if aside and not columns and len(entries) <= most else ""
    return ClientList(tuple(lines), aside, one_by_one)


def _decoded(data: bytes) -> str:
    if data.startswith(_UTF_16):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # In the code pages of Windows 0xA0 is a no-break space; nothing else above ASCII is the same in all of them.
        return data.replace(b"\xa0", b" ").decode("ascii", errors="replace")


def _refuse_no_text(text: str) -> None:
    if _NO_TEXT.search(text):
        raise ValidationError(
            _("This is no text, but a picture or another kind of file. Save the list as “CSV UTF-8”, and choose that.")
        )


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """The records that are not blank, with their number and their cells."""
    lines = io.StringIO(text.removeprefix("\ufeff"), newline=None)
    reader = csv.reader(lines, delimiter=_delimiter(text), strict=True, skipinitialspace=True)
    number = 0
    try:
        for number, record in enumerate(reader, start=1):
            cells = [" ".join(cell.split()).strip(_AROUND) for cell in record]
            if any(cells):
                yield number, cells
    except csv.Error:
        raise ValidationError(
            _(
                "Line %(number)s cannot be read: it is very long, or its quotation marks do not match. Mend it, or "
                "keep only the column with the IDs."
            ),
            params={"number": number_text(number + 1)},
        ) from None


def _delimiter(text: str) -> str:
    """What parts the cells, as the first line with several shows: a tab, or else a semicolon, or else a comma."""
    bare = (re.sub(r'"[^"]*"', "", line) for line in io.StringIO(text, newline=None))
    return next((mark for line in bare for mark in "\t;," if mark in line), ",")


def _named(cells: list[str]) -> dict[str, int]:
    """Which column stands where, if this line names them; empty if it does not."""
    known = {_bare(str(word)): name for name, words in _HEADINGS.items() for word in words}
    columns: dict[str, int] = {}
    for place, cell in enumerate(cells):
        name = known.get(_bare(cell))
        if name in columns:
            raise ValidationError(
                _("Two columns of this list are called %(name)s. Keep the one that counts."), params={"name": name}
            )
        if name:
            columns[name] = place
    return columns if columns.keys() & {"scan_ref", "client_id"} else {}


def _bare(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold()))


def _quoted(cell: str) -> str:
    return '"{}"'.format(cell.replace('"', '""')) if re.search(r'[,;"]', cell) else cell


def _too_long(most: int) -> str:
    return ngettext(
        "The list has more than %(limit)s line, and no more can be asked at once. Divide it.",
        "The list has more than %(limit)s lines, and no more can be asked at once. Divide it.",
        most,
    ) % {"limit": number_text(most)}
