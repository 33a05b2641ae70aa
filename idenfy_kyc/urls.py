from __future__ import annotations

from django.urls import path

from . import views

app_name = "idenfy_kyc"

urlpatterns = [
    path("r/<uuid:public_id>/", views.client_link, name="client_link"),
]
