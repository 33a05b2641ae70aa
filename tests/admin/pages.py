"""What the tests of a batch's page share."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.models import RequestBatch, Verification
from tests.factories import make_verifications

LIST = reverse("admin:idenfy_kyc_requestbatch_changelist")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
"""What a browser's form says it accepts."""


def url(batch: RequestBatch, page: str = "change") -> str:
    return reverse(f"admin:idenfy_kyc_requestbatch_{page}", args=[batch.pk])


def make_plan(count: int = 3, *, by: Any = None, **fields: Any) -> RequestBatch:
    """A plan that asks ``count`` clients."""
    return services.plan(make_verifications(count, **fields), planned_by=by, selection=f"{count} chosen by hand")


def plan_for(*verifications: Verification, by: Any = None) -> RequestBatch:
    return services.plan(verifications, planned_by=by, selection="chosen by hand")


def filled_in(**fields: Any) -> dict[str, Any]:
    """The plan's form as somebody would post it: by *Ask*, unless ``_save`` names the other button."""
    button = {} if "_save" in fields else {"_confirm": "Ask"}
    if "expected" in fields:
        button["typed_count"] = fields["expected"]
    return {
        "additional_step_upload_required": "on",
        "questionnaire": "",
        "risk_assessment_profile": "",
        "lifetime_0": "14",
        "lifetime_1": "days",
        "note": "Annual review 2026",
        **button,
        **fields,
    }


def words_of(page: Any) -> str:
    """The text of a page as a browser would wrap it: any white space is one space."""
    return " ".join(page.text.split())


def messages_of(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def queries(client: Client, address: str) -> int:
    """How many queries a page takes."""
    with CaptureQueriesContext(connection) as captured:
        page = client.get(address)
    assert page.status_code == 200
    return len(captured)
