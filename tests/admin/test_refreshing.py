"""*Refresh from iDenfy*: who may, and what is said for each way in which it ends."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.models import Answer, RequestEvent, Verification
from idenfy_kyc.testing import Fault
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_verification, make_verifications

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_verification_changelist")


def press(client: Client, *verifications: Verification) -> str:
    """The page after the action."""
    form = {"action": "refresh", "_selected_action": [verification.pk for verification in verifications]}
    page: str = client.post(LIST, form, follow=True).text
    return page


def page_of(verification: Verification) -> str:
    return reverse("admin:idenfy_kyc_verification_change", args=[verification.pk])


def button_of(verification: Verification) -> str:
    return reverse("admin:idenfy_kyc_verification_refresh", args=[verification.pk])


class TestTheAction:
    def test_says_for_each_way_how_many_ended_so(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        rows = make_verifications(7, status="APPROVED", is_final=True)
        for row, status in zip(rows, ["DENIED", "APPROVED", "APPROVED", "REVIEWING"], strict=False):
            fake_idenfy.fake.know(row.scan_ref, status=status)
        Verification.objects.filter(pk=rows[5].pk).update(refreshed_at=timezone.now())
        Answer.objects.create(verification=rows[6], review_follows=True, status="REVIEWING")
        fake_idenfy.fake.know(rows[6].scan_ref, status="APPROVED")
        erased = make_verification()
        services.erase([erased], by=None)

        page = press(alice_client, *rows, erased)

        for words in (
            "1 verification has a new status.",
            "For 1 verification the review of the client’s answer is over.",
            "Nothing has changed for 2 verifications.",
            "1 verification is being worked on at iDenfy. Until there is a result, its status stays.",
            "1 verification was asked about within the last hour, and is not asked about again so soon.",
            "1 verification was left alone: the client’s personal data was erased.",
            "About 1 verification iDenfy says nothing.",
        ):
            assert words in page

    def test_says_why_it_broke_off(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        fake_idenfy.fake.misbehave(Fault.UNAUTHORIZED)

        page = press(alice_client, *make_verifications(3))

        assert "For 1 verification there was no answer that can be read." in page
        assert "2 verifications were not asked about. Try again later." in page
        assert "It broke off: iDenfy does not accept the API key (401)." in page

    def test_says_that_an_answer_was_lost(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        fake_idenfy.fake.misbehave(Fault.CUT_BEFORE)

        assert "It broke off: iDenfy’s answer did not arrive." in press(alice_client, make_verification())

    def test_says_that_the_hour_is_used_up(self, alice_client: Client, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"HOURLY_QUOTA": 1}
        make_verification(refreshed_at=timezone.now())

        page = press(alice_client, make_verification())

        assert "It broke off: the 1 request of this hour is used up." in page

    def test_takes_twenty_at_the_most(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        page = press(alice_client, *make_verifications(21))

        assert "Choose 20 at the most" in page
        assert fake_idenfy.fake.posts() == []

    def test_needs_credentials(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = {}

        assert "your administrator must set API_KEY and API_SECRET" in press(alice_client, make_verification())


class TestTheButton:
    def test_refreshes_and_comes_back(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        verification = make_verification(scan_ref="scan-1", status="REVIEWING")
        fake_idenfy.fake.know("scan-1", status="DENIED")
        assert f'action="{button_of(verification)}"' in alice_client.get(page_of(verification)).text

        page = alice_client.post(button_of(verification), follow=True)

        assert page.request["PATH_INFO"] == page_of(verification)
        assert "1 verification has a new status." in page.text
        assert "iDenfy was asked for the status: Denied" in page.text
        assert RequestEvent.objects.get().actor_name

    def test_is_not_there_for_whoever_may_only_look(self, bob_client: Client) -> None:
        verification = make_verification()

        assert button_of(verification) not in bob_client.get(page_of(verification)).text

    def test_is_not_there_for_whose_data_was_erased(self, alice_client: Client) -> None:
        verification = make_verification()
        services.erase([verification], by=None)

        assert button_of(verification) not in alice_client.get(page_of(verification)).text
