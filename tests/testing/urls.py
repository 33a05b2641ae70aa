from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("idenfy_kyc.testing.urls")),
    path("elsewhere/", include("idenfy_kyc.testing.urls", namespace="elsewhere")),
]
