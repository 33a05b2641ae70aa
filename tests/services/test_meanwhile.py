"""What somebody else did between two of our statements: told by the database, or seen under the locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from idenfy_kyc import services
from idenfy_kyc.choices import Reason, State
from idenfy_kyc.exceptions import AlreadyOpen, PlanChanged
from idenfy_kyc.models import InformationRequest, RequestBatch
from idenfy_kyc.services import database
from idenfy_kyc.services.planning import Candidate
from tests.factories import make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db(transaction=True)

BATCHES, REQUESTS = RequestBatch._meta.db_table, InformationRequest._meta.db_table


@contextmanager
def just_before(table: str, act: Callable[[], Any], *, update: int = 1) -> Iterator[None]:
    """Do ``act`` once, right before our first (or which ``update``) UPDATE of ``table``."""
    seen: list[str] = []

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and table in sql.partition(" SET ")[0] and len(seen) < update:
            seen.append(sql)
            if len(seen) == update:
                act()
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield
    assert len(seen) == update


def ask(verification: Any, **asks: Any) -> InformationRequest:
    return services.request_information(verification, requested_by=None, note="n", questionnaire="q", **asks)


class TestRequestInformation:
    def test_sees_under_the_locks_that_the_client_was_asked_meanwhile(self, fake_idenfy: Any) -> None:
        verification = make_verification()
        other = make_verification(client_id=verification.client_id)

        with just_before(BATCHES, lambda: make_request(State.ISSUED, verification=other)), pytest.raises(AlreadyOpen):
            ask(verification)

        assert fake_idenfy.fake.posts() == []

    def test_believes_the_unique_columns(self) -> None:
        def refuse() -> None:
            raise IntegrityError("UNIQUE constraint failed")

        with transaction.atomic(), just_before(REQUESTS, refuse), pytest.raises(AlreadyOpen):
            ask(make_verification(), send=False)

        assert not RequestBatch.objects.exists()


class TestConfirm:
    def test_asks_nobody_when_one_was_left_out_in_that_moment(self) -> None:
        batch = services.plan(make_verifications(3), planned_by=None, note="n", questionnaire="q")
        first = batch.requests.order_by("pk")[0]

        def leave_out() -> None:
            InformationRequest.objects.filter(pk=first.pk).move(State.SKIPPED, reason=Reason.LEFT_OUT)

        with just_before(REQUESTS, leave_out), pytest.raises(PlanChanged):
            services.confirm(batch, by=None, expected=3)

        assert not batch.rows_in(State.QUEUED).exists()
        assert RequestBatch.objects.get().is_plan

    def test_asks_nobody_without_the_locks_even_if_what_was_in_the_way_is_over(self) -> None:
        batch = services.plan(make_verifications(2), planned_by=None, note="n", questionnaire="q")
        first = make_request(State.QUEUED, verification=batch.requests.order_by("pk")[0].verification)

        def withdraw() -> None:
            InformationRequest.objects.filter(pk=first.pk).move(State.CANCELLED, reason=Reason.WITHDRAWN)

        with just_before(BATCHES, withdraw, update=2), pytest.raises(PlanChanged) as refused:
            services.confirm(batch, by=None, expected=2)

        assert (refused.value.expected, refused.value.actual) == (2, 2)
        assert RequestBatch.objects.get(pk=batch.pk).is_plan
        assert services.confirm(batch, by=None, expected=2)

    def test_takes_nobody_out_of_a_plan_that_somebody_else_has_confirmed_by_then(self) -> None:
        batch = services.plan(make_verifications(2), planned_by=None, note="n", questionnaire="q")
        other_tab = RequestBatch.objects.get()

        with (
            just_before(BATCHES, lambda: services.confirm(other_tab, by=None, expected=2), update=3),
            pytest.raises(PlanChanged),
        ):
            services.confirm(batch, by=None, expected=1)

        assert batch.rows_in(State.QUEUED).count() == 2

    def test_asks_each_verification_without_a_client_id(self) -> None:
        batch = services.plan(make_verifications(2, client_id=""), planned_by=None, note="n", questionnaire="q")

        services.confirm(batch, by=None, expected=2)

        assert batch.rows_in(State.QUEUED).count() == 2


class TestTakeBack:
    """A batch that was confirmed in this very moment holds whom somebody confirmed, and nobody else."""

    @pytest.mark.parametrize("act", [services.take_back, services.leave_out])
    def test_changes_nothing_once_somebody_has_confirmed(self, act: Callable[..., int]) -> None:
        batch = services.plan(make_verifications(3), planned_by=None, note="n", questionnaire="q")
        keys = list(batch.requests.order_by("pk").values_list("pk", flat=True))
        services.leave_out(batch, keys[:1], by=None)
        other_tab = RequestBatch.objects.get()

        with just_before(BATCHES, lambda: services.confirm(other_tab, by=None, expected=2)):
            changed = act(batch, keys, by=None)

        assert changed == 0
        assert batch.rows_in(State.QUEUED).count() == 2
        assert batch.rows_in(State.SKIPPED).get().pk == keys[0]

    def test_makes_the_number_wrong_for_whoever_confirms_after_it(self) -> None:
        batch = services.plan(make_verifications(3), planned_by=None, note="n", questionnaire="q")
        keys = list(batch.requests.order_by("pk").values_list("pk", flat=True))
        services.leave_out(batch, keys[:1], by=None)

        with (
            just_before(BATCHES, lambda: services.take_back(RequestBatch.objects.get(), keys, by=None)),
            pytest.raises(PlanChanged) as refused,
        ):
            services.confirm(batch, by=None, expected=2)

        assert refused.value.actual == 3
        assert batch.rows_in(State.DRAFT).count() == 3


class TestRepeatOnConflict:
    @pytest.mark.parametrize("failures", [0, 1, 2])
    def test_gives_way_twice(self, failures: int) -> None:
        tries: list[int] = []

        def work() -> str:
            tries.append(1)
            if len(tries) <= failures:
                raise OperationalError("deadlock detected")
            return "done"

        assert database.repeat_on_conflict(work) == "done"
        assert len(tries) == failures + 1

    def test_gives_up_then(self) -> None:
        def work() -> None:
            raise OperationalError("deadlock detected")

        with pytest.raises(OperationalError):
            database.repeat_on_conflict(work)


class TestPreference:
    def test_compares_times_of_a_project_without_time_zones(self) -> None:
        older, newer = (Candidate(pk, "C-1", "APPROVED", datetime(year, 1, 1)) for pk, year in ((2, 2024), (1, 2025)))  # noqa: DTZ001

        assert max(older, newer, key=lambda candidate: candidate.preference) is newer
