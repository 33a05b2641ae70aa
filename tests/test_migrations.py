"""The migrations, on rows that stood there before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext

from tests.factories import verification_fields

pytestmark = pytest.mark.django_db(transaction=True)


def migrate_to(*targets: tuple[str, str]) -> Any:
    """The models as they are after these migrations."""
    MigrationExecutor(connection).migrate(list(targets))
    return MigrationExecutor(connection).loader.project_state(list(targets)).apps


@pytest.fixture
def old() -> Iterator[Any]:
    """A verification as it was before names were folded; afterwards all is as it should be."""
    yield migrate_to(("idenfy_kyc", "0002_again_of")).get_model("idenfy_kyc", "Verification")
    migrate_to(*MigrationExecutor(connection).loader.graph.leaf_nodes("idenfy_kyc"))


@pytest.mark.no_cover
class TestFoldedNames:
    def test_are_filled_in_portion_by_portion_and_can_be_taken_back(self, old: Any) -> None:
        rows = [old(**verification_fields(name=f"Žukas {number}" if number % 2 else "")) for number in range(1, 1_202)]
        old.objects.bulk_create(rows)

        new = migrate_to(("idenfy_kyc", "0003_name_folded")).get_model("idenfy_kyc", "Verification")
        new.objects.filter(name="Žukas 7").update(name_folded="interrupted here")
        with CaptureQueriesContext(connection) as queries:
            migrate_to(("idenfy_kyc", "0004_fold_names"))

        assert dict(
            new.objects.filter(name__in=["Žukas 1", "Žukas 7", "Žukas 1201", ""]).values_list("name", "name_folded")
        ) == {
            "Žukas 1": "zukas 1",
            "Žukas 7": "interrupted here",
            "Žukas 1201": "zukas 1201",
            "": "",
        }
        assert not new.objects.filter(name_folded="").exclude(name="").exists()
        assert sum("LIMIT 500" in query["sql"] for query in queries) == 3

        assert (
            migrate_to(("idenfy_kyc", "0002_again_of")).get_model("idenfy_kyc", "Verification").objects.count() == 1_201
        )
