from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.exceptions import TooMany
from idenfy_kyc.models import RequestBatch, RequestEvent, Verification
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


def drafted(batch: RequestBatch) -> set[int]:
    return set(batch.rows_in(State.DRAFT).values_list("verification_id", flat=True))


def reasons(batch: RequestBatch) -> dict[int, str]:
    return dict(batch.rows_in(State.SKIPPED).values_list("verification_id", "reason"))


class TestPlan:
    def test_freezes_the_selection_and_sends_nothing(self, officer: Any) -> None:
        verifications = make_verifications(3)

        batch = services.plan(verifications, planned_by=officer, selection="Status: Approved", note="annual review")

        assert batch.is_plan
        assert drafted(batch) == {v.pk for v in verifications}
        assert (batch.selection, batch.note) == ("Status: Approved", "annual review")
        assert (batch.planned_by, batch.planned_by_name) == (officer, "Rasa Kazlauskienė")
        line = RequestEvent.objects.get()
        assert (line.kind, line.actor, line.params) == (EventKind.PLANNED, officer, {"clients": 3, "chosen": 3})

    @pytest.mark.parametrize("status", ["DELETED", "ARCHIVED", "EXPIRED", "EXPIRED-DELETED", "ACTIVE"])
    def test_leaves_out_what_may_not_be_asked(self, officer: Any, status: str) -> None:
        verification = make_verification(status=status)

        batch = services.plan([verification], planned_by=officer)

        request = batch.requests.get()
        assert (request.state, request.reason) == (State.SKIPPED, Reason.INELIGIBLE)
        assert request.reason_params == {"status": status}

    @pytest.mark.parametrize("status", ["", "DENIED", "SUSPECTED", "REVIEWING", "A-NEW-WORD"])
    def test_takes_what_is_doubtful_or_not_known_yet(self, officer: Any, status: str) -> None:
        batch = services.plan([make_verification(status=status)], planned_by=officer)

        assert batch.requests.get().state == State.DRAFT

    @pytest.mark.parametrize("state", [State.QUEUED, State.SENDING, State.ISSUED, State.UNKNOWN])
    def test_leaves_out_a_verification_with_an_open_request(self, officer: Any, state: State) -> None:
        earlier = make_request(state)

        batch = services.plan([earlier.verification], planned_by=officer)

        request = batch.requests.get()
        assert (request.state, request.reason) == (State.SKIPPED, Reason.OPEN_REQUEST)
        until = earlier.expires_at and earlier.expires_at.replace(second=0, microsecond=0).isoformat()
        assert request.reason_params == {
            "by": "Rasa Kazlauskienė",
            "at": earlier.batch.confirmed_at and earlier.batch.confirmed_at.isoformat(),
            "until": until,
        }

    def test_leaves_out_a_client_with_an_open_request_of_another_verification(self, officer: Any) -> None:
        earlier = make_request(State.ISSUED)
        other = make_verification(client_id=earlier.verification.client_id)

        batch = services.plan([other], planned_by=officer)

        assert reasons(batch) == {other.pk: Reason.OPEN_REQUEST}

    def test_leaves_out_a_client_whose_id_was_corrected_while_a_request_was_open(self, officer: Any) -> None:
        earlier = make_request(State.ISSUED)
        Verification.objects.filter(pk=earlier.verification_id).update(client_id="C-corrected")
        other = make_verification(client_id="C-corrected")

        batch = services.plan([other], planned_by=officer)

        assert reasons(batch) == {other.pk: Reason.OPEN_REQUEST}

    def test_leaves_out_a_client_who_is_being_asked_once_for_each_verification(self, officer: Any) -> None:
        earlier = make_request(State.ISSUED, batch=make_batch(confirmed=True, per_verification=True))
        other = make_verification(client_id=earlier.verification.client_id)

        batch = services.plan([other], planned_by=officer)

        assert reasons(batch) == {other.pk: Reason.OPEN_REQUEST}

    @pytest.mark.parametrize("state", [State.REFUSED, State.COMPLETED, State.EXPIRED, State.CANCELLED, State.SKIPPED])
    def test_takes_a_client_whose_earlier_request_is_over(self, officer: Any, state: State) -> None:
        earlier = make_request(state)

        batch = services.plan([earlier.verification], planned_by=officer)

        assert drafted(batch) == {earlier.verification_id}

    def test_takes_a_client_whose_time_is_over_and_writes_that_down(self, officer: Any) -> None:
        earlier = make_request(State.ISSUED)

        with time_machine.travel(timezone.now() + timedelta(days=15)):
            batch = services.plan([earlier.verification], planned_by=officer)

        earlier.refresh_from_db()
        assert earlier.state == State.EXPIRED
        assert drafted(batch) == {earlier.verification_id}

    def test_takes_clients_of_two_plans_at_once(self, officer: Any) -> None:
        verifications = make_verifications(2)

        services.plan(verifications, planned_by=officer)
        batch = services.plan(verifications, planned_by=officer)

        assert len(drafted(batch)) == 2


