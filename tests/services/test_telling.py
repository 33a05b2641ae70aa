from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from idenfy_kyc import services, wording
from idenfy_kyc.api.deliveries import Event, sign
from idenfy_kyc.choices import EventKind
from idenfy_kyc.models import RequestEvent, Verification
from idenfy_kyc.testing import identification
from tests.factories import make_verification

pytestmark = pytest.mark.django_db

KEY = "signing-key"
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def receive(event: str, payload: dict[str, Any]) -> None:
    body = json.dumps(payload).encode()
    services.receive(event_type=event, body=body, signature=sign(body, KEY))


class TestWhenTheClientWasVerified:
    FIRST, LATER = 1_764_000_000, 1_769_000_000
    APPROVED = (Event.AUTO_FINISHED, identification("scan-1", finishTime=FIRST))

    @pytest.mark.parametrize("status", ["APPROVED", "DENIED"])
    def test_stays_when_a_later_review_decides_something_else(self, status: str) -> None:
        receive(*self.APPROVED)
        receive(Event.MANUAL_FINISHED, identification("scan-1", status=status, finishTime=self.LATER))

        verification = Verification.objects.get()
        assert verification.status == status
        assert verification.verified_at == datetime.fromtimestamp(self.FIRST, tz=UTC)

    def test_is_not_when_he_was_denied_or_a_review_still_followed(self) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1", final=False, finishTime=self.FIRST))
        receive(Event.MANUAL_FINISHED, identification("scan-1", status="DENIED", finishTime=self.LATER))

        assert Verification.objects.get().verified_at is None

    def test_stands_on_the_record(self) -> None:
        receive(*self.APPROVED)

        text = wording.event_text(RequestEvent.objects.get())
        assert text == "iDenfy reports: Approved, verified on 24 November 2025, 18:00 EET"

    def test_stands_on_the_record_beside_what_had_stood_here_before(self) -> None:
        later = datetime.fromtimestamp(self.LATER, tz=UTC)
        make_verification(scan_ref="scan-1", status="APPROVED", is_final=True, told_at=NOON, verified_at=later)

        receive(*self.APPROVED)

        text = wording.event_text(RequestEvent.objects.get())
        assert text.endswith("verified on 24 November 2025, 18:00 EET, where 21 January 2026, 14:53 EET had stood")

    def test_stands_on_the_record_where_idenfy_has_changed_its_mind(self) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1", status="DENIED", finishTime=self.FIRST))
        receive(Event.MANUAL_FINISHED, identification("scan-1", finishTime=self.LATER))

        text = wording.event_text(RequestEvent.objects.get(kind=EventKind.CONTRADICTED))
        assert text.endswith("Denied before, Approved now, verified on 21 January 2026, 14:53 EET")
