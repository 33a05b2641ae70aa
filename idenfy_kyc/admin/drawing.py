"""How a client, his link, a state and a batch are drawn, the same on all pages."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import dates, wording
from ..clients import client_of, introduce
from ..conf import get_settings
from ..models import InformationRequest, RequestBatch, Verification
from ..models.request import InformationRequestQuerySet
from ..secret import Secret

CLIENTS_NAMED = 3


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
