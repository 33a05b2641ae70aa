"""The fake inside a Django project: ``path("", include("idenfy_kyc.testing.urls"))``, its paths being iDenfy's own.

``IDENFY_KYC["BASE_URL"]`` is then the project's own address, and ``IDENFY_KYC_FAKE_PATH`` the file of the fake's
memory. A server of a single worker that asks itself waits for ever: give it threads, or run
``python -m idenfy_kyc.testing``. Mounted, the fake writes down what it tells by webhook, and sends nothing: that
needs a process that stays, such as ``python -m idenfy_kyc.testing --path …`` over the same file.
"""

from __future__ import annotations

from django.urls import path

from idenfy_kyc.testing import views

app_name = "idenfy_kyc_fake"

urlpatterns = [
    path("kyc/identifications/<str:scan_ref>/request-information/", views.answer, name="request_information"),
    path("kyc/identifications/", views.answer, name="list"),
    path("api/v2/token", views.answer, name="token"),
    path("api/v2/redirect", views.answer, name="redirect"),
    path("session/", views.answer, name="session"),
    path("session/all/", views.answer, name="all_sessions"),
    path("session/style.css", views.answer, name="style"),
]
