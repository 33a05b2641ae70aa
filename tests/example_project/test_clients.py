"""What the example project tells of its clients."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser

from example_project.clients import language_of
from idenfy_kyc.clients import Client, ask_host
from tests.factories import make_verification

pytestmark = [pytest.mark.django_db, pytest.mark.urls("example_project.urls")]


class TestDescribe:
    def test_tells_what_can_be_shown_of_everybody_with_an_id(self, settings: Any) -> None:
        settings.IDENFY_KYC = {"CLIENTS": "example_project.clients.describe"}
        rasa = make_verification(client_id="C-1001", name="Rasa Žukauskaitė")
        nameless = make_verification(client_id="C-1004", name="")

        said = ask_host([rasa, nameless, make_verification(client_id="")])

        assert (said.error, said.unusable) == ("", {})
        assert said.known == {
            rasa.pk: Client(name="Rasa Žukauskaitė", url="/clients/C-1001/", email="c-1001@example.com", language="lt"),
            nameless.pk: Client(url="/clients/C-1004/", email="c-1004@example.com"),
        }


class TestLanguageOf:
    @pytest.mark.parametrize(
        ("name", "language"),
        [
            ("Anna Müller", "en"),
            ("Šarūnas Petrauskas", "lt"),
            ("Ελένη Καραγιάννης", "el"),
            ("Олена Шевченко", "uk"),
            ("محمد الأحمد", "ar"),
            ("伟 王", "zh-hans"),
            ("12", None),
        ],
    )
    def test_goes_by_the_letters(self, name: str, language: str | None) -> None:
        assert language_of(name) == language


class TestThePage:
    def test_is_for_staff(self, bob_client: Browser, mallory_client: Browser, settings: Any) -> None:
        settings.INSTALLED_APPS = ["example_project", *settings.INSTALLED_APPS]

        page, refused = bob_client.get("/clients/C-1001/"), mallory_client.get("/clients/C-1001/")

        assert "page about client C-1001" in page.text
        assert refused.status_code == 302
