"""What this project knows of its clients; ``IDENFY_KYC["CLIENTS"]`` names ``describe``.

A real one asks its own tables, once for all. This one makes it up: an address at example.com, and the language from the
letters of the name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from idenfy_kyc.clients import Client
from idenfy_kyc.models import Verification

LANGUAGES = {
    "ARABIC": "ar",
    "CJK": "zh-hans",
    "CYRILLIC": "uk",
    "DEVANAGARI": "hi",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "HEBREW": "he",
    "THAI": "th",
}
LITHUANIAN = set("ąčęėįšųūž")


def describe(*, verifications: Sequence[Verification]) -> Mapping[int, Client]:
    """Everybody who has a client ID."""
    return {
        verification.pk: Client(
            name=verification.name or None,
            url=reverse("client", args=[verification.client_id]),
            email=f"{verification.client_id.lower()}@example.com",
            language=language_of(verification.name),
        )
        for verification in verifications
        if verification.client_id
    }


def language_of(name: str) -> str | None:
    """A guess, by the first letter's script; None without a name."""
    letter = next(filter(str.isalpha, name), "")
    if not letter:
        return None
    script = unicodedata.name(letter, "").partition(" ")[0]
    return LANGUAGES.get(script, "lt" if LITHUANIAN & set(name.lower()) else "en")


@staff_member_required
def page(request: HttpRequest, client_id: str) -> HttpResponse:
    """Where the links lead: it stands for the page that a project has about its client."""
    context = admin.site.each_context(request) | {"title": client_id}
    return TemplateResponse(request, "example_project/client.html", context)
