from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.exceptions import PlanChanged, SecondPersonNeeded
from idenfy_kyc.models import RequestBatch, RequestEvent, Verification, client_digest
from tests.factories import make_request, make_user, make_verification, make_verifications

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(officer: Any) -> RequestBatch:
    """A plan of three clients."""
    return services.plan(make_verifications(3), planned_by=officer, note="annual review", questionnaire="q")


def first_of(batch: RequestBatch) -> Verification:
    return batch.requests.order_by("pk")[0].verification


class TestConfirm:
    def test_queues_every_draft_and_says_who_did(self, batch: RequestBatch, officer: Any) -> None:
        confirmed = services.confirm(batch, by=officer, expected=3)

        batch.refresh_from_db()
        assert confirmed
        assert (batch.confirmed_by, batch.confirmed_by_name) == (officer, "Rasa Kazlauskienė")
        assert batch.rows_in(State.QUEUED).count() == 3
        line = RequestEvent.objects.get(kind=EventKind.CONFIRMED)
        assert (line.actor, line.params) == (officer, {"clients": 3})

    def test_takes_what_is_asked_from_memory(self, batch: RequestBatch, officer: Any) -> None:
        batch.questionnaire, batch.lifetime, batch.note = " other ", timedelta(days=3), "because"

        services.confirm(batch, by=officer)

        stored = RequestBatch.objects.get()
        assert (stored.questionnaire, stored.lifetime, stored.note) == ("other", timedelta(days=3), "because")

    def test_does_nothing_twice(self, batch: RequestBatch, officer: Any) -> None:
        other_tab = RequestBatch.objects.get()

        first = services.confirm(batch, by=officer, expected=3)
        at = RequestBatch.objects.get().confirmed_at
        other_tab.questionnaire = "another"
        second = services.confirm(other_tab, by=None, expected=3)

        stored = RequestBatch.objects.get()
        assert (first, second) == (True, False)
        assert (stored.confirmed_at, stored.confirmed_by, stored.questionnaire) == (at, officer, "q")
        assert RequestEvent.objects.filter(kind=EventKind.CONFIRMED).count() == 1

    def test_asks_only_whom_it_was_planned_to(self, batch: RequestBatch, officer: Any) -> None:
        services.leave_out(batch, [batch.requests.order_by("pk")[0].pk], by=officer)

        services.confirm(batch, by=officer, expected=2)

        assert batch.rows_in(State.QUEUED).count() == 2
        assert batch.rows_in(State.SKIPPED).count() == 1

    def test_keeps_the_last_four_digits_with_the_request(self, officer: Any) -> None:
        batch = services.plan(make_verifications(1), planned_by=officer, note="n", bank_card_verification=True)

        services.confirm(batch, by=officer, expected=1, last_four="0042")

        assert batch.requests.get().bank_card_expected_last_four == "0042"

    def test_needs_as_many_queries_for_few_as_for_many_clients(
        self, officer: Any, django_assert_max_num_queries: Any
    ) -> None:
        batch = services.plan(make_verifications(450), planned_by=officer, note="n", questionnaire="q")

        with django_assert_max_num_queries(25):
            services.confirm(batch, by=officer, expected=450)


