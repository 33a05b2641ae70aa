"""The fake inside a Django project."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import StreamingHttpResponse
from django.test import Client

from idenfy_kyc.testing import CREDENTIALS, FakeIdenfy, Fault
from tests.testing.calls import AUTHORIZATION, BODY, PATH

pytestmark = pytest.mark.urls("tests.testing.urls")


@pytest.fixture
def fake(settings: Any, tmp_path: Path) -> Iterator[FakeIdenfy]:
    path = tmp_path / "fake.sqlite3"
    settings.IDENFY_KYC = {"API_KEY": CREDENTIALS[0], "API_SECRET": CREDENTIALS[1]}
    settings.IDENFY_KYC_FAKE_PATH = path
    with FakeIdenfy(path) as fake:
        yield fake


@pytest.fixture
def caller(fake: FakeIdenfy) -> Client:
    return Client(enforce_csrf_checks=True, headers={"Authorization": AUTHORIZATION})


def post(caller: Client, path: str = PATH.format("scan-1")) -> Any:
    return caller.post(path, BODY, content_type="application/json")


class TestAnswer:
    def test_issues_a_link_that_leads_to_its_page(self, caller: Client, fake: FakeIdenfy) -> None:
        answer = post(caller).json()

        page = Client().get(answer["sessionUrl"])

        assert answer["sessionUrl"].startswith("http://testserver/session/?authToken=")
        assert page.status_code == HTTPStatus.OK
        assert b"scan-1" in page.content
        assert page.headers["Referrer-Policy"] == "no-referrer"
        (line,) = fake.posts()
        assert line.issued
        assert line.answered_at is not None

    def test_leads_to_where_it_is_mounted(self, caller: Client) -> None:
        answer = post(caller, "/elsewhere" + PATH.format("scan-1")).json()

        assert answer["sessionUrl"].startswith("http://testserver/elsewhere/session/")
        assert Client().get("/elsewhere/session/style.css").headers["Content-Type"] == "text/css"

    def test_reads_a_reference_as_it_was_meant(self, caller: Client, fake: FakeIdenfy) -> None:
        post(caller, PATH.format("%C5%BE%2541%3F"))

        assert [line.scan_ref for line in fake.posts()] == ["ž%41?"]

    def test_knows_the_list(self, caller: Client) -> None:
        assert caller.get("/kyc/identifications/?perPage=1").json()["count"] == 0

    @pytest.mark.usefixtures("fake")
    def test_asks_for_credentials(self) -> None:
        assert post(Client()).status_code == HTTPStatus.UNAUTHORIZED

    def test_takes_its_time(self, caller: Client, fake: FakeIdenfy) -> None:
        fake.latency = 0.1

        post(caller)

        (line,) = fake.posts()
        assert line.answered_at is not None
        assert line.answered_at - line.at >= 0.1

    def test_answers_502_where_it_should_cut(self, caller: Client, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.CUT_AFTER)

        response = post(caller)

        assert response.status_code == HTTPStatus.BAD_GATEWAY
        assert [(line.issued, line.cut, line.answered_at) for line in fake.posts()] == [(True, True, None)]

    def test_lets_the_body_drip(self, caller: Client, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.DRIP, value=0.001)

        response = post(caller)

        assert isinstance(response, StreamingHttpResponse)
        pieces = list(response)
        assert {len(piece) for piece in pieces} == {1}
        assert fake.issued()[0].token.encode() in b"".join(pieces)

    @pytest.mark.parametrize("missing", ["IDENFY_KYC_FAKE_PATH", "IDENFY_KYC"])
    def test_says_what_it_needs(self, caller: Client, settings: Any, missing: str) -> None:
        delattr(settings, missing)

        with pytest.raises(ImproperlyConfigured, match="IDENFY_KYC_FAKE_PATH"):
            post(caller)

    def test_knows_both_sides_of_a_verification(self, caller: Client, fake: FakeIdenfy) -> None:
        body = b'{"clientId": "C-1", "tokenType": "IDENTIFICATION"}'

        answer = caller.post("/elsewhere/api/v2/token", body, content_type="application/json").json()
        url = urljoin(answer["redirectUrl"], Client().get(answer["redirectUrl"]).headers["Location"])
        page = Client().get(url)
        client = Client(enforce_csrf_checks=True)
        pressed = client.post(url, "act=finish", content_type="application/x-www-form-urlencoded")

        assert answer["redirectUrl"].startswith("http://testserver/elsewhere/api/v2/redirect")
        assert b"Show document and face" in page.content
        assert pressed.status_code == HTTPStatus.SEE_OTHER
        assert [told.event for told in fake.told()] == ["IDENTIFICATION_AUTO_FINISHED"]
        assert b"verification is over" in Client().get("/elsewhere/session/all/").content
