"""What all tests share. Keep it general: fixtures of one part stand in that part's own ``conftest.py``."""

from __future__ import annotations

import signal

import pytest
from django.utils import translation

pytest_plugins = ["idenfy_kyc.testing.plugin", "tests.personas"]

# A shell starts what runs in the background with SIGINT ignored, and nohup does the same to SIGHUP; children inherit
# that, and the processes that some tests interrupt would go on for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _language_of_the_project() -> None:
    """Whatever language a browser of the test before has asked for: Django's middleware leaves it switched on."""
    translation.deactivate()
