"""*Refresh from iDenfy*: from the list of verifications for a few, from its page for one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import dates, services, wording
from ..choices import Refreshed
from ..conf import get_settings
from ..decorators import durable
from ..exceptions import TooMany
from ..models import Verification
from .acts import act
from .base import BaseAdmin
from .seen import may_ask, user_of


class RefreshingAdmin(BaseAdmin):
    """Adds the action ``refresh``, and the page's button of the same name. For whoever may ask clients."""

    def has_refresh_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_ask(request)

    @admin.action(description=gettext_lazy("Refresh from iDenfy"), permissions=["refresh"])
    def refresh(self, request: HttpRequest, queryset: QuerySet[Verification]) -> None:
        """Ask for the statuses of the ticked ones."""
        _refresh(request, queryset)

    @durable
    def refresh_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same for one, from its page."""
        return act(self, request, object_id, _refresh_one, allowed=self.has_refresh_permission)

    def refresh_url(self, request: HttpRequest, verification: Verification) -> str:
        """Where the button leads; empty for whoever may not, and for one that is not to be asked about."""
        may = self.has_refresh_permission(request) and verification.erased_at is None
        return self.url_of("refresh", verification.pk) if may else ""

    def get_urls(self) -> list[URLPattern]:
        return [self.own_path("refresh", self.refresh_view), *super().get_urls()]


def _refresh_one(model_admin: RefreshingAdmin, request: HttpRequest, verification: Verification) -> HttpResponse:
    _refresh(request, model_admin.get_queryset(request).filter(pk=verification.pk))
    return HttpResponseRedirect(model_admin.url_of("change", verification.pk))


def _refresh(request: HttpRequest, queryset: QuerySet[Verification]) -> None:
    """Ask, and say how it ended: one message for each way."""
    if not get_settings().is_configured:
        messages.error(request, _("Nothing can be asked yet: your administrator must set API_KEY and API_SECRET."))
        return
    try:
        done = services.refresh(queryset.order_by("pk")[: services.REFRESHED_AT_ONCE + 1], by=user_of(request))
    except TooMany as error:
        text = _("Choose %(limit)s at the most: iDenfy does not want to be asked for more. Nobody was asked about.")
        messages.error(request, text % {"limit": dates.number_text(error.limit)})
        return
    for result in Refreshed:
        if count := done.counts[result]:
            tell = messages.success if result in _WELL else messages.warning
            tell(request, _text(result, count))
    if done.fault is not None:
        why = done.fault.reason and wording.reason_text(done.fault.reason, {})
        params = {"status_code": done.fault.status_code, "quota": get_settings().HOURLY_QUOTA}
        why = why or wording.pause_reason_text(done.fault.pause_reason, params)
        messages.error(request, _("It broke off: %(why)s.") % {"why": why})


_WELL = frozenset({Refreshed.CHANGED, Refreshed.REVIEWED, Refreshed.SAME})


def _text(result: Refreshed, count: int) -> str:
    """None begins with “iDenfy”: Django’s template writes the first letter of a message as a capital."""
    texts = {
        Refreshed.CHANGED: ngettext(
            "%(count)s verification has a new status.", "%(count)s verifications have a new status.", count
        ),
        Refreshed.REVIEWED: ngettext(
            "For %(count)s verification the review of the client’s answer is over.",
            "For %(count)s verifications the reviews of the clients’ answers are over.",
            count,
        ),
        Refreshed.SAME: ngettext(
            "Nothing has changed for %(count)s verification.",
            "Nothing has changed for %(count)s verifications.",
            count,
        ),
        Refreshed.KEPT: ngettext(
            "%(count)s verification is being worked on at iDenfy. Until there is a result, its status stays.",
            "%(count)s verifications are being worked on at iDenfy. Until there are results, their statuses stay.",
            count,
        ),
        Refreshed.TOO_SOON: ngettext(
            "%(count)s verification was asked about within the last hour, and is not asked about again so soon.",
            "%(count)s verifications were asked about within the last hour, and are not asked about again so soon.",
            count,
        ),
        Refreshed.ERASED: ngettext(
            "%(count)s verification was left alone: the client’s personal data was erased.",
            "%(count)s verifications were left alone: the clients’ personal data was erased.",
            count,
        ),
        Refreshed.REFUSED: ngettext(
            "About %(count)s verification iDenfy says nothing.",
            "About %(count)s verifications iDenfy says nothing.",
            count,
        ),
        Refreshed.FAILED: ngettext(
            "For %(count)s verification there was no answer that can be read.",
            "For %(count)s verifications there was no answer that can be read.",
            count,
        ),
        Refreshed.NOT_REACHED: ngettext(
            "%(count)s verification was not asked about. Try again later.",
            "%(count)s verifications were not asked about. Try again later.",
            count,
        ),
    }
    return texts[result] % {"count": dates.number_text(count)}
