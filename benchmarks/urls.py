"""What the benchmarks call: the example project, and beside it what is measured against it.

``bare/`` is the least that any view of a delivery would do, ``stock/`` the admin as anybody writes it first.
"""

from __future__ import annotations

import hashlib
import hmac

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from benchmarks.stock import site
from example_project.urls import urlpatterns as example_project
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


urlpatterns = [*example_project, path("bare/", bare), path("stock/", site.urls)]
