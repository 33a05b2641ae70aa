"""The project that shows every page, with a second site whose lists are empty whatever there is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import include, path

from idenfy_kyc.admin import InformationRequestAdmin, RequestBatchAdmin, VerificationAdmin, WebhookDeliveryAdmin
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification, WebhookDelivery


class Nothing:
    """Narrows a list to nothing."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request)  # type: ignore[misc]
        return rows.none()


def nothing(model_admin: type[Any]) -> type[Any]:
    return type(model_admin.__name__, (Nothing, model_admin), {})


empty = admin.site.__class__(name="empty")  # Django's, or that of a theme which has its own
empty.register(Verification, nothing(VerificationAdmin))
empty.register(InformationRequest, nothing(InformationRequestAdmin))
empty.register(RequestBatch, nothing(RequestBatchAdmin))
empty.register(WebhookDelivery, nothing(WebhookDeliveryAdmin))

for shown in (VerificationAdmin, InformationRequestAdmin, RequestBatchAdmin, WebhookDeliveryAdmin):
    shown.list_per_page = 20  # a few of each kind tell as much as a hundred, and a browser is sooner done with them

urlpatterns = [
    path("admin/", admin.site.urls),
    path("empty/", empty.urls),
    path("idenfy/", include("idenfy_kyc.urls")),
]
