"""Starting a verification: what is sent, and what the answers mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idenfy_kyc.api import (
    IdenfyClient,
    VerificationAsks,
    VerificationSession,
    decipher_start_verification,
    start_verification_payload,
)
from idenfy_kyc.exceptions import IdenfyConnectionError, IdenfyResponseError, IdenfyStatusError

from .servers import answer, answering, serving, silent

PROFILE = UUID("3f2d0e6a-0a37-11ec-a45b-025ad99a18e7")
TOKEN = "t0ken/+ ü"
SCAN_REF = "9a1d0e6a-0a37-11ec-a45b-025ad99a18e7"
BEGUN = {"authToken": TOKEN, "scanRef": SCAN_REF, "redirectUrl": None, "tokenType": "IDENTIFICATION"}
Connect = Callable[..., IdenfyClient]


def deciphered(payload: Any, status: int = 201) -> VerificationSession:
    return decipher_start_verification(status, {}, json.dumps(payload).encode())


class TestPayload:
    def test_holds_nothing_that_was_not_asked(self) -> None:
        payload = start_verification_payload(VerificationAsks(client_id="C-1"))

        assert payload == {"clientId": "C-1", "tokenType": "IDENTIFICATION"}

    def test_holds_all_that_was(self) -> None:
        asks = VerificationAsks(
            client_id="C-1",
            first_name="Rasa",
            last_name="Kazlauskienė",
            date_of_birth=date(1985, 1, 1),
            external_ref="order 7",
            locale="lt",
            country="LT",
            documents=("PASSPORT", "ID_CARD"),
            success_url="https://example.com/yes/",
            error_url="https://example.com/no/",
            unverified_url="https://example.com/perhaps/",
            callback_url="https://example.com/webhook/",
            expiry_time=timedelta(hours=2),
            session_length=timedelta(minutes=15),
            questionnaire="source-of-funds",
            risk_assessment_profile=PROFILE,
            further={"checkAml": False},
        )

        assert start_verification_payload(asks) == {
            "clientId": "C-1",
            "tokenType": "IDENTIFICATION",
            "firstName": "Rasa",
            "lastName": "Kazlauskienė",
            "dateOfBirth": "1985-01-01",
            "externalRef": "order 7",
            "locale": "lt",
            "country": "LT",
            "documents": ["PASSPORT", "ID_CARD"],
            "successUrl": "https://example.com/yes/",
            "errorUrl": "https://example.com/no/",
            "unverifiedUrl": "https://example.com/perhaps/",
            "callbackUrl": "https://example.com/webhook/",
            "expiryTime": 7200,
            "sessionLength": 900,
            "questionnaire": "source-of-funds",
            "riskAssessmentProfile": str(PROFILE),
            "checkAml": False,
        }

    def test_is_described_without_the_clients_name(self) -> None:
        asks = VerificationAsks(client_id="C-1", first_name="Rasa", last_name="Kazlauskienė", further={"sex": "F"})

        assert "Rasa" not in repr(asks)
        assert "Kazlauskienė" not in repr(asks)
        assert "sex" not in repr(asks)


class TestDecipher:
    @pytest.mark.parametrize("status", [200, 201])
    def test_finds_what_began(self, status: int) -> None:
        session = deciphered(BEGUN, status)

        assert (session.scan_ref, session.token, session.redirect_url) == (SCAN_REF, TOKEN, "")
        assert TOKEN not in repr(session)

    @pytest.mark.parametrize(
        ("given_url", "kept"),
        [
            ("https://kyc.example.com/?authToken=x", True),
            ("http://127.0.0.1:8001/api/v2/redirect?authToken=x", True),
            ("javascript:alert(1)", False),
            ("https://a.example/\r\nSet-Cookie: x=1", False),
            ("//a.example/", False),
            (7, False),
            ("", False),
        ],
    )
    def test_believes_an_address_only_if_it_is_one_of_the_web(self, given_url: Any, kept: bool) -> None:
        session = deciphered(BEGUN | {"redirectUrl": given_url})

        assert session.redirect_url == (given_url if kept else "")
        assert "example" not in repr(session)

    @pytest.mark.parametrize(
        "payload",
        [
            *({**BEGUN, "authToken": token} for token in (None, "", " ", 7, "\ud800")),
            *({**BEGUN, "scanRef": scan_ref} for scan_ref in (None, "", 7, "../x", "a b", "x" * 41, "ščęė")),
            {},
            [],
            None,
        ],
        ids=str,
    )
    def test_refuses_an_answer_that_began_nothing_we_know(self, payload: Any) -> None:
        with pytest.raises(IdenfyResponseError) as caught:
            deciphered(payload)

        assert "t0ken" not in str(caught.value)

    @pytest.mark.parametrize(
        ("status", "identifier"), [(400, "PERMISSIONS_ERROR"), (401, ""), (409, "BAD_VALUE"), (503, "")]
    )
    def test_says_what_idenfy_refused(self, status: int, identifier: str) -> None:
        with pytest.raises(IdenfyStatusError) as caught:
            deciphered({"identifier": identifier, "message": "No."}, status)

        assert (caught.value.status_code, caught.value.identifier, caught.value.message) == (status, identifier, "No.")

    @given(st.integers(100, 599), st.binary(max_size=200))
    def test_ends_in_a_value_or_an_error_of_ours(self, status: int, body: bytes) -> None:
        with pytest.raises((IdenfyResponseError, IdenfyStatusError)):
            decipher_start_verification(status, {}, body)


class TestClient:
    def test_posts_and_says_where_the_client_goes(self, connect: Connect) -> None:
        begun = answer(201, json.dumps(BEGUN).encode())
        with serving(answering(begun)) as server:
            session = connect(server.url + "/").start_verification(VerificationAsks(client_id="C-1"))

        (request,) = server.requests
        assert request.line == "POST /api/v2/token HTTP/1.1"
        assert request.json == {"clientId": "C-1", "tokenType": "IDENTIFICATION"}
        assert session.redirect_url == f"{server.url}/api/v2/redirect?authToken=t0ken%2F%2B%20%C3%BC"
        assert "t0ken" not in repr(session) + repr(session.redirect_url)

    def test_keeps_the_address_that_idenfy_gave(self, connect: Connect) -> None:
        begun = answer(201, json.dumps(BEGUN | {"redirectUrl": "https://kyc.example.com/?t=1"}).encode())
        with serving(answering(begun)) as server:
            session = connect(server.url).start_verification(VerificationAsks(client_id="C-1"))

        assert session.redirect_url == "https://kyc.example.com/?t=1"

    def test_says_that_no_answer_came(self, connect: Connect) -> None:
        with serving(silent) as server, pytest.raises(IdenfyConnectionError) as caught:
            connect(server.url, read_timeout=0.2).start_verification(VerificationAsks(client_id="C-1"))

        assert caught.value.maybe_delivered
