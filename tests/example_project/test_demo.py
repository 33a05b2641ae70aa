from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth import get_user_model

from example_project import demo, demo_data
from idenfy_kyc import services
from idenfy_kyc.choices import State
from idenfy_kyc.models import Verification
from idenfy_kyc.testing import FakeIdenfy, Fault
from idenfy_kyc.testing.plugin import RunningFake

ROOT = Path(__file__).parents[2]


@pytest.mark.django_db
class TestFill:
    def test_makes_clients_and_logins(self) -> None:
        added = demo.fill(60)

        assert added == Verification.objects.count() == 62
        may = {user.get_username(): permissions(user) for user in get_user_model()._default_manager.all()}
        assert set(may) == {"officer", "viewer", "links", "admin"}
        assert "request_information" in may["officer"]
        assert "reveal_link" not in may["officer"]
        assert may["viewer"] == {"view_verification", "view_requestbatch", "view_informationrequest"}
        assert may["links"] == may["viewer"] | {"reveal_link"}
        assert may["admin"] >= may["officer"] | may["links"]

    def test_keeps_what_is_there(self) -> None:
        demo.fill(60)
        Verification.objects.filter(client_id="C-1001").update(name="Renamed by hand", status="DELETED")
        officer = get_user_model()._default_manager.get_by_natural_key("officer")
        officer.set_password("another one")
        officer.save()

        added = demo.fill(60)

        assert added == 0
        first = Verification.objects.get(client_id="C-1001")
        assert (first.name, first.status) == ("Renamed by hand", "DELETED")
        officer.refresh_from_db()
        assert officer.check_password("another one")

    def test_adds_what_is_missing(self) -> None:
        demo.fill(10)

        added = demo.fill(30)

        assert added == 20


@pytest.mark.django_db
class TestTeach:
    def test_lets_go_wrong_what_the_names_say_and_nothing_else(self, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"READ_TIMEOUT": 10.0}
        demo.fill(35)
        demo.teach(fake_idenfy.fake, 35)
        demo.teach(fake_idenfy.fake, 35)
        officer = get_user_model()._default_manager.get_by_natural_key("officer")

        ended = {
            mishap.name: services.request_information(
                Verification.objects.get(name=mishap.name),
                requested_by=officer,
                note="a try",
                additional_step_upload_required=True,
            )
            for mishap in demo_data.MISHAPS
        }

        assert {name: request.state for name, request in ended.items()} == {
            "Demo: iDenfy refuses": State.REFUSED,
            "Demo: answer lost": State.UNKNOWN,
            "Demo: slow": State.ISSUED,
            "Demo: rate limited once": State.QUEUED,
            "Demo: not permitted": State.QUEUED,
            "Demo: answer is nonsense": State.UNKNOWN,
            "Demo: link without an address": State.ISSUED,
        }
        assert ended["Demo: link without an address"].session_url == ""
        assert ended["Demo: slow"].session_url


