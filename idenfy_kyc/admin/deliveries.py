"""Deliveries from iDenfy: what came when, and what could not be handled. Never what is in them: personal data."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .. import dates, services, told
from ..decorators import durable
from ..missed import accepted_text, gap_text
from ..models import Verification, WebhookDelivery
from .base import ReadOnlyAdmin
from .drawing import link_html
from .filters import ChoiceFilter, Option
from .lists import BoundedAdmin
from .seen import rows_seen_by, user_of

GAPS_SHOWN = 5


class DeliveryStateFilter(ChoiceFilter):
    title = gettext_lazy("state")
    parameter_name = "state"
    options = {
        "failed": Option(gettext_lazy("Could not be handled"), lambda rows: rows.filter(handled_at=None)),
        "left": Option(
            gettext_lazy("Nothing to do"), lambda rows: rows.filter(handled_at__isnull=False).exclude(problem="")
        ),
        "handled": Option(gettext_lazy("Handled"), lambda rows: rows.filter(handled_at__isnull=False, problem="")),
    }


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(BoundedAdmin, ReadOnlyAdmin):
    """Deliveries, to look at, and to handle again. Made to be subclassed.

    Whoever may see them sees all of them; the verification that one is about is a link only for who sees that.
    """

    list_display = ("event", "about", "received", "times", "state_in_words")
    list_display_links = ("event",)
    list_filter = (DeliveryStateFilter, ("received_at", admin.DateFieldListFilter))
    search_fields = ("scan_ref__startswith",)
    search_help_text = gettext_lazy("The beginning of a scan reference")
    ordering = ("-pk",)
    sortable_by = ("received",)
    actions = ("handle_again", "set_aside")
    fields = ("event", "about", "received", "times", "state_in_words")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Without the bodies: nobody is shown one, and they are long."""
        return super().get_queryset(request).defer("body")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with the verifications of its rows, all at once."""
        changelist = super().get_changelist_instance(request)
        self._find_verifications(request, list(changelist.result_list))
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> WebhookDelivery | None:
        delivery = super().get_object(request, object_id, from_field)
        self._find_verifications(request, [delivery] if delivery else [])
        return delivery

    def _find_verifications(self, request: HttpRequest, deliveries: list[WebhookDelivery]) -> None:
        seen = rows_seen_by(self.admin_site, request, Verification)
        keys = dict(seen.filter(scan_ref__in=[d.scan_ref for d in deliveries]).values_list("scan_ref", "pk"))
        for delivery in deliveries:
            delivery.verification_key = keys.get(delivery.scan_ref)

    # The columns

    @admin.display(description=gettext_lazy("Told"), ordering="event_type")
    def event(self, delivery: WebhookDelivery) -> str:
        return told.delivery_text(delivery.event_type)

    @admin.display(description=gettext_lazy("Verification"))
    def about(self, delivery: WebhookDelivery) -> SafeString | str:
        key = getattr(delivery, "verification_key", None)
        if key is None:
            return delivery.scan_ref or "–"
        return link_html(self.url_of("change", key, model=Verification), delivery.scan_ref)

    @admin.display(description=gettext_lazy("Received"), ordering="received_at")
    def received(self, delivery: WebhookDelivery) -> str:
        return dates.stamp_text(delivery.received_at)

    @admin.display(description=gettext_lazy("How often"))
    def times(self, delivery: WebhookDelivery) -> SafeString | str:
        if delivery.receipts == 1:
            return _("Once")
        times = ngettext("%(count)s time", "%(count)s times", delivery.receipts)
        last = _("last %(time)s") % {"time": dates.stamp_text(delivery.last_received_at)}
        count = times % {"count": dates.number_text(delivery.receipts)}
        return format_html('{} <span class="ik-beneath">{}</span>', count, last)

    @admin.display(description=gettext_lazy("State"))
    def state_in_words(self, delivery: WebhookDelivery) -> SafeString:
        state, words = _state(delivery)
        problem = told.delivery_problem_text(delivery.problem)
        shown = format_html('<span class="ik-state ik-state-{}">{}</span>', state, words)
        return format_html('{} <span class="ik-beneath">{}</span>', shown, problem) if problem else shown

    # What can be done

    @durable
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"heard": _heard()} | (extra_context or {}))

    @admin.action(description=gettext_lazy("Handle again"), permissions=["request_information"])
    def handle_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Those that failed; the others have done what they had to."""
        failed = queryset.filter(handled_at=None).defer(None).order_by("pk")
        tried = failed.count()
        handled = services.handle_again(failed.iterator(chunk_size=100))
        if not tried:
            messages.info(request, _("There was nothing to do: these have been handled already."))
        if handled:
            text = ngettext("%(count)s delivery was handled.", "%(count)s deliveries were handled.", handled)
            messages.success(request, text % {"count": dates.number_text(handled)})
        if left := tried - handled:
            text = ngettext(
                "%(count)s delivery could not be handled again. Look at its problem, and ask iDenfy to send it anew: "
                "its dashboard has a button for that with each verification. Then set it aside.",
                "%(count)s deliveries could not be handled again. Look at their problems, and ask iDenfy to send them "
                "anew: its dashboard has a button for that with each verification. Then set them aside.",
                left,
            )
            messages.warning(request, text % {"count": dates.number_text(left)})

    @admin.action(description=gettext_lazy("Set aside"), permissions=["request_information"])
    def set_aside(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Those that nobody can handle need nobody any more."""
        count = services.set_aside(queryset.order_by("pk"), by=user_of(request))
        if not count:
            text = _("There was nothing to set aside: what was handled, or will be tried again, stays as it is.")
            messages.info(request, text)
            return
        text = ngettext("%(count)s delivery was set aside.", "%(count)s deliveries were set aside.", count)
        messages.success(request, text % {"count": dates.number_text(count)})


def _heard() -> dict[str, Any]:
    """How well iDenfy is heard, for the top of the list."""
    found = services.standing()
    shown = [gap_text(gap) for gap in found.over[:GAPS_SHOWN]]
    earlier = len(found.over) - len(shown)
    more = ngettext("And %(count)s earlier one.", "And %(count)s earlier ones.", earlier)
    return {
        "accepted": accepted_text(found.last_at) if found.last_at else "",
        "lasting": [gap_text(gap) for gap in found.lasting],
        "over": shown,
        "more": more % {"count": dates.number_text(earlier)} if earlier else "",
    }


def _state(delivery: WebhookDelivery) -> tuple[str, str]:
    """A shape and a word."""
    if not delivery.is_handled:
        return "unknown", _("Could not be handled")
    return ("skipped", _("Nothing to do")) if delivery.problem else ("completed", _("Handled"))
