"""Our pages under django-unfold, as its documentation says how to bring in the admin classes of others."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from unfold.admin import ModelAdmin

from idenfy_kyc.admin import InformationRequestAdmin, RequestBatchAdmin, VerificationAdmin, WebhookDeliveryAdmin
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification, WebhookDelivery
from tests.showcase_urls import urlpatterns

OURS: list[tuple[Any, Any]] = [
    (Verification, VerificationAdmin),
    (InformationRequest, InformationRequestAdmin),
    (RequestBatch, RequestBatchAdmin),
    (WebhookDelivery, WebhookDeliveryAdmin),
]

for model, ours in OURS:
    admin.site.unregister(model)
    admin.site.register(model, type(ours.__name__, (ours, ModelAdmin), {}))

__all__ = ["urlpatterns"]
