from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from idenfy_kyc.choices import PauseReason, State
from idenfy_kyc.models import InformationRequest, RequestBatch
from idenfy_kyc.testing.faults import Fault
from idenfy_kyc.testing.plugin import RunningFake
from tests.admin.pages import BROWSER, filled_in, make_plan, messages_of, url, words_of
from tests.factories import make_batch, make_queue, make_request

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(fake_idenfy: RunningFake) -> RequestBatch:
    """Twelve clients to ask, by the fake."""
    return make_queue(12)


def paused(batch: RequestBatch, reason: PauseReason, *, wait: timedelta | None = None, **params: Any) -> RequestBatch:
    now = timezone.now()
    RequestBatch.objects.filter(pk=batch.pk).update(
        paused_at=now, paused_until=now + wait if wait else None, pause_reason=reason, pause_params=params
    )
    batch.refresh_from_db()
    return batch


def asked_long_ago(batch: RequestBatch) -> None:
    """As if the senders of those under way had died."""
    batch.rows_in(State.SENDING).update(sent_at=timezone.now() - timedelta(minutes=5))


class TestThePage:
    def test_shows_the_bar_the_numbers_and_what_to_do(self, alice_client: Client, queue: RequestBatch) -> None:
        for state in (State.ISSUED, State.ISSUED, State.REFUSED, State.UNKNOWN):
            make_request(state, batch=queue)

        page = alice_client.get(url(queue))

        assert "<title>25 % · annual review</title>" in page.text
        assert 'max="16" value="4"' in page.text
        said = "Asking 16 clients. <strong>4 done</strong>: 2 have a link, 1 was refused, 1 is uncertain. 12 to go,"
        assert said in words_of(page)
        assert "Keep this page open: it does the sending." in page.text
        assert 'role="status"' in page.text
        assert f'data-send-url="{url(queue, "send")}"' in page.text

    def test_can_be_driven_without_a_script(self, alice_client: Client, queue: RequestBatch) -> None:
        page = alice_client.get(url(queue))

        assert f'action="{url(queue, "send")}" id="progress-send">' in page.text
        assert f'action="{url(queue, "pause")}" id="progress-stop">' in page.text
        assert 'id="progress-resume" hidden' in page.text

    def test_shows_who_may_only_look_no_button_and_no_way_to_send(
        self, bob_client: Client, queue: RequestBatch
    ) -> None:
        page = bob_client.get(url(queue))

        assert "data-send-url" not in page.text
        assert "Continue</button>" not in page.text
        assert f'data-watch-url="{url(queue, "progress")}"' in page.text

    def test_measures_how_long_the_rest_takes(self, alice_client: Client, queue: RequestBatch) -> None:
        now = timezone.now()
        for number in range(10):
            make_request(State.ISSUED, batch=queue, outcome_at=now - timedelta(seconds=50 - number))

        page = alice_client.get(url(queue))

        assert "12 to go, about 1 minute." in page.text

    def test_has_no_inline_script_or_style(self, alice_client: Client, queue: RequestBatch) -> None:
        page = alice_client.get(url(queue))

        assert "<style" not in page.text
        assert " style=" not in page.text
        assert "<script>" not in page.text
        assert "onclick" not in page.text

    @pytest.mark.parametrize(
        ("reason", "advice"),
        [
            (PauseReason.PERSON, "Press Continue to go on."),
            (PauseReason.REFUSALS, "withdraw the rest and ask anew"),
            (PauseReason.OTHER_ACCOUNT, "Behind another key or address may be another iDenfy account"),
            (PauseReason.NOT_CONFIGURED, "API_KEY and API_SECRET"),
            ("a_newer_reason", "Press Continue to go on."),
        ],
    )
    def test_says_why_it_stopped_and_what_to_do(
        self, alice_client: Client, queue: RequestBatch, reason: PauseReason, advice: str
    ) -> None:
        paused(queue, reason)

        page = alice_client.get(url(queue))

        assert advice in page.text
        assert 'id="progress-stop" hidden' in page.text
        assert 'id="progress-resume">' in page.text
        assert "Withdraw all " in page.text

    def test_offers_the_links_that_there_are_when_it_stopped(self, root_client: Client, queue: RequestBatch) -> None:
        make_request(State.ISSUED, batch=queue)
        paused(queue, PauseReason.UNAUTHORIZED, status_code=401)

        page = root_client.get(url(queue))

        assert "Stopped: iDenfy does not accept the API key (401)." in page.text
        assert "Download links (1)" in page.text

    def test_quotes_the_reason_for_which_the_first_were_all_refused(
        self, alice_client: Client, queue: RequestBatch, fake_idenfy: RunningFake
    ) -> None:
        fake_idenfy.fake.misbehave(Fault.BAD_VALUE)

        alice_client.post(url(queue, "send"))
        page = alice_client.get(url(queue))

        assert queue.rows_in(State.REFUSED).count() == 5
        assert queue.rows_in(State.QUEUED).count() == 7
        assert "the first 5 were all refused for the same reason: “" in page.text

    def test_tells_nobody_to_press_what_he_does_not_have(self, bob_client: Client, queue: RequestBatch) -> None:
        paused(queue, PauseReason.PERSON, name="Rasa")

        page = bob_client.get(url(queue))

        assert "Stopped by Rasa." in page.text
        assert "Press Continue" not in page.text


