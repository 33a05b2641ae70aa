"""A server around the fake that does to a connection what no WSGI server would: reset it, drip into it, be slow.

HTTP/1.1 with kept connections, a thread for each, and one more that carries the deliveries. Nothing is logged: a
request line of the session page bears a token.
"""

from __future__ import annotations

import argparse
import os
import socket
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

from idenfy_kyc.testing.fake import CREDENTIALS, SIGNING_KEY, FakeIdenfy
from idenfy_kyc.testing.postman import Postman
from idenfy_kyc.testing.replies import Reply, html_error

MAX_BODY = 1024 * 1024
_RESET = struct.pack("ii", 1, 0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the answers to kept connections wait 40 ms for an acknowledgement
    server: FakeServer

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            return
        reply = self.server.fake.handle(self.command, self.path, dict(self.headers.items()), body)
        self.server.stopping.wait(reply.latency)
        if reply.cut:
            self._reset()
        elif self._is_caller_gone():
            self.close_connection = True
        else:
            host, port = self.client_address[:2]
            self.server.fake.mark_answered(reply, caller=f"{host}:{port}")
            self._send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - http.server's names

    def _read_body(self) -> bytes | None:
        """The body; None if there is nothing more to do."""
        given = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (given.isascii() and given.isdigit()):
            self._refuse(411, "Length Required")
            return None
        if int(given) > MAX_BODY:
            self._refuse(413, "Content Too Large")
            return None
        body = self.rfile.read(int(given))
        if len(body) < int(given):
            self.close_connection = True
            return None
        return body

    def _refuse(self, status: int, words: str) -> None:
        self.close_connection = True
        self._send(html_error(status, words))

    def _is_caller_gone(self) -> bool:
        """Whether the caller has closed its end: killed, or tired of waiting."""
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        finally:
            self.connection.setblocking(True)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.server.resets.add(self.connection)
        self.close_connection = True

    def _send(self, reply: Reply) -> None:
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        lines += [f"Date: {self.date_time_string()}", f"Content-Length: {len(reply.body)}"]
        if self.close_connection:
            lines.append("Connection: close")
        answer = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if self.command != "HEAD":
            answer += reply.body
        if not reply.drip:
            self.connection.sendall(answer)
            return
        for byte in answer:
            self.connection.sendall(bytes([byte]))
            if self.server.stopping.wait(reply.drip):
                break

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class FakeServer(socketserver.ThreadingTCPServer):
    """A fake iDenfy at a port of its own; port 0 takes a free one. ``with`` runs it in a thread."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, fake: FakeIdenfy, *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Handler)
        self.fake = fake
        self.stopping = threading.Event()
        self.resets: set[Any] = set()
        self._connections: set[Any] = set()
        self._postman = Postman(fake, self.stopping)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Its address: what ``BASE_URL`` should be."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._postman.start()
        return self

    def __exit__(self, *args: object) -> None:
        """Stop at once: whatever is slow or drips ends, kept connections are closed, their threads are waited for.

        Only a delivery that the project has not answered yet is waited for, ten seconds at most.
        """
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self._postman.join()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        if request not in self.resets:
            super().shutdown_request(request)
            return
        # A plain shutdown would say goodbye first. Closed without it, and with a linger time of 0, it is a reset.
        self.resets.discard(request)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@dataclass(frozen=True, slots=True)
class FakeProcess:
    """A fake that runs in another process. What it has seen, ``FakeIdenfy(path)`` tells."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def spawn_fake(
    path: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    options: Sequence[str] = (),
    timeout: float = 20.0,
    grace: float = 10.0,
) -> Iterator[FakeProcess]:
    """Run a fake in a process of its own, ready when the ``with`` begins, gone when it ends or when this process dies.

    ``options`` are further ones of ``python -m idenfy_kyc.testing``; ``timeout`` is the seconds it has to start,
    ``grace`` those it has to end. Raises ``RuntimeError`` if it does not start.
    """
    command = [sys.executable, "-m", "idenfy_kyc.testing", "--until-stdin-closes", "--path", str(path)]
    command += ["--host", host, "--port", str(port), *options]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}
    with subprocess.Popen(  # noqa: S603 - this interpreter and this package
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield FakeProcess(_said_url(process, timeout), process)
        finally:
            _end(process, grace)


def _said_url(process: subprocess.Popen[str], timeout: float) -> str:
    late = threading.Timer(timeout, process.kill)
    late.start()
    line = next(iter(process.stdout or ()), "")
    late.cancel()
    if not line:
        raise RuntimeError("the fake iDenfy did not start")
    return line.split()[-1]


def _end(process: subprocess.Popen[str], grace: float) -> None:
    try:
        process.communicate(timeout=grace)  # closes its standard input, which is what it waits for
    except subprocess.TimeoutExpired:
        process.kill()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: serve until interrupted."""
    options = _parser().parse_args(arguments)
    fake = FakeIdenfy(
        options.path,
        api_key=options.api_key,
        api_secret=options.api_secret,
        latency=options.latency,
        expired_blocks=options.expired_blocks,
        questionnaires=options.questionnaires,
        webhook_url=options.webhook_url,
        signing_key=options.signing_key,
        public_url=options.public_url,
    )
    with fake, FakeServer(fake, host=options.host, port=options.port) as server, suppress(KeyboardInterrupt):
        sys.stdout.write(f"A fake iDenfy answers at {server.url}\n")
        sys.stdout.flush()
        if options.until_stdin_closes:
            sys.stdin.read()
        else:
            server.stopping.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m idenfy_kyc.testing", description="A fake iDenfy, to try things out."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001, help="0 takes a free one")
    parser.add_argument("--path", help="the file of its memory; without it, it forgets everything when it stops")
    parser.add_argument("--public-url", default="", help="where its links lead, if not to where its API is called")
    parser.add_argument("--api-key", default=CREDENTIALS[0])
    parser.add_argument("--api-secret", default=CREDENTIALS[1])
    parser.add_argument("--latency", type=float, help="seconds before each answer")
    parser.add_argument(
        "--expired-blocks", action=argparse.BooleanOptionalAction, help="an expired link bars a new one"
    )
    parser.add_argument("--questionnaire", dest="questionnaires", action="append", help="a key that exists; repeatable")
    parser.add_argument("--webhook-url", help="where its deliveries go; while it knows none, they wait")
    parser.add_argument("--signing-key", default=SIGNING_KEY, help="what signs them")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when the starting process is gone")
    return parser
