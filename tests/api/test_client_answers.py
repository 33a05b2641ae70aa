"""Odd answers, and what becomes of the connection after one: each against a real socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
import trustme

from idenfy_kyc.api import IdenfyClient, InformationAsks
from idenfy_kyc.exceptions import IdenfyConnectionError, IdenfyResponseError, IdenfyStatusError

from .servers import ISSUED, Server, answer, answering, dripping, issued, saying, serving, serving_tls

Connect = Callable[..., IdenfyClient]


class TestAnOddAnswer:
    """It did come, whatever it says: that is no connection error."""

    def test_of_html_is_told_from_json(self, connect: Connect, asks: InformationAsks) -> None:
        page = b"<!doctype html><title>Not Found</title>"

        with (
            serving(saying(answer(404, page, Content_Type="text/html"))) as server,
            pytest.raises(IdenfyStatusError) as caught,
        ):
            connect(server.url).request_information("scan-1", asks)

        assert (caught.value.status_code, caught.value.is_json, caught.value.message) == (404, False, "")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("location", ["/elsewhere", "http://[", "//", "http://nowhere.invalid/"])
    def test_that_redirects_is_not_followed(
        self, connect: Connect, asks: InformationAsks, status: int, location: str
    ) -> None:
        with (
            serving(answering(answer(status, b"{}", Location=location))) as server,
            pytest.raises(IdenfyStatusError) as caught,
        ):
            connect(server.url).request_information("scan-1", asks)

        assert caught.value.status_code == status
        assert len(server.requests) == 1

    def test_that_redirects_and_never_ends_is_not_read_to_the_end(
        self, connect: Connect, asks: InformationAsks
    ) -> None:
        start = b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"

        with serving(dripping(start, b"x" * 65_536, every=0)) as server:
            started = time.monotonic()
            with pytest.raises(IdenfyStatusError) as caught:
                connect(server.url, read_timeout=5.0).request_information("scan-1", asks)

        assert caught.value.status_code == 302
        assert time.monotonic() - started < 2.0

    @pytest.mark.parametrize("start", [b"", b"Content-Length: 99999999\r\n", b"Transfer-Encoding: chunked\r\n"])
    def test_that_is_too_long_is_not_read_to_its_end(
        self, connect: Connect, asks: InformationAsks, start: bytes
    ) -> None:
        drop = b"1000\r\n" + b" " * 4096 + b"\r\n" if b"chunked" in start else b" " * 4096

        with serving(dripping(b"HTTP/1.1 200 OK\r\n" + start + b"\r\n", drop, every=0)) as server:
            started = time.monotonic()
            with pytest.raises(IdenfyResponseError) as caught:
                connect(server.url, read_timeout=5.0).request_information("scan-1", asks)

        assert caught.value.status_code == 200
        assert time.monotonic() - started < 2.0

    def test_that_ends_with_the_connection_is_read(self, connect: Connect, asks: InformationAsks) -> None:
        with serving(saying(issued().replace(b"Content-Length", b"X-Length"))) as server:
            session = connect(server.url).request_information("scan-1", asks)

        assert session.token == ISSUED["tokenString"]

    def test_in_chunks_is_read(self, connect: Connect, asks: InformationAsks) -> None:
        head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"

        with serving(saying(head + b'8\r\n{"tokenS\r\nd\r\ntring":"abc"}\r\n0\r\n\r\n')) as server:
            session = connect(server.url).request_information("scan-1", asks)

        assert (session.token, session.session_url) == ("abc", "")

    def test_that_is_slow_but_in_time_is_read(self, connect: Connect, asks: InformationAsks) -> None:
        def handler(server: Server, line: socket.socket) -> None:
            server.read(line)
            for part in (issued()[:30], issued()[30:60], issued()[60:]):
                time.sleep(0.2)
                line.sendall(part)

        with serving(handler) as server:
            session = connect(server.url, read_timeout=0.5).request_information("scan-1", asks)

        assert session.token == ISSUED["tokenString"]


class TestAKeptConnection:
    def test_is_used_again(self, connect: Connect, asks: InformationAsks) -> None:
        with serving(answering(issued())) as server:
            client = connect(server.url)
            for _ in range(3):
                client.request_information("scan-1", asks)
            client.close()

        assert (server.connections, len(server.requests)) == (1, 3)

    @pytest.mark.usefixtures("_trusted")
    def test_is_used_again_through_tls(
        self, connect: Connect, asks: InformationAsks, certificate: trustme.LeafCert
    ) -> None:
        with serving_tls(answering(answer(400, b"{}"), issued()), certificate) as server:
            client = connect(server.url)
            with pytest.raises(IdenfyStatusError):
                client.request_information("scan-1", asks)
            client.request_information("scan-1", asks)
            client.close()

        assert (server.connections, len(server.requests)) == (1, 2)

    def test_has_a_deadline_for_each_call(self, connect: Connect, asks: InformationAsks) -> None:
        with serving(answering(issued())) as server:
            client = connect(server.url, connect_timeout=0.3, read_timeout=0.3)
            client.request_information("scan-1", asks)
            time.sleep(0.7)
            session = client.request_information("scan-2", asks)
            client.close()

        assert session.token == ISSUED["tokenString"]
        assert server.connections == 1

    def test_that_was_closed_meanwhile_is_replaced(self, connect: Connect, asks: InformationAsks) -> None:
        with serving(saying(issued())) as server:
            client = connect(server.url)
            client.request_information("scan-1", asks)
            time.sleep(0.1)
            session = client.request_information("scan-2", asks)

        assert session.token == ISSUED["tokenString"]
        assert (server.connections, len(server.requests)) == (2, 2)

    def test_is_not_used_again_after_a_late_answer(self, connect: Connect, asks: InformationAsks) -> None:
        def handler(server: Server, line: socket.socket) -> None:
            server.read(line)
            if server.connections == 1:
                time.sleep(0.7)
                line.sendall(answer(200, b'{"tokenString": "of the first"}'))
            line.sendall(issued())

        with serving(handler) as server:
            client = connect(server.url, read_timeout=0.4)
            with pytest.raises(IdenfyConnectionError):
                client.request_information("scan-1", asks)
            session = client.request_information("scan-2", asks)

        assert session.token == ISSUED["tokenString"]
