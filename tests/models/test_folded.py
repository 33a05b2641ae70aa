from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F, Value
from django.db.models.functions import Concat

from idenfy_kyc import services
from idenfy_kyc.models import Verification
from tests.factories import make_verification, make_verifications, verification_fields

pytestmark = pytest.mark.django_db


def folded_name(verification: Verification) -> str:
    """As it stands in the database."""
    return Verification.objects.values_list("name_folded", flat=True).get(scan_ref=verification.scan_ref)


@pytest.fixture
def ona() -> Verification:
    return make_verification(name="Ona")


class TestTheFoldedCopy:
    def test_is_written_with_the_row(self) -> None:
        verification = make_verification(name="Šarūnas")

        assert (verification.name_folded, folded_name(verification)) == ("sarunas", "sarunas")

    @pytest.mark.parametrize("fields", [None, ["name"], ("status", "name")])
    def test_follows_every_save_of_the_name(self, ona: Verification, fields: Any) -> None:
        ona.name = "Živilė"

        ona.save(update_fields=fields)

        assert folded_name(ona) == "zivile"

    def test_stays_when_something_else_is_saved(self, ona: Verification) -> None:
        ona.name = "not to be saved"

        ona.save(update_fields=["status"])

        assert folded_name(ona) == "ona"

    @pytest.mark.parametrize("loaded", ["name", "status"])
    def test_follows_a_row_that_was_loaded_in_part(self, ona: Verification, loaded: str) -> None:
        row = Verification.objects.only(loaded).get()
        setattr(row, loaded, "Živilė")

        row.save()

        assert folded_name(ona) == {"name": "zivile", "status": "ona"}[loaded]

    def test_follows_update_or_create(self, ona: Verification) -> None:
        Verification.objects.update_or_create(scan_ref=ona.scan_ref, defaults={"name": "Živilė"})

        assert folded_name(ona) == "zivile"

    def test_follows_bulk_create_and_bulk_update(self) -> None:
        made = make_verifications(2, name="Živilė")
        for verification in made:
            verification.name = "Łukasz"
        before = {folded_name(verification) for verification in made}

        Verification.objects.bulk_update(made, ["name"])

        assert before == {"zivile"}
        assert {folded_name(verification) for verification in made} == {"lukasz"}

    def test_stays_when_bulk_update_writes_something_else(self, ona: Verification) -> None:
        ona.name = "not to be saved"

        Verification.objects.bulk_update([ona], ["status"])

        assert folded_name(ona) == "ona"

    def test_follows_what_is_written_on_a_conflict(self, ona: Verification) -> None:
        again = Verification(**verification_fields(scan_ref=ona.scan_ref, name="Živilė"))
        unique = ["scan_ref"] if _can_name_the_conflict() else None

        Verification.objects.bulk_create([again], update_conflicts=True, update_fields=["name"], unique_fields=unique)

        assert folded_name(ona) == "zivile"

    def test_follows_update_and_leaves_no_trace_of_an_erased_name(self, ona: Verification) -> None:
        Verification.objects.update(name="Živilė")
        renamed = folded_name(ona)

        Verification.objects.update(name="")

        assert (renamed, folded_name(ona)) == ("zivile", "")

    def test_is_emptied_by_an_expression_and_filled_by_the_next_save(self, ona: Verification) -> None:
        Verification.objects.update(name=Concat(F("name"), Value(" Ž.")))
        after_the_update = folded_name(ona)

        Verification.objects.get().save(update_fields=["name"])

        assert (after_the_update, folded_name(ona)) == ("", "ona z")

    def test_is_emptied_by_an_expression_that_is_saved(self, ona: Verification) -> None:
        ona.name = Concat(F("name"), Value(" Ž."))
        ona.save()

        assert (Verification.objects.get().name, folded_name(ona)) == ("Ona Ž.", "")

    def test_stays_when_update_writes_something_else(self, ona: Verification) -> None:
        Verification.objects.update(status="DENIED")

        assert folded_name(ona) == "ona"

    def test_follows_an_import(self, ona: Verification) -> None:
        services.record_verifications([{"scan_ref": ona.scan_ref, "name": "Živilė"}])

        assert folded_name(ona) == "zivile"

    def test_is_cut_off_where_it_does_not_fit(self) -> None:
        verification = make_verification(name="\ufdfa" * 200)  # one sign that stands for eighteen

        assert len(folded_name(verification)) == 400


def _can_name_the_conflict() -> bool:
    from django.db import connection

    return connection.features.supports_update_conflicts_with_target
