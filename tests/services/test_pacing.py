"""How a batch waits, stops and goes on: what happens to the others when one answer is not a good one."""

from __future__ import annotations

import itertools
import json
import re
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from idenfy_kyc import services
from idenfy_kyc.choices import BatchState, EventKind, PauseReason, State
from idenfy_kyc.exceptions import IdenfyConnectionError
from idenfy_kyc.models import RequestBatch, RequestEvent
from idenfy_kyc.services import pacing
from idenfy_kyc.services.answers import outcome_of
from idenfy_kyc.testing import Fault
from tests.factories import make_queue, make_request

pytestmark = pytest.mark.django_db

CONCURRENCY = 4
SECOND = timedelta(seconds=1)
QUICK = tuple(timedelta(milliseconds=20) for _ in range(40))


@pytest.fixture(autouse=True)
def _few_at_once(fake_idenfy: Any, configure: Any) -> None:
    configure(CONCURRENCY=CONCURRENCY)


def counts(batch: RequestBatch) -> dict[State, int]:
    return services.progress_of(batch).counts


def pauses(batch: RequestBatch, reason: PauseReason) -> list[RequestEvent]:
    lines = batch.events.filter(kind=EventKind.PAUSED).order_by("pk")
    return [line for line in lines if line.params["reason"] == reason]


def send_until_done(batch: RequestBatch, **options: Any) -> None:
    """What an open page does."""
    give_up_at = time.monotonic() + 60
    while services.progress_of(RequestBatch.objects.get(pk=batch.pk)).state is not BatchState.DONE:
        assert time.monotonic() < give_up_at, "the batch never ended"
        services.send(batch, **options)
        time.sleep(0.01)


