from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone, translation

from idenfy_kyc import dates

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fixed_place() -> Any:
    with override_settings(TIME_ZONE="UTC", LANGUAGE_CODE="en"), translation.override("en"):
        yield


class TestMoments:
    @override_settings(USE_TZ=False)
    def test_are_shown_as_they_are_in_a_project_without_time_zones(self) -> None:
        moment = datetime(2020, 3, 17, 14, 5)  # noqa: DTZ001 (such a project has naive ones)

        assert dates.moment_text(moment) == "17 March 2020, 14:05"

    @pytest.mark.parametrize("text", [dates.moment_text, dates.day_text, dates.short_day_text, dates.stamp_text])
    @pytest.mark.parametrize(
        ("now", "is_another_year"),
        [
            (datetime(2026, 12, 31, 12, tzinfo=UTC), False),
            (datetime(2027, 1, 1, 12, tzinfo=UTC), True),
            (datetime(2025, 12, 31, 12, tzinfo=UTC), True),
        ],
    )
    def test_bear_their_year_if_it_is_another_one(self, text: Any, now: datetime, *, is_another_year: bool) -> None:
        assert ("2026" in text(NOON, now)) is is_another_year

    @pytest.mark.parametrize(
        ("end", "expected"),
        [
            (NOON + timedelta(hours=2), "16:00"),
            (NOON + timedelta(days=1), "15 March 2026, 14:00"),
            (NOON + timedelta(days=365), "14 March, 14:00"),
        ],
    )
    def test_at_the_end_of_a_span_have_their_day_if_it_is_another_one(self, end: datetime, expected: str) -> None:
        now = NOON + timedelta(days=366)

        with timezone.override("Europe/Vilnius"):
            assert dates.end_text(end, NOON, now) == expected

    @pytest.mark.parametrize(
        ("zone", "expected"),
        [("Europe/Vilnius", "14 March 2026, 14:00 EET"), ("Asia/Dubai", "14 March 2026, 16:00 +04")],
    )
    def test_of_the_record_say_the_same_to_everybody(self, zone: str, expected: str) -> None:
        with timezone.override(zone):
            assert dates.record_text(NOON) == expected

    @override_settings(USE_TZ=False, TIME_ZONE="Europe/Vilnius")
    def test_of_the_record_name_the_projects_zone_where_they_have_none(self) -> None:
        assert dates.record_text(datetime(2026, 7, 1, 14, 5)) == "1 July 2026, 14:05 EEST"  # noqa: DTZ001 (as above)

    @pytest.mark.parametrize(("translated_into", "expected"), [("en", "14 March 2026"), ("lt", "14 kovas 2026")])
    def test_are_in_the_language_of_our_words_and_not_of_djangos(
        self, translated_into: str, expected: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        catalogue = {"en": translated_into}
        monkeypatch.setattr(dates, "pgettext", lambda _context, message: catalogue.get(message, message))

        with translation.override("lt"):
            assert dates.record_text(NOON).startswith(expected)
            assert dates.day_text(NOON, NOON + timedelta(days=365)) == expected

    def test_are_written_as_the_language_writes_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        japanese = {"en": "ja", "j F Y": "Y年n月j日", "j M Y": "Y/n/j", "j F": "n月j日", "j M": "n/j", "H:i": "G時i分"}
        monkeypatch.setattr(dates, "pgettext", lambda _context, message: japanese[message])

        assert dates.stamp_text(NOON, NOON) == "3月14日, 12時00分"
        assert dates.stamp_text(NOON, NOON + timedelta(days=365)) == "2026年3月14日, 12時00分"
        assert dates.moment_text(NOON, NOON) == "12時00分"
        assert dates.short_day_text(NOON, NOON) == "3/14"
        assert dates.short_day_text(NOON, NOON + timedelta(days=365)) == "2026/3/14"
