"""Looking up a list of clients, and what of it may be added. Reads only, and only what the indexes give."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ..conf import get_settings
from ..exceptions import TooMany
from ..models import Verification
from . import database
from .importing import problem_with, scan_refs_here
from .lists import COLUMNS, UNREADABLE, ClientList, Line

LONGEST = 100
"""Letters of a client ID; whatever is longer is nobody's."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Missing:
    """A line that leads to nobody. ``problem`` is a sentence; empty if the client simply is not here."""

    line: Line
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a list leads to. Every line is counted once: as a new client, as one that stood above, or as missing."""

    lines: int
    clients: int
    double: int
    missing: list[Missing]
    verifications: list[Verification]


@dataclass(frozen=True, slots=True)
class Addable:
    """The lines that could be added as verifications, and what is wrong with others that were meant to be."""

    lines: list[Line]
    problems: list[Missing]

    def rows(self) -> list[dict[str, str]]:
        """What :func:`~idenfy_kyc.services.add_verifications` takes."""
        return [_as_row(line) for line in self.lines]


def find_listed(listed: ClientList, verifications: QuerySet[Verification]) -> Found:
    """Who the lines are, among ``verifications``: a client ID stands for all of its client's, a scan reference for one.

    Raises :class:`~idenfy_kyc.exceptions.TooMany` if these are more verifications than ``MAX_BATCH_SIZE``.
    """
    look_up = _LookUp(verifications, listed.lines)
    chosen: dict[int, Verification] = {}
    clients: set[str | int] = set()
    unknown: dict[str, Line] = {}
    missing = []
    for line in listed.lines:
        found = look_up.find(line)
        for verification in found:
            chosen[verification.pk] = verification
            clients.add(verification.client_id or verification.pk)
        if found:
            continue
        first = unknown.setdefault(line.identifier.lower(), line) if line.identifier else line
        if first is line:
            missing.append(Missing(line, look_up.problem_with(line)))
        elif line.scan_ref and line.contradicts(first):
            missing.append(Missing(line, _("A line above says something else of the same scan reference.")))
    double = len(listed.lines) - len(clients) - len(missing)
    return Found(len(listed.lines), len(clients), double, missing, list(chosen.values()))


def addable(found: Found) -> Addable:
    """Those of the missing lines that are verifications which are not here yet; none if one of them has a fault.

    Meant as one is a line with a ``scan_ref``; without names of columns, what has the form of iDenfy's own references.
    """
    meant = [missing for missing in found.missing if missing.line.scan_ref or _UUID.fullmatch(missing.line.reference)]
    if wrong := [missing for each in meant if (missing := _with_fault(each)).problem]:
        return Addable([], wrong)
    # Somebody who sees a part of the verifications does not see all that are here.
    here = scan_refs_here(_as_row(missing.line)["scan_ref"] for missing in meant)
    return Addable([missing.line for missing in meant if _as_row(missing.line)["scan_ref"] not in here], [])


class _LookUp:
    """Verifications by client ID and by scan reference: as they are written, or else in capitals or small letters.

    ``UPPER(client_id)`` would read a million rows; to ask for the other spellings reads a few.
    """

    def __init__(self, verifications: QuerySet[Verification], lines: Iterable[Line]) -> None:
        self.verifications = verifications
        self.limit = get_settings().MAX_BATCH_SIZE
        self.count = 0
        self.by: dict[str, dict[str, list[Verification]]] = {"client_id": {}, "scan_ref": {}}
        rest = [line for line in lines if _may_be_there(line.identifier)]
        self._read(rest, lambda text: {text})
        self._read([line for line in rest if not self._as_written(line)], _other_spellings)

    def find(self, line: Line) -> list[Verification]:
        """All verifications of a client, or the one; none if there is none, or if two answer to the other spellings."""
        others = self._otherwise_written(line)
        return self._as_written(line) or (others[0] if len(others) == 1 else [])

    def problem_with(self, line: Line) -> str:
        """Why nobody was found, if it is not that nobody is there."""
        if not line.identifier:
            return _("There is no client ID or scan reference in it.")
        if UNREADABLE in line.identifier:
            return _unreadable()
        if self._otherwise_written(line):
            return _("Two differ from it in capitals only. Write it as one of them is.")
        return ""

    def _read(self, lines: Iterable[Line], spellings: Callable[[str], set[str]]) -> None:
        for column, found in self.by.items():
            wanted = [line for line in lines if column in _columns_of(line) and not self._as_written(line)]
            for portion in database.portions(sorted({text for line in wanted for text in spellings(line.identifier)})):
                self._add(column, found, portion)

    def _add(self, column: str, found: dict[str, list[Verification]], portion: list[str]) -> None:
        texts = set(portion)
        rows = self.verifications.filter(**{f"{column}__in": portion}).order_by()[: self.limit + 1]
        # MariaDB takes what differs in capitals or accents for the same; we do not.
        for verification in filter(lambda row: getattr(row, column) in texts, rows):
            found.setdefault(getattr(verification, column), []).append(verification)
            self.count += 1
        if self.count > self.limit:
            raise TooMany(self.limit)

    def _as_written(self, line: Line) -> list[Verification]:
        places = (self.by[column].get(line.identifier) for column in _columns_of(line))
        return next(filter(None, places), [])

    def _otherwise_written(self, line: Line) -> list[list[Verification]]:
        for column in _columns_of(line):
            texts = sorted(_other_spellings(line.identifier) & self.by[column].keys())
            if texts:
                return [self.by[column][text] for text in texts]
        return []


def _columns_of(line: Line) -> tuple[str, ...]:
    """Where to look; a client ID first, since that is what people have."""
    if line.scan_ref:
        return ("scan_ref",)
    return ("client_id",) if line.client_id else ("client_id", "scan_ref")


def _may_be_there(text: str) -> bool:
    return 0 < len(text) <= LONGEST and UNREADABLE not in text


def _other_spellings(text: str) -> set[str]:
    return {text.upper(), text.lower()} - {text}


def _with_fault(missing: Missing) -> Missing:
    line = missing.line
    if not missing.problem and any(UNREADABLE in getattr(line, name) for name in COLUMNS):
        return replace(missing, problem=_unreadable())
    return replace(missing, problem=missing.problem or problem_with(_as_row(line)))


def _as_row(line: Line) -> dict[str, str]:
    """iDenfy writes its own references in small letters and its statuses in capitals."""
    scan_ref = line.scan_ref or line.reference
    return {
        "scan_ref": scan_ref.lower() if _UUID.fullmatch(scan_ref) else scan_ref,
        "client_id": line.client_id,
        "name": line.name,
        "status": line.status.upper(),
    }


def _unreadable() -> str:
    return _("Some letters cannot be read. Save the list as “CSV UTF-8”, and look again.")