class TestStoppingAndContinuing:
    def test_stops_until_somebody_continues(
        self, alice_client: Client, queue: RequestBatch, fake_idenfy: RunningFake
    ) -> None:
        answer = alice_client.post(url(queue, "pause"))
        stopped = alice_client.post(url(queue, "send")).json()

        assert answer["Location"] == url(queue)
        assert stopped["state"] == "stopped"
        assert stopped["reason"] == "Stopped by Alice Example."
        assert fake_idenfy.fake.posts() == []

        answer = alice_client.post(url(queue, "continue"))
        done = alice_client.post(url(queue, "send")).json()

        assert answer["Location"] == url(queue)
        assert done["state"] == "done"

    def test_does_not_wait_any_longer_when_somebody_continues(self, alice_client: Client, queue: RequestBatch) -> None:
        paused(queue, PauseReason.OUTAGE, wait=timedelta(minutes=10))

        alice_client.post(url(queue, "continue"))

        queue.refresh_from_db()
        assert queue.paused_at is None

    def test_says_why_it_cannot_go_on_with_another_account(self, alice_client: Client, queue: RequestBatch) -> None:
        RequestBatch.objects.filter(pk=queue.pk).update(fingerprint="of another account")
        paused(queue, PauseReason.OTHER_ACCOUNT)

        page = alice_client.post(url(queue, "continue"), follow=True)

        assert "the API key or address is another one" in messages_of(page)[0]

    def test_does_nothing_to_a_batch_that_is_going(self, alice_client: Client, queue: RequestBatch) -> None:
        page = alice_client.post(url(queue, "continue"), follow=True)

        assert messages_of(page) == []

    def test_leaves_a_dead_senders_claim_to_the_clock(
        self, alice_client: Client, fake_idenfy: RunningFake, settings: Any
    ) -> None:
        batch = make_batch(confirmed=True)
        make_request(State.SENDING, batch=batch)
        late = timezone.now() - timedelta(minutes=16)
        InformationRequest.objects.update(sent_at=late, expires_at=F("expires_at"))

        found = alice_client.post(url(batch, "send")).json()

        assert found["counts"] == {"unknown": 1}
        assert found["state"] == "done"
        assert fake_idenfy.fake.posts() == []


class TestWithAWorker:
    @pytest.fixture(autouse=True)
    def _worker(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"SENDER": "tests.services.test_workers.take"}

    def late(self, queue: RequestBatch) -> None:
        """As if it had been confirmed a while ago, and nobody had sent anything since."""
        RequestBatch.objects.filter(pk=queue.pk).update(confirmed_at=timezone.now() - timedelta(minutes=5))

    def test_only_watches(self, alice_client: Client, queue: RequestBatch) -> None:
        page = alice_client.get(url(queue))

        assert "You may close this page: the sending is done elsewhere." in page.text
        assert "data-send-url" not in page.text
        assert f'action="{url(queue, "send")}" id="progress-send" hidden>' in page.text
        assert f'action="{url(queue, "pause")}" id="progress-stop">' in page.text

    def test_offers_to_send_when_nobody_was_asked_for_a_minute(self, alice_client: Client, queue: RequestBatch) -> None:
        self.late(queue)

        page = alice_client.get(url(queue))
        step = alice_client.get(url(queue, "progress")).json()

        assert "Nobody has been asked for a minute. You can send from here: then keep this page open." in page.text
        assert "Send from here</button>" in page.text
        assert 'id="progress-send">' in page.text
        assert step["is_late"]
        assert "You can send from here" in step["html"]

    def test_sends_once_that_was_chosen(self, alice_client: Client, queue: RequestBatch, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"STEP_SECONDS": 0.01, "CONCURRENCY": 1}
        self.late(queue)

        answer = alice_client.post(url(queue, "send"), headers={"Accept": BROWSER})
        page = alice_client.get(url(queue), {"here": "1"})

        assert answer["Location"] == url(queue) + "?here=1"
        assert f'data-send-url="{url(queue, "send")}"' in page.text
        assert "Keep this page open: it does the sending." in page.text

    def test_offers_nothing_to_those_who_may_not_ask(self, bob_client: Client, queue: RequestBatch) -> None:
        self.late(queue)

        page = bob_client.get(url(queue), {"here": "1"})

        assert "Somebody who may ask clients can send from this page." in page.text
        assert "data-send-url" not in page.text
        assert 'id="progress-send"' not in page.text

    def test_goes_on_by_itself_after_a_wait_with_no_page_open(self, alice_client: Client, queue: RequestBatch) -> None:
        paused(queue, PauseReason.RATE_LIMITED, wait=timedelta(minutes=5))

        page = alice_client.get(url(queue))

        assert "while this page is open" not in page.text
        assert "It goes on by itself at" in page.text

    def test_sends_nothing_when_it_is_confirmed(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        plan = make_plan(1)

        alice_client.post(url(plan), filled_in(expected="1"), follow=True)

        assert fake_idenfy.fake.posts() == []
        assert plan.rows_in(State.QUEUED).count() == 1


class TestABatchThatHasStopped:
    @pytest.mark.parametrize(
        ("reason", "box"), [(PauseReason.PERSON, "ik-box-warn"), (PauseReason.UNAUTHORIZED, "ik-box-bad")]
    )
    def test_is_trouble_only_if_nobody_meant_to(self, alice_client: Client, reason: PauseReason, box: str) -> None:
        batch = paused(make_queue(2), reason)

        page = alice_client.get(url(batch))

        assert f'<div class="ik-box {box}">' in page.text
        assert "2 clients are to be asked." in page.text
        assert "Asking 2" not in page.text
