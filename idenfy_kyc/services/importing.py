"""Bringing verifications that the host project already has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import Verification
from . import database

FIELDS = ("client_id", "name", "status", "verified_at")


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many verifications were added, changed, and found as they were."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


def record_verifications(rows: Iterable[Mapping[str, Any]]) -> Recorded:
    """Add or change verifications by ``scan_ref``; keys that a row lacks are left as they are.

    Each row has ``scan_ref`` and any of ``client_id``, ``name``, ``status`` (iDenfy's word) and ``verified_at`` (a
    moment without a time zone is taken for one of the project's). None is as good as empty. Of two rows with one
    ``scan_ref`` the last wins. Whose personal data was erased, stays erased. Raises ``ValidationError``, naming the
    row, before anything is written.
    """
    wanted: dict[str, dict[str, Any]] = {}
    for values in _all_checked(rows):
        wanted.setdefault(values["scan_ref"], {}).update(values)
    added = changed = 0
    # In one order, so that two imports of the same go one behind the other and not at each other's throats.
    for portion in database.portions(values for _scan_ref, values in sorted(wanted.items())):
        new, other = database.repeat_on_conflict(lambda portion=portion: _upsert(portion))  # type: ignore[misc]
        added, changed = added + new, changed + other
    return Recorded(added, changed, len(wanted) - added - changed)


def add_verifications(rows: Iterable[Mapping[str, Any]]) -> list[Verification]:
    """Add those whose ``scan_ref`` is not here yet, all or none of them, and return them; what is here stays as it is.

    Rows as for :func:`record_verifications`; of two with one ``scan_ref`` the first counts. Raises ``ValidationError``,
    naming the row, before anything is written.
    """
    wanted: dict[str, dict[str, Any]] = {}
    for values in _all_checked(rows):
        wanted.setdefault(values["scan_ref"], values)
    return database.repeat_on_conflict(lambda: _add(wanted))


def problem_with(row: Mapping[str, Any]) -> str:
    """Why this row could not be added, in words; empty if it could."""
    try:
        _checked(row)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def scan_refs_here(scan_refs: Iterable[str]) -> set[str]:
    """Those of ``scan_refs`` that are taken, by whomever they may be seen."""
    wanted = sorted(set(scan_refs))
    known = {
        scan_ref.lower()
        for portion in database.portions(wanted)
        for scan_ref in Verification.objects.filter(scan_ref__in=portion).values_list("scan_ref", flat=True)
    }
    # A database that takes capitals for the same as small letters would not have both.
    return {scan_ref for scan_ref in wanted if scan_ref.lower() in known}


def _all_checked(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(rows, start=1):
        try:
            yield _checked(row)
        except ValidationError as error:
            params = {"number": number, "problem": " ".join(error.messages)}
            raise ValidationError(_("Row %(number)s: %(problem)s"), params=params) from None


def _checked(row: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(row) - {"scan_ref", *FIELDS}
    if unknown:
        raise ValidationError(_("%(names)s is not known here."), params={"names": ", ".join(sorted(unknown))})
    row = {name: "" if value is None and name != "verified_at" else value for name, value in row.items()}
    verification = Verification(**row)
    try:
        verification.clean_fields(exclude=["updated_at", "created_at"])
    except ValidationError as error:
        problem = "; ".join(f"{name}: {' '.join(words)}" for name, words in error.message_dict.items())
        raise ValidationError(problem) from None
    values = {name: getattr(verification, name) for name in row}
    verified_at = values.get("verified_at")
    if verified_at is not None and settings.USE_TZ and timezone.is_naive(verified_at):
        values["verified_at"] = timezone.make_aware(verified_at)
    return values


def _add(wanted: Mapping[str, Mapping[str, Any]]) -> list[Verification]:
    """In one transaction; read before it, as it must begin with a write. Who adds the same at once, repeats."""
    new = sorted(wanted.keys() - scan_refs_here(wanted))
    with transaction.atomic(using=database.alias()):
        Verification.objects.bulk_create(Verification(**wanted[scan_ref]) for scan_ref in new)
    # MySQL does not tell the keys of what it inserted.
    return [
        verification
        for portion in database.portions(new)
        for verification in Verification.objects.filter(scan_ref__in=portion)
    ]


def _upsert(portion: list[dict[str, Any]]) -> tuple[int, int]:
    """One portion; read before the transaction, which must begin with a write. Who adds the same at once, repeats."""
    known = Verification.objects.in_bulk([values["scan_ref"] for values in portion], field_name="scan_ref")
    new = [Verification(**values) for values in portion if values["scan_ref"] not in known]
    changed = [
        verification
        for values in portion
        if (verification := known.get(values["scan_ref"])) and _apply(verification, values)
    ]
    with transaction.atomic(using=database.alias()):
        Verification.objects.bulk_create(new)
        # Somebody may have been erased since they were read.
        Verification.objects.filter(erased_at=None).bulk_update(changed, [*FIELDS, "updated_at"])
    return len(new), len(changed)


def _apply(verification: Verification, values: Mapping[str, Any]) -> bool:
    if verification.erased_at is not None:
        return False
    different = {
        name: value for name, value in values.items() if name in FIELDS and getattr(verification, name) != value
    }
    for name, value in different.items():
        setattr(verification, name, value)
    if different:
        verification.updated_at = timezone.now()
    return bool(different)
