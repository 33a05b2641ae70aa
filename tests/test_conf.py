from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from idenfy_kyc.conf import Settings, get_settings


class TestGetSettings:
    def test_reads_the_dict_at_each_use(self) -> None:
        with override_settings(IDENFY_KYC={"CONCURRENCY": 2}):
            first = get_settings().CONCURRENCY
        with override_settings(IDENFY_KYC={"CONCURRENCY": 3}):
            second = get_settings().CONCURRENCY

        assert (first, second) == (2, 3)

    def test_gives_the_defaults_for_the_rest(self) -> None:
        with override_settings(IDENFY_KYC={"CONCURRENCY": 2}):
            found = get_settings()

        assert found == Settings(CONCURRENCY=2)
        assert found.BASE_URL == "https://ivs.idenfy.com"
        assert found.DEFAULT_LIFETIME == timedelta(days=14)

    def test_needs_no_dict_at_all(self) -> None:
        with override_settings():
            del django_settings.IDENFY_KYC
            found = get_settings()

        assert found == Settings()

    @pytest.mark.parametrize("value", [None, "key", ["API_KEY"]])
    def test_leaves_what_is_no_dict_to_the_system_check(self, value: Any) -> None:
        with override_settings(IDENFY_KYC=value):
            found = get_settings()

        assert found == Settings()

    def test_leaves_unknown_names_to_the_system_check(self) -> None:
        with override_settings(IDENFY_KYC={"CONCURENCY": 2, 5: 6}):
            found = get_settings()

        assert found == Settings()


class TestSettings:
    def test_show_no_secret(self) -> None:
        found = Settings(API_KEY="the-key", API_SECRET="the-secret", WEBHOOK_SIGNING_KEYS=("the-signing-key",))

        shown = f"{found} {found!r}"

        assert "the-" not in shown

    def test_cannot_be_changed(self) -> None:
        found = Settings()

        with pytest.raises(FrozenInstanceError):
            found.CONCURRENCY = 2  # type: ignore[misc]

    @pytest.mark.parametrize(
        ("given", "configured"),
        [
            ({"API_KEY": "key", "API_SECRET": "secret"}, True),
            ({"API_KEY": "key"}, False),
            ({"API_SECRET": "secret"}, False),
            ({"API_KEY": None, "API_SECRET": None}, False),
        ],
    )
    def test_are_complete_with_a_key_and_a_secret(self, given: dict[str, Any], configured: bool) -> None:
        assert Settings(**given).is_configured is configured

    def test_a_live_claim_is_younger_than_three_calls(self) -> None:
        found = Settings(CONNECT_TIMEOUT=1, READ_TIMEOUT=2.5)

        assert found.call_deadline == 3.5
        assert found.claim_window == timedelta(seconds=10.5)
