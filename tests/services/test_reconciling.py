from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import create_autospec

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_httpserver import HTTPServer

from idenfy_kyc import services, signals
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.exceptions import IdenfyResponseError, IdenfyStatusError
from idenfy_kyc.models import Reconciliation, RequestEvent, Verification
from idenfy_kyc.services import pacing
from idenfy_kyc.testing import Fault, Known
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LIST = "/kyc/identifications/"


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def listing(fake_idenfy: RunningFake, verifications: list[Verification], **others: str) -> None:
    """iDenfy lists these as they are here, except for ``others``."""
    fake_idenfy.fake.know_all(
        Known(scan_ref=verification.scan_ref, status=others.get(verification.scan_ref, verification.status))
        for verification in verifications
    )


class TestReconcile:
    def test_repairs_a_status_and_puts_it_on_record(self, fake_idenfy: RunningFake) -> None:
        verification = make_verification(scan_ref="scan-1", status="REVIEWING", checks={"auto_face": "FACE_MATCH"})
        fake_idenfy.fake.know("scan-1", status="DENIED")

        run = services.reconcile()

        verification.refresh_from_db()
        assert (verification.status, verification.is_final, verification.checks) == ("DENIED", False, {})
        assert verification.told_at == run.moved_at
        assert (run.listed, run.total, run.changed, run.missing, run.added) == (1, 1, 1, 0, 0)
        line = RequestEvent.objects.get()
        assert (line.kind, line.verification) == (EventKind.LISTED, verification)
        assert line.params == {"was": "REVIEWING", "status": "DENIED"}

    def test_marks_what_contradicts_a_final_status(self, fake_idenfy: RunningFake) -> None:
        verification = make_verification(scan_ref="scan-1", status="APPROVED", is_final=True)
        fake_idenfy.fake.know("scan-1", status="DENIED")

        services.reconcile()

        verification.refresh_from_db()
        assert (verification.status, verification.is_final) == ("DENIED", True)
        assert verification.changed_after_review_at == verification.told_at

    def test_brings_nothing_of_an_erased_one_back(self, fake_idenfy: RunningFake) -> None:
        verification = make_verification(scan_ref="scan-1", status="APPROVED")
        services.erase([verification], by=None)
        fake_idenfy.fake.know("scan-1", status="DENIED", client_id="C-1")

        run = services.reconcile(adds=True)

        verification.refresh_from_db()
        assert (verification.status, verification.client_id) == ("APPROVED", "")
        assert (run.changed, run.added, run.missing) == (0, 0, 0)

    def test_counts_what_is_not_here_and_leaves_it(self, fake_idenfy: RunningFake) -> None:
        fake_idenfy.fake.know("scan-1", status="APPROVED", client_id="C-1")

        run = services.reconcile()

        assert (run.missing, run.added) == (1, 0)
        assert not Verification.objects.exists()

    def test_adds_what_is_not_here_if_told_to(self, fake_idenfy: RunningFake) -> None:
        fake_idenfy.fake.know("scan-1", status="APPROVED", client_id="C-1")

        run = services.reconcile(adds=True)

        verification = Verification.objects.get()
        assert (verification.scan_ref, verification.status, verification.client_id) == ("scan-1", "APPROVED", "")
        assert (run.missing, run.added) == (0, 1)
        assert services.reconcile(adds=True).added == 0

    def test_tells_other_apps_what_has_changed(
        self, fake_idenfy: RunningFake, django_capture_on_commit_callbacks: Any
    ) -> None:
        def prototype(sender: Any, *, verification_id: int, changed: list[str], **kwargs: object) -> None: ...

        receiver = create_autospec(prototype)
        verification = make_verification(scan_ref="scan-1", status="REVIEWING")
        fake_idenfy.fake.know("scan-1", status="APPROVED")
        signals.verification_updated.connect(receiver)

        with django_capture_on_commit_callbacks(execute=True):
            services.reconcile()

        signals.verification_updated.disconnect(receiver)
        receiver.assert_called_once_with(
            signal=signals.verification_updated,
            sender=Verification,
            verification_id=verification.pk,
            changed=["checks", "status", "told_at"],
        )

    def test_decides_anew_once_it_has_the_lock(self, fake_idenfy: RunningFake, monkeypatch: pytest.MonkeyPatch) -> None:
        """A delivery that is handled between the look at a verification and its lock is not undone."""
        verification = make_verification(scan_ref="scan-1", status="REVIEWING")
        fake_idenfy.fake.know("scan-1", status="APPROVED")
        locked = Verification.objects.select_for_update

        def meanwhile() -> Any:
            Verification.objects.update(status="DENIED", is_final=True, told_at=datetime.now(UTC) + DAY)
            return locked()

        monkeypatch.setattr(Verification.objects, "select_for_update", meanwhile)

        run = services.reconcile()

        verification.refresh_from_db()
        assert verification.status == "DENIED"
        assert run.changed == 0
        assert not RequestEvent.objects.exists()

    def test_refuses_to_run_in_a_transaction_of_somebody_else(self, fake_idenfy: RunningFake) -> None:
        with transaction.atomic(), pytest.raises(RuntimeError):
            services.reconcile()


