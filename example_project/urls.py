from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from example_project import clients, views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("clients/<str:client_id>/", clients.page, name="client"),
    path("idenfy/", include("idenfy_kyc.urls")),
    path("verify/", views.verify, name="verify"),
    path("verify/done/", views.verified, name="verified"),
]
