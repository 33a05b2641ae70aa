from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management.utils import get_random_secret_key

from idenfy_kyc.testing import SIGNING_KEY

ROOT = Path(__file__).parents[2]
VARIABLES = {
    "DATABASE_URL",
    "DEBUG",
    "DJANGO_SETTINGS_MODULE",
    "FAKE_IDENFY_URL",
    "IDENFY_API_KEY",
    "IDENFY_API_SECRET",
    "IDENFY_BASE_URL",
    "IDENFY_WEBHOOK_SIGNING_KEYS",
    "SECRET_KEY",
}
SHOW = """
import json, sys
import django
from django.conf import settings
django.setup()
from django.test import Client
settings.ALLOWED_HOSTS = ["testserver"]
page = Client().get("/admin/login/")
print(json.dumps({
    "kyc": settings.IDENFY_KYC,
    "policy": page.headers["Content-Security-Policy"],
    "page": page.content.decode(),
    "root": Client().get("/").headers["Location"],
}, default=str))
"""
WITH_KEYS = {"IDENFY_API_KEY": "real-key", "IDENFY_API_SECRET": "real-secret"}


def run(given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "example_project.settings"} | given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def project(**given: str) -> dict[str, Any]:
    done = run(given)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


class TestTheExampleProject:
    def test_asks_the_fake_without_any_variable_and_says_so(self) -> None:
        shown = project()

        assert shown["kyc"]["BASE_URL"] == "http://127.0.0.1:8001"
        assert shown["kyc"]["WEBHOOK_SIGNING_KEYS"] == [SIGNING_KEY]
        assert 'href="http://127.0.0.1:8001/session/all/"' in shown["page"]
        assert "Nothing here reaches iDenfy: a fake at http://127.0.0.1:8001" in shown["page"]
        assert shown["root"] == "/admin/"

    def test_finds_the_fake_where_it_is_told(self) -> None:
        shown = project(FAKE_IDENFY_URL="http://127.0.0.1:8123")

        assert "a fake at http://127.0.0.1:8123" in shown["page"]

    def test_asks_idenfy_with_keys(self) -> None:
        shown = project(**WITH_KEYS, IDENFY_WEBHOOK_SIGNING_KEYS="one,two")

        assert shown["kyc"]["BASE_URL"] == "https://ivs.idenfy.com"
        assert shown["kyc"]["API_SECRET"] == "real-secret"
        assert shown["kyc"]["WEBHOOK_SIGNING_KEYS"] == ["one", "two"]
        assert "fake" not in shown["page"]

    def test_asks_where_it_is_told(self) -> None:
        shown = project(**WITH_KEYS, IDENFY_BASE_URL="https://kyc.example.com")

        assert shown["kyc"]["BASE_URL"] == "https://kyc.example.com"

    def test_sets_a_strict_policy_that_its_own_banner_keeps(self) -> None:
        shown = project()

        assert shown["policy"].startswith("default-src 'self';")
        assert "style=" not in shown["page"]
        assert "<style" not in shown["page"]

    @pytest.mark.parametrize(
        ("given", "missing"),
        [
            ({"IDENFY_API_KEY": "real-key"}, "IDENFY_API_SECRET"),
            ({"DEBUG": "off"}, "SECRET_KEY"),
        ],
    )
    def test_does_not_start_half_configured(self, given: dict[str, str], missing: str) -> None:
        done = run(given)

        assert f"Set the {missing} environment variable" in done.stderr

    def test_starts_in_earnest_with_a_key_of_its_own(self) -> None:
        shown = project(DEBUG="off", SECRET_KEY=get_random_secret_key().replace("$", "s"))

        assert shown["root"] == "/admin/"