class TestAsks:
    @pytest.mark.parametrize("name", ["confirmed_at", "fingerprint", "planned_at", "pause_reason"])
    def test_are_nothing_but_what_can_be_asked(self, officer: Any, name: str) -> None:
        with pytest.raises(TypeError, match=name):
            services.plan([make_verification()], planned_by=officer, **{name: "x"})  # type: ignore[arg-type]

        assert not RequestBatch.objects.exists()


class TestOneClient:
    """Of the verifications of one client, the newest approved one is asked for."""

    DAY = datetime(2025, 5, 5, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("others", "wanted"),
        [
            ([("APPROVED", 1), ("APPROVED", 3), ("APPROVED", 2)], 1),
            ([("APPROVED", 1), ("DENIED", 9)], 0),
            ([("DENIED", 9), ("APPROVED", 1)], 1),
            ([("DENIED", 1), ("REVIEWING", 2)], 1),
            ([("APPROVED", None), ("APPROVED", 1)], 1),
            ([("APPROVED", None), ("DENIED", 1)], 0),
            ([("APPROVED", None), ("APPROVED", None)], 1),
            ([("DELETED", 9), ("APPROVED", 1)], 1),
            ([("DELETED", 9), ("DENIED", None)], 1),
        ],
    )
    def test_is_asked_once(self, officer: Any, others: list[tuple[str, int | None]], wanted: int) -> None:
        verifications = [
            make_verification(
                client_id="C-1", status=status, verified_at=None if days is None else self.DAY + timedelta(days=days)
            )
            for status, days in others
        ]

        batch = services.plan(verifications, planned_by=officer)

        assert drafted(batch) == {verifications[wanted].pk}
        left_out = {v.pk: v.status for n, v in enumerate(verifications) if n != wanted}
        assert reasons(batch) == {
            pk: Reason.INELIGIBLE if status == "DELETED" else Reason.SAME_CLIENT for pk, status in left_out.items()
        }

    def test_without_an_id_is_nobody(self, officer: Any) -> None:
        batch = services.plan(make_verifications(3, client_id=""), planned_by=officer)

        assert len(drafted(batch)) == 3

    def test_is_not_taken_for_another_one_of_similar_name(self, officer: Any) -> None:
        verifications = [make_verification(client_id=client_id) for client_id in ("a", "A", "ä", "a ")]

        batch = services.plan(verifications, planned_by=officer)

        assert len(drafted(batch)) == 4

    def test_is_asked_for_each_verification_if_the_plan_says_so(self, officer: Any) -> None:
        open_one = make_request(State.ISSUED, verification=make_verification(client_id="C-1"))
        others = make_verifications(2, client_id="C-1")

        batch = services.plan([*others, open_one.verification], planned_by=officer, per_verification=True)

        assert batch.per_verification
        assert drafted(batch) == {v.pk for v in others}
        assert reasons(batch) == {open_one.verification_id: Reason.OPEN_REQUEST}
        assert not batch.requests.exclude(client_key=None).exists()

    def test_of_many_verifications_is_asked_once_each(self, officer: Any) -> None:
        """800 verifications of 700 clients."""
        make_verifications(700)
        for verification in Verification.objects.all()[:100]:
            make_verification(client_id=verification.client_id, verified_at=datetime(2026, 1, 1, tzinfo=UTC))

        batch = services.plan(Verification.objects.all(), planned_by=officer)

        clients = batch.rows_in(State.DRAFT).values_list("verification__client_id", flat=True)
        assert len(clients) == len(set(clients)) == 700
        assert batch.rows_in(State.DRAFT).filter(verification__verified_at__year=2026).count() == 100


