"""Asking again while others do the same, or while iDenfy's answer comes after all: over connections of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from idenfy_kyc import services
from idenfy_kyc.api import InformationSession
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.exceptions import PlanChanged
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent
from idenfy_kyc.services import database
from idenfy_kyc.services.answers import outcome_of
from idenfy_kyc.services.claims import Claim, asks_of, write
from tests.factories import make_batch, make_request, make_verifications
from tests.services.test_meanwhile import BATCHES, just_before

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 12


@pytest.fixture
def uncertain() -> list[InformationRequest]:
    """Requests whose senders are presumed dead, and may not be."""
    batch = make_batch(confirmed=True)
    return [
        make_request(State.UNKNOWN, batch=batch, verification=verification, reason=Reason.SENDER_DIED)
        for verification in make_verifications(MANY)
    ]


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Each in a thread with a connection of its own, all beginning at one moment."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def press(batch: RequestBatch) -> bool:
    """Confirm as an officer does: again, once the page has shown what changed, while there is anybody to ask."""
    while batch.rows_in(State.DRAFT).exists():
        try:
            return services.confirm(batch, by=None, expected=batch.rows_in(State.DRAFT).count())
        except PlanChanged:
            continue
    return False


def late_link(request: InformationRequest) -> bool:
    """The answer arrives after all, as its sender would write it."""
    assert request.claim is not None
    claimed = Claim(request, request.claim, asks_of(request.batch, request))
    outcome = outcome_of(InformationSession(token="t", session_url="https://x.test/"))
    return database.insist(lambda: write(claimed, outcome), patience=20)


class TestTwoOfficers:
    def test_ask_each_client_once_more(self, uncertain: list[InformationRequest]) -> None:
        plans = [services.ask_again(uncertain, planned_by=None) for _ in range(2)]

        confirmed = at_once(*(lambda plan=plan: press(plan) for plan in plans))

        assert sorted(confirmed) == [False, True]
        assert InformationRequest.objects.filter(state=State.QUEUED).count() == MANY
        assert RequestEvent.objects.filter(kind=EventKind.GIVEN_UP).count() == MANY

    def test_pressing_one_button_ask_once(self, uncertain: list[InformationRequest]) -> None:
        plan = services.ask_again(uncertain, planned_by=None)

        confirmed = at_once(lambda: press(plan), lambda: press(RequestBatch.objects.get(pk=plan.pk)))

        assert sorted(confirmed) == [False, True]
        assert RequestEvent.objects.filter(kind=EventKind.GIVEN_UP).count() == MANY


class TestALateAnswer:
    def test_leaves_each_client_with_its_link_or_with_a_new_request(self, uncertain: list[InformationRequest]) -> None:
        plan = services.ask_again(uncertain, planned_by=None)

        at_once(lambda: press(plan), lambda: [late_link(request) for request in reversed(uncertain)])

        states = InformationRequest.objects.filter(again_of=None).values_list("state", "reason", "asked_again__state")
        assert set(states) <= {
            (State.ISSUED, "", State.SKIPPED),
            (State.CANCELLED, Reason.GIVEN_UP, State.QUEUED),
        }
        assert len(states) == MANY

    def test_that_comes_before_the_locks_is_seen_under_them(self, uncertain: list[InformationRequest]) -> None:
        plan = services.ask_again(uncertain[:2], planned_by=None)
        late = InformationRequest.objects.filter(pk=uncertain[0].pk)

        with just_before(BATCHES, lambda: late.move(State.ISSUED)), pytest.raises(PlanChanged):
            services.confirm(plan, by=None, expected=2)

        assert late.get().state == State.ISSUED
        assert plan.requests.get(again_of=uncertain[0]).reason == Reason.OPEN_REQUEST
        assert plan.requests.get(again_of=uncertain[1]).state == State.DRAFT
