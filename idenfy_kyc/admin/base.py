"""What the admin's pages share: who may do what, the client's link, and how a client and a state are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.db import connections, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .. import wording
from ..conf import get_settings
from ..models import InformationRequest, RequestBatch, RequestEvent, Verification

if TYPE_CHECKING:
    from ..services.record import User

    class AnyAdmin(admin.ModelAdmin[Model]): ...
else:
    AnyAdmin = admin.ModelAdmin

M = TypeVar("M", bound=Model)
V = TypeVar("V", bound=Callable[..., HttpResponseBase])

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


def durable(view: V) -> V:
    """A view that acts: the services open their own transactions, and ``ATOMIC_REQUESTS`` must not wrap another around.

    A transaction that has read the session first cannot write on SQLite while anybody else does; and a link that was
    shown keeps its line in the record, though drawing the page may fail. For every alias: the router decides which.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def rows_seen_by(site: admin.AdminSite, request: HttpRequest, model: type[M]) -> QuerySet[M]:
    """The rows of another model that this user sees on this site: none without the permission to view them."""
    try:
        other = site.get_model_admin(model)
    except NotRegistered:
        return model._default_manager.none()
    return other.get_queryset(request) if other.has_view_permission(request) else model._default_manager.none()


class BaseAdmin(AnyAdmin):
    """The habits of all three: whoever may ask may look, and every page has our style sheet."""

    class Media:
        css = {"all": ["idenfy_kyc/idenfy_kyc.css", "idenfy_kyc/requests.css"]}

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or may_ask(request)

    def has_request_information_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_ask(request)

    def has_reveal_link_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_reveal(request)

    def url_of(self, page: str, *args: Any, model: type[Model] | None = None) -> str:
        """The address of a page of this site, such as ``change``; empty if the site does not have that model."""
        if model is not None and not self.admin_site.is_registered(model):
            return ""
        opts = (model or self.model)._meta
        name = f"admin:{opts.app_label}_{opts.model_name}_{page}"
        return reverse(name, args=args, current_app=self.admin_site.name)

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
            "environment": get_settings().ENVIRONMENT,
            **extra,
        }

    def seen(self, request: HttpRequest, object_id: str) -> Any | None:
        """The object, if it is among the rows that this user may see; None is answered with :meth:`not_there`."""
        return self.get_object(request, object_id)

    def not_there(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Django's own answer to an object that is not there: back to the index, with a message."""
        answer: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        return answer


class ReadOnlyAdmin(BaseAdmin):
    """Shows the record; nothing in the admin adds to it, edits or deletes it."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def only_post() -> HttpResponse:
    """The answer to a GET of an act."""
    return HttpResponseNotAllowed(["POST"])


def client_link_url(request: HttpRequest, info_request: InformationRequest) -> str | None:
    """Our link for the client, or None if the host project has not included ``idenfy_kyc.urls``."""
    try:
        path = reverse("idenfy_kyc:client_link", args=[info_request.public_id])
    except NoReverseMatch:
        return None
    return request.build_absolute_uri(path)


def masked(url: str) -> str:
    """A link as everybody may see it: where it leads, and not the part that opens it."""
    return f"{url.rstrip('/').rpartition('/')[0]}/••••••••"


def client_html(verification: Verification) -> SafeString:
    """A client as a cell of a list: the name, and beneath it the client ID."""
    beneath = verification.client_id if verification.name else ""
    if not beneath:
        return format_html('<bdi class="ik-client">{}</bdi>', verification.label)
    return format_html('<bdi class="ik-client">{}</bdi> <span class="ik-beneath">{}</span>', verification.name, beneath)


def link_html(url: str, text: str) -> SafeString:
    """A link, or only its text where it would lead nowhere. ``bdi``: a name in another script turns nothing around."""
    return format_html('<a href="{}"><bdi>{}</bdi></a>', url, text) if url else format_html("<bdi>{}</bdi>", text)


def state_html(request: InformationRequest, more: str = "") -> SafeString:
    """A state as a shape and a word, never colour alone; ``more`` stands behind it, after a comma."""
    words = wording.state_label(request)
    if more:
        words = f"{words}, {more}"
    return format_html('<span class="ik-state ik-state-{}">{}</span>', request.shown_state.value, words)


def batch_name(batch: RequestBatch) -> str:
    """What staff know a batch by: its reason; a plan may not have one yet."""
    return batch.note or str(batch)
