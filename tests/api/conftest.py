from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import trustme

from idenfy_kyc.api import IdenfyClient, InformationAsks

KEY = "the-key"
SECRET = "the-secret"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the proxies nor the certificates nor the .netrc of whoever runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def asks() -> InformationAsks:
    return InformationAsks(lifetime=timedelta(days=14), questionnaire="source-of-funds")


@pytest.fixture
def connect() -> Iterator[Callable[..., IdenfyClient]]:
    """Makes clients, and closes them."""
    clients = []

    def _connect(base_url: str, *, connect_timeout: float = 2.0, read_timeout: float = 2.0) -> IdenfyClient:
        clients.append(
            IdenfyClient(
                api_key=KEY,
                api_secret=SECRET,
                base_url=base_url,
                connect_timeout=connect_timeout,
                read_timeout=read_timeout,
            )
        )
        return clients[-1]

    yield _connect
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("127.0.0.1")


@pytest.fixture
def _trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The authority is trusted, as a company's own would be: by the environment."""
    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", path)
        yield
