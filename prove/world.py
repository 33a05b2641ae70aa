"""The processes: the fake iDenfy, gunicorn, senders, PostgreSQL; and their violent ends."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import requests

from idenfy_kyc.testing.server import FakeProcess, spawn_fake

from .evidence import Kill
from .schedule import WEB

WORKERS = 2
WEB_TIMEOUT = 30
LATENCY = 0.12
"""Seconds that the fake takes for an answer when all is well."""


class World:
    """Everything that runs, on ports of its own. A context manager: when it ends, nothing is left."""

    def __init__(self, folder: Path, control: str) -> None:
        self.fake_path = folder / "fake.sqlite3"
        self.web_port, self.fake_port = _free_port(), _free_port()
        self._log = (folder / "log").open("w")
        self._control = shlex.split(control)
        self._fake = ExitStack()
        self._fake_process: FakeProcess | None = None
        self._web: subprocess.Popen[bytes] | None = None
        self._senders: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> World:
        os.environ["FAKE_IDENFY_URL"] = f"http://127.0.0.1:{self.fake_port}"
        self.start_fake()
        return self

    def __exit__(self, *args: object) -> None:
        self.stop_senders()
        if self._web is not None:
            self._web.terminate()
            self._web.wait()
        self._fake.close()
        self._log.close()

    # iDenfy

    def start_fake(self) -> None:
        """Let it run; it remembers everything."""
        process = spawn_fake(self.fake_path, port=self.fake_port, options=["--latency", str(LATENCY)])
        self._fake_process = self._fake.enter_context(process)

    def kill_fake(self) -> None:
        """From one moment to the next."""
        if self._fake_process is not None:
            self._fake_process.process.kill()
            self._fake_process.process.wait()
        with suppress(BrokenPipeError):
            self._fake.close()

    # the web server

    def start_web(self) -> str:
        """Gunicorn with the example project; its address, once it answers."""
        options = [f"--workers={WORKERS}", f"--timeout={WEB_TIMEOUT}", f"--bind=127.0.0.1:{self.web_port}"]
        self._web = self._run("gunicorn", *options, "--log-level=warning", "example_project.wsgi")
        url = f"http://127.0.0.1:{self.web_port}"
        for _attempt in range(100):
            with suppress(requests.ConnectionError):
                requests.get(f"{url}/admin/login/", timeout=WEB_TIMEOUT)
                return url
            time.sleep(0.2)
        sys.exit("Aborted: gunicorn does not answer.")

    # the senders

    @contextmanager
    def senders(self, count: int) -> Iterator[None]:
        """So many ``idenfy_send --watch``; one that ends is started again, as a supervisor would."""
        self._senders = [self._start_sender() for _ in range(count)]
        over = threading.Event()
        supervisor = threading.Thread(target=self._supervise, args=(over,))
        supervisor.start()
        try:
            yield
        finally:
            over.set()
            supervisor.join()
            self.stop_senders()

    def stop_senders(self) -> None:
        """They finish what they do."""
        for sender in self._senders:
            sender.terminate()
        for sender in self._senders:
            sender.wait()
        self._senders = []

    def _start_sender(self) -> subprocess.Popen[bytes]:
        return self._run("django", "idenfy_send", "--watch", "--quiet")

    def _supervise(self, over: threading.Event) -> None:
        while not over.wait(0.3):
            with self._lock:
                self._senders = [sender if sender.poll() is None else self._start_sender() for sender in self._senders]

    def _run(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=self._log, stderr=self._log)

    # violent ends

    def kill(self, who: str, which: float) -> Kill | None:
        """``kill -9`` of one of them, and what it had in its hands; None if none is running.

        It is frozen first, so that its connections are those of the moment in which it dies.
        """
        with self._lock:
            victims = self._web_workers() if who == WEB else self._running_senders()
            if not victims:
                return None
            victim = victims[int(which * len(victims))]
            os.kill(victim, signal.SIGSTOP)
            at = time.time()
            connections = connections_of(victim, to_port=self.fake_port)
            os.kill(victim, signal.SIGKILL)
            while _lives(victim):
                time.sleep(0.001)
        return Kill(at=at, gone_at=time.time(), who=who, connections=connections)

    def _web_workers(self) -> list[int]:
        master = self._web.pid if self._web is not None else 0
        return sorted(int(child) for child in Path(f"/proc/{master}/task/{master}/children").read_text().split())

    def _running_senders(self) -> list[int]:
        return [sender.pid for sender in self._senders if sender.poll() is None]

    # the database

    def stop_database(self) -> None:
        """At once, as in a crash: no transaction is ended, nothing is tidied up."""
        subprocess.run([*self._control, "--mode=immediate", "stop"], check=True, stdout=self._log)

    def start_database(self) -> None:
        """It recovers, and is there when this returns."""
        subprocess.run([*self._control, "restart"], check=True, stdout=self._log, stderr=self._log)


def connections_of(process: int, *, to_port: int) -> frozenset[str]:
    """A process's own ends (``host:port``) of its connections to a port of this machine."""
    sockets = set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            sockets.add(os.readlink(descriptor))
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _number, here, there, _state, *rest = line.split()
        if f"socket:[{rest[5]}]" in sockets and _port(there) == to_port:
            found.add(f"127.0.0.1:{_port(here)}")
    return frozenset(found)


def _lives(process: int) -> bool:
    """Whether one of its threads still holds what they share: the first one is a zombie before the others are gone."""
    while True:
        try:
            stats = [(task / "stat").read_text() for task in Path(f"/proc/{process}/task").iterdir()]
        except (FileNotFoundError, ProcessLookupError):  # one of the threads has gone meanwhile, or all
            if not Path(f"/proc/{process}").exists():
                return False
        else:
            return any(stat.rpartition(")")[2].split()[0] not in {"Z", "X"} for stat in stats)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
