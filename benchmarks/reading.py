"""How many rows PostgreSQL reads for a page: each SELECT of it once more, under ``EXPLAIN (ANALYZE)``.

*Read* is what the scans of our tables hand on, and what they look at and drop by a filter. *Shown* is what comes of it:
the rows that a query returns. A query that counts shows what it counts, but for each number at most ``MAX_BATCH_SIZE``
and one: no list counts further. What a query may read goes by what it shows or by what its page is about, whichever is
more: the hundred rows of a list, all the clients of a batch, the few lines of one verification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

ALLOWED = 20
"""Rows read for each one shown."""
COUNTS = re.compile(r"\bCOUNT\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT, and what it took."""

    sql: str
    read: int
    shown: int

    def is_within(self, rows: int) -> bool:
        """Whether it reads no more than it may, on a page that is about so many rows."""
        return self.read <= ALLOWED * max(self.shown, rows)


@contextmanager
def selects() -> Iterator[list[tuple[str, Any]]]:
    """Collects the SELECTs that run meanwhile, with their parameters."""
    from django.db import connection

    found: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            found.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found


def explained(found: list[tuple[str, Any]]) -> list[Query]:
    """Each of them, run again."""
    return [_explained(sql, params) for sql, params in found]


def _explained(sql: str, params: Any) -> Query:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:  # a FOR UPDATE wants one
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        (answer,) = cursor.fetchone()
    plan = (answer if isinstance(answer, list) else json.loads(answer))[0]["Plan"]
    return Query(sql, _read(plan), max(1, _shown(sql, plan)))


def _read(plan: dict[str, Any]) -> int:
    """Of this node and all beneath it. A bitmap's index has no rows of its own: those of its table are counted."""
    touched = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    is_ours = plan.get("Relation Name", "").startswith("idenfy_kyc")
    own = sum(plan.get(name, 0) for name in touched) * plan["Actual Loops"] if is_ours else 0
    return round(own) + sum(_read(child) for child in plan.get("Plans", ()))


def _shown(sql: str, plan: dict[str, Any]) -> int:
    from idenfy_kyc.conf import get_settings

    returned: int = round(plan["Actual Rows"] * plan["Actual Loops"])
    if not COUNTS.search(sql):
        return returned
    most = (get_settings().MAX_BATCH_SIZE + 1) * max(1, returned)
    return max(returned, min(most, _counted(plan)))


def _counted(plan: dict[str, Any]) -> int:
    """How many rows the outermost aggregate is given."""
    while "Aggregate" not in plan["Node Type"]:
        if not plan.get("Plans"):
            return 0
        plan = plan["Plans"][0]
    if plan.get("Partial Mode") == "Finalize":
        return _counted(plan["Plans"][0])
    given = plan["Plans"][0]
    return round(given["Actual Rows"] * given["Actual Loops"])
