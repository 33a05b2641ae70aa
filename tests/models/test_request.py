from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from idenfy_kyc.choices import CLOSED, ENDS_BY_CLOCK, MOVES, OPEN, State
from idenfy_kyc.models import InformationRequest, client_digest
from tests.factories import LINK, make_batch, make_request, make_verification

pytestmark = pytest.mark.django_db

TABLE = {
    "draft": {"queued", "skipped"},
    "skipped": {"draft"},
    "queued": {"sending", "cancelled"},
    "sending": {"issued", "refused", "unknown", "queued", "completed"},
    "issued": {"completed", "expired", "cancelled"},
    "unknown": {"issued", "refused", "completed", "expired", "cancelled"},
    "refused": set(),
    "completed": set(),
    "expired": {"completed"},
    "cancelled": {"completed"},
}
"""The design's table of states, written down a second time so that nobody changes it by accident."""

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


class TestMoves:
    def test_are_those_of_the_design(self) -> None:
        assert {old.value: {new.value for new in news} for old, news in MOVES.items()} == TABLE

    @pytest.mark.parametrize(("old", "new"), list(itertools.product(State, State)))
    def test_leave_every_pair_of_states_with_the_right_guards(self, old: State, new: State) -> None:
        request = make_request(old)

        moved = InformationRequest.objects.filter(pk=request.pk).move(new)

        request.refresh_from_db()
        allowed = new.value in TABLE[old.value]
        state = new if allowed else old
        assert moved == allowed
        assert request.state == state
        assert request.open_verification_id == (request.verification_id if state in OPEN else None)
        assert request.open_client == (request.client_key if state in OPEN else None)

    @pytest.mark.parametrize("new", [State.COMPLETED, State.EXPIRED, State.CANCELLED])
    def test_clear_the_secrets_that_have_had_their_use(self, new: State) -> None:
        request = make_request(State.ISSUED)

        InformationRequest.objects.filter(pk=request.pk).move(new)

        request.refresh_from_db()
        assert (request.session_url, request.token) == ("", "")

    def test_take_no_secret_along_into_a_closed_state(self) -> None:
        request = make_request(State.ISSUED)

        InformationRequest.objects.filter(pk=request.pk).move(State.CANCELLED, session_url=LINK, token="t")

        request.refresh_from_db()
        assert (request.session_url, request.token) == ("", "")

    def test_set_other_columns_in_the_same_update(self, django_assert_num_queries: Any) -> None:
        request = make_request(State.SENDING)

        with django_assert_num_queries(1):
            InformationRequest.objects.filter(pk=request.pk).move(State.ISSUED, session_url=LINK, issued_at=NOON)

        request.refresh_from_db()
        assert (request.session_url, request.issued_at) == (LINK, NOON)

    def test_move_only_those_rows_of_many_that_may(self) -> None:
        requests = [make_request(state) for state in (State.ISSUED, State.UNKNOWN, State.REFUSED, State.QUEUED)]

        moved = InformationRequest.objects.filter(pk__in=[r.pk for r in requests]).move(State.EXPIRED)

        assert moved == 2
        assert InformationRequest.objects.filter(state=State.EXPIRED).count() == 2


