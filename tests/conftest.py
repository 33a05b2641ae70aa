"""What all tests share. Keep it general: fixtures of one part stand in that part's own ``conftest.py``."""

from __future__ import annotations

import gc
import os
import signal

import hypothesis
import pytest
from django.utils import translation

pytest_plugins = ["idenfy_kyc.testing.plugin", "tests.personas"]

# A shell starts what runs in the background with SIGINT ignored, and nohup does the same to SIGHUP; children inherit
# that, and the processes that some tests interrupt would go on for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# How long an example takes says how busy the machine is. Each database tries all examples: .ci/matrix.
hypothesis.settings.register_profile("thorough", hypothesis.settings.default, deadline=None)
hypothesis.settings.register_profile("quick", hypothesis.settings.get_profile("thorough"), max_examples=15)
hypothesis.settings.load_profile("quick")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some tests wait for real clocks, and the others need not wait with them."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """What is there by now stays, so that the garbage collector need not look at all of Django again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def _language_of_the_project() -> None:
    """Whatever language a browser of the test before has asked for: Django's middleware leaves it switched on."""
    translation.deactivate()
