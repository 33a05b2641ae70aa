"""What one delivery costs the database, from the webhook on: its statements, and the commits that a disk must wait for.

In transactions of its own, since in that of a test a commit is a savepoint. ``ATOMIC_REQUESTS`` is on here, as in all
of the tests: it must not make one transaction of the two, or what was kept would go when its handling breaks off.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest, Verification, WebhookDelivery
from idenfy_kyc.testing import deliver
from tests.factories import make_request, make_verification

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = Path(__file__).parents[1] / "samples" / "webhooks"
SCAN_REF = "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7"


class Costs(CaptureQueriesContext):
    """Counts, of all that is done within it, the statements and the commits."""

    def __init__(self) -> None:
        super().__init__(connection)

    @property
    def statements(self) -> list[str]:
        """Without those that only begin and end a transaction."""
        return [sql for sql in self._all() if sql.split()[0] not in {"BEGIN", "COMMIT", "ROLLBACK"}]

    @property
    def commits(self) -> int:
        """Of transactions, and of whatever writes outside of one: that is committed by itself."""
        count, is_inside = 0, False
        for word in (sql.split()[0] for sql in self._all()):
            count += word == "COMMIT" or (not is_inside and word in {"INSERT", "UPDATE", "DELETE"})
            is_inside = word == "BEGIN" or (is_inside and word not in {"COMMIT", "ROLLBACK"})
        return count

    def _all(self) -> list[str]:
        return [query["sql"] for query in self.captured_queries]


def cost_of(sample: str) -> Costs:
    """What it costs to be told so."""
    body = (SAMPLES / f"IDENTIFICATION_{sample}.json").read_bytes()
    with Costs() as costs:
        answer = deliver(Client(), reverse("idenfy_kyc:webhook"), f"IDENTIFICATION_{sample}".partition(".")[0], body)
    assert answer.status_code == 200
    return costs


class TestCosts:
    def test_counts_what_is_committed_in_whatever_way(self) -> None:
        verification = make_verification()
        rows = Verification.objects.filter(pk=verification.pk)

        with Costs() as costs:
            rows.update(name="by itself")
            with transaction.atomic():
                rows.update(name="in one")
                with transaction.atomic():
                    rows.update(name="in the same")
            rows.get()
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                rows.update(name=str(1 / 0))

        assert costs.commits == 2


class TestADelivery:
    @pytest.fixture(autouse=True)
    def is_a_request_that_is_one_transaction(self) -> None:
        assert settings.DATABASES["default"]["ATOMIC_REQUESTS"]

    @pytest.mark.parametrize("sample", ["AUTO_FINISHED.approved", "MANUAL_FINISHED.denied", "RESUBMITTED.final"])
    def test_of_a_verification_that_is_new_here_is_at_most_eight_statements_and_two_commits(self, sample: str) -> None:
        costs = cost_of(sample)

        assert Verification.objects.count() == WebhookDelivery.objects.filter(handled_at__isnull=False).count() == 1
        assert len(costs.statements) <= 8, costs.statements
        assert costs.commits == 2

    def test_that_completes_a_request_is_no_more(self) -> None:
        request = make_request(State.ISSUED, verification=make_verification(scan_ref=SCAN_REF))
        InformationRequest.objects.update(sent_at=timezone.now() - timedelta(hours=1))

        costs = cost_of("RESUBMITTED.review_follows")

        request.refresh_from_db()
        assert request.state == State.COMPLETED
        assert len(costs.statements) <= 8, costs.statements
        assert costs.commits == 2

    def test_that_ends_a_review_is_no_more(self) -> None:
        make_request(State.ISSUED, verification=make_verification(scan_ref=SCAN_REF))
        cost_of("RESUBMITTED.review_follows")

        costs = cost_of("MANUAL_FINISHED.after_answer")

        assert not Verification.objects.get().answers.in_review().exists()
        assert len(costs.statements) <= 8, costs.statements
        assert costs.commits == 2

    def test_that_is_told_twice_is_only_counted(self) -> None:
        cost_of("AUTO_FINISHED.approved")

        costs = cost_of("AUTO_FINISHED.approved")

        assert WebhookDelivery.objects.get().receipts == 2
        assert len(costs.statements) <= 3, costs.statements
        assert costs.commits == 1

    def test_that_is_told_again_as_news_is_no_more_than_the_first(self) -> None:
        cost_of("MANUAL_FINISHED.approved")

        with time_machine.travel(timezone.now() + timedelta(minutes=20)):
            costs = cost_of("MANUAL_FINISHED.approved")

        assert WebhookDelivery.objects.get().last_received_at > timezone.now() + timedelta(minutes=19)
        assert len(costs.statements) <= 8, costs.statements
        assert costs.commits == 2
