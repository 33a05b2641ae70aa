"""What a migration does to rows that are there already."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from idenfy_kyc.models import InformationRequest
from idenfy_kyc.models.request import public_digest

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def migrate() -> Any:
    """Goes to a migration and returns the models as they were then; back to the newest one in the end."""

    def go(name: str) -> Any:
        executor = MigrationExecutor(connection)
        executor.migrate([("idenfy_kyc", name)])
        return executor.loader.project_state([("idenfy_kyc", name)]).apps

    yield go
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("idenfy_kyc"))


class TestPublicDigest:
    def test_keeps_links_that_work_and_hides_them(self, migrate: Any) -> None:
        then = migrate("0005_hear")
        links = {state: uuid.uuid4() for state in ("issued", "expired")}
        verification = then.get_model("idenfy_kyc", "Verification").objects.create(scan_ref="scan-1")
        for state, public_id in links.items():
            batch = then.get_model("idenfy_kyc", "RequestBatch").objects.create(note=state)
            then.get_model("idenfy_kyc", "InformationRequest").objects.create(
                batch=batch,
                verification=verification,
                state=state,
                public_id=public_id,
                open_verification=verification if state == "issued" else None,
            )

        migrate("0006_public_digest")

        found = {request.state: request for request in InformationRequest.objects.all()}
        assert found["issued"].public_id == str(links["issued"])
        assert found["expired"].public_id == ""
        assert {state: request.public_digest for state, request in found.items()} == {
            state: public_digest(public_id) for state, public_id in links.items()
        }
