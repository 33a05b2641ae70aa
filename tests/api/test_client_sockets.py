"""Bad luck on the network, each kind against a real socket: was anything sent, and is the call over in time?"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator

import pytest
import trustme

from idenfy_kyc.api import IdenfyClient, InformationAsks
from idenfy_kyc.exceptions import IdenfyConnectionError

from .servers import (
    Server,
    answer,
    answering,
    dripping,
    full_port,
    issued,
    reset,
    saying,
    serving,
    serving_tls,
    silent,
)

Connect = Callable[..., IdenfyClient]
Fail = Callable[..., IdenfyConnectionError]


@pytest.fixture
def fail(connect: Connect, asks: InformationAsks) -> Fail:
    """Asks, and returns the connection error that must come of it."""

    def _fail(base_url: str, **timeouts: float) -> IdenfyConnectionError:
        with pytest.raises(IdenfyConnectionError) as caught:
            connect(base_url, **timeouts).request_information("scan-1", asks)
        return caught.value

    return _fail


@contextlib.contextmanager
def free_port() -> Iterator[int]:
    """A port that is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class TestNothingWasSent:
    def test_to_a_port_that_refuses(self, fail: Fail) -> None:
        with free_port() as port:
            error = fail(f"http://127.0.0.1:{port}")

        assert error.maybe_delivered is False
        assert str(error) == f"No answer from iDenfy: ConnectionRefusedError, {os.strerror(111)}"

    def test_to_a_host_without_an_address(self, fail: Fail) -> None:
        error = fail("https://nowhere.invalid")

        assert error.maybe_delivered is False
        assert "gaierror" in str(error)

    def test_when_nobody_accepts(self, fail: Fail) -> None:
        with full_port() as port:
            started = time.monotonic()
            error = fail(f"http://127.0.0.1:{port}", connect_timeout=0.2, read_timeout=5.0)

        assert error.maybe_delivered is False
        assert 0.2 <= time.monotonic() - started < 2.0

    def test_to_a_certificate_that_is_not_trusted(self, fail: Fail, certificate: trustme.LeafCert) -> None:
        with serving_tls(answering(issued()), certificate) as server:
            error = fail(server.url)

        assert error.maybe_delivered is False
        assert "SSLCertVerificationError" in str(error)
        assert server.requests == []

    @pytest.mark.usefixtures("_trusted")
    def test_to_a_certificate_of_another_host(self, fail: Fail, authority: trustme.CA) -> None:
        with serving_tls(answering(issued()), authority.issue_cert("ivs.example.org")) as server:
            error = fail(server.url)

        assert error.maybe_delivered is False
        assert "SSLCertVerificationError" in str(error)
        assert server.requests == []

    @pytest.mark.usefixtures("_trusted")
    def test_when_the_connection_is_reset_in_the_handshake(self, fail: Fail) -> None:
        def handler(server: Server, line: socket.socket) -> None:
            line.recv(1)
            reset(server, line)

        with serving(handler) as server:
            error = fail(f"https://127.0.0.1:{server.port}")

        assert error.maybe_delivered is False
        assert "ConnectionResetError" in str(error)

    @pytest.mark.usefixtures("_trusted")
    def test_to_a_server_that_does_not_speak_tls(self, fail: Fail) -> None:
        with serving(lambda _, line: line.sendall(answer(400))) as server:
            error = fail(f"https://127.0.0.1:{server.port}")

        assert error.maybe_delivered is False

    @pytest.mark.usefixtures("_trusted")
    def test_when_the_handshake_gets_no_answer(self, fail: Fail) -> None:
        with serving(lambda _, line: line.makefile("rb").read()) as server:
            started = time.monotonic()
            error = fail(f"https://127.0.0.1:{server.port}", connect_timeout=0.2, read_timeout=5.0)

        assert error.maybe_delivered is False
        assert time.monotonic() - started < 2.0

    def test_through_a_proxy_that_refuses(self, fail: Fail, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(saying(answer(407))) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            error = fail("https://ivs.example.org")

        assert error.maybe_delivered is False
        assert proxy.requests[0].line.startswith("CONNECT ivs.example.org:443 ")

    def test_through_a_proxy_that_drips(self, fail: Fail, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            started = time.monotonic()
            error = fail("https://ivs.example.org", connect_timeout=0.2, read_timeout=0.3)

        assert error.maybe_delivered is False
        assert 0.5 <= time.monotonic() - started < 2.0

    def test_when_the_deadline_has_passed_before_anything_could_be(
        self, fail: Fail, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look_up = socket.getaddrinfo

        def slow_look_up(*args: object, **kwargs: object) -> object:
            time.sleep(0.5)
            return look_up(*args, **kwargs)  # type: ignore[arg-type]

        with serving(answering(issued())) as server:
            monkeypatch.setattr(socket, "getaddrinfo", slow_look_up)
            error = fail(server.url, connect_timeout=0.2, read_timeout=0.2)

        assert error.maybe_delivered is False
        assert server.requests == []

    @pytest.mark.parametrize(
        "base_url",
        [
            "https://127.0.0.1:99999",
            "https://[::1",
            "https://" + "a" * 64 + ".invalid",
            "https://*.invalid",
            "https://\ud800.invalid",
            "https://",
            "ivs.idenfy.com",
            "ftp://ivs.idenfy.com",
            "",
        ],
    )
    def test_to_an_address_that_is_none(self, fail: Fail, base_url: str) -> None:
        error = fail(base_url)

        assert error.maybe_delivered is False

    @pytest.mark.parametrize("proxy", ["http://", "socks9://127.0.0.1:1", "http://127.0.0.1:99999"])
    def test_through_a_proxy_that_is_none(self, fail: Fail, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", proxy)

        error = fail("https://ivs.example.org")

        assert error.maybe_delivered is False

    def test_when_the_certificates_are_missing(self, fail: Fail, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")

        error = fail("https://127.0.0.1:1")

        assert error.maybe_delivered is False

    def test_with_timeouts_that_are_none(self, fail: Fail) -> None:
        error = fail("http://127.0.0.1:1", connect_timeout=-1)

        assert error.maybe_delivered is False


class TestALinkThatIsAllThere:
    @pytest.mark.parametrize(
        "head",
        [
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", id="of a body too short"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n17\r\n", id="without a last chunk"),
        ],
    )
    def test_is_taken_though_the_connection_broke(
        self, connect: Callable[..., IdenfyClient], asks: InformationAsks, head: bytes
    ) -> None:
        with serving(saying(head + b'{"tokenString": "abcd"}\r\n')) as server:
            session = connect(server.url).request_information("a-b-c", asks)

        assert session.token == "abcd"


class TestItMayHaveBeenDelivered:
    def test_to_a_server_that_never_answers(self, fail: Fail) -> None:
        with serving(silent) as server:
            started = time.monotonic()
            error = fail(server.url, connect_timeout=5.0, read_timeout=0.2)

        assert error.maybe_delivered is True
        assert 0.2 <= time.monotonic() - started < 2.0
        assert len(server.requests) == 1

    def test_when_the_connection_is_reset_after_the_request(self, fail: Fail) -> None:
        def handler(server: Server, line: socket.socket) -> None:
            server.read(line)
            reset(server, line)

        with serving(handler) as server:
            error = fail(server.url)

        assert error.maybe_delivered is True
        assert "ConnectionResetError" in str(error)

    def test_when_the_connection_ends_without_a_word(self, fail: Fail) -> None:
        with serving(saying(b"")) as server:
            error = fail(server.url)

        assert error.maybe_delivered is True

    @pytest.mark.usefixtures("_trusted")
    def test_when_a_tls_record_is_corrupted_after_the_request(self, fail: Fail, certificate: trustme.LeafCert) -> None:
        def handler(server: Server, line: socket.socket) -> None:
            server.read(line)
            # Around TLS, so that the client gets what it can only take for a forged record.
            socket.socket.sendall(line, b"\x17\x03\x03\x00\x20" + b"?" * 32)
            line.recv(1)

        with serving_tls(handler, certificate) as server:
            error = fail(server.url)

        assert error.maybe_delivered is True
        assert "SSLError" in str(error)
        assert len(server.requests) == 1

    @pytest.mark.usefixtures("_trusted")
    def test_when_tls_is_reset_after_the_request(self, fail: Fail, certificate: trustme.LeafCert) -> None:
        def handler(server: Server, line: socket.socket) -> None:
            server.read(line)
            reset(server, line)

        with serving_tls(handler, certificate) as server:
            error = fail(server.url)

        assert error.maybe_delivered is True
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "start",
        [
            pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", id="a header"),
            pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", id="a body of known length"),
            pytest.param(b"HTTP/1.1 400 Bad\r\n\r\n", id="a body without end"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n", id="a chunk"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0", id="the size of a chunk"),
            pytest.param(b"", id="the status line"),
        ],
    )
    def test_when_it_drips(self, fail: Fail, start: bytes) -> None:
        with serving(dripping(start, b" ")) as server:
            started = time.monotonic()
            error = fail(server.url, connect_timeout=0.2, read_timeout=0.3)

        assert error.maybe_delivered is True
        assert 0.5 <= time.monotonic() - started < 2.0

    @pytest.mark.parametrize("drop", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"])
    def test_when_the_answer_is_put_off_for_ever(self, fail: Fail, drop: bytes) -> None:
        with serving(dripping(b"", drop)) as server:
            started = time.monotonic()
            error = fail(server.url, connect_timeout=0.2, read_timeout=0.3)

        assert error.maybe_delivered is True
        assert time.monotonic() - started < 2.0

    @pytest.mark.usefixtures("_trusted")
    def test_when_it_drips_through_tls(self, fail: Fail, certificate: trustme.LeafCert) -> None:
        with serving_tls(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b" "), certificate) as server:
            started = time.monotonic()
            error = fail(server.url, connect_timeout=0.2, read_timeout=0.3)

        assert error.maybe_delivered is True
        assert 0.5 <= time.monotonic() - started < 2.0

    @pytest.mark.usefixtures("_trusted")
    def test_when_one_tls_record_drips(self, fail: Fail, certificate: trustme.LeafCert) -> None:
        def handler(server: Server, line: socket.socket) -> None:
            server.read(line)
            socket.socket.sendall(line, b"\x17\x03\x03\x40\x00")
            while True:
                socket.socket.sendall(line, b"?")
                time.sleep(0.05)

        with serving_tls(handler, certificate) as server:
            started = time.monotonic()
            error = fail(server.url, connect_timeout=0.2, read_timeout=0.3)

        assert error.maybe_delivered is True
        assert time.monotonic() - started < 2.0

    def test_when_it_drips_through_a_proxy(self, fail: Fail, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b" ")) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            started = time.monotonic()
            error = fail("http://ivs.example.org", connect_timeout=0.2, read_timeout=0.3)

        assert error.maybe_delivered is True
        assert 0.5 <= time.monotonic() - started < 2.0
        assert proxy.requests[0].line.startswith("POST http://ivs.example.org/kyc/")

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"token', id="too short"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", id="a chunk too short"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n", id="no size"),
            pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
            pytest.param(b"HTTP/1.1 2000 OK\r\n\r\n", id="a status of four digits"),
            pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="too many headers"),
            pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", id="a header too long"),
        ],
    )
    def test_when_the_answer_is_not_http_to_its_end(self, fail: Fail, data: bytes) -> None:
        with serving(saying(data)) as server:
            error = fail(server.url)

        assert error.maybe_delivered is True
