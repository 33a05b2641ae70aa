from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from idenfy_kyc import services
from idenfy_kyc.api.deliveries import TEST_EVENT, sign
from idenfy_kyc.choices import State
from idenfy_kyc.exceptions import DeliveryRejected
from idenfy_kyc.models import InformationRequest, WebhookDelivery, WebhookRejection
from idenfy_kyc.services.gaps import Gap
from tests.factories import make_request

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
numbers = itertools.count()


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def receive(clock: Any, at: datetime, *, key: str = "signing-key", event_type: str = "AML_MONITORING") -> None:
    """One delivery, in its own time; with another key one that is rejected."""
    body = b'{"number": %d}' % next(numbers)
    clock.move_to(at)
    try:
        services.receive(event_type=event_type, body=body, signature=sign(body, key))
    except DeliveryRejected:
        assert key != "signing-key"


def busy(clock: Any, until: datetime, *, every: timedelta = HOUR, count: int = 31) -> None:
    """Deliveries at this pace, the last of them at ``until``."""
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(digest=str(next(numbers)), received_at=until - number * every, after_silence=every > DAY)
        for number in reversed(range(count))
    )
    clock.move_to(until)


class TestASilence:
    def test_is_a_gap_if_it_is_long_and_unusual(self, clock: Any) -> None:
        busy(clock, NOON)
        receive(clock, NOON + 26 * HOUR)

        assert services.standing().gaps == [Gap(NOON, NOON + 26 * HOUR)]
        assert services.standing().lasting == []

    def test_is_one_while_it_lasts(self, clock: Any) -> None:
        busy(clock, NOON)
        clock.move_to(NOON + 26 * HOUR)

        assert services.standing().lasting == [Gap(NOON, NOON + 26 * HOUR, lasts=True)]

    def test_is_none_if_it_is_short(self, clock: Any) -> None:
        busy(clock, NOON)
        receive(clock, NOON + DAY)

        assert services.standing().gaps == []

    def test_is_none_where_days_without_one_are_usual(self, clock: Any) -> None:
        busy(clock, NOON, every=2 * DAY)
        receive(clock, NOON + 19 * DAY)
        clock.move_to(NOON + 30 * DAY)

        assert services.standing().gaps == []

    def test_is_one_there_if_it_is_ten_times_as_long(self, clock: Any) -> None:
        busy(clock, NOON, every=2 * DAY)
        receive(clock, NOON + 21 * DAY)

        assert services.standing().gaps == [Gap(NOON, NOON + 21 * DAY)]

    def test_is_none_as_long_as_nobody_knows_what_is_usual(self, clock: Any) -> None:
        busy(clock, NOON, count=30)
        receive(clock, NOON + 50 * DAY)

        assert services.standing().gaps == []

    @pytest.mark.parametrize(("silence", "gaps"), [(None, 0), (3 * DAY, 0), (2 * HOUR, 1)])
    def test_is_as_long_as_the_project_says(
        self, clock: Any, settings: Any, silence: timedelta | None, gaps: int
    ) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"WEBHOOK_SILENCE": silence}
        busy(clock, NOON, every=timedelta(minutes=6))
        receive(clock, NOON + 26 * HOUR)

        assert len(services.standing().gaps) == gaps

    def test_is_not_ended_by_a_test_of_ours(self, clock: Any) -> None:
        busy(clock, NOON)
        receive(clock, NOON + 20 * HOUR, event_type=TEST_EVENT)
        receive(clock, NOON + 30 * HOUR)

        assert services.standing().gaps == [Gap(NOON, NOON + 30 * HOUR)]

    def test_is_forgotten_after_90_days(self, clock: Any) -> None:
        busy(clock, NOON)
        receive(clock, NOON + 26 * HOUR)
        busy(clock, NOON + 26 * HOUR + 91 * DAY, every=12 * HOUR, count=182)

        assert services.standing().gaps == []

    def test_costs_no_query_when_it_is_noted(self, clock: Any, settings: Any) -> None:
        with CaptureQueriesContext(connection) as with_it:
            receive(clock, NOON)
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"WEBHOOK_SILENCE": None}
        with CaptureQueriesContext(connection) as without_it:
            receive(clock, NOON)

        assert len(with_it) == len(without_it)
        assert list(WebhookDelivery.objects.order_by("pk").values_list("after_silence", flat=True)) == [True, False]


