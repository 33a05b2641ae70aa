"""A database that fails on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection


@contextmanager
def database_fails(*verbs: str) -> Iterator[None]:
    """No statement that begins so reaches our tables."""

    def execute(run: Callable[..., Any], sql: str, *args: Any) -> Any:
        if sql.startswith(verbs) and "idenfy_kyc_" in sql:
            raise OperationalError("disk I/O error")
        return run(sql, *args)

    with connection.execute_wrapper(execute):
        yield
