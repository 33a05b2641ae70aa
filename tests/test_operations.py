"""The questions that ``docs/operations.md`` asks the database: each is asked here, and answered right."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from idenfy_kyc.choices import PauseReason, State
from idenfy_kyc.models import RequestBatch, WebhookDelivery, WebhookRejection
from tests.factories import make_queue, make_request

PAGE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text()
AGO = re.compile(r"CURRENT_TIMESTAMP - INTERVAL '(\d+)' (\w+)")

pytestmark = pytest.mark.django_db


def questions() -> list[str]:
    (block,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    return [statement.strip() for statement in block.split(";") if statement.strip()]


def ask(question: str) -> list[tuple[Any, ...]]:
    if connection.vendor == "sqlite":  # has no intervals
        question = AGO.sub(r"datetime('now', '-\1 \2')", question)
    with connection.cursor() as cursor:
        cursor.execute(question)
        rows: list[tuple[Any, ...]] = list(cursor.fetchall())
    return rows


class TestWhatToWatch:
    def test_is_what_waits_for_somebody(self) -> None:
        make_queue(3)
        stopped = make_queue(2)
        RequestBatch.objects.filter(pk=stopped.pk).update(
            paused_at=timezone.now(), pause_reason=PauseReason.UNAUTHORIZED
        )
        make_request(State.UNKNOWN, sent_at=timezone.now() - timedelta(minutes=10))
        WebhookDelivery.objects.create(digest="d", event_type="e", problem="broke_off")
        now = timezone.now()
        WebhookRejection.objects.create(hour=now - timedelta(hours=2), count=5, named=2, first_at=now, last_at=now)

        waiting, batches, unknown, used, unhandled, last, rejected = map(ask, questions())

        assert waiting == [(3,)]
        assert batches == [(stopped.pk, PauseReason.UNAUTHORIZED)]
        assert unknown == [(1,)]
        assert used == [(1,)]
        assert unhandled == [(1,)]
        assert last[0][0] is not None
        assert rejected == [(5, 2)]

    def test_is_nothing_while_somebody_is_being_asked(self) -> None:
        make_queue(3)
        make_request(State.ISSUED, sent_at=timezone.now())

        waiting, batches, unknown, *_others = map(ask, questions())

        assert (waiting, batches, unknown) == ([(0,)], [], [(0,)])
