"""``kill -9`` of a sender at seeded moments of a batch, again and again, and then the end of the batch.

What iDenfy saw stands in the fake's journal, which outlives everybody.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent
from idenfy_kyc.services.account import fingerprint
from idenfy_kyc.testing import CREDENTIALS, FakeIdenfy
from idenfy_kyc.testing.server import spawn_fake
from tests.factories import make_queue, make_user
from tests.processes import workers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300), pytest.mark.no_cover]

KILLS = int(os.environ.get("IDENFY_TEST_KILLS", "6"))
CONCURRENCY = 4
JUST_NOW = 1.0
"""Seconds before a kill in which an answer may have reached the process and not yet its database."""

SENDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "the web server": ("web_server", {}),
    "the command": ("command", {"arguments": ["idenfy_send", "--quiet"]}),
}
"""Each is a task and its options."""


@pytest.fixture
def fake(tmp_path: Path, settings: Any) -> Iterator[FakeIdenfy]:
    path = tmp_path / "fake.sqlite3"
    with FakeIdenfy(path, latency=0.03) as fake, spawn_fake(path) as running:
        settings.IDENFY_KYC = {
            "BASE_URL": running.url,
            "API_KEY": CREDENTIALS[0],
            "API_SECRET": CREDENTIALS[1],
            "CONCURRENCY": CONCURRENCY,
            "CONNECT_TIMEOUT": 0.3,
            "READ_TIMEOUT": 0.5,
        }
        yield fake


def kyc(settings: Any) -> dict[str, Any]:
    """The settings of the senders, times in seconds; a claim is given up soon."""
    return {**settings.IDENFY_KYC, "CLAIM_TIMEOUT": 3, "RETRY_WAITS": [0.1] * 50, "STEP_SECONDS": 0.5}


def kill_on_the_way(
    fake: FakeIdenfy, settings: Any, task: str, options: dict[str, Any], moment: random.Random
) -> float | None:
    """Start a sender, kill it once it has been at it for a while; return when, or None if it was done before."""
    enough = len(fake.posts()) + moment.randint(1, 12)
    with workers(task, [options], **kyc(settings)) as crew:
        crew.go()
        process = crew.processes[0]
        while len(fake.posts()) < enough:
            if not process.is_alive():
                return None
            time.sleep(0.002)
        time.sleep(moment.uniform(0, 0.04))
        process.kill()
        process.join()
    return time.time()


def session_of_an_officer() -> str:
    client = Client()
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client.cookies["sessionid"].value


def finish(settings: Any) -> list[dict[str, Any]]:
    with workers("send_all", [{"step": None}], **kyc(settings)) as crew:
        crew.go()
        return crew.results()


class TestKill:
    @pytest.mark.parametrize("sender", list(SENDERS))
    def test_sends_nobody_a_second_post_and_loses_no_link(self, fake: FakeIdenfy, settings: Any, sender: str) -> None:
        moment = random.Random(f"seeded for {sender}")
        rows = 15 * KILLS
        batch = make_queue(rows)
        task, options = SENDERS[sender]
        if task == "web_server":
            options = {"batch": batch.pk, "session": session_of_an_officer()}
        RequestBatch.objects.update(fingerprint=fingerprint())

        killed = [when for _ in range(KILLS) if (when := kill_on_the_way(fake, settings, task, options, moment))]
        time.sleep(3)
        ended = finish(settings)

        posts = fake.posts()
        stored = set(InformationRequest.objects.values_list("token", flat=True))
        uncertain = batch.rows_in(State.UNKNOWN)
        lost = [post for post in posts if post.issued and post.token not in {str(token) for token in stored}]
        sys.stdout.write(f"\n{sender}: {len(killed)} kills, {len(posts)} posts, {uncertain.count()} uncertain\n")
        assert "error" not in ended[0]
        assert len(killed) == KILLS
        assert set(fake.count_posts().values()) == {1}
        assert uncertain.count() <= CONCURRENCY * len(killed)
        assert {post.scan_ref for post in lost} <= set(uncertain.values_list("verification__scan_ref", flat=True))
        for post in lost:
            assert any(kill - JUST_NOW <= (post.answered_at or kill) <= kill for kill in killed)
        assert set(uncertain.values_list("reason", flat=True)) <= {Reason.SENDER_DIED}
        assert batch.rows_in(State.ISSUED).count() + uncertain.count() == rows
        assert RequestEvent.objects.filter(kind=EventKind.UNKNOWN).count() == uncertain.count()
