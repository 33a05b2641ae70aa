from __future__ import annotations

import base64
import gzip
import json
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
import responses
from django.core.exceptions import ImproperlyConfigured
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from idenfy_kyc import __version__
from idenfy_kyc.api import IdenfyClient, InformationAsks, InformationSession
from idenfy_kyc.exceptions import IdenfyApiError, IdenfyConnectionError, IdenfyResponseError, IdenfyStatusError

from .conftest import KEY, SECRET
from .servers import ISSUED, Request, answer, answering, issued, saying, serving, silent

Connect = Callable[..., IdenfyClient]


@pytest.fixture
def ask(connect: Connect, asks: InformationAsks) -> Callable[..., Request]:
    """Asks a server that says yes, and returns what it heard."""

    def _ask(scan_ref: str = "scan-1", asks: InformationAsks = asks) -> Request:
        with serving(answering(issued())) as server:
            with connect(server.url) as client:
                client.request_information(scan_ref, asks)
            return server.requests[0]

    return _ask


class TestTheRequest:
    def test_is_a_post_to_the_verification(self, ask: Callable[..., Request]) -> None:
        request = ask("3f2d0e6a-0a37-11ec-a45b-025ad99a18e7")

        assert request.line == (
            "POST /kyc/identifications/3f2d0e6a-0a37-11ec-a45b-025ad99a18e7/request-information/ HTTP/1.1"
        )

    def test_holds_what_is_asked_for(self, ask: Callable[..., Request]) -> None:
        profile = UUID("3f2d0e6a-0a37-11ec-a45b-025ad99a18e7")

        request = ask(asks=InformationAsks(lifetime=timedelta(hours=1), risk_assessment_profile=profile))

        assert request.json == {"lifetime": 3600, "riskAssessmentProfile": str(profile)}

    def test_says_its_length_and_is_not_chunked(self, ask: Callable[..., Request]) -> None:
        request = ask()

        assert request.headers["content-length"] == str(len(request.body))
        assert "transfer-encoding" not in request.headers
        assert request.headers["content-type"] == "application/json"

    def test_says_who_asks(self, ask: Callable[..., Request]) -> None:
        request = ask()

        assert request.headers["user-agent"] == f"django-idenfy-kyc/{__version__}"
        assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == f"{KEY}:{SECRET}"

    def test_asks_for_plain_json(self, ask: Callable[..., Request]) -> None:
        request = ask()

        assert request.headers["accept"] == "application/json"
        assert request.headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize(
        ("scan_ref", "quoted"),
        [
            ("../x", "..%2Fx"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("a%2Fb", "a%252Fb"),
            ("%2e%2e", "%252e%252e"),
            ("...", "..."),
            ("a b\r\nHost: x", "a%20b%0D%0AHost%3A%20x"),
            ("ščęė", "%C5%A1%C4%8D%C4%99%C4%97"),
        ],
    )
    def test_never_leaves_its_path(self, ask: Callable[..., Request], scan_ref: str, quoted: str) -> None:
        request = ask(scan_ref)

        assert request.line == f"POST /kyc/identifications/{quoted}/request-information/ HTTP/1.1"

    @pytest.mark.parametrize("scan_ref", ["", ".", ".."])
    def test_is_not_made_for_a_path_that_cannot_be(
        self, connect: Connect, asks: InformationAsks, scan_ref: str
    ) -> None:
        with serving(answering(issued())) as server, pytest.raises(ValueError, match="cannot stand in a path"):
            connect(server.url).request_information(scan_ref, asks)

        assert server.connections == 0

    def test_ignores_the_netrc(
        self, ask: Callable[..., Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("default login somebody password else\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))

        request = ask()

        assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == f"{KEY}:{SECRET}"

    def test_goes_through_the_proxy_of_the_environment(
        self, connect: Connect, asks: InformationAsks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving(answering(issued())) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            with connect("http://ivs.example.org") as client:
                session = client.request_information("scan-1", asks)
                client.request_information("scan-2", asks)

        assert session.token == ISSUED["tokenString"]
        assert proxy.requests[0].headers["host"] == "ivs.example.org"
        assert proxy.connections == 1

    def test_bears_no_cookie(self, connect: Connect, asks: InformationAsks) -> None:
        yes = answer(200, json.dumps(ISSUED).encode(), Set_Cookie="who=you; Path=/")

        with serving(answering(yes)) as server, connect(server.url) as client:
            client.request_information("scan-1", asks)
            client.request_information("scan-2", asks)

        assert "cookie" not in server.requests[1].headers

    @pytest.mark.parametrize("status", [413, 429, 500, 502, 503, 504])
    def test_is_never_made_twice(self, connect: Connect, asks: InformationAsks, status: int) -> None:
        no = answer(status, b"{}", Retry_After="0")

        with serving(answering(no, issued())) as server, pytest.raises(IdenfyStatusError) as caught:
            connect(server.url).request_information("scan-1", asks)

        assert (caught.value.status_code, caught.value.retry_after) == (status, 0)
        assert len(server.requests) == 1

    def test_takes_credentials_of_any_alphabet(self, asks: InformationAsks) -> None:
        with (
            serving(answering(issued())) as server,
            IdenfyClient(api_key="raktas", api_secret="šįžė", base_url=server.url) as client,
        ):
            client.request_information("scan-1", asks)

        assert base64.b64decode(server.requests[0].headers["authorization"][6:]).decode() == "raktas:šįžė"

    def test_is_not_made_with_credentials_that_are_no_text(self, asks: InformationAsks) -> None:
        client = IdenfyClient(api_key=KEY, api_secret="\udcff", base_url="http://127.0.0.1:1")

        with client, pytest.raises(IdenfyConnectionError) as caught:
            client.request_information("scan-1", asks)

        assert caught.value.maybe_delivered is False


class TestTheAnswer:
    def test_is_the_session(self, connect: Connect, asks: InformationAsks) -> None:
        with serving(answering(issued())) as server, connect(server.url) as client:
            session = client.request_information("scan-1", asks)

        assert session == InformationSession(token=ISSUED["tokenString"], session_url=ISSUED["sessionUrl"])

    @pytest.mark.parametrize("packed", [gzip.compress(b"0" * 50_000_000), b"\x1f\x8b no gzip"])
    def test_is_never_unpacked(self, connect: Connect, asks: InformationAsks, packed: bytes) -> None:
        with (
            serving(answering(answer(200, packed, Content_Encoding="gzip"))) as server,
            connect(server.url) as client,
            pytest.raises(IdenfyResponseError),
        ):
            client.request_information("scan-1", asks)

        assert len(server.requests) == 1

    @given(st.integers(100, 599), st.binary() | st.from_type(type(None)).map(lambda _: b"[" * 60_000))
    @hypothesis_settings(max_examples=60, deadline=None)
    def test_of_any_kind_is_a_value_or_our_error(self, status: int, body: bytes) -> None:
        with (
            serving(saying(answer(status, body))) as server,
            IdenfyClient(api_key=KEY, api_secret=SECRET, base_url=server.url) as client,
        ):
            outcome = _outcome(client)

        assert isinstance(outcome, IdenfyApiError)

    @given(st.binary(max_size=300))
    @hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_of_any_bytes_is_a_value_or_our_error(self, data: bytes) -> None:
        with (
            serving(saying(data)) as server,
            IdenfyClient(api_key=KEY, api_secret=SECRET, base_url=server.url) as client,
        ):
            outcome = _outcome(client)

        assert isinstance(outcome, IdenfyConnectionError)
        assert outcome.maybe_delivered is True


def _outcome(client: IdenfyClient) -> InformationSession | IdenfyApiError:
    try:
        return client.request_information("scan-1", InformationAsks(lifetime=timedelta(days=1)))
    except IdenfyApiError as error:
        return error


class TestSecrets:
    """They stand in no text that could end in a log."""

    def test_are_not_shown_by_a_client(self, connect: Connect) -> None:
        client = connect("https://somebody:else@ivs.example.org")

        assert SECRET not in f"{client!r}{client}"
        assert "else" not in f"{client!r}{client}"

    @pytest.mark.parametrize(
        "data",
        [
            issued()[:-1],
            issued().replace(b"tokenString", b"tokenText"),
            issued().replace(b"200", b"400"),
            issued().replace(b"200", b"302"),
            b"token-of-the-client\r\n",
            b"HTTP/1.1 token-of-the-client\r\n",
        ],
    )
    def test_are_not_shown_by_an_error(self, connect: Connect, data: bytes) -> None:
        asks = InformationAsks(
            lifetime=timedelta(days=1), questionnaire="what-was-asked", bank_card_expected_last_four="4242"
        )
        scan_ref = "scan-1"

        with serving(saying(data)) as server, connect(server.url) as client, pytest.raises(IdenfyApiError) as caught:
            client.request_information(scan_ref, asks)

        text = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
        for secret in (KEY, SECRET, "token-of-the-client", "what-was-asked", "4242", "scan-1"):
            assert secret not in text

    def test_are_not_kept_by_an_error_of_the_network(self, connect: Connect, asks: InformationAsks) -> None:
        with (
            serving(silent) as server,
            connect(server.url, read_timeout=0.1) as client,
            pytest.raises(IdenfyConnectionError) as caught,
        ):
            client.request_information("scan-1", asks)

        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None

    def test_are_not_in_the_address(self, connect: Connect, asks: InformationAsks) -> None:
        client = connect("https://somebody:else@127.0.0.1:99999")

        with pytest.raises(IdenfyConnectionError) as caught:
            client.request_information("scan-1", asks)

        assert "else@" not in "".join(traceback.format_exception(caught.value))

    def test_of_the_caller_do_not_stand_in_the_error_either(self, connect: Connect, asks: InformationAsks) -> None:
        def call_while_handling(client: IdenfyClient) -> None:
            try:
                raise OSError(1, "what the caller was at")
            except OSError:
                client.request_information("scan-1", asks)

        with pytest.raises(IdenfyConnectionError) as caught:
            call_while_handling(connect("ftp://ivs.example.org"))

        assert str(caught.value) == "No answer from iDenfy: InvalidSchema"


class TestIdenfyClient:
    def test_takes_its_settings(self, settings: Settings, asks: InformationAsks) -> None:
        with serving(silent) as server:
            settings.IDENFY_KYC = {
                "API_KEY": "k",
                "API_SECRET": "s",
                "BASE_URL": f"{server.url}/",
                "CONNECT_TIMEOUT": 0.5,
                "READ_TIMEOUT": 0.1,
            }
            with IdenfyClient.from_settings() as client, pytest.raises(IdenfyConnectionError):
                client.request_information("scan-1", asks)

        assert server.requests[0].line.startswith("POST /kyc/identifications/scan-1/")
        assert base64.b64decode(server.requests[0].headers["authorization"][6:]) == b"k:s"

    @pytest.mark.parametrize("given_settings", [{}, {"API_KEY": "k"}, {"API_SECRET": "s"}])
    def test_needs_credentials(self, settings: Settings, given_settings: dict[str, str]) -> None:
        settings.IDENFY_KYC = given_settings

        with pytest.raises(ImproperlyConfigured, match="API_KEY and API_SECRET in IDENFY_KYC"):
            IdenfyClient.from_settings()

    def test_has_one_place_to_change_its_session(self, asks: InformationAsks) -> None:
        class Client(IdenfyClient):
            def create_session(self) -> requests.Session:
                session = super().create_session()
                session.headers["X-Team"] = "compliance"
                return session

        with (
            serving(answering(issued())) as server,
            Client(api_key=KEY, api_secret=SECRET, base_url=server.url) as client,
        ):
            client.request_information("scan-1", asks)

        assert server.requests[0].headers["x-team"] == "compliance"

    def test_can_be_shared_by_threads(self, connect: Connect, asks: InformationAsks) -> None:
        together = threading.Barrier(8, timeout=5)

        def handler(server: Any, line: Any) -> None:
            while request := server.read(line):
                together.wait()
                ref = request.line.split("/")[3]
                line.sendall(answer(200, json.dumps({"tokenString": f"token of {ref}"}).encode()))

        refs = [f"scan-{number}" for number in range(32)]
        with serving(handler) as server, connect(server.url, read_timeout=5.0) as client, ThreadPoolExecutor(8) as pool:
            tokens = list(pool.map(lambda ref: client.request_information(ref, asks).token, refs))

        assert tokens == [f"token of {ref}" for ref in refs]
        assert server.connections == 8

    @responses.activate
    def test_can_be_tested_with_responses(self, connect: Connect, asks: InformationAsks) -> None:
        url = "https://ivs.example.org/kyc/identifications/scan-1/request-information/"
        responses.post(url, json=ISSUED)

        session = connect("https://ivs.example.org").request_information("scan-1", asks)

        assert session.token == ISSUED["tokenString"]