class TestTheWalk:
    def test_goes_page_by_page_however_many_a_page_holds(self, fake_idenfy: RunningFake) -> None:
        listing(fake_idenfy, make_verifications(25))
        fake_idenfy.fake.page_limit = 10

        run = services.reconcile()

        assert (run.calls, run.listed, run.changed) == (3, 25, 0)
        assert run.completed_at is not None

    def test_goes_on_where_its_calls_were_used_up(self, fake_idenfy: RunningFake) -> None:
        rows = make_verifications(25)
        listing(fake_idenfy, rows, **{rows[2].scan_ref: "DENIED", rows[22].scan_ref: "DENIED"})
        fake_idenfy.fake.page_limit = 10

        first, second = services.reconcile(max_calls=2), services.reconcile()

        assert (first.calls, first.page, first.completed_at, first.changed) == (2, 3, None, 1)
        assert (second.calls, second.listed, second.changed) == (1, 25, 2)
        assert second.started_at == first.started_at

    def test_goes_on_where_iDenfy_broke_off(self, fake_idenfy: RunningFake) -> None:  # noqa: N802
        listing(fake_idenfy, make_verifications(25))
        fake_idenfy.fake.page_limit = 10
        services.reconcile(max_calls=1)
        fake_idenfy.fake.misbehave(Fault.RATE_LIMITED, times=1)

        with pytest.raises(IdenfyStatusError):
            services.reconcile()
        run = services.reconcile()

        assert (run.calls, run.listed) == (2, 25)
        assert list(Reconciliation.objects.order_by("pk").values_list("page", "calls")) == [(2, 1), (2, 1), (4, 2)]

    def test_begins_anew_once_it_was_gone_to_the_end(self, fake_idenfy: RunningFake) -> None:
        listing(fake_idenfy, make_verifications(2))
        services.reconcile()

        assert services.reconcile().listed == 2

    def test_begins_anew_after_a_day(self, fake_idenfy: RunningFake, clock: Any) -> None:
        listing(fake_idenfy, make_verifications(25))
        fake_idenfy.fake.page_limit = 10
        services.reconcile(max_calls=1)
        clock.move_to(NOON + DAY)

        assert services.reconcile().calls == 3

    def test_begins_anew_with_another_account(self, fake_idenfy: RunningFake, settings: Any) -> None:
        listing(fake_idenfy, make_verifications(25))
        services.reconcile(max_calls=1)
        Reconciliation.objects.update(fingerprint="another", completed_at=None)

        assert services.reconcile().calls == 1

    def test_forgets_old_runs(self, fake_idenfy: RunningFake, clock: Any) -> None:
        services.reconcile()
        clock.move_to(NOON + 91 * DAY)

        services.reconcile()

        assert Reconciliation.objects.count() == 1

    def test_ends_with_an_empty_list(self, fake_idenfy: RunningFake) -> None:
        run = services.reconcile()

        assert (run.calls, run.listed, run.total) == (1, 0, 0)
        assert run.completed_at is not None

    def test_tells_how_far_it_is_after_each_page(self, fake_idenfy: RunningFake) -> None:
        listing(fake_idenfy, make_verifications(25))
        fake_idenfy.fake.page_limit = 10
        seen: list[int] = []

        services.reconcile(after_page=lambda run: seen.append(run.listed))

        assert seen == [10, 20, 25]

    def test_has_a_name_that_tells_nothing_but_its_number(self, fake_idenfy: RunningFake) -> None:
        run = services.reconcile()

        assert str(run) == f"reconciliation {run.pk}"


class TestTheHour:
    def test_a_run_takes_a_tenth_of_by_itself(self, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"HOURLY_QUOTA": 20}
        listing(fake_idenfy, make_verifications(25))
        fake_idenfy.fake.page_limit = 5

        assert services.reconcile().calls == 2

    def test_is_shared_by_all_that_asks_iDenfy(self, fake_idenfy: RunningFake, settings: Any, clock: Any) -> None:  # noqa: N802
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"HOURLY_QUOTA": 5}
        make_request(State.ISSUED)
        make_verification(refreshed_at=NOON)
        listing(fake_idenfy, make_verifications(25))
        fake_idenfy.fake.page_limit = 5

        run = services.reconcile(max_calls=100)

        assert (run.calls, run.completed_at) == (3, None)
        assert pacing.quota_left(NOON) == 0
        assert pacing.quota_left(NOON + timedelta(minutes=61)) == 5


