"""Deliveries over real sockets, to a project that takes them, or does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from idenfy_kyc.api.deliveries import signature_fits
from idenfy_kyc.testing import SIGNING_KEY, DeliveryFault, FakeIdenfy, Told
from idenfy_kyc.testing.server import FakeServer, spawn_fake


class Project(HTTPServer):
    """Somebody who is told things: what came, and the statuses to answer one after the other, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Webhook)
        self.came: list[tuple[str, bytes, bool]] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhook/"


class _Webhook(BaseHTTPRequestHandler):
    server: Project

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fits = signature_fits(body, self.headers["Idenfy-Signature"], [SIGNING_KEY])
        self.server.came.append((self.headers["Idenfy-Event-Type"], body, fits))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Location", "/elsewhere/")
        self.end_headers()
        self.wfile.write(b"Kept,\nand  read.")

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def project() -> Iterator[Project]:
    with Project() as project:
        thread = threading.Thread(target=project.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield project
        project.shutdown()
        thread.join()


@pytest.fixture
def fake(tmp_path: Path, project: Project) -> Iterator[FakeIdenfy]:
    with FakeIdenfy(tmp_path / "fake.sqlite3", webhook_url=project.url) as fake:
        yield fake


def eventually(fake: FakeIdenfy, holds: Callable[[list[Told]], bool]) -> list[Told]:
    """What was told, once it ``holds``; ten seconds are enough."""
    end = time.monotonic() + 10
    while not holds(fake.told()):
        assert time.monotonic() < end, fake.told()
        time.sleep(0.02)
    return fake.told()


def all_taken(told: list[Told]) -> bool:
    return all(one.is_accepted for one in told)


class TestPostman:
    def test_carries_what_is_told(self, fake: FakeIdenfy, project: Project) -> None:
        with FakeServer(fake):
            said = fake.people.decide("scan-1")
            (told,) = eventually(fake, all_taken)

        assert project.came == [("IDENTIFICATION_MANUAL_FINISHED", said.body.encode(), True)]
        assert (told.status, told.words) == (200, "Kept, and read.")

    def test_keeps_the_order(self, fake: FakeIdenfy, project: Project) -> None:
        with FakeServer(fake):
            bodies = [fake.people.decide(f"scan-{number}").body.encode() for number in range(10)]
            eventually(fake, all_taken)

        assert [body for _, body, _ in project.came] == bodies

    def test_comes_once_more(self, fake: FakeIdenfy, project: Project) -> None:
        project.statuses = [500]

        with FakeServer(fake):
            fake.people.decide("scan-1")
            (told,) = eventually(fake, all_taken)

        assert (told.tries, len(project.came)) == (2, 2)
        assert project.came[0] == project.came[1]

    def test_follows_nobody_elsewhere(self, fake: FakeIdenfy, project: Project) -> None:
        project.statuses = [302, 302]

        with FakeServer(fake):
            fake.people.decide("scan-1")
            (told,) = eventually(fake, lambda told: told[0].tries == 2 and told[0].status is not None)

        assert (told.status, len(project.came)) == (302, 2)

    def test_finds_nobody_at_home(self, fake: FakeIdenfy, project: Project) -> None:
        fake.webhook_url = "http://127.0.0.1:1/"

        with FakeServer(fake):
            fake.people.decide("scan-1")
            (told,) = eventually(fake, lambda told: told[0].status == 0)

        assert (told.status, told.words) == (0, "ConnectionError")
        assert project.came == []

    def test_works_in_a_process_of_its_own(self, tmp_path: Path, fake: FakeIdenfy, project: Project) -> None:
        fake.misbehave(DeliveryFault.WRONG_KEY, scan_ref="scan-2")
        options = ["--webhook-url", project.url, "--signing-key", SIGNING_KEY]

        with spawn_fake(tmp_path / "fake.sqlite3", options=options):
            fake.people.decide("scan-1")
            fake.people.decide("scan-2")
            eventually(fake, all_taken)

        assert [fits for _, _, fits in project.came] == [True, False]
