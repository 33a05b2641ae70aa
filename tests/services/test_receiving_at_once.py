"""What happens to a delivery while somebody else does the same, or the database is away."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError
from django.http.request import UnreadablePostError
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc import services, webhooks
from idenfy_kyc.models import Answer, WebhookDelivery, WebhookRejection
from idenfy_kyc.testing import deliver, identification

pytestmark = pytest.mark.django_db

URL = reverse("idenfy_kyc:webhook")


class TestADeliveryHandledBySomebodyElse:
    def test_is_left_to_him(self, client: Client) -> None:
        deliver(client, URL, "IDENTIFICATION", identification("scan-1"))
        stale = WebhookDelivery.objects.get()
        stale.handled_at = None

        assert services.handle(stale)

        assert WebhookDelivery.objects.get().handled_at is not None


class TestARejection:
    @pytest.mark.parametrize("error", [IntegrityError, DatabaseError])
    def test_is_a_rejection_though_it_cannot_be_counted(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
    ) -> None:
        def refuse(**fields: Any) -> None:
            raise error

        monkeypatch.setattr(WebhookRejection.objects, "create", refuse)

        assert deliver(client, URL, "IDENTIFICATION", b"{}", key="forged").status_code == 400


class TestABodyThatBreaksOff:
    def test_is_answered_400(self, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        request = rf.post(URL, b"{}", content_type="application/json")

        def read(*args: Any) -> bytes:
            raise UnreadablePostError("broken")

        monkeypatch.setattr(request, "read", read)

        assert webhooks.webhook(request).status_code == 400


class TestNames:
    def test_have_nothing_personal(self) -> None:
        now = timezone.now()

        assert str(Answer(pk=7)) == "answer 7"
        assert str(WebhookDelivery(pk=7)) == "delivery from iDenfy 7"
        assert str(WebhookRejection(hour=now)) == f"{now:%Y-%m-%d %H}"
