"""Who may do what, and whose rows he sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ..models import InformationRequest
from ..models.request import InformationRequestQuerySet

if TYPE_CHECKING:
    from ..services.record import User

M = TypeVar("M", bound=Model)

MAY_ASK = "idenfy_kyc.request_information"
MAY_REVEAL = "idenfy_kyc.reveal_link"


def may_ask(request: HttpRequest) -> bool:
    """Whether the user may ask clients: plan, confirm, send, stop, withdraw."""
    return request.user.has_perm(MAY_ASK)


def may_reveal(request: HttpRequest) -> bool:
    """Whether the user may see and download clients' links."""
    return request.user.has_perm(MAY_REVEAL)


def user_of(request: HttpRequest) -> User:
    """Who acts. The admin lets nobody in who is not logged in."""
    return cast("User", request.user)


def rows_seen_by(site: admin.AdminSite, request: HttpRequest, model: type[M]) -> QuerySet[M]:
    """The rows of another model that this user sees on this site: none without the permission to view them."""
    try:
        other = site.get_model_admin(model)
    except NotRegistered:
        return model._default_manager.none()
    return other.get_queryset(request) if other.has_view_permission(request) else model._default_manager.none()


def our_rows(queryset: QuerySet[InformationRequest]) -> InformationRequestQuerySet:
    """Those rows, with our questions: a host's subclass may have made a plain queryset of them."""
    if isinstance(queryset, InformationRequestQuerySet):
        return queryset
    return InformationRequest.objects.filter(pk__in=queryset.order_by().values("pk"))
