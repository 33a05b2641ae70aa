from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import InformationRequest, RequestEvent
from tests.admin.pages import BROWSER
from tests.factories import LINK, TOKEN, make_request

pytestmark = pytest.mark.django_db


def page_of(request: InformationRequest, page: str = "change") -> str:
    return reverse(f"admin:idenfy_kyc_informationrequest_{page}", args=[request.pk])


def our_link(request: InformationRequest) -> str:
    return f"http://testserver/idenfy/r/{request.public_id}/"


def shown(client: Client, request: InformationRequest) -> Any:
    """What comes back when *Show link* is pressed."""
    return client.post(page_of(request, "show_link"))


class TestTheLink:
    def test_is_masked_until_it_is_asked_for(self, carol_client: Client) -> None:
        request = make_request(State.ISSUED)

        page = carol_client.get(page_of(request))

        assert "http://testserver/idenfy/r/••••••••" in page.text
        assert str(request.public_id) not in page.text
        assert LINK not in page.text
        assert page_of(request, "show_link") in page.text
        assert "session_url" not in page.text
        assert not RequestEvent.objects.exists()

    def test_is_shown_on_the_page_and_on_record_and_nowhere_else(self, carol_client: Client) -> None:
        request = make_request(State.ISSUED)

        page = shown(carol_client, request)

        assert our_link(request) in page.text
        assert "no-store" in page["Cache-Control"]
        assert LINK not in page.text
        assert TOKEN not in page.text
        event = RequestEvent.objects.get()
        assert (event.kind, event.actor_name, event.params) == (EventKind.REVEALED, "Carol Example", {})
        assert not list(page.context["messages"])
        assert not LogEntry.objects.exists()
        assert our_link(request) not in carol_client.get(page_of(request)).text

    def test_has_a_button_that_copies_it(self, carol_client: Client) -> None:
        page = shown(carol_client, make_request(State.ISSUED))

        assert "Copy link" in page.text
        assert "idenfy_kyc/copy.js" in page.text

    @pytest.mark.parametrize("persona", ["alice_client", "bob_client", "dora_client", "eve_client"])
    def test_is_shown_to_nobody_without_the_permission(self, persona: str, request: pytest.FixtureRequest) -> None:
        row = make_request(State.ISSUED)

        answer = shown(request.getfixturevalue(persona), row)

        assert answer.status_code == 403
        assert not RequestEvent.objects.exists()

    def test_is_shown_to_whoever_may_do_nothing_else(self, make_person: Any) -> None:
        client = Client()
        client.force_login(make_person("frank", "reveal_link"))
        request = make_request(State.ISSUED)

        assert our_link(request) in shown(client, request).text

    def test_says_to_the_others_who_may_see_it(self, bob_client: Client) -> None:
        page = bob_client.get(page_of(make_request(State.ISSUED)))

        assert "A colleague who may see links can show it, or download it." in page.text
        assert "Show link" not in page.text

    def test_is_shown_by_post_only(self, carol_client: Client) -> None:
        request = make_request(State.ISSUED)

        answers = [carol_client.get(page_of(request, "show_link"), headers={"Accept": how}) for how in (BROWSER, "*/*")]

        assert [(answer.status_code, answer.get("Location")) for answer in answers] == [
            (302, page_of(request)),
            (405, None),
        ]
        assert not RequestEvent.objects.exists()

    def test_is_not_shown_once_its_time_is_over(self, carol_client: Client) -> None:
        request = make_request(State.ISSUED, expires_at=timezone.now() - timedelta(seconds=1))

        page = shown(carol_client, request)

        assert our_link(request) not in page.text
        assert not RequestEvent.objects.exists()

    def test_of_a_request_that_is_gone_leads_back(self, carol_client: Client) -> None:
        nowhere = reverse("admin:idenfy_kyc_informationrequest_show_link", args=["999"])

        assert carol_client.post(nowhere, headers={"Accept": BROWSER}).status_code == 302

    @pytest.mark.parametrize(
        ("session_url", "words"),
        [
            ("javascript:alert(1)", "What iDenfy sent is no web address."),
            ("", "only a token for mobile apps"),
        ],
    )
    def test_that_leads_nowhere_is_never_shown(self, carol_client: Client, session_url: str, words: str) -> None:
        request = make_request(State.ISSUED, session_url=session_url)

        pages = [carol_client.get(page_of(request)), shown(carol_client, request)]

        for page in pages:
            assert words in page.text
            assert "javascript:" not in page.text
            assert our_link(request) not in page.text
        assert not RequestEvent.objects.exists()

    def test_that_no_key_can_read_is_said_to_be_so(self, carol_client: Client, settings: Any) -> None:
        request = make_request(State.ISSUED)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE idenfy_kyc_informationrequest SET session_url = 'gAAAAAnonsense'")

        page = carol_client.get(page_of(request))

        assert "no key can read it" in page.text
        assert "Show link" not in page.text

    def test_that_came_late_is_said_to_be_of_no_use(self, carol_client: Client) -> None:
        request = make_request(State.CANCELLED, session_url=LINK)

        page = carol_client.get(page_of(request))

        assert "came after this request was over" in page.text
        assert LINK not in page.text

    @pytest.mark.urls("tests.admin.urls_without_ours")
    def test_says_what_the_administrator_must_do_without_our_urls(self, carol_client: Client) -> None:
        request = make_request(State.ISSUED)

        pages = [carol_client.get(page_of(request)), shown(carol_client, request)]

        for page in pages:
            assert "There is no address for clients yet." in page.text
        assert not RequestEvent.objects.exists()
