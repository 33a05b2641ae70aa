"""“452 clients of “Annual review 2026” have not been asked yet”: above the lists, while work is unfinished."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import ngettext

from .. import services
from ..choices import State
from ..models import RequestBatch
from .base import batch_name, may_ask, rows_seen_by
from .numbers import number

SHOWN = 3


def unfinished_notice(request: HttpRequest, site: AdminSite) -> list[dict[str, str]]:
    """The batches that still have clients to ask, oldest first, for those who may ask; one query."""
    if not may_ask(request):
        return []
    seen = rows_seen_by(site, request, RequestBatch).filter(pk__in=services.unfinished().values("pk"))
    waiting = Count("requests", filter=Q(requests__state=State.QUEUED))
    return [
        {
            "url": reverse("admin:idenfy_kyc_requestbatch_change", args=[batch.pk], current_app=site.name),
            "name": batch_name(batch),
            "text": ngettext(
                "%(count)s client of “%(name)s” has not been asked yet.",
                "%(count)s clients of “%(name)s” have not been asked yet.",
                batch.waiting,
            )
            % {"count": number(batch.waiting), "name": batch_name(batch)},
        }
        for batch in seen.annotate(waiting=waiting).order_by("confirmed_at", "pk")[:SHOWN]
    ]


class NoticeMixin(ModelAdmin):  # type: ignore[type-arg]
    """A list that says above itself what is unfinished; the template is ``admin/idenfy_kyc/change_list.html``."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's list, with the notice."""
        notice = {"unfinished": unfinished_notice(request, self.admin_site)}
        answer: HttpResponse = super().changelist_view(request, notice | (extra_context or {}))
        return answer
