"""A project with an admin site of its own beside Django's, on which only some of our pages are."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from idenfy_kyc.admin import InformationRequestAdmin, RequestBatchAdmin, VerificationAdmin
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification
from tests.accounts.admin import CustomerAdmin
from tests.accounts.models import Customer

compliance = admin.AdminSite(name="compliance")
compliance.register(Verification, VerificationAdmin)

everything = admin.AdminSite(name="everything")
everything.register(Verification, VerificationAdmin)
everything.register(InformationRequest, InformationRequestAdmin)
everything.register(RequestBatch, RequestBatchAdmin)
everything.register(Customer, CustomerAdmin)

requests_only = admin.AdminSite(name="requests-only")
requests_only.register(InformationRequest, InformationRequestAdmin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("compliance/", compliance.urls),
    path("everything/", everything.urls),
    path("requests-only/", requests_only.urls),
    path("idenfy/", include("idenfy_kyc.urls")),
]