class TestRejections:
    def test_are_a_gap_that_lasts_until_one_is_accepted(self, clock: Any) -> None:
        receive(clock, NOON)
        for minutes in (1, 30, 90):
            receive(clock, NOON + timedelta(minutes=minutes), key="forged")

        gap = Gap(NOON + timedelta(minutes=1), NOON + timedelta(minutes=90), rejected=3, lasts=True)
        assert services.standing().gaps == [gap]

        receive(clock, NOON + 2 * HOUR)

        assert services.standing().over == [Gap(gap.since, gap.until, rejected=3)]
        assert services.standing().lasting == []

    def test_are_several_gaps_if_a_day_lies_between(self, clock: Any) -> None:
        for days in (0, 2):
            receive(clock, NOON + days * DAY, key="forged")

        found = services.standing()

        assert found.last_at is None
        assert [gap.since for gap in found.gaps] == [NOON + 2 * DAY, NOON]
        assert [gap.lasts for gap in found.gaps] == [True, False]

    def test_that_bear_no_events_name_are_a_scanners_and_no_gap(self, clock: Any) -> None:
        receive(clock, NOON, key="forged", event_type="")

        assert services.standing().gaps == []
        assert WebhookRejection.objects.get().count == 1


class TestStanding:
    def test_knows_when_one_was_last_accepted(self, clock: Any) -> None:
        receive(clock, NOON)
        receive(clock, NOON + HOUR, event_type=TEST_EVENT)

        assert services.standing().last_at == NOON

    def test_has_nothing_to_miss_before_the_first(self, clock: Any) -> None:
        clock.move_to(NOON + 90 * DAY)

        assert services.standing() == services.Standing(None, [])

    def test_takes_as_many_queries_for_many_deliveries_as_for_few(self, clock: Any) -> None:
        busy(clock, NOON)
        few = self.queries()
        busy(clock, NOON + 10 * DAY, every=25 * HOUR, count=9)
        receive(clock, NOON + 12 * DAY, key="forged")

        assert self.queries() == few <= 4

    def queries(self) -> int:
        with CaptureQueriesContext(connection) as captured:
            services.standing()
        return len(captured)


@pytest.fixture
def outage(clock: Any) -> Gap:
    """A gap of 26 hours, from noon on. Since then all is well."""
    busy(clock, NOON)
    receive(clock, NOON + 26 * HOUR)
    busy(clock, NOON + 60 * DAY, every=12 * HOUR, count=117)
    return Gap(NOON, NOON + 26 * HOUR)


class TestMarkMissed:
    @pytest.mark.parametrize(
        ("sent", "ended", "missed"),
        [
            (-3 * DAY, HOUR, True),  # ended within it
            (HOUR, 3 * DAY, True),  # began within it
            (-3 * DAY, 3 * DAY, True),
            (HOUR, 2 * HOUR, True),
            (-3 * DAY, -DAY, False),
            (2 * DAY, 3 * DAY, False),
        ],
    )
    @pytest.mark.parametrize("state", [State.EXPIRED, State.ISSUED])
    def test_finds_whose_life_a_gap_touched(
        self, outage: Gap, state: State, sent: timedelta, ended: timedelta, missed: bool
    ) -> None:
        row = make_request(state, sent_at=NOON + sent, expires_at=NOON + ended)

        [marked] = services.mark_missed([row])

        assert marked.deliveries_were_missing is missed
        assert services.count_missed(InformationRequest.objects.all()) == missed

    @pytest.mark.parametrize("state", [State.COMPLETED, State.CANCELLED, State.REFUSED])
    def test_leaves_alone_what_did_not_end_by_the_clock(self, outage: Gap, state: State) -> None:
        row = make_request(state, sent_at=NOON, expires_at=NOON + HOUR)

        [marked] = services.mark_missed([row])

        assert not marked.deliveries_were_missing
        assert services.count_missed(InformationRequest.objects.all()) == 0

    def test_remembers_what_the_list_of_deliveries_has_forgotten(self, outage: Gap, clock: Any) -> None:
        row = make_request(State.EXPIRED, sent_at=NOON, expires_at=NOON + DAY)
        clock.move_to(NOON + 1000 * DAY)

        [marked] = services.mark_missed([row])

        assert marked.deliveries_were_missing

    def test_asks_nothing_where_nothing_ended(self, outage: Gap) -> None:
        row = make_request(State.ISSUED, expires_at=NOON + 99 * DAY)

        with CaptureQueriesContext(connection) as captured:
            services.mark_missed([row])

        assert len(captured) == 0

    def test_takes_no_more_queries_for_many(self, outage: Gap) -> None:
        rows = [make_request(State.EXPIRED, sent_at=NOON, expires_at=NOON + DAY) for _number in range(20)]

        with CaptureQueriesContext(connection) as captured:
            services.mark_missed(rows)

        assert len(captured) <= 4
        assert all(row.deliveries_were_missing for row in rows)
