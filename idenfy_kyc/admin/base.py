"""What the admin's pages share: who may do what, the client's link, and how a client and a state are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import dates, services, wording
from ..choices import State
from ..clients import client_of, introduce
from ..conf import get_settings
from ..decorators import discreet
from ..models import InformationRequest, RequestBatch, RequestEvent, Verification, WebhookDelivery
from ..models.request import InformationRequestQuerySet
from ..secret import Secret
from ..services.record import frozen_name

if TYPE_CHECKING:
    from ..services.record import User

    class AnyAdmin(admin.ModelAdmin[Any]): ...
else:
    AnyAdmin = admin.ModelAdmin

M = TypeVar("M", bound=Model)
V = TypeVar("V", bound=Callable[..., HttpResponseBase])

MAY_ASK = "idenfy_kyc.request_information"
MAY_REVEAL = "idenfy_kyc.reveal_link"
UNFINISHED_SHOWN = 3
CLIENTS_NAMED = 3
DECISION, DECISION_NEEDED = "decision", "needed"
"""The filter of the requests to which the line above the lists leads."""


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
        above = {
            "decisions": self._decisions(request),
            "unhandled": self._unhandled(request),
            "unfinished": self._unfinished(request),
        }
        if IS_POPUP_VAR not in request.GET:  # where one does select
            above["title"] = capfirst(str(self.opts.verbose_name_plural))
        context = above | {"may_ask": may_ask(request)} | _frame(request) | (extra_context or {})
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        return super().render_change_form(request, context | _frame(request), *args, **kwargs)

    def _decisions(self, request: HttpRequest) -> dict[str, str]:
        """“12 requests need a decision: 4 are uncertain, 8 have not been asked yet”, and the way there; one query."""
        if not may_ask(request):
            return {}
        rows = our_rows(rows_seen_by(self.admin_site, request, InformationRequest)).needing_decision()
        queued = Count("pk", filter=Q(state=State.QUEUED))
        counts = rows.aggregate(all=Count("pk"), queued=queued)
        if not counts["all"]:
            return {}
        query = urlencode({DECISION: DECISION_NEEDED})
        return {
            "url": f"{self.url_of('changelist', model=InformationRequest)}?{query}",
            "text": _decisions_text(counts),
        }

    def _unhandled(self, request: HttpRequest) -> dict[str, str]:
        """“2 deliveries from iDenfy could not be handled”, for those who can do it again; one query."""
        rows = rows_seen_by(self.admin_site, request, WebhookDelivery)
        failed = rows.filter(handled_at=None)  # few, by an index of their own
        count = failed.aggregate(all=Count("pk"))["all"] if may_ask(request) else 0
        if not count:
            return {}
        text = ngettext(
            "%(count)s delivery from iDenfy could not be handled.",
            "%(count)s deliveries from iDenfy could not be handled.",
            count,
        )
        return {
            "url": f"{self.url_of('changelist', model=WebhookDelivery)}?{urlencode({'state': 'failed'})}",
            "text": text % {"count": dates.number_text(count)},
        }

    def _unfinished(self, request: HttpRequest) -> list[dict[str, Any]]:
        """“452 clients of “Annual review” have not been asked yet”: oldest first, for those who may ask; one query.

        Each says whether somebody must continue it, by the same question as :meth:`_decisions`.
        """
        if not may_ask(request):
            return []
        batches = rows_seen_by(self.admin_site, request, RequestBatch)
        batches = batches.filter(pk__in=services.unfinished().order_by().values("pk"))
        waiting = Count("requests", filter=Q(requests__state=State.QUEUED))
        left_alone = InformationRequest.objects.filter(state=State.QUEUED, batch=OuterRef("pk")).needing_decision()
        batches = batches.annotate(waiting=waiting, is_left_alone=Exists(left_alone)).order_by("confirmed_at", "pk")
        return [
            {
                "url": self.url_of("change", batch.pk, model=RequestBatch),
                "text": _unfinished_text(batch),
                "is_left_alone": batch.is_left_alone,
            }
            for batch in batches[:UNFINISHED_SHOWN]
        ]

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


def with_environment(button: str) -> str:
    """The words of a button that asks real people, and on which system: “Ask 764 clients [TEST]”."""
    environment = get_settings().ENVIRONMENT
    params = {"button": button, "environment": environment}
    return _("%(button)s [%(environment)s]") % params if environment else button


def client_link_url(request: HttpRequest, info_request: InformationRequest) -> Secret | None:
    """Our link for the client, or None if the host project has not included ``idenfy_kyc.urls``."""
    try:
        path = reverse("idenfy_kyc:client_link", args=[info_request.public_id])
    except NoReverseMatch:
        return None
    return Secret(request.build_absolute_uri(path))


def masked(url: str) -> str:
    """A link as everybody may see it: where it leads, and not the part that opens it."""
    return f"{url.rstrip('/').rpartition('/')[0]}/••••••••"


def client_name(verification: Verification) -> str:
    """What staff know the client by: the host project's name for him, or else what we have."""
    return client_of(verification).name or verification.label


