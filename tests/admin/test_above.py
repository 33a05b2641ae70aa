from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc.choices import DeliveryProblem, PauseReason, State
from idenfy_kyc.models import WebhookDelivery
from tests.admin.pages import LIST, url
from tests.factories import make_batch, make_queue, make_request, make_verification

pytestmark = pytest.mark.django_db


def an_hour_ago() -> datetime:
    """Long enough for nobody to be at it any more."""
    return timezone.now() - timedelta(hours=1)


class TestWhatNeedsADecision:
    """The line above every list, and the filter that it leads to, are one question."""

    LISTS = ("verification", "requestbatch", "informationrequest")

    def line(self, client: Client, name: str = "informationrequest") -> dict[str, str]:
        decisions: dict[str, str] = client.get(reverse(f"admin:idenfy_kyc_{name}_changelist")).context["decisions"]
        return decisions

    def test_stands_above_every_list_and_leads_to_the_requests(self, alice_client: Client) -> None:
        uncertain = [make_request(State.UNKNOWN) for _ in range(2)]
        batch = make_batch(confirmed=True, paused_at=timezone.now(), pause_reason=PauseReason.PERSON)
        queued = make_request(State.QUEUED, batch=batch)
        make_request(State.ISSUED)

        lines = [self.line(alice_client, name) for name in self.LISTS]

        found = alice_client.get(lines[0]["url"]).context["cl"].result_list
        assert {line["text"] for line in lines} == {
            "3 requests need a decision: 2 are uncertain, 1 has not been asked yet."
        }
        assert {row.pk for row in found} == {row.pk for row in (*uncertain, queued)}

    @pytest.mark.parametrize(
        ("state", "text"),
        [
            (State.UNKNOWN, "1 request needs a decision: 1 is uncertain."),
            (State.QUEUED, "1 request needs a decision: 1 has not been asked yet."),
        ],
    )
    def test_says_only_what_there_is(self, alice_client: Client, state: State, text: str) -> None:
        batch = make_batch(confirmed=True, confirmed_at=timezone.now() - timedelta(hours=1))
        make_request(state, batch=batch)

        assert self.line(alice_client)["text"] == text

    def test_is_silent_when_nothing_waits(self, alice_client: Client) -> None:
        make_request(State.ISSUED)

        assert self.line(alice_client) == {}

    def test_is_for_those_who_may_ask(self, bob_client: Client) -> None:
        make_request(State.UNKNOWN)

        assert self.line(bob_client) == {}
        assert "Needs a decision" in bob_client.get(reverse("admin:idenfy_kyc_informationrequest_changelist")).text

    @pytest.mark.urls("tests.admin.test_base")
    def test_counts_the_rows_that_one_sees(self, alice_client: Client) -> None:
        make_request(State.UNKNOWN)
        make_request(State.UNKNOWN, verification=make_verification(name="Hidden"))

        page = alice_client.get("/own/idenfy_kyc/informationrequest/")

        assert page.context["decisions"] == {
            "url": "/own/idenfy_kyc/informationrequest/?decision=needed",
            "text": "1 request needs a decision: 1 is uncertain.",
        }
        assert len(alice_client.get(page.context["decisions"]["url"]).context["cl"].result_list) == 1

    @pytest.mark.urls("tests.admin.urls_two_sites")
    def test_is_silent_on_a_site_without_requests(self, alice_client: Client) -> None:
        make_request(State.UNKNOWN)

        assert alice_client.get("/compliance/idenfy_kyc/verification/").context["decisions"] == {}


class TestDeliveriesThatCouldNotBeHandled:
    """The other line above every list: an answer may be among them."""

    LISTS = ("verification", "requestbatch", "informationrequest", "webhookdelivery")

    def line(self, client: Client, name: str = "informationrequest") -> dict[str, str]:
        unhandled: dict[str, str] = client.get(reverse(f"admin:idenfy_kyc_{name}_changelist")).context["unhandled"]
        return unhandled

    def test_stand_above_every_list_and_the_line_leads_to_them(self, alice_client: Client) -> None:
        failed = WebhookDelivery.objects.create(digest="1", problem=DeliveryProblem.RELABELLED)
        WebhookDelivery.objects.create(digest="2", handled_at=timezone.now())

        lines = [self.line(alice_client, name) for name in self.LISTS]

        assert {line["text"] for line in lines} == {"1 delivery from iDenfy could not be handled."}
        assert list(alice_client.get(lines[0]["url"]).context["cl"].result_list) == [failed]
        assert lines[0]["text"] in alice_client.get(reverse("admin:idenfy_kyc_verification_changelist")).text

    def test_are_not_mentioned_where_there_are_none(self, alice_client: Client) -> None:
        assert self.line(alice_client) == {}

    def test_are_for_those_who_can_handle_them_again(self, bob_client: Client) -> None:
        WebhookDelivery.objects.create(digest="1", problem=DeliveryProblem.BROKE_OFF)

        assert self.line(bob_client) == {}

    @pytest.mark.urls("tests.admin.urls_two_sites")
    def test_are_not_mentioned_on_a_site_without_them(self, alice_client: Client) -> None:
        WebhookDelivery.objects.create(digest="1", problem=DeliveryProblem.BROKE_OFF)

        assert alice_client.get("/compliance/idenfy_kyc/verification/").context["unhandled"] == {}


class TestTheNotice:
    @pytest.mark.parametrize("model", ["verification", "informationrequest", "requestbatch"])
    def test_stands_above_every_list_while_clients_wait(self, alice_client: Client, model: str) -> None:
        batch = make_queue(2, note="Annual <review>", confirmed_at=an_hour_ago())

        page = alice_client.get(reverse(f"admin:idenfy_kyc_{model}_changelist"))

        assert "2 clients of “Annual &lt;review&gt;” have not been asked yet." in page.text
        assert f'<a href="{url(batch)}">Continue</a>' in page.text

    def test_is_not_for_those_who_may_not_ask(self, bob_client: Client) -> None:
        make_queue(1)

        page = bob_client.get(LIST)

        assert "asked yet" not in page.text

    def test_goes_away_when_all_are_asked(self, alice_client: Client) -> None:
        make_request(State.ISSUED)

        page = alice_client.get(LIST)

        assert "asked yet" not in page.text

    def test_says_that_they_are_being_asked_while_somebody_does(self, alice_client: Client) -> None:
        batch = make_queue(2, note="Annual review", confirmed_at=an_hour_ago())
        make_request(State.ISSUED, batch=batch, sent_at=timezone.now())

        page = alice_client.get(LIST)

        assert "The clients of “Annual review” are being asked now: 2 are still to come." in page.text
        assert f'<a href="{url(batch)}">Watch</a>' in page.text
        assert "Continue" not in page.text

    def test_says_until_when_they_wait_by_themselves(self, alice_client: Client) -> None:
        later = timezone.now() + timedelta(days=1)
        paused = {"paused_at": timezone.now(), "paused_until": later, "pause_reason": PauseReason.QUOTA}
        batch = make_queue(1, note="Annual review", confirmed_at=an_hour_ago(), **paused)

        page = alice_client.get(LIST)

        assert "1 client of “Annual review” has not been asked yet. Waiting until " in page.text
        assert f'<a href="{url(batch)}">Watch</a>' in page.text

    def test_names_the_oldest_three(self, alice_client: Client) -> None:
        for number in range(5):
            make_queue(1, note=f"batch {number}", confirmed_at=an_hour_ago())

        page = alice_client.get(LIST)

        assert page.text.count("has not been asked yet") == 3
        assert "“batch 0” has" in page.text
