"""Sending when the process or the database fails it: no link is lost, and nobody is asked twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import InternalError, OperationalError, connection, connections
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from idenfy_kyc import services
from idenfy_kyc.choices import PauseReason, State
from idenfy_kyc.models import InformationRequest, RequestBatch
from idenfy_kyc.testing import Fault
from tests.factories import make_queue, make_request

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def database_says(error: Exception, when: Callable[[str], bool]) -> Iterator[None]:
    """Every statement for which ``when`` holds fails with ``error``."""

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if when(sql):
            raise error
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield


def stores_a_link(sql: str) -> bool:
    return sql.startswith("UPDATE") and "session_url" in sql and "issued_at" in sql


def issued_is_stored(fake: Any) -> bool:
    return {post.token for post in fake.issued()} == {
        request.token for request in InformationRequest.objects.filter(state=State.ISSUED)
    }


class TestThreads:
    def test_that_cannot_be_started_lose_no_link(self, fake_idenfy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """``submit()`` raises after the call was queued: another thread may make it, or nobody."""
        fake_idenfy.fake.latency = 0.05
        batch, begun = make_queue(12), []
        start = ThreadPoolExecutor._adjust_thread_count

        def few_threads(pool: ThreadPoolExecutor) -> None:
            begun.append(pool)
            if len(begun) > 4:
                raise RuntimeError("can't start new thread")
            start(pool)

        monkeypatch.setattr(ThreadPoolExecutor, "_adjust_thread_count", few_threads)
        with pytest.raises(RuntimeError, match="thread"):
            services.send(batch)

        assert fake_idenfy.fake.issued()
        assert issued_is_stored(fake_idenfy.fake)
        assert not batch.rows_in(State.SENDING, State.UNKNOWN).exists()


class TestDatabase:
    def test_that_is_read_only_during_a_failover_loses_no_link(self, fake_idenfy: Any) -> None:
        batch, back_at = make_queue(6), time.monotonic() + 0.7

        def is_over(sql: str) -> bool:
            return stores_a_link(sql) and time.monotonic() < back_at

        with database_says(InternalError("cannot execute UPDATE in a read-only transaction"), is_over):
            services.send(batch, patience=10)

        assert batch.rows_in(State.ISSUED).count() == 6
        assert issued_is_stored(fake_idenfy.fake)

    def test_without_autocommit_is_refused(self, fake_idenfy: Any) -> None:
        batch = make_queue(2)
        connection.set_autocommit(False)

        try:
            with pytest.raises(RuntimeError, match="autocommit"):
                services.send(batch)
        finally:
            connection.rollback()
            connection.set_autocommit(True)

        assert fake_idenfy.fake.posts() == []

    def test_that_takes_no_link_leaves_none_in_an_error_report(self, fake_idenfy: Any) -> None:
        batch = make_queue(1)

        with (
            database_says(OperationalError("disk I/O error"), stores_a_link),
            pytest.raises(OperationalError) as caught,
        ):
            services.send(batch, patience=0)

        report = ExceptionReporter(RequestFactory().get("/"), caught.type, caught.value, caught.tb)
        said = report.get_traceback_html() + report.get_traceback_text()
        assert batch.rows_in(State.SENDING).count() == 1
        assert fake_idenfy.fake.issued()[0].token not in said


class TestSenderThatDied:
    def test_before_it_could_let_the_batch_wait_costs_no_more_clients(self, fake_idenfy: Any) -> None:
        batch = make_queue(20)
        make_request(State.ISSUED, batch=batch)
        for _ in range(3):
            make_request(State.UNKNOWN, batch=batch)

        assert services.send(batch) == 0
        batch.refresh_from_db()
        assert (batch.pause_reason, batch.is_stopped()) == (PauseReason.OUTAGE, False)
        assert fake_idenfy.fake.posts() == []


class TestContinue:
    def test_of_another_stop_accepts_no_refusals(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.questionnaires = []
        batch = make_queue(20)
        services.stop(batch, by=None)
        services.resume(RequestBatch.objects.get(), by=None)

        services.send(batch)

        batch.refresh_from_db()
        assert batch.pause_reason == PauseReason.REFUSALS
        assert services.progress_of(batch).counts == {State.REFUSED: 5, State.QUEUED: 15}

    def test_is_not_needed_for_refusals_with_uncertain_ones_between(self, fake_idenfy: Any) -> None:
        fake_idenfy.fake.questionnaires = []
        batch = make_queue(20)
        for request in batch.requests.select_related("verification").order_by("pk")[3:20:4]:
            fake_idenfy.fake.misbehave(Fault.BAD_GATEWAY_HTML, scan_ref=request.verification.scan_ref)

        services.send(batch)

        batch.refresh_from_db()
        assert batch.pause_reason == PauseReason.REFUSALS
        assert services.progress_of(batch).counts == {State.REFUSED: 5, State.UNKNOWN: 1, State.QUEUED: 14}


class TestReplica:
    def test_is_never_read(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connections.settings, "replica", connections.settings["default"])
        settings.DATABASE_ROUTERS = ["tests.services.test_broken.ReadsFromAReplica"]
        batch = RequestBatch(pk=1)

        assert RequestBatch.objects.all().db == "default"
        assert InformationRequest.objects.filter(state=State.QUEUED).db == "default"
        assert batch.requests.all().db == "default"
        assert batch.events.all().db == "default"


class ReadsFromAReplica:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"
