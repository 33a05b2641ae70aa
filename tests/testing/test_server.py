"""The standalone server, over real sockets and in a process of its own."""

from __future__ import annotations

import http.client
import io
import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from idenfy_kyc.testing import FakeIdenfy, Fault
from idenfy_kyc.testing.server import MAX_BODY, FakeServer, main, spawn_fake
from tests.testing.calls import AUTHORIZATION, BODY, HEADERS, PATH, connect, post


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeIdenfy]:
    with FakeIdenfy(tmp_path / "fake.sqlite3") as fake:
        yield fake


@pytest.fixture
def server(fake: FakeIdenfy) -> Iterator[FakeServer]:
    with FakeServer(fake) as server:
        yield server


@pytest.fixture
def connection(server: FakeServer) -> Iterator[http.client.HTTPConnection]:
    with closing(connect(server.url)) as connection:
        yield connection


def address(server: FakeServer) -> tuple[str, int]:
    """Where the server listens."""
    parts = urlsplit(server.url)
    return parts.hostname or "", parts.port or 0


def raw_post(server: FakeServer) -> socket.socket:
    """A socket on which one whole request was sent and nothing was read."""
    head = [f"POST {PATH.format('scan-1')} HTTP/1.1", f"Content-Length: {len(BODY)}"]
    head += [f"{name}: {value}" for name, value in HEADERS.items()]
    caller = socket.create_connection(address(server), timeout=10)
    caller.sendall("\r\n".join([*head, "", ""]).encode() + BODY)
    return caller


