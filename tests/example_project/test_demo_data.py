from __future__ import annotations

import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta

from example_project import demo_data
from idenfy_kyc.choices import STATUS_LABELS

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class TestRows:
    def test_are_the_same_each_time_however_many_there_are(self) -> None:
        few, many = list(demo_data.rows(60, now=NOW)), list(demo_data.rows(200, now=NOW))

        assert many[: len(few)] == few

    def test_have_client_ids_from_c_1001_on_and_a_reference_each(self) -> None:
        rows = list(demo_data.rows(60, now=NOW))

        assert sorted({row["client_id"] for row in rows}) == [f"C-{number}" for number in range(1001, 1061)]
        assert len({row["scan_ref"] for row in rows}) == len(rows)

    def test_have_one_client_with_three_verifications(self) -> None:
        by_client = Counter(row["client_id"] for row in demo_data.rows(60, now=NOW))

        assert by_client["C-1002"] == 3
        assert set((by_client - Counter({"C-1002": 3})).values()) == {1}

    def test_have_every_status_and_one_that_is_new(self) -> None:
        statuses = {row["status"] for row in demo_data.rows(60, now=NOW)}

        assert statuses == {*STATUS_LABELS, demo_data.NEW_WORD}

    def test_have_names_in_many_scripts_long_ones_and_none(self) -> None:
        names = [row["name"] for row in demo_data.rows(200, now=NOW)]

        scripts = {unicodedata.name(letter).split()[0] for name in names for letter in name if letter.isalpha()}
        assert {"LATIN", "GREEK", "CYRILLIC", "ARABIC", "CJK", "DEVANAGARI", "HEBREW", "THAI", "GEORGIAN"} <= scripts
        assert max(map(len, names)) > 100
        assert "" in names

    def test_are_spread_over_three_years(self) -> None:
        times = [row["verified_at"] for row in demo_data.rows(200, now=NOW) if row["verified_at"]]

        assert NOW - timedelta(days=3 * 365) <= min(times) < NOW - timedelta(days=2 * 365)
        assert NOW - timedelta(days=365) < max(times) <= NOW

    def test_name_those_with_whom_something_goes_wrong(self) -> None:
        named = {row["scan_ref"]: row["name"] for row in demo_data.rows(60, now=NOW) if row["name"].startswith("Demo:")}

        mishaps = dict(demo_data.mishaps(60, now=NOW))

        assert {scan_ref: mishap.name for scan_ref, mishap in mishaps.items()} == named
        assert set(named.values()) == {mishap.name for mishap in demo_data.MISHAPS}
