"""The whole loop over real sockets: begun, approved, asked, answered, reviewed; and our rows say each step.

The fake iDenfy is a process of its own, which answers our calls and tells the live server by signed webhooks. The
client is a browser without JavaScript, in the shape of ``requests``: he opens links and sends forms.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import Answer, InformationRequest, RequestEvent, Verification, WebhookDelivery
from idenfy_kyc.testing import CREDENTIALS, DeliveryFault, FakeIdenfy
from idenfy_kyc.testing.server import spawn_fake
from tests.factories import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.no_cover]


@pytest.fixture
def fake(tmp_path: Path, live_server: Any, settings: Any) -> Iterator[FakeIdenfy]:
    """The memory of a fake in another process, which knows the live server's webhook."""
    path = tmp_path / "fake.sqlite3"
    options = ["--signing-key", settings.IDENFY_KYC["WEBHOOK_SIGNING_KEYS"][0]]
    options += ["--webhook-url", live_server.url + reverse("idenfy_kyc:webhook")]
    with spawn_fake(path, options=options) as spawned, FakeIdenfy(path) as fake:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {
            "BASE_URL": spawned.url,
            "API_KEY": CREDENTIALS[0],
            "API_SECRET": CREDENTIALS[1],
        }
        yield fake


@pytest.fixture
def client() -> Iterator[requests.Session]:
    """The client, in front of a browser of his own."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def press(client: requests.Session, page: requests.Response, act: str, **form: str) -> requests.Response:
    """Press a button on a page of the fake, and see the page that follows."""
    assert page.status_code == 200
    assert f'value="{act}"' in page.text
    return client.post(page.url, {"act": act} | form, timeout=30)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for a webhook to have had its effect."""
    give_up_at = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < give_up_at, "it did not come"
        time.sleep(0.05)


def status_of(verification: Verification) -> tuple[str, bool]:
    verification.refresh_from_db()
    return verification.status, verification.is_final


def state_of(request: InformationRequest) -> str:
    request.refresh_from_db()
    return request.state


def begun(client: requests.Session) -> tuple[Verification, requests.Response]:
    """A verification that began here, and the page that its client sees at iDenfy."""
    started = services.start_verification("C-1042", first_name="Rasa", last_name="Kazlauskienė")
    return started.verification, client.get(started.redirect_url, timeout=30)


def asked(verification: Verification) -> InformationRequest:
    return services.request_information(
        verification,
        requested_by=make_user(),
        note="Annual review 2026",
        questionnaire="source-of-funds",
        additional_step_upload_required=True,
    )


class TestTheLoop:
    def test_closes(self, fake: FakeIdenfy, live_server: Any, client: requests.Session) -> None:
        # A verification begins: it is here at once, and not finished.
        verification, page = begun(client)
        assert status_of(verification) == ("ACTIVE", False)

        # The client goes through it, and APPROVED arrives.
        press(client, page, "finish", status="APPROVED")
        eventually(lambda: status_of(verification) == ("APPROVED", True))
        assert verification.verified_at is not None

        # Staff ask.
        request = asked(verification)
        assert request.shown_state is State.ISSUED

        # The client opens our link, goes on, and answers on iDenfy's page: RESUBMITTED arrives, and a review follows.
        ours = client.get(live_server.url + reverse("idenfy_kyc:client_link", args=[request.public_id]), timeout=30)
        page = client.post(ours.url, timeout=30)
        assert "source-of-funds" in page.text
        page = press(client, page, "answer", occupation="Baker", upload="bill.pdf", then="review")
        eventually(lambda: state_of(request) == State.COMPLETED)
        answer = Answer.objects.get(request=request)
        assert request.opened_at is not None
        assert (request.session_url, request.token) == ("", "")
        assert (answer.review_follows, answer.reviewed_at) == (True, None)
        assert "Baker" in answer.questionnaire_json
        assert status_of(verification) == ("APPROVED", True)

        # A reviewer decides: MANUAL_FINISHED arrives.
        press(client, page, "decide", status="APPROVED", additional_step="INVALID", mismatch="EXPIRED_UTILITY_BILL")
        eventually(lambda: Answer.objects.filter(request=request, reviewed_at__isnull=False).exists())
        answer.refresh_from_db()
        assert (answer.status, answer.additional_step, answer.mismatch_tags) == (
            "APPROVED",
            "INVALID",
            ["EXPIRED_UTILITY_BILL"],
        )

        # The record says each step, in the order in which it came.
        kinds = RequestEvent.objects.filter(verification=verification).order_by("pk").values_list("kind", flat=True)
        assert list(kinds) == [
            EventKind.STARTED,
            EventKind.TOLD,
            EventKind.ISSUED,
            EventKind.OPENED,
            EventKind.ANSWERED,
            EventKind.REVIEWED,
        ]
        told = fake.told(verification.scan_ref)
        assert [one.event.removeprefix("IDENTIFICATION_") for one in told] == [
            "AUTO_FINISHED",
            "RESUBMITTED",
            "MANUAL_FINISHED",
        ]
        assert all(one.is_accepted for one in told)
        assert not WebhookDelivery.objects.exclude(problem="").exists()
        # The page of our link thanks him, and has nothing to press any more.
        assert not re.search("<form", client.get(ours.url, timeout=30).text)

    def test_closes_though_everything_comes_in_the_wrong_order_and_twice(
        self, fake: FakeIdenfy, client: requests.Session
    ) -> None:
        verification, page = begun(client)
        press(client, page, "finish", comes=DeliveryFault.TWICE)
        eventually(lambda: status_of(verification) == ("APPROVED", True))
        request = asked(verification)
        page = client.get(request.session_url, timeout=30)

        page = press(client, page, "answer", then="review", comes=DeliveryFault.SHUFFLED)
        press(client, page, "decide", status="DENIED", comes=DeliveryFault.TWICE)
        eventually(lambda: all(one.is_accepted for one in fake.told()))

        answer = Answer.objects.get()
        assert state_of(request) == State.COMPLETED
        assert (answer.request, answer.status) == (request, "DENIED")
        assert answer.reviewed_at is not None
        assert status_of(verification) == ("DENIED", True)
        arrived = WebhookDelivery.objects.order_by("received_at").values_list("event_type", "receipts")
        assert list(arrived) == [
            ("IDENTIFICATION_AUTO_FINISHED", 2),
            ("IDENTIFICATION_MANUAL_FINISHED", 2),
            ("IDENTIFICATION_RESUBMITTED", 1),
        ]

    def test_takes_an_answer_told_again_with_fresh_links_for_the_same(
        self, fake: FakeIdenfy, client: requests.Session
    ) -> None:
        verification, page = begun(client)
        press(client, page, "finish")
        eventually(lambda: status_of(verification) == ("APPROVED", True))
        first = asked(verification)
        press(client, client.get(first.session_url, timeout=30), "answer", upload="bill.pdf")
        eventually(lambda: state_of(first) == State.COMPLETED)
        second = asked(verification)

        fake.resend(fake.told()[-1].number)
        eventually(lambda: all(one.is_accepted for one in fake.told()))

        assert WebhookDelivery.objects.filter(event_type="IDENTIFICATION_RESUBMITTED").count() == 2
        assert state_of(second) == State.ISSUED
        assert Answer.objects.count() == 1