def client_html(verification: Verification, *, within_link: bool = False) -> SafeString:
    """A client as a cell of a list: the name, which leads to the host's own page about him, and the client ID.

    ``within_link``: where the whole cell is a link already, and a second one inside it would be none.
    """
    name = client_name(verification)
    html = format_html('<bdi class="ik-client">{}</bdi>', name)
    url = client_of(verification).url
    if url and not within_link:
        html = format_html('<a href="{}">{}</a>', url, html)
    beneath = beneath_name(verification, name)
    return format_html('{} <span class="ik-beneath">{}</span>', html, beneath) if beneath else html


def beneath_name(verification: Verification, name: str) -> str:
    """What stands beneath a client's name: the ID, if that is not the name; of an erased one the scan reference."""
    if verification.erased_at is not None:
        return verification.scan_ref
    return verification.client_id if verification.client_id != name else ""


def names_html(rows: InformationRequestQuerySet, count: int) -> SafeString:
    """Whom ``count`` requests are about: the first few by name and client ID, “and 12 more”."""
    first = list(rows.select_related("verification").defer(*InformationRequest.SECRETS).order_by("pk")[:CLIENTS_NAMED])
    introduce(row.verification for row in first)
    names = format_html_join(", ", "{}", ((_name_html(row.verification),) for row in first))
    more = count - len(first)
    text = ngettext("and %(count)s more", "and %(count)s more", more) % {"count": dates.number_text(more)}
    return format_html("{}, {}", names, text) if more > 0 else names


def _name_html(verification: Verification) -> SafeString:
    name = client_name(verification)
    beneath = beneath_name(verification, name)
    return format_html("<bdi>{}</bdi> ({})" if beneath else "<bdi>{}</bdi>", name, beneath)


def client_facts(verification: Verification) -> list[tuple[str, str]]:
    """What else the host project knows of the client, for a page about him."""
    client = client_of(verification)
    project = get_settings().PROJECT_NAME
    page = _("Page in %(project)s") % {"project": project} if project else _("Page in your project")
    facts = [
        (_("E-mail"), client.email or ""),
        (_("Language"), wording.language_text(client.language or "")),
        (_("Client’s page"), link_html(client.url, page) if client.url else ""),
    ]
    return [(name, value) for name, value in facts if value]


def with_beneath(text: object, beneath: str) -> SafeString:
    """A cell of a list, with something smaller beneath if there is anything."""
    return format_html('{} <span class="ik-beneath">{}</span>', text, beneath) if beneath else format_html("{}", text)


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


def _decisions_text(counts: dict[str, int]) -> str:
    uncertain, queued = counts["all"] - counts["queued"], counts["queued"]
    details = []
    if uncertain:
        text = ngettext("%(count)s is uncertain", "%(count)s are uncertain", uncertain)
        details.append(text % {"count": dates.number_text(uncertain)})
    if queued:
        text = ngettext("%(count)s has not been asked yet", "%(count)s have not been asked yet", queued)
        details.append(text % {"count": dates.number_text(queued)})
    words = ngettext(
        "%(count)s request needs a decision: %(details)s.",
        "%(count)s requests need a decision: %(details)s.",
        counts["all"],
    )
    return words % {"count": dates.number_text(counts["all"]), "details": ", ".join(details)}


def _unfinished_text(batch: Any) -> str:
    words = {"count": dates.number_text(batch.waiting), "name": batch_name(batch), "why": wording.pause_text(batch)}
    if batch.is_left_alone:
        text = ngettext(
            "%(count)s client of “%(name)s” has not been asked yet.",
            "%(count)s clients of “%(name)s” have not been asked yet.",
            batch.waiting,
        )
    elif words["why"]:
        text = ngettext(
            "%(count)s client of “%(name)s” has not been asked yet. %(why)s.",
            "%(count)s clients of “%(name)s” have not been asked yet. %(why)s.",
            batch.waiting,
        )
    else:
        text = ngettext(
            "The clients of “%(name)s” are being asked now: %(count)s is still to come.",
            "The clients of “%(name)s” are being asked now: %(count)s are still to come.",
            batch.waiting,
        )
    return text % words