class TestPlanChanged:
    """The number on the button is a promise: if it no longer holds, nothing is queued."""

    def refuse(self, batch: RequestBatch, expected: int, actual: int) -> None:
        with pytest.raises(PlanChanged) as refused:
            services.confirm(batch, by=None, expected=expected)

        batch.refresh_from_db()
        assert (refused.value.expected, refused.value.actual) == (expected, actual)
        assert batch.is_plan
        assert not batch.rows_in(State.QUEUED).exists()
        assert not RequestEvent.objects.filter(kind=EventKind.CONFIRMED).exists()

    @pytest.mark.parametrize("expected", [2, 4])
    def test_by_somebody_who_saw_another_number(self, batch: RequestBatch, expected: int) -> None:
        self.refuse(batch, expected, 3)

    @pytest.mark.parametrize("of_another_verification", [False, True])
    def test_by_somebody_who_asked_a_client_and_got_the_answer(
        self, batch: RequestBatch, of_another_verification: bool
    ) -> None:
        verification = first_of(batch)
        if of_another_verification:
            verification = make_verification(client_id=verification.client_id)
        services.mark_answered([make_request(State.ISSUED, verification=verification)], by=None, note="on paper")

        self.refuse(batch, 3, 2)

        assert batch.rows_in(State.SKIPPED).get().reason == Reason.OVERTAKEN

    def test_not_by_answers_from_before_the_plan(self, batch: RequestBatch) -> None:
        before = batch.planned_at - timedelta(minutes=1)
        make_request(State.COMPLETED, verification=first_of(batch), ended_at=before)

        assert services.confirm(batch, by=None, expected=3)

    def test_not_by_an_answer_about_another_verification_where_each_one_is_asked(self) -> None:
        verification, other = make_verifications(2, client_id="C-1")
        batch = services.plan([other], planned_by=None, per_verification=True, note="n", questionnaire="q")
        make_request(State.COMPLETED, verification=verification)

        assert services.confirm(batch, by=None, expected=1)

    def test_not_by_the_answer_of_somebody_else_without_a_client_id(self) -> None:
        batch = services.plan([make_verification(client_id="")], planned_by=None, note="n", questionnaire="q")
        make_request(State.COMPLETED, verification=make_verification(client_id=""))

        assert services.confirm(batch, by=None, expected=1)

    def test_by_somebody_who_saw_as_many_others(self, batch: RequestBatch) -> None:
        keys = list(batch.requests.order_by("pk").values_list("pk", flat=True))
        services.leave_out(batch, keys[:1], by=None)
        shown = services.digest_of(keys[1:])
        services.leave_out(batch, keys[2:], by=None)
        services.take_back(batch, keys[:1], by=None)

        with pytest.raises(PlanChanged):
            services.confirm(batch, by=None, expected=2, shown=shown)

        assert RequestBatch.objects.get().is_plan
        assert services.confirm(batch, by=None, expected=2, shown=services.digest_of(keys[:2]))

    def test_by_somebody_who_asked_one_of_the_verifications(self, batch: RequestBatch) -> None:
        earlier = make_request(State.QUEUED, verification=first_of(batch))

        self.refuse(batch, 3, 2)

        skipped = batch.rows_in(State.SKIPPED).get()
        at = earlier.batch.confirmed_at and earlier.batch.confirmed_at.isoformat()
        assert (skipped.reason, skipped.reason_params["at"]) == (Reason.OPEN_REQUEST, at)
        line = RequestEvent.objects.get(kind=EventKind.NOT_ASKED)
        assert (line.batch, line.params) == (batch, {"reason": "open_request", "clients": 1})

    def test_says_it_of_many_in_as_many_queries_as_of_one(self, django_assert_max_num_queries: Any) -> None:
        verifications = make_verifications(450)
        batch, other = (services.plan(verifications, planned_by=None, note="n", questionnaire="q") for _ in range(2))
        services.confirm(other, by=None)

        with pytest.raises(PlanChanged), django_assert_max_num_queries(25):
            services.confirm(batch, by=None, expected=450)

        assert batch.rows_in(State.SKIPPED).count() == 450

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("late", [True, False])
    def test_lets_go_of_the_clients_before_it_writes_who_is_not_asked(self, batch: RequestBatch, late: bool) -> None:
        """Others wait for them: of four who press at once, the last would wait for what three have to write."""
        asked = first_of(batch) if late else make_verification(client_id=first_of(batch).client_id)
        make_request(State.QUEUED, verification=asked)

        with CaptureQueriesContext(connection) as done:
            self.refuse(batch, 3, 2)

        said = [query["sql"] for query in done.captured_queries]
        written = next(at for at, sql in enumerate(said) if "INSERT INTO" in sql and RequestEvent._meta.db_table in sql)
        read = max(at for at, sql in enumerate(said) if Verification._meta.db_table in sql)
        assert "COMMIT" in said[read:written]

    @pytest.mark.django_db(transaction=True)
    def test_locks_no_client_once_somebody_else_was_first(self, batch: RequestBatch) -> None:
        """He waits at the first one, and lets go of it: of many losers none waits for what another one looks at."""
        make_request(State.QUEUED, verification=first_of(batch))

        with CaptureQueriesContext(connection) as done:
            self.refuse(batch, 3, 2)

        said = [query["sql"] for query in done.captured_queries]
        locks = [at for at, sql in enumerate(said) if sql.endswith("FOR UPDATE")]
        assert len(locks) == connection.features.has_select_for_update
        assert all(said[at + 1] == "COMMIT" for at in locks)

    def test_by_somebody_who_asked_the_same_client(self, batch: RequestBatch) -> None:
        make_request(State.ISSUED, verification=make_verification(client_id=first_of(batch).client_id))

        self.refuse(batch, 3, 2)

        assert batch.rows_in(State.SKIPPED).get().reason == Reason.OPEN_REQUEST

    def test_by_a_status_that_came_in_between(self, batch: RequestBatch) -> None:
        verification = first_of(batch)
        Verification.objects.filter(pk=verification.pk).update(status="DELETED")

        self.refuse(batch, 3, 2)

        skipped = batch.rows_in(State.SKIPPED).get()
        assert (skipped.reason, skipped.reason_params) == (Reason.INELIGIBLE, {"status": "DELETED"})

    def test_by_a_verification_that_turned_out_to_be_another_clients(self, batch: RequestBatch) -> None:
        first, second, _third = (request.verification for request in batch.requests.order_by("pk"))
        Verification.objects.filter(pk=second.pk).update(client_id=first.client_id)

        self.refuse(batch, 3, 2)

        assert batch.rows_in(State.SKIPPED).get().reason == Reason.SAME_CLIENT

    def test_by_a_client_id_that_became_that_of_a_client_with_an_open_request(self, batch: RequestBatch) -> None:
        earlier = make_request(State.ISSUED)
        Verification.objects.filter(pk=first_of(batch).pk).update(client_id=earlier.verification.client_id)

        self.refuse(batch, 3, 2)

    def test_until_nobody_is_left(self, batch: RequestBatch) -> None:
        Verification.objects.update(status="ARCHIVED")

        with pytest.raises(PlanChanged) as refused:
            services.confirm(batch, by=None)

        assert refused.value.actual == 0
        assert batch.rows_in(State.SKIPPED).count() == 3

    def test_is_over_with_the_number_that_the_page_shows_then(self, batch: RequestBatch) -> None:
        make_request(State.QUEUED, verification=first_of(batch))
        self.refuse(batch, 3, 2)

        assert services.confirm(batch, by=None, expected=2)
        assert batch.rows_in(State.QUEUED).count() == 2

    def test_does_not_follow_from_a_client_id_that_changed_for_nobody_else(self, batch: RequestBatch) -> None:
        first = batch.requests.order_by("pk")[0]
        Verification.objects.filter(pk=first.verification_id).update(client_id="C-new")

        services.confirm(batch, by=None, expected=3)

        first.refresh_from_db()
        assert first.open_client == first.client_key == client_digest("C-new")

    def test_does_not_follow_from_an_open_request_whose_time_is_over(self, batch: RequestBatch) -> None:
        earlier = make_request(State.UNKNOWN, verification=first_of(batch))

        with time_machine.travel(timezone.now() + timedelta(days=15)):
            confirmed = services.confirm(batch, by=None, expected=3)

        earlier.refresh_from_db()
        assert confirmed
        assert earlier.state == State.EXPIRED


