"""A project that has forgotten to include ``idenfy_kyc.urls``."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