class TestGuard:
    """What the database itself refuses, whatever the code above it does."""

    @pytest.mark.parametrize("state", sorted(OPEN))
    def test_refuses_an_open_request_without_its_guard(self, state: State) -> None:
        request = make_request(state)

        with pytest.raises(IntegrityError), transaction.atomic():
            InformationRequest.objects.filter(pk=request.pk).update(open_verification=None, open_client=None)

    @pytest.mark.parametrize("state", sorted(OPEN))
    def test_refuses_an_open_request_that_guards_another_verification(self, state: State) -> None:
        request = make_request(state)

        with pytest.raises(IntegrityError), transaction.atomic():
            InformationRequest.objects.filter(pk=request.pk).update(open_verification=make_verification())

    @pytest.mark.parametrize("state", sorted(CLOSED))
    def test_refuses_a_closed_request_with_a_guard(self, state: State) -> None:
        request = make_request(state)

        with pytest.raises(IntegrityError), transaction.atomic():
            InformationRequest.objects.filter(pk=request.pk).update(open_verification=request.verification)
        with pytest.raises(IntegrityError), transaction.atomic():
            InformationRequest.objects.filter(pk=request.pk).update(open_client=request.client_key)

    @pytest.mark.parametrize("state", ["qeued", "isued", "", " queued"])
    @pytest.mark.parametrize("start", [State.QUEUED, State.DRAFT])
    def test_refuses_a_misspelt_state(self, start: State, state: str) -> None:
        request = make_request(start)

        with pytest.raises(IntegrityError), transaction.atomic():
            InformationRequest.objects.filter(pk=request.pk).update(state=state)

    def test_refuses_a_second_open_request_of_one_verification(self) -> None:
        request = make_request(State.ISSUED)

        with pytest.raises(IntegrityError), transaction.atomic():
            make_request(State.QUEUED, verification=request.verification, open_client=None)

    def test_refuses_a_second_open_request_of_one_client(self) -> None:
        request = make_request(State.ISSUED)
        other = make_verification(client_id=request.verification.client_id)

        with pytest.raises(IntegrityError), transaction.atomic():
            make_request(State.QUEUED, verification=other)

    def test_refuses_one_verification_twice_in_a_batch(self) -> None:
        request = make_request(State.SKIPPED)

        with pytest.raises(IntegrityError), transaction.atomic():
            make_request(State.DRAFT, verification=request.verification, batch=request.batch)

    def test_takes_clients_whose_ids_differ_in_case_or_accent_for_different_ones(self) -> None:
        for client_id in ("a", "A", "ä", "Ä", "a "):
            make_request(State.ISSUED, verification=make_verification(client_id=client_id))

        assert InformationRequest.objects.open_now().count() == 5

    def test_lets_many_verifications_without_a_client_be_open(self) -> None:
        for _ in range(3):
            make_request(State.QUEUED, verification=make_verification(client_id=""))

        assert InformationRequest.objects.filter(open_client=None).count() == 3

    def test_lets_a_client_be_asked_for_each_verification_if_the_plan_says_so(self) -> None:
        batch = make_batch(confirmed=True, per_verification=True)

        for _ in range(2):
            make_request(State.QUEUED, batch=batch, verification=make_verification(client_id="C-1"))

        assert batch.requests.open_now().count() == 2


class TestClock:
    """``expires_at`` decides, to the microsecond, and nobody need have written anything down."""

    @pytest.mark.parametrize("state", sorted(ENDS_BY_CLOCK))
    @pytest.mark.parametrize(("after", "over"), [(timedelta(microseconds=-1), False), (timedelta(), True)])
    def test_ends_a_request_at_the_exact_moment(self, state: State, after: timedelta, over: bool) -> None:
        request = make_request(state, expires_at=NOON)

        with time_machine.travel(NOON + after, tick=False):
            shown = request.shown_state
            overdue = request.is_overdue()
            counted = {wanted: InformationRequest.objects.shown_as([wanted]).count() for wanted in State}
            open_now = InformationRequest.objects.open_now().exists()
            found = InformationRequest.objects.overdue().exists()

        expected = State.EXPIRED if over else state
        assert shown is expected
        assert overdue is over
        assert found is over
        assert open_now is not over
        assert {wanted for wanted, count in counted.items() if count} == {expected}

    @pytest.mark.parametrize("state", sorted(set(State) - ENDS_BY_CLOCK))
    def test_touches_no_other_state(self, state: State) -> None:
        request = make_request(state, expires_at=NOON)

        with time_machine.travel(NOON + timedelta(days=1), tick=False):
            assert request.shown_state is state
            assert not InformationRequest.objects.overdue().exists()
            assert InformationRequest.objects.shown_as([state]).get() == request

    def test_shows_each_request_in_one_state_only(self) -> None:
        with time_machine.travel(NOON, tick=False):
            for state in State:
                make_request(state, expires_at=NOON + timedelta(hours=1))
                make_request(state, expires_at=NOON)

            counts = {state: InformationRequest.objects.shown_as([state]).count() for state in State}

        assert counts == dict.fromkeys(State, 2) | {State.ISSUED: 1, State.UNKNOWN: 1, State.EXPIRED: 4}

    def test_ends_the_link_too(self) -> None:
        with time_machine.travel(NOON, tick=False):
            assert make_request(State.ISSUED, expires_at=NOON + timedelta(seconds=1)).has_link
            assert not make_request(State.ISSUED, expires_at=NOON).has_link
            assert not make_request(State.UNKNOWN, expires_at=NOON + timedelta(seconds=1)).has_link


class TestInformationRequest:
    def test_says_nothing_personal_or_secret_of_itself(self) -> None:
        request = make_request(State.ISSUED)
        verification = request.verification
        verification.name, verification.client_id = "Ona Onaitytė", "C-ONA"

        words = f"{request} {request!r} {verification} {verification!r} {request.batch} {request.batch!r}"

        for secret in ("Ona", "C-ONA", "s3cret", "annual review", "Kazlauskienė"):
            assert secret not in words

    def test_is_found_in_flight_only_while_its_claim_is_young(self) -> None:
        make_request(State.SENDING, sent_at=NOON)
        make_request(State.ISSUED, sent_at=NOON)

        assert InformationRequest.objects.in_flight(NOON - timedelta(seconds=1)).count() == 1
        assert InformationRequest.objects.in_flight(NOON).count() == 0