class TestRefusals:
    def test_name_the_settings_that_are_missing(self, batch: RequestBatch, settings: Any) -> None:
        settings.IDENFY_KYC = {}

        with pytest.raises(ImproperlyConfigured, match="API_KEY and API_SECRET"):
            services.confirm(batch, by=None)
        assert RequestBatch.objects.get().is_plan

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("lifetime", timedelta(minutes=5)),
            ("lifetime", None),
            ("lifetime", "nonsense"),
            ("note", " "),
            ("note", "x" * 501),
            ("questionnaire", "x" * 201),
            ("risk_assessment_profile", "3f2d0e6a"),
        ],
    )
    def test_stand_at_the_field_and_queue_nothing(self, batch: RequestBatch, field: str, value: Any) -> None:
        setattr(batch, field, value)

        with pytest.raises(ValidationError) as refused:
            services.confirm(batch, by=None)

        assert list(refused.value.message_dict) == [field]
        assert RequestBatch.objects.get().is_plan
        assert not batch.rows_in(State.QUEUED).exists()

    @pytest.mark.parametrize("last_four", ["123", "12345", "12a4", "١٢٣٤", " 123", "1234\n"])
    def test_take_four_digits_only(self, batch: RequestBatch, last_four: str) -> None:
        with pytest.raises(ValidationError) as refused:
            services.confirm(batch, by=None, last_four=last_four)

        assert list(refused.value.message_dict) == ["bank_card_expected_last_four"]


