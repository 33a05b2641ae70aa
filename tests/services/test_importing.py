from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, connection

from idenfy_kyc import services
from idenfy_kyc.models import Verification
from idenfy_kyc.services import Recorded
from tests.factories import make_verification, verification_fields

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


class TestRecordVerifications:
    def test_adds_what_is_new(self) -> None:
        row = verification_fields(name="Ona")

        recorded = services.record_verifications([row])

        assert recorded == Recorded(added=1)
        assert Verification.objects.values(*row).get() == row

    def test_changes_what_is_different_and_leaves_what_is_not(self) -> None:
        rows = [verification_fields() for _ in range(3)]
        services.record_verifications(rows)
        before = Verification.objects.get(scan_ref=rows[1]["scan_ref"]).updated_at
        rows[0]["status"] = "DELETED"

        recorded = services.record_verifications([*rows, verification_fields()])

        assert recorded == Recorded(added=1, changed=1, unchanged=2)
        assert Verification.objects.get(scan_ref=rows[0]["scan_ref"]).status == "DELETED"
        assert Verification.objects.get(scan_ref=rows[1]["scan_ref"]).updated_at == before

    def test_says_when_a_row_was_changed(self) -> None:
        verification = make_verification()

        services.record_verifications([{"scan_ref": verification.scan_ref, "name": "Another"}])

        assert Verification.objects.get().updated_at > verification.updated_at

    def test_leaves_what_a_row_does_not_say(self) -> None:
        verification = make_verification(name="Ona", status="APPROVED")

        services.record_verifications([{"scan_ref": verification.scan_ref, "status": "DENIED"}])

        assert Verification.objects.values_list("name", "status").get() == ("Ona", "DENIED")

    def test_lets_the_last_of_two_rows_win(self) -> None:
        row = verification_fields(status="REVIEWING")

        recorded = services.record_verifications([row, row | {"status": "APPROVED"}])

        assert recorded == Recorded(added=1)
        assert Verification.objects.get().status == "APPROVED"

    def test_keeps_a_status_that_nobody_knows(self) -> None:
        services.record_verifications([verification_fields(status="BRAND-NEW")])

        assert Verification.objects.get().status == "BRAND-NEW"

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            (NOON, NOON),
            ("2026-03-03T12:00:00Z", NOON),
            (datetime(2026, 3, 3, 14, 0), NOON),  # noqa: DTZ001 - that is the point; Vilnius is two hours ahead
            ("2026-03-03 14:00", NOON),
            (None, None),
        ],
    )
    def test_takes_a_time_in_any_form_and_finds_it_unchanged(self, given: Any, kept: datetime | None) -> None:
        row = verification_fields(verified_at=given)

        recorded = [services.record_verifications([row]) for _ in range(2)]

        assert Verification.objects.get().verified_at == kept
        assert recorded == [Recorded(added=1), Recorded(unchanged=1)]

    def test_takes_a_generator_and_any_number(self, django_assert_max_num_queries: Any) -> None:
        with django_assert_max_num_queries(40):
            recorded = services.record_verifications(verification_fields() for _ in range(1200))

        assert recorded == Recorded(added=1200)

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            ({"scan_ref": ""}, "scan_ref"),
            ({"scan_ref": None}, "scan_ref"),
            ({"scan_ref": "../x"}, "scan_ref"),
            ({"scan_ref": "x" * 41}, "scan_ref"),
            ({"client_id": "x" * 101}, "client_id"),
            ({"name": "x" * 201}, "name"),
            ({"status": "x" * 41}, "status"),
            ({"verified_at": "yesterday"}, "verified_at"),
            ({"verified_on": date(2026, 3, 3)}, "verified_on"),
            ({"id": 1}, "id"),
        ],
    )
    def test_names_a_bad_row_and_writes_nothing(self, bad: dict[str, Any], words: str) -> None:
        rows = [verification_fields(), verification_fields(**bad), verification_fields()]

        with pytest.raises(ValidationError) as refused:
            services.record_verifications(rows)

        assert "Row 2" in refused.value.messages[0]
        assert words in refused.value.messages[0]
        assert not Verification.objects.exists()

    def test_takes_none_for_empty(self) -> None:
        services.record_verifications([verification_fields(client_id=None, name=None, status=None)])

        assert Verification.objects.values_list("client_id", "name", "status").get() == ("", "", "")

    def test_names_a_row_without_its_scan_reference(self) -> None:
        with pytest.raises(ValidationError, match="Row 1: scan_ref"):
            services.record_verifications([{"client_id": "C-1"}])


class TestAddVerifications:
    def test_adds_what_is_new_and_leaves_what_is_there(self) -> None:
        there = make_verification(name="Ona", status="APPROVED")
        row = verification_fields(status="DENIED")

        added = services.add_verifications([row, {"scan_ref": there.scan_ref, "name": "Another", "status": "DENIED"}])

        assert [verification.scan_ref for verification in added] == [row["scan_ref"]]
        assert Verification.objects.values(*row).get(pk=added[0].pk) == row
        there.refresh_from_db()
        assert (there.name, there.status) == ("Ona", "APPROVED")

    def test_lets_the_first_of_two_rows_count(self) -> None:
        row = verification_fields(status="REVIEWING")

        services.add_verifications([row, row | {"status": "APPROVED"}])

        assert Verification.objects.get().status == "REVIEWING"

    def test_names_a_bad_row_and_writes_nothing(self) -> None:
        rows = [verification_fields(), verification_fields(scan_ref="../x"), verification_fields()]

        with pytest.raises(ValidationError, match="Row 2: scan_ref"):
            services.add_verifications(rows)

        assert not Verification.objects.exists()

    def test_adds_all_or_nothing(self) -> None:
        def store_and_fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            stored = execute(sql, params, many, context)
            if sql.startswith("INSERT"):
                raise DataError
            return stored

        with connection.execute_wrapper(store_and_fail), pytest.raises(DataError):
            services.add_verifications([verification_fields() for _ in range(3)])

        assert not Verification.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_gives_way_to_somebody_who_adds_the_same_meanwhile(self) -> None:
        ours = [verification_fields(name="Ours") for _ in range(3)]
        done: list[str] = []

        def add_one_after_we_looked(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            looked = execute(sql, params, many, context)
            if not done:
                done.append(sql)
                make_verification(**ours[1] | {"name": "Theirs"})
            return looked

        with connection.execute_wrapper(add_one_after_we_looked):
            added = services.add_verifications(ours)

        assert {v.scan_ref for v in added} == {ours[0]["scan_ref"], ours[2]["scan_ref"]}
        assert sorted(Verification.objects.values_list("name", flat=True)) == ["Ours", "Ours", "Theirs"]
