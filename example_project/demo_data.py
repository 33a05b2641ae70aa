"""The made-up clients of the demo: as in life, so with every script, every status, and some bad luck.

Each client comes from a random generator of its own, seeded with its number: more clients never change the first ones.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from idenfy_kyc.choices import STATUS_LABELS
from idenfy_kyc.testing import Fault

FIRST_CLIENT = 1001
SPREAD = timedelta(days=3 * 365)
NEW_WORD = "ON-HOLD"
"""A status that iDenfy might invent one day."""
THREE_VERIFICATIONS = FIRST_CLIENT + 1
TWO_VERIFICATIONS = range(FIRST_CLIENT + 100, FIRST_CLIENT + 400, 10)
"""Thirty clients with a name who were verified, and approved, a second time."""
LONG_NAME = FIRST_CLIENT + 2
NO_NAME = FIRST_CLIENT + 3


@dataclass(frozen=True, slots=True)
class Mishap:
    """What goes wrong, always, for one client; the name tells."""

    name: str
    fault: Fault
    value: float | None = None
    times: int | None = None


MISHAPS = (
    Mishap("Demo: iDenfy refuses", Fault.BAD_VALUE),
    Mishap("Demo: answer lost", Fault.CUT_AFTER),
    Mishap("Demo: slow", Fault.LATENCY, value=3),
    Mishap("Demo: rate limited once", Fault.RETRY_AFTER, value=5, times=1),
    Mishap("Demo: not permitted", Fault.FORBIDDEN),
    Mishap("Demo: answer is nonsense", Fault.NONSENSE),
    Mishap("Demo: link without an address", Fault.NO_SESSION_URL),
)

# Mishaps stand apart, so that three uncertain answers in a row stay the exception that they are in life.
MISHAP_OF = {FIRST_CLIENT + 6 + 4 * place: mishap for place, mishap in enumerate(MISHAPS)}
STATUS_OF = {FIRST_CLIENT + 40 + place: status for place, status in enumerate([*STATUS_LABELS, NEW_WORD])}
"""Clients whose status is fixed, so that each one occurs."""

USUAL_STATUSES = {
    "APPROVED": 80,
    "DENIED": 4,
    "SUSPECTED": 4,
    "REVIEWING": 4,
    "EXPIRED": 3,
    "ACTIVE": 2,
    "DELETED": 1,
    "ARCHIVED": 1,
    "": 1,
}

NAMES = (
    (("Rasa", "Eglė", "Živilė", "Ąžuolas", "Mindaugas", "Šarūnas"), ("Kazlauskienė", "Petrauskas", "Žukauskaitė")),
    (("Anna", "Jürgen", "Zoë", "Seán", "Łukasz", "Åsa"), ("Müller", "Ó Briain", "Wiśniewski", "van der Berg")),
    (("Γιώργος", "Ελένη", "Νίκος", "Αθηνά"), ("Παπαδόπουλος", "Καραγιάννης", "Οικονόμου")),
    (("Олена", "Сергій", "Анна", "Борис"), ("Шевченко", "Коваленко", "Петрова", "Щербакова")),
    (("محمد", "فاطمة", "يوسف", "ليلى"), ("الأحمد", "بن خالد", "حداد")),
    (("伟", "秀英", "小龙", "丽"), ("王", "李", "欧阳", "陈")),
    (("प्रिया", "राहुल", "अनन्या", "विजय"), ("शर्मा", "गुप्ता", "पटेल")),
    (("דוד", "נועה", "יעל"), ("כהן", "לוי", "פרידמן")),
    (("สมชาย", "สุดา", "มาลี"), ("ใจดี", "ศรีสุข")),
    (("გიორგი", "ნინო", "თამარ"), ("ბერიძე", "კაპანაძე")),
    (("Nguyễn", "Trần", "Lê"), ("Thị Hồng Nhung", "Văn Đức", "Ngọc Ánh")),
)
LONG = (
    "María del Carmen Guadalupe Esperanza de los Ángeles Fernández de Córdoba y Álvarez de Toledo Martínez de Irujo "
    "Rodríguez-Villanueva Hohenzollern-Sigmaringen"
)


def rows(clients: int, *, now: datetime) -> Iterator[dict[str, Any]]:
    """``clients`` made-up clients as rows for ``services.record_verifications``."""
    for number in range(FIRST_CLIENT, FIRST_CLIENT + clients):
        random = Random(f"client {number}")
        name = _name(number, random)
        for _ in range(3 if number == THREE_VERIFICATIONS else 2 if number in TWO_VERIFICATIONS else 1):
            status = _status(number, random)
            yield {
                "scan_ref": str(uuid.UUID(int=random.getrandbits(128), version=4)),
                "client_id": f"C-{number}",
                "name": name,
                "status": status,
                "verified_at": None if status in {"", "ACTIVE"} else now - SPREAD * random.random(),
            }


def mishaps(clients: int, *, now: datetime) -> Iterator[tuple[str, Mishap]]:
    """The scan references for which the fake misbehaves, and how."""
    by_client = {f"C-{number}": mishap for number, mishap in MISHAP_OF.items()}
    for row in rows(clients, now=now):
        if mishap := by_client.get(row["client_id"]):
            yield row["scan_ref"], mishap


def _name(number: int, random: Random) -> str:
    if number in MISHAP_OF:
        return MISHAP_OF[number].name
    if number == LONG_NAME:
        return LONG
    if number == NO_NAME or (random.random() < 0.03 and number not in TWO_VERIFICATIONS):
        return ""
    given, family = random.choice(NAMES)
    return f"{random.choice(given)} {random.choice(family)}"


def _status(number: int, random: Random) -> str:
    if number in MISHAP_OF or number in TWO_VERIFICATIONS or number <= NO_NAME:
        return "APPROVED"
    if number in STATUS_OF:
        return STATUS_OF[number]
    return random.choices(list(USUAL_STATUSES), list(USUAL_STATUSES.values()))[0]
