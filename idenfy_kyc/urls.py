from __future__ import annotations

from django.urls import path

from . import views, webhooks

app_name = "idenfy_kyc"

urlpatterns = [
    path("webhook/", webhooks.webhook, name="webhook"),
    path("webhook", webhooks.webhook),  # typed so into iDenfy's dashboard: it follows no redirect, and tries no more
    path("r/<uuid:public_id>/", views.client_link, name="client_link"),
]
