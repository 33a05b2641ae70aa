"""How the tests here ask the fake: through the pure core, or through a socket of their own."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from idenfy_kyc.testing import CREDENTIALS, FakeIdenfy, Reply

PATH = "/kyc/identifications/{}/request-information/"
BODY = b'{"lifetime": 3600, "additionalStepUploadRequired": true}'
AUTHORIZATION = "Basic " + base64.b64encode(":".join(CREDENTIALS).encode()).decode()
HEADERS = {"Authorization": AUTHORIZATION, "Content-Type": "application/json", "Host": "fake.example"}

WHO = {"clientId": "C-1042", "tokenType": "IDENTIFICATION"}
PROFILE = "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7"


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def ask(fake: FakeIdenfy, scan_ref: str = "scan-1", body: bytes = BODY, headers: dict[str, str] | None = None) -> Reply:
    """One request of the core."""
    return fake.handle("POST", PATH.format(scan_ref), HEADERS | (headers or {}), body)


def begin(fake: FakeIdenfy, headers: Mapping[str, str] | None = None, **asks: Any) -> Reply:
    """One verification, begun at the core."""
    return fake.handle("POST", "/api/v2/token", {**HEADERS, **(headers or {})}, json.dumps(WHO | asks).encode())


def press(fake: FakeIdenfy, token: str, act: str, **form: str | Sequence[str]) -> Reply:
    """A button on the page of a link, with what stands in its form."""
    body = urlencode({"act": act} | form, doseq=True).encode()
    return fake.handle("POST", f"/session/?authToken={token}", {}, body)


def said(reply: Reply) -> Any:
    """The JSON of a reply."""
    return json.loads(reply.body)


def connect(url: str, timeout: float = 10.0) -> http.client.HTTPConnection:
    """A connection to a server; the caller closes it."""
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)


def post(connection: http.client.HTTPConnection, scan_ref: str = "scan-1", body: bytes = BODY) -> tuple[int, bytes]:
    """One request over a kept connection: status and body of the answer."""
    headers = {name: value for name, value in HEADERS.items() if name != "Host"}
    connection.request("POST", PATH.format(scan_ref), body, headers)
    response = connection.getresponse()
    return response.status, response.read()
