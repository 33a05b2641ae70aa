"""What the client sees: one small page in front of the link that iDenfy issued.

Previews and scanners fetch every link that passes through a mail server, so a GET writes nothing and spends nothing;
only *Continue*, a POST, records the opening and goes on. The address is as secret as what it leads to: nothing on the
page says whose it is, nobody may cache it, and it is told to no other site.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_exempt

from . import services
from .choices import Reason, State
from .conf import get_settings
from .decorators import discreet, durable
from .models import InformationRequest, RequestBatch
from .models.request import public_digest

logger = logging.getLogger("idenfy_kyc")

OVER = {
    State.EXPIRED: "ended",
    State.COMPLETED: "answered",
    State.CANCELLED: "withdrawn",
}
"""The pages of a link that once worked. A request in any other state never had one."""

View = Callable[[HttpRequest, UUID], HttpResponse]


def _private(view: View) -> View:
    """Keep the page out of caches, search engines and frames, and its address away from other sites and from logs."""

    @wraps(view)
    def wrapper(request: HttpRequest, public_id: UUID) -> HttpResponse:
        try:
            response = view(request, public_id)
        except Exception as error:
            if settings.DEBUG:
                raise
            # Django logs the path of each error and mails it, and this one is a link that works.
            logger.error("The page behind a client's link could not be shown: %s", type(error).__name__)
            response = HttpResponse(_("This link cannot be opened at the moment"), content_type="text/plain")
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return never_cache(xframe_options_deny(wrapper))


@durable
@discreet
@csrf_exempt
@login_not_required
@_private
def client_link(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The client's page; on POST, the way to ``sessionUrl``.

    Exempt from CSRF protection: the address itself is the credential, so another site gains nothing from a client's
    cookies. Clients who refuse cookies get through. And Django logs the path of every request that it answers with an
    error, which here is a link that works: so any other method than POST just shows the page.

    The template, ``idenfy_kyc/client_link.html``, is made to be overridden. It gets ``page`` (``open``, ``staff``,
    ``help``, ``ended``, ``answered``, ``withdrawn`` or ``unknown``), ``project`` (the name clients know), and where
    they apply ``asks`` (what is asked for, in words), ``works_until`` and ``ended_at``.
    """
    try:
        info = InformationRequest.objects.select_related("batch").filter(public_digest=public_digest(public_id)).first()
    except DatabaseError:
        return _show(request, "help", None)
    page = _page_of(info)
    if info is None or page != "open":
        return _show(request, page, info)
    if _is_staff(request):
        # Not a 403: Django logs the path of each, and this one is a link that works.
        return _show(request, "staff", info)
    if request.method != "POST":
        return _show(request, page, info)
    try:
        target = services.open_link(info)
    except DatabaseError:
        target = None
    if target is None:
        return _show(request, "help", info)
    # Not Django's redirect, which refuses more than 2,048 characters: how long a token may be, iDenfy does not say.
    return HttpResponse(status=303, headers={"Location": iri_to_uri(target)})


def _page_of(info: InformationRequest | None) -> str:
    if info is None:
        return "unknown"
    state = info.shown_state
    if state is State.ISSUED:
        return "open" if services.is_web_address(info.session_url) else "help"
    return OVER.get(state, "unknown")


def _is_staff(request: HttpRequest) -> bool:
    return bool(getattr(getattr(request, "user", None), "is_staff", False))


def _show(request: HttpRequest, page: str, info: InformationRequest | None) -> HttpResponse:
    status = {"unknown": 404, **dict.fromkeys(OVER.values(), 410)}.get(page, 200)
    context: dict[str, Any] = {"page": page, "project": get_settings().PROJECT_NAME or request.get_host()}
    if info is not None and page != "unknown":
        context |= {
            "asks": asks_for_clients(info.batch),
            "works_until": info.expires_at,
            "ended_at": _ended_at(info, page),
        }
    return render(request, "idenfy_kyc/client_link.html", context, status=status)


def _ended_at(info: InformationRequest, page: str) -> datetime | None:
    """When it was over. When a client answered, nobody knows who only marked it so afterwards."""
    if page == "ended":
        return info.expires_at
    return None if info.reason == Reason.MARKED else info.ended_at


def asks_for_clients(batch: RequestBatch) -> list[str]:
    """What is asked for, in words for the client: no key, no profile, nothing that means something only to staff."""
    asked = {
        "additional_step_upload_required": _("Upload a document, for example a proof of your address."),
        "questionnaire": _("Answer a few questions."),
        "risk_assessment_profile": _("Give some details about yourself."),
        "bank_card_verification": _("Show a bank card of yours."),
    }
    return [words for name, words in asked.items() if getattr(batch, name)]
