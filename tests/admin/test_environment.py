"""The word of ``ENVIRONMENT`` on every page and on the button that asks: nobody takes one system for another."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from idenfy_kyc.choices import PauseReason, State
from tests.admin.pages import make_plan, url, words_of
from tests.factories import make_queue, make_request

pytestmark = pytest.mark.django_db

BADGE = '<span class="ik-badge">TEST</span></h1>'


@pytest.fixture(autouse=True)
def _test_system(settings: Any) -> None:
    settings.IDENFY_KYC = settings.IDENFY_KYC | {"ENVIRONMENT": "TEST"}


def page_of(model: str, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:idenfy_kyc_{model}_{page}", args=args)


class TestTheWord:
    @pytest.mark.parametrize("model", ["verification", "informationrequest", "requestbatch"])
    def test_stands_on_the_lists(self, alice_client: Client, model: str) -> None:
        assert BADGE in alice_client.get(page_of(model)).text

    def test_stands_on_plan_progress_and_report(self, alice_client: Client) -> None:
        stopped = make_queue(1)
        type(stopped).objects.filter(pk=stopped.pk).update(
            paused_at=stopped.confirmed_at, pause_reason=PauseReason.PERSON
        )

        pages = [
            alice_client.get(url(batch))
            for batch in (make_plan(1), make_queue(1), stopped, make_request(State.ISSUED).batch)
        ]

        assert [BADGE in page.text for page in pages] == [True] * 4

    def test_stands_on_the_pages_of_one(self, root_client: Client) -> None:
        row = make_request(State.ISSUED)

        pages = [
            root_client.get(page_of("informationrequest", "change", row.pk)),
            root_client.post(page_of("informationrequest", "show_link", row.pk)),
            root_client.get(page_of("informationrequest", "withdraw", row.pk)),
            root_client.post(url(row.batch, "withdraw")),
            root_client.get(page_of("verification", "change", row.verification_id)),
            root_client.get(page_of("verification", "add")),
        ]

        assert [BADGE in page.text for page in pages] == [True] * 6

    def test_stands_on_the_button_that_asks(self, alice_client: Client) -> None:
        many, one = alice_client.get(url(make_plan(2))), alice_client.get(url(make_plan(1, client_id="C-7")))

        assert 'value="Ask 2 clients [TEST]"' in many.text
        assert 'value="Ask C-7 [TEST]"' in one.text

    def test_is_escaped(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"ENVIRONMENT": "<b>"}

        page = alice_client.get(url(make_plan(1)))

        assert "&lt;b&gt;" in page.text
        assert "<b>" not in page.text

    def test_is_not_missed_where_there_is_none(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"ENVIRONMENT": ""}

        pages = [alice_client.get(url(make_plan(2))), alice_client.get(page_of("verification"))]

        assert not any("ik-badge" in page.text for page in pages)
        assert 'value="Ask 2 clients"' in pages[0].text
        assert "<h1>Ask clients for more information</h1>" in words_of(pages[0])