class TestAListThatKeepsNoPromise:
    """iDenfy documents neither how many a page holds, nor the order, nor the end."""

    @pytest.fixture(autouse=True)
    def _server(self, httpserver: HTTPServer, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"BASE_URL": httpserver.url_for("").rstrip("/")}

    def page(self, *scan_refs: str, **said: Any) -> dict[str, Any]:
        return {"count": 4, "results": [{"scanRef": ref, "status": "DENIED"} for ref in scan_refs]} | said

    def pages(self, httpserver: HTTPServer, *pages: dict[str, Any]) -> None:
        for number, page in enumerate(pages, start=1):
            query = {"page": str(number), "perPage": "100"}
            httpserver.expect_request(LIST, method="GET", query_string=query).respond_with_json(page)

    def test_may_lead_elsewhere_and_is_not_followed(self, httpserver: HTTPServer) -> None:
        elsewhere = "http://127.0.0.1:1/kyc/identifications/?page=2"
        self.pages(httpserver, self.page("a", "b", next=elsewhere), self.page("c", "d", next=None))

        run = services.reconcile()

        assert (run.calls, run.listed) == (2, 4)
        assert {request.path for request, _answer in httpserver.log} == {LIST}

    def test_may_not_say_whether_there_is_more(self, httpserver: HTTPServer) -> None:
        self.pages(httpserver, self.page("a", "b"), self.page("c", "d"))

        assert services.reconcile().listed == 4

    def test_may_end_with_an_empty_page(self, httpserver: HTTPServer) -> None:
        self.pages(httpserver, self.page("a", "b"), self.page())

        run = services.reconcile()

        assert (run.calls, run.listed, run.total) == (2, 2, 4)
        assert run.completed_at is not None

    def test_may_end_with_404(self, httpserver: HTTPServer) -> None:
        self.pages(httpserver, self.page("a", "b", next="more"))
        query = {"page": "2", "perPage": "100"}
        httpserver.expect_request(LIST, query_string=query).respond_with_json({"detail": "Invalid page."}, status=404)

        run = services.reconcile()

        assert (run.calls, run.listed) == (2, 2)
        assert run.completed_at is not None

    def test_may_show_the_same_page_for_ever(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request(LIST).respond_with_json(self.page("a", "b", next="more"))

        run = services.reconcile()

        assert (run.calls, run.listed) == (2, 2)
        assert run.completed_at is not None

    @pytest.mark.no_cover
    def test_may_hold_them_all_on_one_page(self, httpserver: HTTPServer) -> None:
        rows = make_verifications(1_500, status="APPROVED")
        self.pages(httpserver, self.page(*(row.scan_ref for row in rows), count=1_500, next=None))

        assert services.reconcile().changed == 1_500
        assert set(Verification.objects.values_list("status", flat=True)) == {"DENIED"}

    def test_may_name_one_twice_and_others_not_at_all(self, httpserver: HTTPServer) -> None:
        verification = make_verification(scan_ref="a", status="")
        self.pages(httpserver, self.page("a", "a", "", "§", count=10**30, next=None), self.page())

        run = services.reconcile()

        verification.refresh_from_db()
        assert (verification.status, run.changed, run.listed) == ("DENIED", 1, 4)

    def test_is_no_list_where_404_is_all_there_is(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request(LIST).respond_with_json({"detail": "Not found."}, status=404)

        with pytest.raises(IdenfyStatusError):
            services.reconcile()

    def test_does_not_end_with_a_404_of_somebody_else(self, httpserver: HTTPServer) -> None:
        self.pages(httpserver, self.page("a", "b", next="more"))
        query = {"page": "2", "perPage": "100"}
        httpserver.expect_request(LIST, query_string=query).respond_with_data("<h1>Not Found</h1>", status=404)

        with pytest.raises(IdenfyStatusError):
            services.reconcile()

        assert Reconciliation.objects.get().completed_at is None

    def test_does_nothing_with_a_page_that_cannot_be_read(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request(LIST).respond_with_data(json.dumps({"results": "many"}))

        with pytest.raises(IdenfyResponseError):
            services.reconcile()


@pytest.mark.no_cover
class TestWhatItCosts:
    def test_is_a_few_queries_for_each_page_of_ten_thousand_and_one_write_for_each_change(
        self, fake_idenfy: RunningFake
    ) -> None:
        rows = make_verifications(10_000)
        listing(fake_idenfy, rows)
        unchanged = self.statements()
        listing(fake_idenfy, rows, **{row.scan_ref: "DENIED" for row in rows[:5_000:100]})
        changed = self.statements()

        assert self.of(unchanged, "SELECT", Verification) == 100
        assert self.of(unchanged, "UPDATE", Verification) == 0
        assert self.of(unchanged, "INSERT", RequestEvent) == 0
        assert self.of(changed, "UPDATE", Verification) == 50
        assert self.of(changed, "SELECT", Verification) == 150
        assert Verification.objects.filter(status="DENIED").count() == 50
        assert len(unchanged) <= 10 * 100

    def statements(self) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            run = services.reconcile()
        assert (run.listed, run.calls) == (10_000, 100)
        return [query["sql"] for query in captured]

    def of(self, statements: list[str], verb: str, model: Any) -> int:
        """How many there are that begin with ``verb`` and are about the rows of ``model``, not their number."""
        table = model._meta.db_table
        mine = [sql for sql in statements if sql.startswith(verb) and table in sql and "COUNT(*)" not in sql]
        return len(mine)
