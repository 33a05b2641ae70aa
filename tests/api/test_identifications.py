"""The call that asks nobody: the list of verifications, by which one learns whether the key is taken."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idenfy_kyc.api import IdenfyClient, decipher_identifications
from idenfy_kyc.exceptions import IdenfyConnectionError, IdenfyResponseError, IdenfyStatusError

from .conftest import KEY, SECRET
from .servers import answer, answering, reset, serving

Connect = Callable[..., IdenfyClient]
LIST = {"count": 3, "next": None, "previous": None, "results": [{"scanRef": "a", "status": "APPROVED"}]}


class TestDecipherIdentifications:
    @pytest.mark.parametrize("body", [{"count": 0}, {"count": 0, "results": "odd"}])
    def test_needs_the_count_alone(self, body: object) -> None:
        assert decipher_identifications(200, {}, json.dumps(body).encode()) == 0

    @pytest.mark.parametrize(
        "body", [b'{"count": true}', b'{"count": "3"}', b'{"count": -1}', b'{"count": 1.5}', b'{"count": 1e400}', b"{}"]
    )
    def test_needs_a_count_that_can_be_one(self, body: bytes) -> None:
        with pytest.raises(IdenfyResponseError, match="has no count") as caught:
            decipher_identifications(200, {}, body)

        assert caught.value.status_code == 200

    @pytest.mark.parametrize("body", [b"", b"[3]", b"<html>", b"{" * 70_000])
    def test_needs_an_object(self, body: bytes) -> None:
        with pytest.raises(IdenfyResponseError, match="not a JSON object"):
            decipher_identifications(200, {}, body)

    def test_has_the_errors_of_every_call(self) -> None:
        with pytest.raises(IdenfyStatusError) as caught:
            decipher_identifications(
                429, {"Retry-After": "7"}, b'{"identifier": "TOO_MANY_REQUESTS", "message": "Slow"}'
            )

        error = caught.value
        assert (error.status_code, error.identifier, error.retry_after) == (429, "TOO_MANY_REQUESTS", 7)

    @given(st.integers(100, 999), st.binary())
    def test_gives_a_number_or_one_of_two_errors(self, status: int, body: bytes) -> None:
        with suppress(IdenfyStatusError, IdenfyResponseError):
            assert decipher_identifications(status, {}, body) >= 0


class TestCountIdentifications:
    def test_is_a_get_of_one_with_our_credentials_and_no_body(self, connect: Connect) -> None:
        with serving(answering(answer(200, json.dumps(LIST).encode()))) as server, connect(server.url) as client:
            count = client.count_identifications()

        [request] = server.requests
        assert count == 3
        assert request.line == "GET /kyc/identifications/?perPage=1 HTTP/1.1"
        assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == f"{KEY}:{SECRET}"
        assert request.body == b""
        assert not {"content-type", "transfer-encoding"} & set(request.headers)

    def test_follows_no_redirect(self, connect: Connect) -> None:
        elsewhere = answer(302, b"", Location="/elsewhere/")

        with serving(answering(elsewhere)) as server, pytest.raises(IdenfyStatusError) as caught:
            connect(server.url).count_identifications()

        assert caught.value.status_code == 302
        assert len(server.requests) == 1

    def test_was_never_delivered_to_anybody(self, connect: Connect) -> None:
        with serving(reset) as server, pytest.raises(IdenfyConnectionError) as caught:
            connect(server.url).count_identifications()

        assert caught.value.maybe_delivered is False
        assert str(caught.value).startswith("No answer from iDenfy: ")
