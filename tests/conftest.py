"""What all tests share. Keep it general: fixtures of one part stand in that part's own ``conftest.py``."""

from __future__ import annotations

pytest_plugins = ["idenfy_kyc.testing.plugin", "tests.personas"]
