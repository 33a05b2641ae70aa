"""The client's page when something is broken. Its address stands in no log then, and in no error mail: Django writes it
into both for any status above 399."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponseBase
from django.template import TemplateDoesNotExist
from django.test import Client
from django.urls import reverse

from idenfy_kyc.choices import State
from tests.factories import make_request
from tests.outage import database_fails

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("method", ["get", "post"])]

NO_TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]


def a_link(**fields: Any) -> str:
    return reverse("idenfy_kyc:client_link", args=[make_request(State.ISSUED, **fields).public_id])


def open_link(client: Client, method: str, link: str) -> Any:
    response = getattr(client, method)(link)
    assert isinstance(response, HttpResponseBase)
    return response


class TestALinkWhosePageBreaks:
    def test_asks_for_patience_while_the_database_is_away(
        self, client: Client, method: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        link = a_link()

        with database_fails("SELECT"):
            page = open_link(client, method, link)

        assert (page.status_code, page["Referrer-Policy"]) == (200, "no-referrer")
        assert "This link cannot be opened at the moment" in page.text
        assert link not in caplog.text

    def test_says_so_plainly_if_the_template_does_not_work(
        self, client: Client, method: str, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        link = a_link(session_url="")
        settings.TEMPLATES = NO_TEMPLATES

        page = open_link(client, method, link)

        assert (page.status_code, page.text) == (200, "This link cannot be opened at the moment")
        assert "no-store" in page["Cache-Control"]
        assert "TemplateDoesNotExist" in caplog.text
        assert link not in caplog.text

    def test_shows_whoever_develops_it_what_broke(self, client: Client, method: str, settings: Any) -> None:
        link = a_link(session_url="")
        settings.TEMPLATES = NO_TEMPLATES
        settings.DEBUG = True

        with pytest.raises(TemplateDoesNotExist):
            open_link(client, method, link)
