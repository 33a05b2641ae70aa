from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from idenfy_kyc.choices import PauseReason, State
from idenfy_kyc.models import RequestBatch
from idenfy_kyc.testing.faults import Fault
from idenfy_kyc.testing.plugin import RunningFake
from tests.admin.pages import BROWSER, make_plan, messages_of, queries, url
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


class TestTheStep:
    def test_asks_and_answers_what_has_become_of_it(self, alice_client: Client, queue: RequestBatch) -> None:
        answer = alice_client.post(url(queue, "send"))

        found = answer.json()
        assert "no-store" in answer["Cache-Control"]
        assert (found["state"], found["counts"], found["reason"]) == ("done", {"issued": 12}, "")
        assert (found["done"], found["total"], found["percent"], found["retry_after_ms"]) == (12, 12, 100, 0)
        assert "12 have a link." in found["announcement"]
        assert "12 done" in found["html"]

    def test_is_asked_for_again_at_once_while_there_is_more(
        self, alice_client: Client, queue: RequestBatch, fake_idenfy: RunningFake, settings: Any
    ) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"STEP_SECONDS": 0.05, "CONCURRENCY": 2}
        fake_idenfy.fake.latency = 0.1

        found = alice_client.post(url(queue, "send")).json()

        assert found["state"] == "sending"
        assert 0 < found["counts"]["issued"] < 12
        assert found["retry_after_ms"] == 0

    def test_answers_a_form_with_a_redirect_to_the_page(self, alice_client: Client, queue: RequestBatch) -> None:
        answer = alice_client.post(url(queue, "send"), headers={"Accept": BROWSER})

        assert (answer.status_code, answer["Location"]) == (302, url(queue))
        assert queue.rows_in(State.ISSUED).count() == 12

    def test_answers_a_script_with_json_whatever_it_accepts(self, alice_client: Client, queue: RequestBatch) -> None:
        headers = {"Accept": BROWSER, "X-Requested-With": "XMLHttpRequest"}

        answer = alice_client.post(url(queue, "send"), headers=headers)

        assert answer.json()["state"] == "done"

    def test_only_watches_while_as_many_as_may_be_are_under_way(
        self, alice_client: Client, queue: RequestBatch, fake_idenfy: RunningFake, settings: Any
    ) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CONCURRENCY": 1}
        make_request(State.SENDING, batch=queue)

        found = alice_client.post(url(queue, "send")).json()

        assert found["counts"] == {"queued": 12, "sending": 1}
        assert found["retry_after_ms"] >= 1000
        assert fake_idenfy.fake.posts() == []

    def test_stops_with_the_reason_when_idenfy_does_not_accept_the_key(
        self, alice_client: Client, queue: RequestBatch, fake_idenfy: RunningFake
    ) -> None:
        fake_idenfy.fake.misbehave(Fault.UNAUTHORIZED)

        found = alice_client.post(url(queue, "send")).json()

        assert found["state"] == "stopped"
        assert "iDenfy does not accept the API key" in found["reason"]
        assert "Your administrator must check the API key" in found["html"]
        assert found["title"] == "Stopped · annual review"

    def test_waits_as_long_as_idenfy_says(
        self, alice_client: Client, queue: RequestBatch, fake_idenfy: RunningFake
    ) -> None:
        fake_idenfy.fake.misbehave(Fault.RETRY_AFTER, value=30)

        found = alice_client.post(url(queue, "send")).json()

        assert found["state"] == "waiting"
        assert "iDenfy asks us to slow down" in found["reason"]
        assert 20_000 < found["retry_after_ms"] <= 31_000
        assert "It goes on by itself" in found["html"]

    def test_looks_once_a_minute_however_long_the_wait(self, alice_client: Client, queue: RequestBatch) -> None:
        paused(queue, PauseReason.QUOTA, wait=timedelta(minutes=50), quota=5000)

        found = alice_client.post(url(queue, "send")).json()

        assert (found["state"], found["retry_after_ms"]) == ("waiting", 60_000)

    def test_stops_with_the_reason_without_credentials(
        self, alice_client: Client, queue: RequestBatch, settings: Any
    ) -> None:
        settings.IDENFY_KYC = {}

        found = alice_client.post(url(queue, "send")).json()

        assert found["state"] == "stopped"
        assert "no API key is set" in found["reason"]

    def test_asks_nobody_of_a_plan(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        batch = make_plan(2)

        found = alice_client.post(url(batch, "send")).json()

        assert found["state"] == "plan"
        assert fake_idenfy.fake.posts() == []

    def test_tells_the_script_to_come_back_when_the_database_is_away(
        self, alice_client: Client, queue: RequestBatch, fake_idenfy: RunningFake
    ) -> None:
        with connection.execute_wrapper(locked_for_claims):
            answer = alice_client.post(url(queue, "send"))

        assert answer.status_code == 503
        assert answer.json()["retry_after_ms"] > 0
        assert "Nothing is lost" in answer.json()["reason"]
        assert fake_idenfy.fake.posts() == []

    def test_tells_a_person_when_the_database_is_away(self, alice_client: Client, queue: RequestBatch) -> None:
        with connection.execute_wrapper(locked_for_claims):
            answer = alice_client.post(url(queue, "send"), headers={"Accept": BROWSER})

        page = alice_client.get(answer["Location"])

        assert messages_of(page)[0].startswith("The database is busy.")

    def test_is_no_step_when_the_batch_is_gone(self, alice_client: Client, queue: RequestBatch) -> None:
        gone = RequestBatch(pk=queue.pk + 1)

        assert alice_client.post(url(gone, "send")).status_code == 404
        assert alice_client.post(url(gone, "send"), headers={"Accept": BROWSER}).status_code == 302


def locked_for_claims(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """As with a database that is locked for longer than anybody's patience, whenever a client is about to be asked."""
    if sql.startswith("UPDATE") and params[0] == State.SENDING:
        raise OperationalError("database is locked")
    return execute(sql, params, many, context)


class TestTheFirstStep:
    def test_is_left_to_the_page_when_the_database_is_away(
        self, alice_client: Client, fake_idenfy: RunningFake
    ) -> None:
        batch = make_plan(1)
        fields = {"questionnaire": "q", "lifetime_0": "1", "lifetime_1": "days", "note": "n", "_confirm": ""}

        with connection.execute_wrapper(locked_for_claims):
            answer = alice_client.post(url(batch), fields)

        assert (answer.status_code, answer["Location"]) == (302, url(batch))
        assert batch.rows_in(State.QUEUED).count() == 1


class TestWatching:
    def test_says_where_the_batch_stands_and_does_nothing(
        self, bob_client: Client, queue: RequestBatch, fake_idenfy: RunningFake
    ) -> None:
        found = bob_client.get(url(queue, "progress")).json()

        assert (found["state"], found["counts"]) == ("sending", {"queued": 12})
        assert found["retry_after_ms"] > 0
        assert "Somebody who may ask clients does the sending" in found["html"]
        assert fake_idenfy.fake.posts() == []

    def test_looks_calmly_at_those_of_a_sender_that_is_gone(
        self, alice_client: Client, fake_idenfy: RunningFake
    ) -> None:
        batch = make_batch(confirmed=True)
        make_request(State.SENDING, batch=batch)
        asked_long_ago(batch)

        found = alice_client.get(url(batch, "progress")).json()

        assert found["state"] == "sending"
        assert found["retry_after_ms"] == 10_000
        assert "has not reported back" in found["html"]
        assert "15 minutes" in found["html"]

    def test_counts_one_minute_as_one(self, alice_client: Client, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLAIM_TIMEOUT": timedelta(minutes=1)}
        batch = make_batch(confirmed=True)
        make_request(State.SENDING, batch=batch)
        asked_long_ago(batch)

        found = alice_client.get(url(batch, "progress")).json()

        assert "1 minute after they were asked" in found["html"]

    def test_looks_soon_at_those_of_a_sender_that_lives(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        batch = make_batch(confirmed=True)
        make_request(State.SENDING, batch=batch)

        found = alice_client.get(url(batch, "progress")).json()

        assert found["retry_after_ms"] == 2_000
        assert "1 is being asked." in found["html"]

    def test_takes_the_same_number_of_queries_for_a_large_batch(self, alice_client: Client) -> None:
        small, large = make_queue(5), make_queue(200)

        alice_client.get(url(small, "progress"))

        assert queries(alice_client, url(small, "progress")) == queries(alice_client, url(large, "progress"))
