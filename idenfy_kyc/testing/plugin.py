"""pytest fixtures: ``pytest_plugins = ["idenfy_kyc.testing.plugin"]`` in the ``conftest.py`` of the tests' root.

They need pytest-django. The fake talks through a real socket on this machine, so nothing of ours has to be patched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from idenfy_kyc.testing.fake import CREDENTIALS, FakeIdenfy
from idenfy_kyc.testing.server import FakeServer


@dataclass(frozen=True, slots=True)
class RunningFake:
    """A fake that answers at ``url``; ``fake`` steers it and knows what it has seen; ``path`` is its memory."""

    url: str
    fake: FakeIdenfy
    path: Path


@pytest.fixture
def fake_idenfy(settings: Any, tmp_path: Path) -> Iterator[RunningFake]:
    """A running fake iDenfy, to which ``settings.IDENFY_KYC`` points until the test ends."""
    path = tmp_path / "fake-idenfy.sqlite3"
    with FakeIdenfy(path) as fake, FakeServer(fake) as server:
        settings.IDENFY_KYC = {
            **getattr(settings, "IDENFY_KYC", {}),
            "BASE_URL": server.url,
            "API_KEY": CREDENTIALS[0],
            "API_SECRET": CREDENTIALS[1],
            "CONNECT_TIMEOUT": 2.0,
            "READ_TIMEOUT": 3.0,
        }
        yield RunningFake(server.url, fake, path)
