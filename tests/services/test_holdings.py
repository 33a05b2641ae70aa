from __future__ import annotations

from typing import Any

import pytest

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import Answer, Verification, WebhookDelivery
from idenfy_kyc.services import Holdings
from idenfy_kyc.services.record import note_requests
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


class TestHoldings:
    @pytest.fixture
    def rows(self) -> list[Verification]:
        """One client with two verifications, of which the first has all that there is."""
        full = make_verification(
            client_id="C-1", scan_ref="scan-1", checks={"auto_face": "FACE_MATCH"}, document_expires="2031-05-01"
        )
        bare = make_verification(client_id="C-1", name="")
        answered = make_request(State.COMPLETED, verification=full, bank_card_expected_last_four="4242")
        Answer.objects.create(verification=full, request=answered, identity="a")
        make_request(State.REFUSED, verification=full, message="not known")
        open_one = make_request(State.ISSUED, verification=full)
        note_requests(EventKind.ISSUED, [answered, open_one])
        make_request(State.DRAFT, verification=bare, batch=make_batch(selection="The client C-1"))
        make_request(State.SKIPPED, verification=bare)
        WebhookDelivery.objects.create(digest="1", scan_ref="scan-1", body="{}")
        WebhookDelivery.objects.create(digest="2", scan_ref="scan-1", body="")
        make_request(State.ISSUED)
        return [full, bare]

    def test_are_counted(self, rows: list[Verification]) -> None:
        assert services.holdings_of(rows) == Holdings(
            names=1,
            client_ids=1,
            checks=1,
            documents=1,
            answers=1,
            bodies=1,
            selections=1,
            words=1,
            digits=1,
            links=1,
            open_requests=1,
            planned=1,
            scan_refs=2,
            requests=3,
            lines=2,
        )

    def test_are_only_the_evidence_once_it_is_erased(self, rows: list[Verification], officer: Any) -> None:
        services.erase(rows, by=officer)

        held = services.holdings_of(Verification.objects.filter(erased_at__isnull=False))

        assert held == Holdings(scan_refs=2, requests=3, lines=5)

    def test_take_five_queries_for_hundreds(self, django_assert_num_queries: Any) -> None:
        rows = make_verifications(500)

        with django_assert_num_queries(5):
            services.holdings_of(rows)
