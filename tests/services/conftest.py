from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import make_user


@pytest.fixture
def officer(db: None) -> Any:
    return make_user("rasa@example.com", full_name="Rasa Kazlauskienė")


@pytest.fixture
def configure(settings: Any) -> Callable[..., None]:
    """Change single keys of ``IDENFY_KYC`` for this test."""

    def change(**values: Any) -> None:
        settings.IDENFY_KYC = {**settings.IDENFY_KYC, **values}

    return change
