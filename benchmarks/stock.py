"""The same lists as anybody writes them first: ``ModelAdmin`` with the same columns, filters and searched fields."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin

from idenfy_kyc.models import InformationRequest, RequestBatch, Verification

site = admin.AdminSite(name="stock")


@admin.register(Verification, site=site)
class StockVerificationAdmin(admin.ModelAdmin):
    list_display = ("name", "scan_ref", "status", "verified_at", "request_now", "last_asked")
    list_filter: ClassVar[Any] = ("status", "requests__state", "verified_at")
    search_fields = ("scan_ref__istartswith", "client_id__istartswith", "name__icontains")
    ordering = ("-pk",)

    def request_now(self, verification: Verification) -> Any:
        newest = verification.requests.order_by("-pk").first()
        return newest and newest.state

    def last_asked(self, verification: Verification) -> Any:
        newest = verification.requests.filter(sent_at__isnull=False).order_by("-sent_at").first()
        return newest and newest.sent_at


@admin.register(InformationRequest, site=site)
class StockRequestAdmin(admin.ModelAdmin):
    list_display = ("verification", "batch", "state", "sent_at", "expires_at", "opened_at", "ended_at")
    list_filter: ClassVar[Any] = ("state", "expires_at", "sent_at", "batch__confirmed_by_name")
    search_fields = (
        "verification__scan_ref__istartswith",
        "verification__client_id__istartswith",
        "verification__name__icontains",
        "batch__note__icontains",
    )
    list_select_related = ("verification", "batch")
    ordering = ("-pk",)


@admin.register(RequestBatch, site=site)
class StockBatchAdmin(admin.ModelAdmin):
    list_display = ("note", "questionnaire", "clients", "answered", "confirmed_by_name", "confirmed_at")
    search_fields = ("note", "questionnaire", "confirmed_by_name", "planned_by_name")
    ordering = ("-pk",)

    def clients(self, batch: RequestBatch) -> int:
        return batch.requests.count()

    def answered(self, batch: RequestBatch) -> int:
        return batch.requests.filter(state="completed").count()
