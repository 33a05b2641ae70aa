"""Servers of a few lines that misbehave to the byte, which no real server can be made to do."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import trustme

ISSUED = {"tokenString": "token-of-the-client", "sessionUrl": "https://ui.example/?authToken=token-of-the-client"}


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """What a server heard, and where it is."""

    port: int
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    lines: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def read(self, line: socket.socket) -> Request | None:
        """The next request, or None if the client hung up instead."""
        reader = line.makefile("rb")
        start = reader.readline().decode().strip()
        if not start:
            return None
        headers = {}
        while header := reader.readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        self.requests.append(Request(start, headers, reader.read(int(headers.get("content-length", 0)))))
        return self.requests[-1]


Handler = Callable[[Server, socket.socket], object]


@contextlib.contextmanager
def serving(handler: Handler) -> Iterator[Server]:
    """A server on a free port, that hands each connection to ``handler`` in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(port=listener.getsockname()[1])
        threads: list[threading.Thread] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, _ = listener.accept()
                    server.connections += 1
                    server.lines.append(line)
                    threads.append(threading.Thread(target=handle, args=(line,)))
                    threads[-1].start()

        def handle(line: socket.socket) -> None:
            # The client hangs up on many of these servers; that is what they are for.
            with contextlib.suppress(OSError), line:
                handler(server, line)

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
            for line in server.lines:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(line, socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)


@contextlib.contextmanager
def serving_tls(handler: Handler, certificate: trustme.LeafCert) -> Iterator[Server]:
    """As ``serving``, with TLS around it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    def shake_hands(server: Server, line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as wrapped:
            server.lines.append(wrapped)
            handler(server, wrapped)

    with serving(shake_hands) as server:
        server.scheme = "https"
        yield server


@contextlib.contextmanager
def full_port() -> Iterator[int]:
    """A port whose queue is full, so that the system answers nobody who knocks."""
    with socket.socket() as listener, contextlib.ExitStack() as knocking:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            early = knocking.enter_context(socket.socket())
            early.setblocking(False)
            early.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of an answer; underscores in the headers' names are hyphens."""
    fields = {"Content-Length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body


def issued(**extra: str) -> bytes:
    return answer(200, json.dumps(ISSUED | extra).encode(), Content_Type="application/json")


def answering(*answers: bytes) -> Handler:
    """Gives one answer after the other, whatever the connection, the last one for ever."""
    left = list(answers)

    def handler(server: Server, line: socket.socket) -> None:
        while server.read(line):
            line.sendall(left.pop(0) if len(left) > 1 else left[0])

    return handler


def saying(data: bytes) -> Handler:
    """Says ``data`` to the first request, and hangs up."""

    def handler(server: Server, line: socket.socket) -> None:
        server.read(line)
        line.sendall(data)

    return handler


def dripping(start: bytes, drop: bytes, *, every: float = 0.05) -> Handler:
    """Says ``start``, and then ``drop`` until the client hangs up, always before a read could time out."""

    def handler(server: Server, line: socket.socket) -> None:
        server.read(line)
        line.sendall(start)
        while True:
            line.sendall(drop)
            time.sleep(every)

    return handler


def silent(server: Server, line: socket.socket) -> None:
    """Reads the request, says nothing, and waits for the client to give up."""
    server.read(line)
    line.recv(1)


def reset(server: Server, line: socket.socket) -> None:
    """Breaks the connection off, so that the client sees a reset and not an end."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()