class TestSecondPerson:
    @pytest.fixture(autouse=True)
    def two_people(self, configure: Any) -> None:
        configure(SECOND_PERSON_ABOVE=2)

    def refuse(self, batch: RequestBatch, by: Any) -> None:
        with pytest.raises(SecondPersonNeeded):
            services.confirm(batch, by=by, expected=3)

        assert RequestBatch.objects.get(pk=batch.pk).is_plan
        assert batch.rows_in(State.DRAFT).count() == 3
        line = RequestEvent.objects.get(kind=EventKind.NOT_ALLOWED)
        assert (line.actor, line.params) == (by, {"clients": 3})

    def test_is_not_the_planner(self, batch: RequestBatch, officer: Any) -> None:
        self.refuse(batch, officer)

    def test_is_not_nobody(self, batch: RequestBatch) -> None:
        self.refuse(batch, None)

    def test_is_not_somebody_with_the_name_of_a_planner_whose_account_is_gone(
        self, batch: RequestBatch, officer: Any
    ) -> None:
        officer.delete()
        batch.refresh_from_db()

        self.refuse(batch, make_user("new@example.com", full_name="Rasa Kazlauskienė"))

    def test_is_anybody_else(self, batch: RequestBatch, officer: Any) -> None:
        assert services.confirm(batch, by=make_user(full_name="Rasa Kazlauskienė"), expected=3)

    def test_is_anybody_of_another_name_once_the_account_is_gone(self, batch: RequestBatch, officer: Any) -> None:
        officer.delete()
        batch.refresh_from_db()

        assert services.confirm(batch, by=make_user(full_name="Somebody Else"), expected=3)

    def test_is_any_person_for_a_plan_that_a_program_made(self) -> None:
        batch = services.plan(make_verifications(3), planned_by=None, note="n", questionnaire="q")

        assert services.confirm(batch, by=make_user(), expected=3)

    def test_is_needed_by_the_number_that_is_left(self, batch: RequestBatch, officer: Any) -> None:
        Verification.objects.filter(pk=first_of(batch).pk).update(status="DELETED")

        with pytest.raises(PlanChanged):
            services.confirm(batch, by=officer, expected=3)

        assert services.confirm(batch, by=officer, expected=2)
        assert not RequestEvent.objects.filter(kind=EventKind.NOT_ALLOWED).exists()

    def test_is_not_needed_where_the_setting_is_off(self, batch: RequestBatch, officer: Any, configure: Any) -> None:
        configure(SECOND_PERSON_ABOVE=None)

        assert services.confirm(batch, by=officer, expected=3)

    def test_is_not_needed_for_one_client_from_python(self, officer: Any, configure: Any) -> None:
        configure(SECOND_PERSON_ABOVE=0)

        request = services.request_information(
            make_verification(), requested_by=officer, note="n", questionnaire="q", send=False
        )

        assert request.state == State.QUEUED


class TestSavePlan:
    def test_keeps_what_is_asked_and_why(self, batch: RequestBatch) -> None:
        batch.questionnaire, batch.lifetime, batch.note = " other ", timedelta(days=3), "because"

        saved = services.save_plan(batch)

        stored = RequestBatch.objects.get()
        assert saved
        assert (stored.questionnaire, stored.lifetime, stored.note) == ("other", timedelta(days=3), "because")
        assert stored.is_plan

    def test_keeps_nothing_that_is_wrong(self, batch: RequestBatch) -> None:
        batch.note = ""

        with pytest.raises(ValidationError):
            services.save_plan(batch)

        assert RequestBatch.objects.get().note == "annual review"

    @pytest.mark.parametrize(("clients", "kept"), [(1, {"0042"}), (2, {""})])
    def test_keeps_the_digits_of_a_card_with_the_only_client(self, clients: int, kept: set[str]) -> None:
        batch = services.plan(make_verifications(clients), planned_by=None, note="n", bank_card_verification=True)

        services.save_plan(batch, last_four="0042")
        services.confirm(batch, by=None)

        assert set(batch.requests.values_list("bank_card_expected_last_four", flat=True)) == kept

    def test_keeps_no_digits_with_another_client_than_was_shown(self) -> None:
        batch = services.plan(make_verifications(2), planned_by=None, note="n", bank_card_verification=True)
        first, second = batch.requests.order_by("pk").values_list("pk", flat=True)
        services.leave_out(batch, [first], by=None)

        saved = services.save_plan(batch, shown=services.digest_of([first]), last_four="0042")

        assert saved
        assert batch.requests.get(pk=second).bank_card_expected_last_four == ""

    def test_changes_nothing_that_was_confirmed(self, batch: RequestBatch, officer: Any) -> None:
        services.confirm(batch, by=officer)
        batch.note = "another"

        assert not services.save_plan(batch)
        assert RequestBatch.objects.get().note == "annual review"
