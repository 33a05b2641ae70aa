"""Where staff see that deliveries were missing: above their list, and with the requests that ended meanwhile."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc.choices import State
from idenfy_kyc.models import WebhookDelivery, WebhookRejection
from tests.factories import make_batch, make_request

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_webhookdelivery_changelist")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MISSED = "No answer received (deliveries were missing)"
numbers = itertools.count()


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def delivered(at: datetime, *, count: int = 1, after_silence: bool = False) -> None:
    """``count`` deliveries, one an hour, the last of them ``at``."""
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(digest=str(next(numbers)), received_at=at - number * HOUR, after_silence=after_silence)
        for number in range(count)
    )


def rejected(first: datetime, last: datetime, count: int) -> None:
    WebhookRejection.objects.create(hour=first, count=count, named=count, first_at=first, last_at=last)


@pytest.fixture
def outage(now: datetime) -> tuple[datetime, datetime]:
    """A silence of 26 hours that ended two days ago."""
    began, ended = now - 2 * DAY - 26 * HOUR, now - 2 * DAY
    delivered(began, count=31)
    delivered(ended, after_silence=True)
    delivered(now - timedelta(minutes=3), count=47)
    return began, ended


class TestTheListOfDeliveries:
    def heard(self, client: Client) -> str:
        """What stands above it."""
        return client.get(LIST).text.partition('id="content"')[2].partition('id="changelist"')[0]

    def test_says_that_all_is_well(self, bob_client: Client, now: datetime) -> None:
        delivered(now - timedelta(minutes=3))

        heard = self.heard(bob_client)

        assert "Last delivery accepted 3\xa0minutes ago." in heard
        assert "ik-box-warn" not in heard

    def test_says_that_nothing_ever_came(self, bob_client: Client) -> None:
        assert "iDenfy has delivered nothing yet." in bob_client.get(LIST).text
        assert "ik-box" not in self.heard(bob_client)

    def test_names_the_times_without_one_and_what_to_do(
        self, bob_client: Client, outage: tuple[datetime, datetime]
    ) -> None:
        heard = self.heard(bob_client)

        began, ended = (f"{timezone.localtime(moment):%H:%M}" for moment in outage)
        assert "No delivery between" in heard
        assert f"{began} and" in heard
        assert f"{ended}." in heard
        assert "Its dashboard can send it again" in heard
        assert "ik-box-warn" not in heard

    def test_warns_of_rejections_that_go_on(self, bob_client: Client, now: datetime) -> None:
        delivered(now - 3 * HOUR)
        rejected(now - 2 * HOUR, now - HOUR, 41)

        heard = self.heard(bob_client)

        assert "41 rejected since" in heard
        assert "the signature fits none of your keys." in heard
        assert "compare their signing keys with WEBHOOK_SIGNING_KEYS" in heard
        assert "ik-box-warn" in heard

    def test_warns_of_a_silence_that_goes_on(self, bob_client: Client, now: datetime) -> None:
        delivered(now - 26 * HOUR, count=31)

        heard = self.heard(bob_client)

        assert "No delivery since" in heard
        assert "ik-box-warn" in heard

    def test_names_five_and_counts_the_others(self, bob_client: Client, now: datetime) -> None:
        for days in range(7):
            rejected(now - days * 3 * DAY - 2 * HOUR, now - days * 3 * DAY - (2 if days == 0 else 1) * HOUR, 1 + days)
        delivered(now)

        heard = self.heard(bob_client)

        assert "Last delivery accepted just now." in heard
        assert heard.count("rejected") == 5
        assert "1 rejected (" in heard
        assert "And 2 earlier ones." in heard


class TestARequestThatEndedMeanwhile:
    def test_says_so_on_its_page_with_what_can_be_done(
        self, bob_client: Client, outage: tuple[datetime, datetime]
    ) -> None:
        row = make_request(State.ISSUED, sent_at=outage[0] - DAY, expires_at=outage[1] - HOUR)

        page = bob_client.get(reverse("admin:idenfy_kyc_informationrequest_change", args=[row.pk])).text

        assert MISSED in page
        assert "look in iDenfy’s dashboard, which can send the answer again." in page

    def test_says_so_in_the_list(self, bob_client: Client, outage: tuple[datetime, datetime]) -> None:
        make_request(State.EXPIRED, sent_at=outage[0] - DAY, expires_at=outage[1] - HOUR)
        make_request(State.EXPIRED, sent_at=outage[0] - 9 * DAY, expires_at=outage[0] - DAY)

        page = bob_client.get(reverse("admin:idenfy_kyc_informationrequest_changelist")).text

        assert page.count(MISSED) == 1

    def test_says_so_on_the_page_of_its_verification(
        self, bob_client: Client, outage: tuple[datetime, datetime]
    ) -> None:
        row = make_request(State.EXPIRED, sent_at=outage[0] - DAY, expires_at=outage[1] - HOUR)

        page = bob_client.get(reverse("admin:idenfy_kyc_verification_change", args=[row.verification_id])).text

        assert MISSED in page

    def test_says_so_in_the_report(self, bob_client: Client, outage: tuple[datetime, datetime]) -> None:
        batch = make_batch(confirmed=True)
        for _number in range(2):
            make_request(State.EXPIRED, batch=batch, sent_at=outage[0] - DAY, expires_at=outage[1] - HOUR)
        make_request(State.EXPIRED, batch=batch, sent_at=outage[0] - 9 * DAY, expires_at=outage[0] - DAY)

        page = bob_client.get(reverse("admin:idenfy_kyc_requestbatch_change", args=[batch.pk])).text

        assert "Deliveries were missing for 2: look in iDenfy’s dashboard" in page
        assert page.count(MISSED) == 2

    def test_costs_the_list_no_query_for_each(self, bob_client: Client, outage: tuple[datetime, datetime]) -> None:
        assert self.queries(bob_client, outage, 1) == self.queries(bob_client, outage, 20)

    def queries(self, client: Client, outage: tuple[datetime, datetime], count: int) -> int:
        for _number in range(count):
            make_request(State.EXPIRED, sent_at=outage[0], expires_at=outage[1])
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("admin:idenfy_kyc_informationrequest_changelist"))
        return len(captured)