class TestRefusals:
    def test_stop_a_batch_after_five_for_one_reason(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.questionnaires = []
        batch = make_queue(800)

        calls = services.send(batch)

        batch.refresh_from_db()
        assert calls == len(fake_idenfy.fake.posts()) == 5
        assert counts(batch) == {State.REFUSED: 5, State.QUEUED: 795}
        assert (batch.is_stopped(), batch.pause_reason) == (True, PauseReason.REFUSALS)
        assert batch.pause_params["count"] == 5
        assert "questionnaire" in batch.pause_params["message"]
        assert services.send(batch) == 0

    def test_stop_it_too_if_the_reason_names_each_verification(self, httpserver: HTTPServer, configure: Any) -> None:
        def refuse(call: Request) -> Response:
            scan_ref = call.path.split("/")[3]
            body = {"identifier": "BAD_VALUE", "message": f"Verification {scan_ref} cannot be updated."}
            return Response(json.dumps(body), status=400, content_type="application/json")

        httpserver.expect_request(re.compile("/kyc/.*")).respond_with_handler(refuse)
        configure(BASE_URL=httpserver.url_for(""))
        batch = make_queue(20)

        services.send(batch)

        assert counts(batch) == {State.REFUSED: 5, State.QUEUED: 15}

    def test_stop_it_no_more_once_somebody_continued_it(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.questionnaires = []
        batch = make_queue(20)
        services.send(batch)

        services.resume(batch, by=None)
        services.send(batch)

        batch.refresh_from_db()
        assert counts(batch) == {State.REFUSED: 20}
        assert not batch.is_stopped()

    def test_are_no_reason_to_stop_when_each_has_another(self, fake_idenfy: Any) -> None:
        batch = make_queue(8)
        for number, request in enumerate(batch.requests.select_related("verification").order_by("pk")):
            fault = Fault.BAD_VALUE if number % 2 else Fault.NOT_FOUND
            fake_idenfy.fake.misbehave(fault, scan_ref=request.verification.scan_ref)

        services.send(batch)

        assert counts(batch) == {State.REFUSED: 8}

    def test_are_no_reason_to_stop_once_a_link_was_issued(self, fake_idenfy: Any) -> None:
        batch = make_queue(12)
        for request in batch.requests.select_related("verification").order_by("pk")[1:]:
            fake_idenfy.fake.misbehave(Fault.BAD_VALUE, scan_ref=request.verification.scan_ref)

        services.send(batch)

        assert counts(batch) == {State.REFUSED: 11, State.ISSUED: 1}

    def test_come_one_at_a_time_until_a_link_is_issued(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.latency = 0.05
        batch = make_queue(5)
        for request in batch.requests.select_related("verification").order_by("pk")[:3]:
            fake_idenfy.fake.misbehave(Fault.BAD_VALUE, scan_ref=request.verification.scan_ref)

        services.send(batch)

        times = [post.at for post in fake_idenfy.fake.posts()]
        assert all(later - earlier >= 0.05 for earlier, later in itertools.pairwise(times[:4]))


class TestOutage:
    @pytest.mark.parametrize(
        ("fault", "rows"),
        [(Fault.BAD_GATEWAY_HTML, 800), (Fault.LOST, 60), (Fault.CUT_BEFORE, 60), (Fault.NONSENSE, 60)],
    )
    def test_on_the_way_costs_few_and_ends_by_itself(
        self, fake_idenfy: Any, configure: Any, fault: Fault, rows: int
    ) -> None:
        configure(RETRY_WAITS=QUICK)
        fake_idenfy.fake.latency = 0.005
        batch = make_queue(rows)

        def iDenfy_breaks_down() -> bool:  # noqa: N802
            if not began and len(fake_idenfy.fake.posts()) >= 10:
                fake_idenfy.fake.misbehave(fault, times=12)
                began.append(True)
            return False

        began: list[bool] = []
        send_until_done(batch, should_stop=iDenfy_breaks_down)

        later_tries = len(pauses(batch, PauseReason.OUTAGE)) - 1
        assert later_tries >= 0
        assert counts(batch)[State.UNKNOWN] <= 3 + CONCURRENCY + later_tries
        assert counts(batch)[State.UNKNOWN] + counts(batch)[State.ISSUED] == rows
        assert set(fake_idenfy.fake.count_posts().values()) == {1}

    def test_from_the_start_costs_three_and_one_for_each_later_try_and_then_stops(
        self, fake_idenfy: Any, configure: Any
    ) -> None:
        configure(RETRY_WAITS=QUICK[:3])
        fake_idenfy.fake.misbehave(Fault.UNAVAILABLE)
        batch = make_queue(20)

        for _ in range(40):
            services.send(batch)
            time.sleep(0.01)

        batch.refresh_from_db()
        assert counts(batch) == {State.UNKNOWN: 3 + 3, State.QUEUED: 14}
        assert (batch.is_stopped(), batch.pause_reason) == (True, PauseReason.OUTAGE)

    def test_waits_longer_at_each_try(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.misbehave(Fault.UNAVAILABLE)
        batch = make_queue(20)
        waits = []

        for _ in range(5):
            services.send(batch)
            batch.refresh_from_db()
            assert batch.paused_at is not None
            if batch.paused_until is None:
                break
            waits.append(round((batch.paused_until - batch.paused_at) / timedelta(minutes=1)))
            RequestBatch.objects.update(paused_until=timezone.now())

        assert waits == [1, 2, 5, 10]
        assert batch.is_stopped()

    def test_begins_anew_after_a_link(self, fake_idenfy: Any, configure: Any) -> None:
        configure(RETRY_WAITS=QUICK)
        batch = make_queue(10)
        fake_idenfy.fake.misbehave(Fault.UNAVAILABLE, times=5)

        send_until_done(batch)

        batch.refresh_from_db()
        assert (batch.paused_at, batch.pause_params) == (None, {})
        assert [line.params["outages"] for line in pauses(batch, PauseReason.OUTAGE)] == [1, 2, 3]

    def test_is_not_stopped_by_waits_that_cost_nobody_anything(self, fake_idenfy: Any, configure: Any) -> None:
        """Ten waits for a rate limit are no outage."""
        configure(RETRY_WAITS=QUICK[:3])
        batch = make_queue(10)
        fake_idenfy.fake.misbehave(Fault.RATE_LIMITED, times=10)
        fake_idenfy.fake.misbehave(Fault.UNAVAILABLE, times=4)

        send_until_done(batch)

        assert counts(batch) == {State.UNKNOWN: 4, State.ISSUED: 6}

    def test_is_not_three_uncertain_ones_among_good_ones(self, fake_idenfy: Any) -> None:
        batch = make_queue(20)
        for request in batch.requests.select_related("verification").order_by("pk")[3::4]:
            fake_idenfy.fake.misbehave(Fault.CUT_AFTER, scan_ref=request.verification.scan_ref)

        services.send(batch)

        assert counts(batch) == {State.UNKNOWN: 5, State.ISSUED: 15}
        assert pauses(batch, PauseReason.OUTAGE) == []

    def test_is_seen_through_good_answers_to_calls_from_before_it(self) -> None:
        batch, now = make_queue(3), timezone.now()
        asked = [State.ISSUED, State.ISSUED, State.UNKNOWN, State.UNKNOWN, State.UNKNOWN]
        for place, (state, answered) in enumerate(zip(asked, [1, 3, 0, 2, 4], strict=True)):
            times = {"sent_at": now + place * SECOND, "outcome_at": now + (10 + answered) * SECOND}
            make_request(state, batch=batch, **times)

        pacing.react(batch, outcome_of(IdenfyConnectionError("lost", maybe_delivered=True)))

        batch.refresh_from_db()
        assert batch.pause_reason == PauseReason.OUTAGE

    def test_is_over_when_what_was_asked_last_went_well(self) -> None:
        batch, now = make_queue(3), timezone.now()
        asked = [State.UNKNOWN, State.UNKNOWN, State.UNKNOWN, State.ISSUED]
        for place, (state, answered) in enumerate(zip(asked, [1, 2, 3, 0], strict=True)):
            times = {"sent_at": now + place * SECOND, "outcome_at": now + (10 + answered) * SECOND}
            make_request(state, batch=batch, **times)

        pacing.react(batch, outcome_of(IdenfyConnectionError("lost", maybe_delivered=True)))

        batch.refresh_from_db()
        assert batch.pause_reason == ""

    def test_of_the_network_asks_nobody_however_long_it_lasts(self, configure: Any) -> None:
        configure(RETRY_WAITS=[timedelta(hours=1)] * 2, BASE_URL="http://127.0.0.1:9")
        batch = make_queue(5)

        for _ in range(5):
            services.send(batch)
            RequestBatch.objects.update(paused_until=timezone.now())

        batch.refresh_from_db()
        assert counts(batch) == {State.QUEUED: 5}
        assert not batch.is_stopped()
        assert len(pauses(batch, PauseReason.UNREACHABLE)) == 5


class TestForbidden:
    def test_is_about_one_client_when_others_are_fine(self, fake_idenfy: Any) -> None:
        batch = make_queue(12)
        one = batch.requests.select_related("verification").order_by("pk")[5]
        fake_idenfy.fake.misbehave(Fault.FORBIDDEN, scan_ref=one.verification.scan_ref)

        services.send(batch)

        one.refresh_from_db()
        assert counts(batch) == {State.ISSUED: 11, State.REFUSED: 1}
        assert (one.state, one.status_code, one.message) == (State.REFUSED, 403, "Partner inactive")

    def test_stops_when_nobody_has_been_asked_since_somebody_continued(self, fake_idenfy: Any) -> None:
        batch = make_queue(5)
        services.send(batch, should_stop=lambda: bool(fake_idenfy.fake.posts()))
        services.stop(batch, by=None)
        services.resume(batch, by=None)
        fake_idenfy.fake.misbehave(Fault.FORBIDDEN)

        services.send(batch)

        batch.refresh_from_db()
        assert counts(batch) == {State.ISSUED: 1, State.QUEUED: 4}
        assert batch.pause_reason == PauseReason.PERMISSION


class TestRateLimit:
    @pytest.mark.parametrize(("retry_after", "seconds"), [(7, 7), (0, 1), (99999, 3600)])
    def test_makes_every_batch_wait_as_long_as_idenfy_says_within_reason(
        self, fake_idenfy: Any, retry_after: int, seconds: int
    ) -> None:
        fake_idenfy.fake.misbehave(Fault.RETRY_AFTER, value=retry_after)
        batch, other = make_queue(5), make_queue(2)
        done = make_request(State.ISSUED).batch
        before = timezone.now()

        services.send(batch)

        for waiting in (batch, other):
            waiting.refresh_from_db()
            assert waiting.pause_reason == PauseReason.RATE_LIMITED
            assert waiting.paused_until is not None
            assert timedelta(0) <= waiting.paused_until - before - timedelta(seconds=seconds) < timedelta(seconds=2)
        done.refresh_from_db()
        assert done.paused_at is None
        assert services.send(other) == 0
        assert len(fake_idenfy.fake.posts()) == 1

    def test_met_by_many_calls_at_once_is_one_wait(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.latency = 0.05
        batch = make_queue(20)
        fake_idenfy.fake.misbehave(Fault.LATENCY, value=0.1)

        def iDenfy_has_enough() -> bool:  # noqa: N802
            if not began and len(fake_idenfy.fake.posts()) >= 5:
                began.append(True)
                fake_idenfy.fake.misbehave(Fault.RETRY_AFTER, value=30)
            return False

        began: list[bool] = []
        services.send(batch, should_stop=iDenfy_has_enough)

        batch.refresh_from_db()
        assert batch.pause_params["tries"] == 1
        assert len(pauses(batch, PauseReason.RATE_LIMITED)) == 1
        assert batch.rows_in(State.SENDING).count() == 0

    def test_without_a_time_is_waited_for_longer_and_longer_and_never_stops(
        self, fake_idenfy: Any, configure: Any
    ) -> None:
        configure(RETRY_WAITS=QUICK[:2])
        batch = make_queue(3)
        fake_idenfy.fake.misbehave(Fault.RATE_LIMITED, times=6)

        send_until_done(batch)

        assert counts(batch) == {State.ISSUED: 3}
        assert len(pauses(batch, PauseReason.RATE_LIMITED)) == 6

    def test_never_undoes_a_stop(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.misbehave(Fault.RETRY_AFTER)
        batch, stopped = make_queue(1), make_queue(1)
        services.stop(stopped, by=None)

        services.send(batch)

        stopped.refresh_from_db()
        assert stopped.is_stopped()


class TestUnauthorized:
    @pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.NO_FUNDS])
    def test_stops_every_batch(self, fake_idenfy: Any, fault: Fault) -> None:
        fake_idenfy.fake.misbehave(fault)
        batch, other = make_queue(5), make_queue(2)

        services.send(batch)

        other.refresh_from_db()
        assert other.is_stopped()
        assert other.pause_params["status_code"] in {401, 402}
        assert len(fake_idenfy.fake.posts()) == 1


class TestQuota:
    def test_is_waited_for_until_the_oldest_falls_out(self, fake_idenfy: Any, configure: Any) -> None:
        configure(HOURLY_QUOTA=5)
        batch = make_queue(8)

        calls = services.send(batch)

        batch.refresh_from_db()
        oldest = min(sent_at for sent_at in batch.requests.values_list("sent_at", flat=True) if sent_at)
        assert calls == 5
        assert (batch.pause_reason, batch.paused_until) == (PauseReason.QUOTA, oldest + timedelta(hours=1))
        assert batch.pause_params == {"quota": 5}
        assert services.quota_left(timezone.now()) == 0
        with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=5)):
            services.send(batch)
            assert counts(batch) == {State.ISSUED: 8}

    def test_is_that_of_all_batches_together(self, fake_idenfy: Any, configure: Any) -> None:
        configure(HOURLY_QUOTA=5)
        services.send(make_queue(4))
        batch = make_queue(4)

        assert services.send(batch) == 1

    def test_is_not_used_up_by_what_was_not_heard(self, fake_idenfy: Any, configure: Any) -> None:
        configure(HOURLY_QUOTA=3, RETRY_WAITS=QUICK)
        batch = make_queue(3)
        fake_idenfy.fake.misbehave(Fault.RATE_LIMITED, times=4)

        send_until_done(batch)

        assert counts(batch) == {State.ISSUED: 3}