def permissions(user: Any) -> set[str]:
    return {name.removeprefix("idenfy_kyc.") for name in user.get_all_permissions() if name.startswith("idenfy_kyc.")}


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def a_demo(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{directory / 'demo.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "IDENFY_API_KEY": "a real key, which the demo must not use",
        "IDENFY_API_SECRET": "a real secret",
    }
    command = [sys.executable, "-m", "example_project.demo", "--fake-path", str(directory / "fake.sqlite3"), *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        late = threading.Timer(60, process.kill)
        late.start()
        try:
            yield process
        finally:
            late.cancel()
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    said = ""
    while words not in said:
        line = process.stdout.readline()
        assert line, process.communicate()
        said += line
    return said


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 (an address of this test)
        body: bytes = response.read()
        return body.decode()


class TestDemo:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_serves_both_and_stops_both(self, tmp_path: Path, number: signal.Signals) -> None:
        port, fake_port = a_free_port(), a_free_port()

        with a_demo(tmp_path, "--port", str(port), "--fake-port", str(fake_port)) as process:
            said = read_until(process, "Ctrl-C")
            login = get(f"http://127.0.0.1:{port}/admin/")
            styled = get(f"http://127.0.0.1:{port}/static/idenfy_kyc/client_link.css")
            fake = get(f"http://127.0.0.1:{fake_port}/session/style.css")
            process.send_signal(number)
            rest, errors = process.communicate(timeout=20)

        assert f"http://127.0.0.1:{port}/admin/" in said
        assert re.search(r"officer +demo +may ask", said)
        assert f"FAKE_IDENFY_URL=http://127.0.0.1:{fake_port}" in said
        assert 'name="username"' in login
        assert "button" in styled
        assert fake
        assert rest.strip() == "Stopped. What is there stays for the next time."
        assert (process.returncode, errors) == (0, "")
        for gone in (port, fake_port):
            with pytest.raises(OSError, match="refused"):
                get(f"http://127.0.0.1:{gone}/")

    def test_says_which_port_is_taken(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port, free = taken.getsockname()[1], a_free_port()

            with a_demo(tmp_path, "--port", str(port), "--fake-port", str(free)) as process:
                _, web = process.communicate()
            with a_demo(tmp_path, "--port", str(free), "--fake-port", str(port)) as process:
                _, fake = process.communicate()

        assert web == f"Port {port} is taken. Choose another one: make demo PORT={port + 100}\n"
        assert fake.startswith(f"Port {port}, for the fake iDenfy, is taken. Choose another one: ")
        assert process.returncode == 1

    def test_forgets_a_fake_that_outlived_its_database(self, tmp_path: Path) -> None:
        with FakeIdenfy(tmp_path / "fake.sqlite3") as fake:
            fake.handle("POST", "/kyc/identifications/x/request-information/", {}, json.dumps({}).encode())

        with a_demo(tmp_path, "--port", str(a_free_port()), "--fake-port", str(a_free_port())) as process:
            read_until(process, "Ctrl-C")

            with FakeIdenfy(tmp_path / "fake.sqlite3") as fake:
                posts = fake.posts()

        assert posts == []


@pytest.fixture(scope="class")
def demo_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, FakeIdenfy]]:
    """Where a demo runs, and the memory of its fake."""
    directory, port = tmp_path_factory.mktemp("demo"), a_free_port()
    with a_demo(directory, "--port", str(port), "--fake-port", str(a_free_port())) as process:
        read_until(process, "Ctrl-C")
        with FakeIdenfy(directory / "fake.sqlite3") as fake:
            yield f"http://127.0.0.1:{port}", fake


class TestVerifyMe:
    def fill_in(self, session: requests.Session, url: str, last_name: str = "Kazlauskienė") -> requests.Response:
        page = session.get(f"{url}/verify/", timeout=10).text
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
        form = {"csrfmiddlewaretoken": token, "first_name": "Rasa", "last_name": last_name}
        return session.post(f"{url}/verify/", form, timeout=10)

    def test_leads_to_the_fake_and_back_and_the_project_is_told(self, demo_at: tuple[str, FakeIdenfy]) -> None:
        url, fake = demo_at
        with requests.Session() as session:
            at_idenfy = self.fill_in(session, url)

            after = session.post(at_idenfy.url, {"act": "finish", "status": "APPROVED"}, timeout=10)
            done = session.get(re.findall(r'href="(http[^"]+/verify/done/)"', after.text)[0], timeout=10)

        assert "Show document and face" in at_idenfy.text
        assert "Thank you" in done.text
        (told,) = fake.told()
        assert told.payload["clientId"].startswith("W-")
        assert told.payload["data"]["docLastName"] == "KAZLAUSKIENĖ"
        assert (told.status, told.words) == (200, "Kept.")

    def test_says_what_idenfy_would_refuse(self, demo_at: tuple[str, FakeIdenfy]) -> None:
        with requests.Session() as session:
            page = self.fill_in(session, demo_at[0], last_name="Kazlauskienė?")

        assert page.status_code == 200
        assert "iDenfy takes none of these" in page.text

    def test_asks_to_try_again_if_idenfy_is_away(self, demo_at: tuple[str, FakeIdenfy]) -> None:
        url, fake = demo_at
        fake.misbehave(Fault.UNAVAILABLE_HTML, times=1)
        with requests.Session() as session:
            page = self.fill_in(session, url)

        assert page.status_code == 503
        assert "try again" in page.text


class TestOutage:
    def test_reaches_a_running_fake(self, tmp_path: Path) -> None:
        path = tmp_path / "fake.sqlite3"
        with FakeIdenfy(path) as fake:
            code = demo.main(["--fake-path", str(path), "--outage", "60"])
            reply = fake.handle("POST", "/kyc/identifications/x/request-information/", {}, b"{}")

        assert code == 0
        assert reply.status == 502

    def test_needs_a_demo(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code = demo.main(["--fake-path", str(tmp_path / "none.sqlite3"), "--outage", "60"])

        assert code == 1
        assert "start it first" in capsys.readouterr().err

    @pytest.mark.parametrize("clients", ["0", "100001", "many"])
    def test_needs_a_sensible_number_of_clients(self, clients: str) -> None:
        with pytest.raises(SystemExit) as ending:
            demo.main(["--clients", clients])

        assert ending.value.code == 2
