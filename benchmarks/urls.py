"""What the benchmark of deliveries calls: our webhook, and beside it the least that any view of one would do."""

from __future__ import annotations

import hashlib
import hmac

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from example_project import clients
from idenfy_kyc.conf import get_settings
from idenfy_kyc.models import WebhookDelivery


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    """Check the same signature, insert one row, answer."""
    key = get_settings().WEBHOOK_SIGNING_KEYS[0].encode()
    signed = hmac.new(key, request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signed, request.headers.get("Idenfy-Signature", "")):
        return HttpResponse(status=400)
    WebhookDelivery.objects.create(digest=signed, handled_at=timezone.now(), problem="bare")
    return HttpResponse("Kept.")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("clients/<str:client_id>/", clients.page, name="client"),
    path("idenfy/", include("idenfy_kyc.urls")),
    path("bare/", bare),
]
