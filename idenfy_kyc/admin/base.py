"""What the admin's classes are made of: their permissions, lists and addresses, and the frame of their pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import Model
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from .. import dates
from ..conf import get_settings
from ..decorators import discreet
from ..models import InformationRequest, RequestBatch, RequestEvent
from ..services.record import frozen_name
from .above import above_a_list
from .seen import may_ask, may_reveal, user_of

if TYPE_CHECKING:

    class AnyAdmin(admin.ModelAdmin[Any]): ...
else:
    AnyAdmin = admin.ModelAdmin


class BaseAdmin(AnyAdmin):
    """The habits of all three: whoever may ask may look, the lists say what is unfinished, the pages have our style."""

    withdraw_template = "admin/idenfy_kyc/withdraw.html"
    mark_answered_template = "admin/idenfy_kyc/mark_answered.html"

    class Media:
        css = {
            "all": [f"idenfy_kyc/{name}.css" for name in ("themes", "idenfy_kyc", "requests", "lists")],
            "print": ["idenfy_kyc/print.css"],
        }
        js = [Script("idenfy_kyc/lists.js", defer=True)]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or may_ask(request)

    def has_request_information_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_ask(request)

    def has_reveal_link_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_reveal(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's list by its own name, and above it what waits for a person; ``admin/idenfy_kyc/change_list.html``.

        Raises ``PermissionDenied`` for an action that this user is not offered, where Django would just show the list
        again, and ``BadRequest`` for a ticked row whose key is none, where Django would break.
        """
        try:
            for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.clean(key, None)
        except ValidationError:
            raise BadRequest from None
        asked = set(request.POST.getlist("action")) - {""}
        if asked - set(self.get_actions(request)):
            raise PermissionDenied
        above = above_a_list(self, request)
        if IS_POPUP_VAR not in request.GET:  # where one does select
            above["title"] = capfirst(str(self.opts.verbose_name_plural))
        context = above | {"may_ask": may_ask(request)} | _frame(request) | (extra_context or {})
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        return super().render_change_form(request, context | _frame(request), *args, **kwargs)

    def url_of(self, page: str, *args: Any, model: type[Model] | None = None) -> str:
        """The address of a page of this site, such as ``change``; empty if the site does not have that model."""
        if model is not None and not self.admin_site.is_registered(model):
            return ""
        opts = (model or self.model)._meta
        name = f"admin:{opts.app_label}_{opts.model_name}_{page}"
        return reverse(name, args=args, current_app=self.admin_site.name)

    def get_urls(self) -> list[URLPattern]:
        """Django's own pages of the model; what breaks on them is reported without what is on them."""
        patterns = super().get_urls()
        for pattern in patterns:
            pattern.callback = discreet(pattern.callback)
        return patterns

    def own_path(self, name: str, view: Callable[..., HttpResponseBase], *, of_one: bool = True) -> URLPattern:
        """The route of a page of ours, beneath that of one object unless not ``of_one``, for :meth:`url_of`."""
        route = f"{name.replace('_', '-')}/"
        return path(
            f"<path:object_id>/{route}" if of_one else route,
            discreet(self.admin_site.admin_view(view)),
            name=f"{self.opts.app_label}_{self.opts.model_name}_{name}",
        )

    def batch_url(self, row: InformationRequest | RequestEvent) -> str:
        """The page of the batch that a request or a line of the record belongs to."""
        return self.url_of("change", row.batch_id, model=RequestBatch)

    def page_context(self, request: HttpRequest, *, title: str, crumb: str = "", **extra: Any) -> dict[str, Any]:
        """What a page of our own needs to be drawn in the admin's frame, on top of ``admin/change_form.html``.

        ``crumb`` is the last of the breadcrumbs. Django's template calls it ``original``.
        """
        request.current_app = self.admin_site.name
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "subtitle": None,
            "original": crumb or title,
            "media": self.media,
            "has_view_permission": self.has_view_permission(request),
            **_frame(request),
            **extra,
        }

    def not_there(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The answer to an object that is not among the rows of this user: back to the index, as Django does."""
        messages.warning(request, _("What you were looking for is not there. Perhaps it was deleted."))
        return HttpResponseRedirect(reverse("admin:index", current_app=self.admin_site.name))


class ReadOnlyAdmin(BaseAdmin):
    """Shows the record, also to whoever may see links; nothing in the admin adds to it, edits or deletes it."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or may_reveal(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _frame(request: HttpRequest) -> dict[str, str]:
    """For ``includes/title.html``: which system this is, on every page; and on paper, when it was printed by whom."""
    when, name = dates.record_text(timezone.now()), frozen_name(user_of(request))
    return {
        "idenfy_environment": get_settings().ENVIRONMENT,
        "idenfy_printed": _("Printed on %(when)s by %(name)s") % {"when": when, "name": name},
    }
