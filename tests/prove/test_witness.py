"""What the proof reads of our rows, when all is over."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch
from idenfy_kyc.services.record import note_requests
from prove import witness
from tests.factories import TOKEN, make_batch, make_request, make_verification

pytestmark = pytest.mark.django_db


def make_doubt(state: State, **fields: Any) -> InformationRequest:
    """A request that was uncertain at some time."""
    request = make_request(state, **fields)
    note_requests(EventKind.UNKNOWN, [request], reason=Reason.NO_ANSWER.value)
    return request


class TestTheRows:
    def test_say_whose_they_are_and_what_came_of_them(self) -> None:
        batch = make_batch(confirmed=True, questionnaire="page-0")
        request = make_request(State.ISSUED, batch=batch, verification=make_verification(scan_ref="a"))

        (row,) = witness.rows()

        assert (row.key, row.scan_ref, row.mark, row.state) == (request.pk, "a", "page-0", State.ISSUED)
        assert (row.token, row.uncertain_for, row.batch_has_stopped) == (TOKEN, "", False)
        assert row.confirmed_by == batch.confirmed_by_name
        assert row.sent_at is not None
        assert row.confirmed_at <= row.sent_at <= timezone.now().timestamp()

    def test_are_those_of_requests_and_not_of_plans(self) -> None:
        make_request(State.DRAFT)
        make_request(State.SKIPPED)

        assert list(witness.rows()) == []

    def test_are_uncertain_also_when_they_were_given_up_for_the_next(self) -> None:
        uncertain, given_up = make_doubt(State.UNKNOWN), make_doubt(State.CANCELLED, reason=Reason.GIVEN_UP)
        make_doubt(State.ISSUED, again_of=given_up)

        rows = {row.key: row for row in witness.rows()}

        assert [row.uncertain_for for row in rows.values()] == [Reason.NO_ANSWER, Reason.NO_ANSWER, ""]
        assert {row.follows for row in rows.values()} == {None, given_up.pk}
        assert uncertain.pk in rows

    def test_know_of_a_batch_that_has_stopped(self) -> None:
        request = make_request(State.QUEUED)
        RequestBatch.objects.filter(pk=request.batch_id).update(paused_at=timezone.now(), pause_reason="outage")

        (row,) = witness.rows()

        assert (row.sent_at, row.batch_has_stopped) == (None, True)


class TestTheLimits:
    def test_are_those_of_the_settings(self, settings: Any) -> None:
        settings.IDENFY_KYC = {"CONCURRENCY": 4, "CONNECT_TIMEOUT": 0.5, "READ_TIMEOUT": 2.0}

        limits = witness.limits()

        assert (limits.concurrency, limits.read_timeout, limits.call_deadline) == (4, 2.0, 2.5)
        assert limits.retry_waits == (60, 120, 300, 600)
