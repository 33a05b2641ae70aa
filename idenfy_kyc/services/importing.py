"""Bringing verifications that the host project already has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    for number, row in enumerate(rows, start=1):
        values = _checked(row, number)
        wanted.setdefault(values["scan_ref"], {}).update(values)
    added = changed = 0
    # In one order, so that two imports of the same go one behind the other and not at each other's throats.
    for portion in database.portions(values for _scan_ref, values in sorted(wanted.items())):
        new, other = database.repeat_on_conflict(lambda portion=portion: _upsert(portion))  # type: ignore[misc]
        added, changed = added + new, changed + other
    return Recorded(added, changed, len(wanted) - added - changed)


def _checked(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    unknown = set(row) - {"scan_ref", *FIELDS}
    if unknown:
        raise ValidationError(
            _("Row %(number)s: %(names)s is not known here."),
            params={"number": number, "names": ", ".join(sorted(unknown))},
        )
    row = {name: "" if value is None and name != "verified_at" else value for name, value in row.items()}
    verification = Verification(**row)
    try:
        verification.clean_fields(exclude=["updated_at", "created_at"])
    except ValidationError as error:
        problem = "; ".join(f"{name}: {' '.join(words)}" for name, words in error.message_dict.items())
        raise ValidationError(_("Row %(number)s: %(problem)s"), params={"number": number, "problem": problem}) from None
    values = {name: getattr(verification, name) for name in row}
    verified_at = values.get("verified_at")
    if verified_at is not None and settings.USE_TZ and timezone.is_naive(verified_at):
        values["verified_at"] = timezone.make_aware(verified_at)
    return values


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