def raw_answer(server: FakeServer, request: bytes) -> bytes:
    """Everything that comes back for ``request`` until the connection ends."""
    with socket.create_connection(address(server), timeout=10) as caller:
        caller.sendall(request)
        caller.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: caller.recv(65536), b""))


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes true within five seconds."""
    end = time.monotonic() + 5
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


class TestFakeServer:
    def test_keeps_a_connection(self, connection: http.client.HTTPConnection, fake: FakeIdenfy) -> None:
        first = post(connection, "a")
        kept = connection.sock
        second = post(connection, "b")

        assert (first[0], second[0]) == (200, 200)
        assert kept is not None
        assert connection.sock is kept
        assert fake.count_issued() == {"a": 1, "b": 1}

    def test_notes_that_the_answer_went_out(self, connection: http.client.HTTPConnection, fake: FakeIdenfy) -> None:
        post(connection)

        (line,) = fake.posts()
        assert line.answered_at is not None
        assert line.answered_at >= line.at
        assert connection.sock is not None
        assert line.answered_to == "{}:{}".format(*connection.sock.getsockname())

    def test_leads_to_its_session_page(self, connection: http.client.HTTPConnection, server: FakeServer) -> None:
        _, body = post(connection)
        token = body.decode().rpartition('"')[0].rpartition('"')[2]

        connection.request("GET", f"/session/?authToken={token}")
        page = connection.getresponse()

        assert f'"{server.url}/session/?authToken={token}"'.encode() in body
        assert page.status == 200
        assert b"scan-1" in page.read()

    def test_sends_no_body_to_a_head(self, connection: http.client.HTTPConnection) -> None:
        connection.request("HEAD", "/session/?authToken=x")
        head = connection.getresponse()
        content = head.read()
        connection.request("GET", "/session/?authToken=x")
        get = connection.getresponse()

        assert (head.status, content) == (404, b"")
        assert head.getheader("Content-Length") == get.getheader("Content-Length") == str(len(get.read()))

    def test_answers_two_hundred_requests_a_second(self, server: FakeServer) -> None:
        def ask_many(caller: int) -> set[int]:
            with closing(connect(server.url)) as connection:
                return {post(connection, f"{caller}-{number}")[0] for number in range(25)}

        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(ask_many, range(8)))

        assert statuses == [{200}] * 8
        assert time.monotonic() - began < 1

    def test_takes_its_time(self, connection: http.client.HTTPConnection, fake: FakeIdenfy) -> None:
        fake.latency = 0.2
        began = time.monotonic()

        post(connection)

        assert time.monotonic() - began >= 0.2

    @pytest.mark.parametrize(("fault", "issued"), [(Fault.CUT_BEFORE, False), (Fault.CUT_AFTER, True)])
    def test_resets_a_connection(self, server: FakeServer, fake: FakeIdenfy, fault: Fault, issued: bool) -> None:
        fake.misbehave(fault, times=1)

        with raw_post(server) as caller, pytest.raises(ConnectionResetError):
            caller.recv(1)

        (line,) = fake.posts()
        assert (line.issued, line.cut, line.answered_at) == (issued, True, None)

    def test_drips(self, server: FakeServer, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.DRIP, value=0.05)

        with raw_post(server) as caller:
            pieces = [caller.recv(65536) for _ in range(4)]

        assert b"HTTP/1.1 200".startswith(b"".join(pieces))
        assert fake.count_issued() == {"scan-1": 1}

    def test_drips_to_the_end(self, connection: http.client.HTTPConnection, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.DRIP, value=0.0001, times=1)

        dripped, whole = post(connection, "a"), post(connection, "b")

        assert dripped[0] == whole[0] == 200
        assert len(dripped[1]) == len(whole[1])

    def test_notices_that_the_caller_left(self, server: FakeServer, fake: FakeIdenfy) -> None:
        fake.latency = 0.2

        raw_post(server).close()
        with raw_post(server) as caller:
            eventually(lambda: len(fake.posts()) == 2)
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with raw_post(server) as waiting:
            waiting.recv(1)

        assert [line.answered_at is None for line in fake.posts()] == [True, True, False]

    def test_takes_it_calmly_if_the_caller_leaves_while_it_drips(
        self, server: FakeServer, fake: FakeIdenfy, capfd: pytest.CaptureFixture[str]
    ) -> None:
        fake.misbehave(Fault.DRIP, value=0.01, times=1)

        with raw_post(server) as caller:
            caller.recv(1)
        with closing(connect(server.url)) as connection:
            status, _ = post(connection, "another")

        assert status == 200
        assert capfd.readouterr() == ("", "")

    def test_logs_nothing(
        self, connection: http.client.HTTPConnection, server: FakeServer, capfd: pytest.CaptureFixture[str]
    ) -> None:
        post(connection)
        connection.request("GET", "/session/?authToken=secret")
        connection.getresponse().read()
        raw_answer(server, b"NONSENSE\r\n\r\n")

        assert capfd.readouterr() == ("", "")

    def test_does_not_hide_its_own_errors(self, capfd: pytest.CaptureFixture[str]) -> None:
        fake = FakeIdenfy()
        fake.close()

        with (
            FakeServer(fake) as server,
            closing(connect(server.url)) as connection,
            pytest.raises(http.client.RemoteDisconnected),
        ):
            post(connection)

        assert "closed database" in capfd.readouterr().err

    @pytest.mark.parametrize(
        ("header", "status"),
        [
            ("Transfer-Encoding: chunked", b"411"),
            ("Content-Length: -1", b"411"),
            ("Content-Length: ten", b"411"),
            (f"Content-Length: {MAX_BODY + 1}", b"413"),
        ],
    )
    def test_refuses_a_body_it_will_not_read(
        self, server: FakeServer, fake: FakeIdenfy, header: str, status: bytes
    ) -> None:
        request = f"POST {PATH.format('a')} HTTP/1.1\r\nAuthorization: {AUTHORIZATION}\r\n{header}\r\n\r\n"

        answer = raw_answer(server, request.encode())

        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b"\r\nConnection: close\r\n" in answer
        assert fake.posts() == []

    def test_says_nothing_to_half_a_body(self, server: FakeServer, fake: FakeIdenfy) -> None:
        request = f"POST {PATH.format('a')} HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345"

        assert raw_answer(server, request.encode()) == b""
        assert fake.posts() == []

    def test_stops_at_once(self, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.LATENCY, value=60, times=1)
        fake.misbehave(Fault.DRIP, value=60)

        with ExitStack() as callers:
            with FakeServer(fake) as server:
                idle = callers.enter_context(socket.create_connection(address(server), timeout=10))
                callers.enter_context(raw_post(server))
                callers.enter_context(raw_post(server))
                eventually(lambda: len(fake.posts()) == 2)
                began = time.monotonic()
            took = time.monotonic() - began
            left = idle.recv(1)

        assert took < 5
        assert left == b""


class TestSpawnFake:
    def test_runs_in_another_process(self, tmp_path: Path) -> None:
        path = tmp_path / "fake.sqlite3"

        with spawn_fake(path, options=["--latency", "0.01"]) as spawned, closing(connect(spawned.url)) as connection:
            status, _ = post(connection)

        with FakeIdenfy(path) as fake:
            assert status == 200
            assert fake.count_issued() == {"scan-1": 1}
            assert fake.latency == 0.01
        assert spawned.process.returncode == 0

    def test_is_steered_from_here(self, tmp_path: Path) -> None:
        path = tmp_path / "fake.sqlite3"

        with (
            FakeIdenfy(path) as fake,
            spawn_fake(path) as spawned,
            closing(connect(spawned.url)) as connection,
        ):
            fake.misbehave(Fault.FORBIDDEN, times=1)
            statuses = [post(connection)[0] for _ in range(2)]

        assert statuses == [403, 200]

    def test_loses_nothing_when_killed(self, tmp_path: Path) -> None:
        path = tmp_path / "fake.sqlite3"
        with spawn_fake(path) as spawned, closing(connect(spawned.url)) as connection:
            post(connection)
            spawned.process.kill()

        with spawn_fake(path) as again, closing(connect(again.url)) as connection:
            status, body = post(connection)

        assert (status, b"already" in body) == (400, True)

    def test_says_so_if_it_cannot_start(
        self, server: FakeServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        _, taken = address(server)

        with pytest.raises(RuntimeError, match="did not start"):
            spawn_fake(tmp_path / "f.sqlite3", port=taken).__enter__()

        assert "Address already in use" in capfd.readouterr().err

    def test_does_not_wait_for_ever_to_start(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="did not start"):
            spawn_fake(tmp_path / "f.sqlite3", timeout=0).__enter__()

    def test_does_not_wait_for_ever_to_end(self, tmp_path: Path) -> None:
        with spawn_fake(tmp_path / "f.sqlite3", grace=0.1) as spawned:
            os.kill(spawned.process.pid, signal.SIGSTOP)

        assert spawned.process.returncode == -signal.SIGKILL


class TestCommandLine:
    def test_serves_until_interrupted(self) -> None:
        command = [sys.executable, "-m", "idenfy_kyc.testing", "--port", "0", "--questionnaire", "funds"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            with closing(connect(url)) as connection:
                statuses = [
                    post(connection, key, f'{{"questionnaire": "{key}"}}'.encode())[0] for key in ("funds", "fonds")
                ]
            process.send_signal(signal.SIGINT)
            process.wait(10)

        assert statuses == [200, 400]
        assert process.returncode == 0

    def test_ends_with_its_standard_input(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        arguments = ["--port", "0", "--path", str(tmp_path / "f.sqlite3"), "--until-stdin-closes"]
        monkeypatch.setattr(sys, "argv", ["idenfy_kyc.testing", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO())

        with pytest.raises(SystemExit) as ended:
            runpy.run_module("idenfy_kyc.testing", run_name="__main__")

        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith("A fake iDenfy answers at http://127.0.0.1:")

    def test_ends_when_interrupted(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(sys, "stdout", InterruptedSoon())

        assert main(["--port", "0", "--path", str(tmp_path / "f.sqlite3")]) == 0


class InterruptedSoon(io.StringIO):
    """What is written to it leads to Ctrl-C, a moment later."""

    def flush(self) -> None:
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
