"""Sending by real workers: ``django-tasks-db`` in the tests' database, and Celery with a Redis of its own.

Run by ``.ci/workers``, with ``tests.workers.settings``.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from idenfy_kyc.choices import State
from idenfy_kyc.models import RequestBatch
from idenfy_kyc.testing import FakeIdenfy, Fault
from idenfy_kyc.testing.server import spawn_fake
from tests.admin.pages import filled_in, make_plan, url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "tasks": ["-m", "django", "db_worker", "--interval=0.1", "--no-startup-delay"],
    "celery": ["-m", "celery", "--app=tests.workers.celery", "worker", "--pool=solo", "--loglevel=WARNING"],
}
Hire = Callable[[], "subprocess.Popen[bytes]"]


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it took too long"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = shutil.which("redis-server")
    assert command, "Redis is needed: on Debian redis-server"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    server = subprocess.Popen(
        [
            command,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--save",
            "",
            "--loglevel",
            "warning",
        ]
    )
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeIdenfy]:
    path = tmp_path / "fake.sqlite3"
    with FakeIdenfy(path, latency=0.02) as fake, spawn_fake(path) as running:
        fake.url = running.url  # type: ignore[attr-defined]
        yield fake


@pytest.fixture(params=["tasks", "celery"])
def hire(
    request: pytest.FixtureRequest, fake: Any, redis: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hire]:
    """Starts a worker; all have gone when the test is over."""
    settings.IDENFY_KYC = settings.IDENFY_KYC | {
        "BASE_URL": fake.url,
        "SENDER": f"idenfy_kyc.contrib.{request.param}.enqueue",
    }
    ours = {
        "DJANGO_SETTINGS_MODULE": "tests.workers.settings",
        "TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "FAKE_IDENFY_URL": fake.url,
        "QUEUE": request.param,
        "REDIS_URL": redis,
        "PYTHONPATH": str(ROOT),
    }
    monkeypatch.setenv("REDIS_URL", redis)
    if request.param == "celery":
        from tests.workers.celery import app

        app.set_current()
        app.control.purge()
    hired: list[subprocess.Popen[bytes]] = []

    def hire() -> subprocess.Popen[bytes]:
        hired.append(subprocess.Popen([sys.executable, *COMMANDS[request.param]], cwd=ROOT, env=os.environ | ours))
        return hired[-1]

    yield hire
    for process in hired:
        process.kill()
        process.wait()


def confirm(officer: Client, clients: int) -> RequestBatch:
    """As an officer does it, on the page of a plan."""
    batch = make_plan(clients)
    answer = officer.post(url(batch), filled_in(expected=str(clients)))
    assert answer.status_code == 302
    return batch


def is_over(batch: RequestBatch) -> bool:
    return not batch.rows_in(State.QUEUED, State.SENDING).exists()


class TestAWorker:
    def test_sends_what_an_officer_has_confirmed(self, alice_client: Client, hire: Hire, fake: FakeIdenfy) -> None:
        hire()
        batch = confirm(alice_client, 30)

        page = alice_client.get(url(batch))
        wait_until(lambda: is_over(batch))

        assert "You may close this page" in page.text or "Done at" in page.text
        assert batch.rows_in(State.ISSUED).count() == 30
        assert set(fake.count_posts().values()) == {1}

    def test_goes_on_by_itself_when_idenfy_asked_to_slow_down(
        self, alice_client: Client, hire: Hire, fake: FakeIdenfy
    ) -> None:
        fake.misbehave(Fault.RATE_LIMITED, times=2)
        hire()

        batch = confirm(alice_client, 10)
        wait_until(lambda: is_over(batch))

        assert batch.rows_in(State.ISSUED).count() == 10
        assert len(fake.posts()) == 12

    def test_leaves_what_was_stopped_until_somebody_continues(
        self, alice_client: Client, hire: Hire, fake: FakeIdenfy
    ) -> None:
        fake.latency = 0.3
        hire()
        batch = confirm(alice_client, 60)
        wait_until(lambda: batch.rows_in(State.ISSUED).count() >= 9)

        alice_client.post(url(batch, "pause"))
        wait_until(lambda: not batch.rows_in(State.SENDING).exists())
        asked = len(fake.posts())
        time.sleep(1)
        assert len(fake.posts()) == asked < 60
        alice_client.post(url(batch, "continue"))
        wait_until(lambda: is_over(batch))

        assert set(fake.count_posts().values()) == {1}
        assert batch.rows_in(State.ISSUED).count() == 60

    def test_that_is_killed_leaves_the_rest_to_the_page(
        self, alice_client: Client, hire: Hire, fake: FakeIdenfy
    ) -> None:
        fake.latency = 0.2
        worker = hire()
        batch = confirm(alice_client, 60)
        wait_until(lambda: batch.rows_in(State.ISSUED).count() >= 9)

        worker.kill()
        worker.wait()

        def page_sends() -> bool:
            alice_client.post(url(batch, "send"))
            return not batch.rows_in(State.QUEUED).exists()

        wait_until(page_sends)
        assert max(fake.count_posts().values()) == 1
        assert batch.rows_in(State.ISSUED).count() + batch.rows_in(State.SENDING).count() == 60
        assert batch.rows_in(State.SENDING).count() <= 8
