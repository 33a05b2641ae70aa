"""What becomes of clients and of their batch when the network is bad, each kind of bad against a real socket.

Whether anything was sent is tried in ``tests/api/test_client_sockets.py``; here, what comes of it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import trustme

from idenfy_kyc import services
from idenfy_kyc.choices import BatchState, PauseReason, Reason, State
from tests.api.servers import Handler, Server, answer, issued, reset, saying, serving, serving_tls
from tests.factories import make_queue

pytestmark = pytest.mark.django_db

QUEUED = (State.QUEUED, "", PauseReason.UNREACHABLE, 1)
UNKNOWN = (State.UNKNOWN, Reason.NO_ANSWER, PauseReason.OUTAGE, 3)
"""What becomes of whoever was asked, why, why the batch waits, and after how many calls."""


def reset_after(server: Server, line: socket.socket) -> None:
    server.read(line)
    reset(server, line)


def reset_before(server: Server, line: socket.socket) -> None:
    line.recv(1)
    reset(server, line)


def corrupted_after(server: Server, line: socket.socket) -> None:
    """A record around TLS that the client can only take for a forged one, once the request is read."""
    server.read(line)
    socket.socket.sendall(line, b"\x17\x03\x03\x00\x20" + b"?" * 32)
    line.recv(1)


@contextmanager
def broken_handshake(certificate: trustme.LeafCert) -> Iterator[Server]:
    with serving(reset_before) as server:
        server.scheme = "https"
        yield server


def over_tls(handler: Handler) -> Callable[[trustme.LeafCert], AbstractContextManager[Server]]:
    return lambda certificate: serving_tls(handler, certificate)


BAD: dict[str, tuple[Callable[[trustme.LeafCert], AbstractContextManager[Server]], bool, tuple[Any, ...]]] = {
    "a certificate that nobody trusts": (over_tls(saying(issued())), False, QUEUED),
    "a reset before the request": (broken_handshake, True, QUEUED),
    "a reset after the request": (over_tls(reset_after), True, UNKNOWN),
    "a TLS record corrupted after the request was read": (over_tls(corrupted_after), True, UNKNOWN),
    "an address where HTML answers 404": (
        over_tls(saying(answer(404, b"<!doctype html><title>Not Found</title>", Content_Type="text/html"))),
        True,
        (State.UNKNOWN, Reason.NOT_IDENFY, PauseReason.OUTAGE, 3),
    ),
}
"""The server, whether its certificate is trusted, and what comes of it."""


class TestABadNetwork:
    @pytest.mark.parametrize("kind", BAD)
    def test_makes_the_batch_wait_and_asks_nobody_twice(
        self, kind: str, configure: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serve, is_trusted, (state, why, pause, calls) = BAD[kind]
        authority = trustme.CA()

        with authority.cert_pem.tempfile() as path, serve(authority.issue_cert("127.0.0.1")) as server:
            if is_trusted:
                monkeypatch.setenv("REQUESTS_CA_BUNDLE", path)
            configure(BASE_URL=server.url, CONNECT_TIMEOUT=2, READ_TIMEOUT=2)
            batch = make_queue(8)
            sent = services.send(batch)
            sent += services.send(batch)  # it waits: nothing more is sent

        batch.refresh_from_db()
        tried = batch.requests.filter(attempts__gt=0)
        assert sent == tried.count() == calls
        assert set(tried.values_list("state", "reason")) == {(state, why)}
        assert batch.rows_in(State.QUEUED).exclude(attempts__gt=0).count() == 8 - calls
        assert (services.progress_of(batch).state, batch.pause_reason) == (BatchState.WAITING, pause)
        assert len(server.requests) == (0 if state is State.QUEUED else calls)