INPUTS: dict[str, Callable[[], Iterable[Verification]]] = {
    "a list": lambda: list(Verification.objects.all()),
    "a generator": lambda: (v for v in Verification.objects.all()),
    "a queryset": Verification.objects.all,
    "a queryset with duplicates by a join": lambda: Verification.objects.filter(requests__state=State.EXPIRED),
    "a distinct queryset": lambda: Verification.objects.filter(requests__state=State.EXPIRED).distinct(),
    "an ordered queryset": lambda: Verification.objects.order_by("-name", "requests__sent_at"),
    "a queryset in the order of a join": lambda: Verification.objects.order_by("-requests__sent_at").distinct(),
    "a sliced queryset": lambda: Verification.objects.order_by("-pk")[:3],
    "an annotated queryset": lambda: Verification.objects.annotate(asked=Count("requests")).filter(asked=2),
    "a union": lambda: Verification.objects.filter(status="APPROVED").union(Verification.objects.all()),
    "the same ones twice": lambda: [*Verification.objects.all(), *Verification.objects.all()],
    "rows of which only the key is loaded": lambda: Verification.objects.only("pk"),
}


class TestInput:
    @pytest.mark.parametrize("of", list(INPUTS))
    def test_is_taken_as(self, officer: Any, of: str) -> None:
        verifications = make_verifications(3)
        for verification in verifications:
            for _ in range(2):
                make_request(State.EXPIRED, verification=verification, batch=make_batch(confirmed=True))

        batch = services.plan(INPUTS[of](), planned_by=officer)

        assert drafted(batch) == {v.pk for v in verifications}
        assert batch.requests.count() == 3

    def test_may_be_empty(self, officer: Any) -> None:
        batch = services.plan(Verification.objects.none(), planned_by=officer)

        assert not batch.requests.exists()

    @pytest.mark.parametrize("of", ["a list", "a generator", "a queryset", "a queryset with duplicates by a join"])
    def test_may_not_be_more_than_the_setting_says(self, officer: Any, configure: Any, of: str) -> None:
        for verification in make_verifications(4):
            for _ in range(2):
                make_request(State.EXPIRED, verification=verification, batch=make_batch(confirmed=True))
        configure(MAX_BATCH_SIZE=3)
        before = RequestBatch.objects.count()

        with pytest.raises(TooMany) as refused:
            services.plan(INPUTS[of](), planned_by=officer)

        assert refused.value.limit == 3
        assert RequestBatch.objects.count() == before

    def test_may_be_exactly_as_many(self, officer: Any, configure: Any) -> None:
        configure(MAX_BATCH_SIZE=3)

        batch = services.plan(make_verifications(3), planned_by=officer)

        assert batch.requests.count() == 3


@pytest.mark.no_cover
class TestQueries:
    def test_are_as_many_for_each_thousand_and_at_most_one_for_fifty_rows(self, officer: Any) -> None:
        first = make_verifications(2000)[0].pk
        counts = {}

        for size in (500, 2000):
            with CaptureQueriesContext(connection) as captured:
                services.plan(Verification.objects.filter(pk__lt=first + size), planned_by=officer)
            counts[size] = len(captured)

        assert counts[2000] <= 2000 / 50
        assert counts[2000] <= 4 * counts[500]
