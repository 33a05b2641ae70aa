"""Acts on one object, each with an address of its own; and the way from a choice of clients to their plan."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils.translation import gettext as _

from ..conf import get_settings
from ..exceptions import TooMany
from ..models import RequestBatch
from .base import BaseAdmin
from .lists import too_many_text
from .seen import may_ask

A = TypeVar("A", bound=BaseAdmin)

PAGE = ("GET", "HEAD", "POST")
"""The methods of an act that begins with a page of its own."""


def act(
    model_admin: A,
    request: HttpRequest,
    object_id: str,
    handler: Callable[[A, HttpRequest, Any], HttpResponse],
    *,
    methods: Collection[str] = ("POST",),
    allowed: Callable[[HttpRequest], bool] = may_ask,
) -> HttpResponse:
    """Let ``handler`` do it, once method, permission and object are what they must be."""
    if request.method in {"GET", "HEAD"} and "GET" not in methods and wants_page(request):
        # Whoever had to sign in on the way to an act arrives here: back to the page, with nothing done.
        return HttpResponseRedirect(model_admin.url_of("change", object_id))
    if request.method not in methods:
        return HttpResponseNotAllowed(methods)
    if not allowed(request):
        raise PermissionDenied
    found = model_admin.get_object(request, object_id)
    if found is None and not wants_page(request):
        raise Http404
    if found is None:
        return model_admin.not_there(request, object_id)
    if not model_admin.has_view_permission(request, found):
        raise PermissionDenied
    return handler(model_admin, request, found)


def wants_page(request: HttpRequest) -> bool:
    """Whether a browser's form asks, and not a script."""
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":
        return False
    return request.get_preferred_type(["application/json", "text/html"]) == "text/html"


def lead_to_plan(model_admin: BaseAdmin, request: HttpRequest, plan: Callable[[], RequestBatch]) -> HttpResponse | None:
    """Make the plan and go there; None, with a message, without credentials or if too many were chosen."""
    if not get_settings().is_configured:
        messages.error(
            request,
            _(
                "Nothing can be asked yet. Your administrator must set API_KEY and API_SECRET in the setting "
                "IDENFY_KYC."
            ),
        )
        return None
    try:
        batch = plan()
    except TooMany as error:
        messages.error(request, too_many_text(error.limit))
        return None
    return HttpResponseRedirect(model_admin.url_of("change", batch.pk, model=RequestBatch))