class TestClientDigest:
    def test_tells_clients_apart_that_a_collation_would_not(self) -> None:
        digests = {client_digest(client_id) for client_id in ("a", "A", "ä", "a ", "á", "a\u0301", "")}

        assert len(digests) == 7

    def test_is_none_for_nobody(self) -> None:
        assert client_digest("") is None


class TestNeedingDecision:
    """What waits for a person, and nothing that goes on by itself."""

    LONG_AGO = NOON - timedelta(hours=1)
    JUST_NOW = NOON - timedelta(seconds=30)

    def is_needed(self, request: InformationRequest) -> bool:
        return InformationRequest.objects.needing_decision(NOON).filter(pk=request.pk).exists()

    @pytest.mark.parametrize(("left", "needed"), [(timedelta(seconds=1), True), (timedelta(0), False)])
    def test_has_uncertain_ones_until_their_time_is_over(self, left: timedelta, needed: bool) -> None:
        assert self.is_needed(make_request(State.UNKNOWN, expires_at=NOON + left)) == needed

    @pytest.mark.parametrize(("minutes", "needed"), [(14, False), (15, True)])
    def test_has_those_whose_sender_is_presumed_dead(self, minutes: int, needed: bool) -> None:
        sent_at = NOON - timedelta(minutes=minutes)

        request = make_request(State.SENDING, sent_at=sent_at, expires_at=NOON + timedelta(days=1))

        assert self.is_needed(request) == needed

    @pytest.mark.parametrize("state", sorted(set(State) - {State.UNKNOWN, State.QUEUED}))
    def test_has_no_other_state(self, state: State) -> None:
        request = make_request(state, batch=make_batch(confirmed=True, confirmed_at=self.LONG_AGO))

        assert not self.is_needed(request)

    @pytest.mark.parametrize(
        ("batch", "needed"),
        [
            ({"confirmed_at": LONG_AGO}, True),
            ({"confirmed_at": JUST_NOW}, False),
            ({"confirmed_at": LONG_AGO, "continued_at": LONG_AGO}, True),
            ({"confirmed_at": LONG_AGO, "continued_at": JUST_NOW}, False),
            ({"confirmed_at": JUST_NOW, "paused_at": JUST_NOW, "pause_reason": "person"}, True),
            ({"confirmed_at": LONG_AGO, "paused_until": NOON + timedelta(hours=1)}, False),
            ({"confirmed_at": LONG_AGO, "paused_until": JUST_NOW}, False),
            ({"confirmed_at": LONG_AGO, "paused_until": LONG_AGO}, True),
        ],
    )
    def test_has_queued_ones_that_nobody_sends(self, batch: dict[str, Any], needed: bool) -> None:
        if "paused_until" in batch:
            batch |= {"paused_at": self.LONG_AGO, "pause_reason": "unreachable"}

        assert self.is_needed(make_request(State.QUEUED, batch=make_batch(confirmed=True, **batch))) == needed

    @pytest.mark.parametrize(("sent_at", "needed"), [(JUST_NOW, False), (LONG_AGO, True)])
    def test_leaves_a_batch_to_its_sender_while_it_calls(self, sent_at: datetime, needed: bool) -> None:
        batch = make_batch(confirmed=True, confirmed_at=self.LONG_AGO)
        make_request(State.ISSUED, batch=batch, sent_at=sent_at)

        assert self.is_needed(make_request(State.QUEUED, batch=batch)) == needed


class TestRefusedBeside:
    @pytest.mark.parametrize(
        ("earlier", "found"),
        [
            ({}, True),
            ({"sent_at": None}, False),
            ({"expires_at": NOON - timedelta(days=1)}, False),
            ({"state": State.EXPIRED}, False),
        ],
    )
    def test_is_what_idenfy_refused_while_an_earlier_one_may_have_been_pending(
        self, earlier: dict[str, Any], found: bool
    ) -> None:
        end = NOON + timedelta(days=9)
        fields: dict[str, Any] = {"state": State.CANCELLED, "expires_at": end} | earlier
        first = make_request(**fields)
        refused = make_request(State.REFUSED, verification=first.verification, outcome_at=NOON)
        make_request(State.REFUSED, outcome_at=NOON)

        held: list[Any] = list(InformationRequest.objects.refused_beside())

        assert [(row, row.held_until) for row in held] == ([(refused, end)] if found else [])
