"""The host's own admin, with a way of its own to ask clients. Registered only where a test is about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.exceptions import TooMany
from idenfy_kyc.models import Verification

from .models import Customer

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Customer]
else:
    Base = admin.ModelAdmin


class CustomerAdmin(Base):
    actions = ("ask_for_documents",)

    @admin.action(description="Ask for documents…", permissions=["ask"])
    def ask_for_documents(self, request: HttpRequest, queryset: QuerySet[Customer]) -> HttpResponse | None:
        """Plan it, with what is asked filled in, and go to the page of the plan: there one confirms."""
        numbers = queryset.values("number")
        try:
            batch = services.plan(
                Verification.objects.filter(client_id__in=numbers),
                planned_by=request.user,  # type: ignore[arg-type]
                selection=f"{queryset.count()} customers",
                note="Annual review",
                additional_step_upload_required=True,
            )
        except TooMany as error:
            messages.error(request, f"Choose fewer: {error.limit} can be asked at once.")
            return None
        page = reverse("admin:idenfy_kyc_requestbatch_change", args=[batch.pk], current_app=self.admin_site.name)
        return HttpResponseRedirect(page)

    def has_ask_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("idenfy_kyc.request_information")
