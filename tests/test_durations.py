from __future__ import annotations

from typing import Any

import pytest

from idenfy_kyc.durations import about, expected_rate


class TestAbout:
    @pytest.mark.parametrize(
        ("requests", "words"),
        [
            (1, "less than a minute"),
            (60, "about 1 minute"),
            (764, "about 13 minutes"),
            (80 * 60, "about 80 minutes"),
            (10_000, "about 3 hours"),
        ],
    )
    def test_says_how_long_so_many_requests_take(self, requests: int, words: str) -> None:
        assert about(requests, rate=1.0) == words

    def test_expects_as_many_as_there_are_places(self, settings: Any) -> None:
        settings.IDENFY_KYC = {"CONCURRENCY": 4}

        assert expected_rate() == 4.0
