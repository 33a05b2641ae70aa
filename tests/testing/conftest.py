"""A fake for each test, with a clock that goes when it is told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from idenfy_kyc.testing import FakeIdenfy
from tests.testing.calls import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> Iterator[FakeIdenfy]:
    with FakeIdenfy(clock=clock) as fake:
        yield fake
