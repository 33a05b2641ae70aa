from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.choices import DeliveryProblem
from idenfy_kyc.models import WebhookDelivery
from idenfy_kyc.testing import identification, signed_headers
from tests.factories import make_verification

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_webhookdelivery_changelist")


def receive(event: str, payload: Any) -> WebhookDelivery:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signature = signed_headers(event, body)["Idenfy-Signature"]
    return services.receive(event_type=event, body=body, signature=signature)


@pytest.fixture
def failed() -> WebhookDelivery:
    """One that broke off, and would work now."""
    delivery = receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))
    WebhookDelivery.objects.update(handled_at=None, problem=DeliveryProblem.BROKE_OFF)
    return delivery


class TestTheList:
    def test_says_what_came_and_what_became_of_it(self, bob_client: Client) -> None:
        receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))
        receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))
        receive("IDENTIFICATION_MANUAL_FINISHED", b"{}")
        receive("AML_MONITORING", {})

        page = bob_client.get(LIST)

        for words in (
            "The automatic check is over",
            "2 times",
            "Handled",
            "Could not be handled",
            "It names no verification.",
            "AML_MONITORING",
            "Nothing to do",
            "Once",
        ):
            assert words in page.text

    def test_shows_nothing_of_a_body(self, root_client: Client) -> None:
        delivery = receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))

        pages = [
            root_client.get(address).text
            for address in (LIST, reverse("admin:idenfy_kyc_webhookdelivery_change", args=[delivery.pk]))
        ]

        assert not any(word in page for page in pages for word in ("RASA", "AB1234567", "files.idenfy.test"))

    def test_leads_to_the_verification_for_who_sees_it(self, bob_client: Client, make_person: Any) -> None:
        receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))
        only_deliveries = Client()
        only_deliveries.force_login(make_person("fay", "view_webhookdelivery"))

        assert "/verification/" in bob_client.get(LIST).text.partition("result_list")[2]
        assert "/verification/" not in only_deliveries.get(LIST).text.partition("result_list")[2]

    @pytest.mark.parametrize(("state", "shown"), [("failed", 1), ("handled", 1), ("left", 1)])
    def test_can_be_narrowed_by_state(self, bob_client: Client, state: str, shown: int) -> None:
        receive("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))
        receive("IDENTIFICATION_AUTO_FINISHED", b"{}")
        receive("AML_MONITORING", {})

        page = bob_client.get(LIST, {"state": state})

        assert len(page.context["cl"].result_list) == shown

    def test_takes_as_many_queries_for_many_as_for_one(self, bob_client: Client) -> None:
        assert self.queries(bob_client, 1) == self.queries(bob_client, 20)

    def queries(self, client: Client, count: int) -> int:
        WebhookDelivery.objects.all().delete()
        WebhookDelivery.objects.bulk_create(
            WebhookDelivery(digest=str(number), scan_ref=make_verification().scan_ref) for number in range(count)
        )
        with CaptureQueriesContext(connection) as captured:
            assert client.get(LIST).status_code == 200
        return len(captured)

    def test_cannot_add_change_or_delete(self, root_client: Client, failed: WebhookDelivery) -> None:
        change = reverse("admin:idenfy_kyc_webhookdelivery_change", args=[failed.pk])

        assert root_client.post(reverse("admin:idenfy_kyc_webhookdelivery_add"), {}).status_code == 403
        assert root_client.post(change, {"event_type": "x"}).status_code == 403
        assert root_client.post(change.replace("change", "delete"), {"post": "yes"}).status_code == 403


class TestHandleAgain:
    def press(self, client: Client, *deliveries: WebhookDelivery) -> Any:
        form = {"action": "handle_again", "_selected_action": [delivery.pk for delivery in deliveries]}
        return client.post(LIST, form, follow=True)

    def test_handles_what_failed(self, alice_client: Client, failed: WebhookDelivery) -> None:
        page = self.press(alice_client, failed)

        failed.refresh_from_db()
        assert failed.is_handled
        assert "1 delivery was handled." in page.text

    def test_says_what_to_do_about_what_fails_again(self, alice_client: Client) -> None:
        page = self.press(alice_client, receive("IDENTIFICATION", b"nonsense"))

        assert "1 delivery could not be handled again." in page.text
        assert "Then set it aside." in page.text

    def test_does_nothing_twice(self, alice_client: Client) -> None:
        page = self.press(alice_client, receive("IDENTIFICATION", identification("scan-1")))

        assert "these have been handled already" in page.text

    def test_is_not_for_who_may_only_look(self, bob_client: Client, failed: WebhookDelivery) -> None:
        answer = self.press(bob_client, failed)

        failed.refresh_from_db()
        assert answer.status_code == 403
        assert not failed.is_handled


class TestSetAside:
    def press(self, client: Client) -> str:
        keys = list(WebhookDelivery.objects.values_list("pk", flat=True))
        page = client.post(LIST, {"action": "set_aside", "_selected_action": keys}, follow=True)
        return str(page.text)

    def test_takes_what_nobody_can_handle_off_the_line_above_every_list(self, alice_client: Client) -> None:
        make_verification(scan_ref="scan-1")
        receive("IDENTIFICATION_RESUBMITTED", identification("scan-1"))
        WebhookDelivery.objects.update(handled_at=None, problem=DeliveryProblem.UNREADABLE, body="")
        assert "1 delivery from iDenfy could not be handled." in alice_client.get(LIST).text

        page = self.press(alice_client)

        assert "1 delivery was set aside." in page
        assert "Nothing to do" in page
        assert "Somebody has seen to it, and set it aside." in page
        assert "could not be handled." not in page.partition("result_list")[0]

    def test_says_on_the_page_of_the_verification_what_was_set_aside(self, alice_client: Client) -> None:
        verification = make_verification(scan_ref="scan-1")
        receive("IDENTIFICATION_RESUBMITTED", identification("scan-1"))
        WebhookDelivery.objects.update(handled_at=None, problem=DeliveryProblem.UNREADABLE, body="")

        self.press(alice_client)

        page = alice_client.get(reverse("admin:idenfy_kyc_verification_change", args=[verification.pk]))
        assert "What iDenfy told could not be used here, and was set aside: A client’s answer" in page.text

    def test_leaves_what_will_be_handled(self, alice_client: Client, failed: WebhookDelivery) -> None:
        assert "There was nothing to set aside" in self.press(alice_client)
        assert WebhookDelivery.objects.due().exists()
