from __future__ import annotations

from typing import TypeVar

from django.db import models, router

M = TypeVar("M", bound=models.Model)


class PrimaryManager(models.Manager[M]):
    """Reads where it writes, whatever the host's router says of reading.

    Our rows are the only record of what was asked. A replica that lags behind would show a client as free to be asked,
    a batch as going on that was stopped, or a claim as missing that was committed.
    """

    def get_queryset(self) -> models.QuerySet[M]:
        """All rows, on the database that the router writes to."""
        rows = super().get_queryset()
        return rows if self._db else rows.using(router.db_for_write(self.model, **self._hints))  # type: ignore[attr-defined]
