"""How the services talk to the database: which one, in what portions, and what to do when it is busy.

The rules every service here follows:

- Inside a transaction the first statement writes. SQLite takes its write lock then, and waits for it; a transaction
  that read first would be told "database is locked" at once.
- Long lists go in portions: every engine limits its parameters, and a lock held for seconds stops other people.
- Times come from ``timezone.now()``, never from the database, so that one clock decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db import Error, IntegrityError, OperationalError, connections, router, transaction
from django.db.models import Model

from ..models import InformationRequest

PORTION = 500
T = TypeVar("T")


def alias() -> str:
    """The database the requests live in, as the host's router says."""
    return router.db_for_write(InformationRequest)


def refuse_transaction() -> None:
    """Raise ``RuntimeError`` inside a transaction (that of a test case aside).

    Also where autocommit is off, which ``durable`` does not see: every statement is in somebody's transaction then.
    """
    connection = connections[alias()]
    if not connection.in_atomic_block and not connection.get_autocommit():
        raise RuntimeError(
            "Sending needs autocommit: with a rollback, links that iDenfy has issued would be forgotten."
        )
    with transaction.atomic(using=alias(), durable=True):
        pass


def portions(items: Iterable[T], size: int = PORTION) -> Iterator[list[T]]:
    """``items`` in lists of at most ``size``."""
    iterator = iter(items)
    while portion := list(islice(iterator, size)):
        yield portion


def insert(rows: Iterable[Model]) -> None:
    """Insert ``rows``, all of one model, a portion at a time, without reading their keys back.

    ``bulk_create`` would go forty rows at a time on SQLite, where Django 5.2 gives a statement 999 parameters.
    """
    connection = connections[alias()]
    for portion in portions(rows):
        meta = portion[0]._meta
        fields = [field for field in meta.local_concrete_fields if not field.primary_key]
        columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
        values = [
            [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields] for row in portion
        ]
        table, marks = connection.ops.quote_name(meta.db_table), ", ".join(["%s"] * len(fields))
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)  # noqa: S608 (names of ours)


def repeat_on_conflict(work: Callable[[], T], *, times: int = 3) -> T:
    """Do ``work``, a whole transaction, again when the database made it give way to another one.

    Only outside a transaction: inside one, whoever opened it has to decide.
    """
    if connections[alias()].in_atomic_block:
        return work()
    for attempt in range(1, times):
        try:
            return work()
        except (IntegrityError, OperationalError):
            time.sleep(0.05 * attempt)
    return work()


def insist(work: Callable[[], T], *, patience: float) -> T:
    """Do ``work``, again and again for ``patience`` seconds, while the database is busy or away.

    For what must not be lost: the answer that a sender holds in its hands.
    """
    give_up_at = time.monotonic() + patience
    pause = 0.05
    while True:
        try:
            return work()
        except Error:  # a failover has many faces, "read-only transaction" among them
            connection = connections[alias()]
            if connection.in_atomic_block or time.monotonic() + pause > give_up_at:
                raise
            connection.close()
        time.sleep(pause)
        pause = min(2 * pause, 2.0)
