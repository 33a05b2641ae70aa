from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.db import OperationalError, connection
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import State
from idenfy_kyc.management.commands import idenfy_send
from idenfy_kyc.management.terminal import Terminal
from idenfy_kyc.models import InformationRequest, RequestBatch, WebhookDelivery
from idenfy_kyc.signals import information_requested
from idenfy_kyc.testing import CREDENTIALS, FakeIdenfy, Fault, identification
from idenfy_kyc.testing.plugin import RunningFake
from idenfy_kyc.testing.server import spawn_fake
from tests.factories import make_batch, make_queue, make_request

ROOT = Path(__file__).parents[2]


class Screen(StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str, stdout: StringIO | None = None, stderr: StringIO | None = None) -> tuple[int, str]:
    """The exit status and what was written."""
    stdout = stdout or StringIO()
    code: Any = 0
    try:
        call_command("idenfy_send", *arguments, stdout=stdout, stderr=stderr or StringIO())
    except SystemExit as ending:
        code = ending.code
    return code, stdout.getvalue()


def count(batch: RequestBatch, state: State) -> int:
    return batch.requests.filter(state=state).count()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idenfy_send, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(idenfy_send, "AWAY_SECONDS", 0.05)


@pytest.mark.django_db
class TestIdenfySend:
    def test_asks_for_what_is_queued(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(5)

        code, said = run()

        assert code == 0
        assert count(batch, State.ISSUED) == 5
        assert len(fake_idenfy.fake.posts()) == 5
        assert said == f"Batch {batch.pk}: Done. Links: 5, refused: 0, uncertain: 0, to go: 0.\n"

    def test_asks_nobody_of_a_plan(self, fake_idenfy: RunningFake) -> None:
        make_request(State.DRAFT)

        code, said = run()

        assert (code, said) == (0, "Nothing to send.\n")
        assert not fake_idenfy.fake.posts()

    def test_writes_down_what_the_clock_has_decided(self, fake_idenfy: RunningFake) -> None:
        overdue = make_request(State.ISSUED, expires_at=timezone.now() - timedelta(hours=1))

        run()

        overdue.refresh_from_db()
        assert overdue.state == State.EXPIRED

    def test_says_nothing_when_quiet(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(2)

        code, said = run("--quiet")

        assert (code, said) == (0, "")
        assert count(batch, State.ISSUED) == 2

    def test_draws_a_bar_on_a_terminal(self, fake_idenfy: RunningFake, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("idenfy_kyc.management.terminal.REDRAW_SECONDS", 0)
        batch = make_queue(3)

        code, said = run(stdout=Screen())

        assert code == 0
        assert f"Batch {batch.pk}  [########................]  33 %, 1 of 3" in said
        assert said.endswith("to go: 0.\n")

    def test_sends_on_if_the_bar_cannot_be_drawn(
        self, fake_idenfy: RunningFake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("idenfy_kyc.management.terminal.REDRAW_SECONDS", 0)
        batch = make_queue(3)

        with no_counting(times=2) as refused:
            code, said = run("--batch", str(batch.pk), stdout=Screen())

        assert (code, len(refused)) == (0, 2)
        assert said.endswith("Links: 3, refused: 0, uncertain: 0, to go: 0.\n")

    def test_gives_each_batch_its_turn(
        self, fake_idenfy: RunningFake, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(idenfy_send, "TURN_SECONDS", 0.1)
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CONCURRENCY": 1}
        fake_idenfy.fake.latency = 0.05
        large, small = make_queue(8), make_queue(2)

        code, said = run()

        assert code == 0
        last = {post.scan_ref: post.number for post in fake_idenfy.fake.posts()}
        ended = [max(last[r.verification.scan_ref] for r in batch.requests.all()) for batch in (large, small)]
        assert ended[1] < ended[0]
        assert [line.partition(":")[0] for line in said.splitlines()] == [f"Batch {small.pk}", f"Batch {large.pk}"]

    def test_sends_only_the_batches_it_was_given(self, fake_idenfy: RunningFake) -> None:
        batches = [make_queue(1) for _ in range(3)]

        code, _ = run("--batch", str(batches[0].pk), "--batch", str(batches[2].pk))

        assert code == 0
        assert [count(batch, State.QUEUED) for batch in batches] == [0, 1, 0]

    def test_leaves_what_waits_for_a_time_to_the_next_run(self, fake_idenfy: RunningFake) -> None:
        fake_idenfy.fake.misbehave(Fault.RETRY_AFTER, value=600)
        batch = make_queue(3)

        code, said = run()

        assert code == 0
        assert count(batch, State.QUEUED) == 3
        assert said.startswith(f"Batch {batch.pk}: Waiting until ")
        assert said.endswith("to go: 3.\n")

    def test_needs_a_person_when_a_batch_has_stopped(self, fake_idenfy: RunningFake) -> None:
        fake_idenfy.fake.misbehave(Fault.UNAUTHORIZED)
        batch = make_queue(3)

        code, said = run()

        assert code == 1
        assert said.startswith(f"Batch {batch.pk}: Stopped: ")

    def test_needs_a_person_when_an_answer_is_uncertain(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(3)
        last = batch.requests.order_by("pk").last()
        assert last is not None
        fake_idenfy.fake.misbehave(Fault.LOST, scan_ref=last.verification.scan_ref)

        code, said = run()

        assert code == 1
        assert said == f"Batch {batch.pk}: Done. Links: 2, refused: 0, uncertain: 1, to go: 0.\n"

    def test_needs_a_person_for_the_last_rows_of_a_sender_that_died(self, fake_idenfy: RunningFake) -> None:
        long_ago = timezone.now() - timedelta(hours=1)
        dead = make_request(State.SENDING, sent_at=long_ago)

        code, said = run()

        assert code == 1
        assert "uncertain: 1" in said
        dead.refresh_from_db()
        assert dead.state == State.UNKNOWN

    def test_needs_no_person_when_idenfy_refused_somebody(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(2)
        last = batch.requests.order_by("pk").last()
        assert last is not None
        fake_idenfy.fake.misbehave(Fault.BAD_VALUE, scan_ref=last.verification.scan_ref)

        code, said = run()

        assert code == 0
        assert "refused: 1" in said

    @pytest.mark.parametrize("watch", [(), ("--watch",)])
    def test_says_that_there_are_no_credentials_and_touches_nothing(
        self, settings: Any, watch: tuple[str, ...]
    ) -> None:
        batch = make_queue(1)
        settings.IDENFY_KYC = {}

        with pytest.raises(CommandError, match="IDENFY_KYC has no API_KEY and API_SECRET") as raised:
            run(*watch)

        assert raised.value.returncode == 1
        batch.refresh_from_db()
        assert batch.paused_at is None

    def test_knows_no_such_batch(self) -> None:
        with pytest.raises(CommandError, match=r"There is no batch 424242\.") as raised:
            run("--batch", "424242")

        assert raised.value.returncode == 2

    def test_sends_no_batch_that_nobody_confirmed(self) -> None:
        plan = make_batch()

        with pytest.raises(CommandError, match="Nobody has confirmed batch") as raised:
            run("--batch", str(plan.pk))

        assert raised.value.returncode == 2

    @pytest.mark.parametrize("statements", [0, 6])
    def test_says_that_the_database_is_away(self, fake_idenfy: RunningFake, statements: int) -> None:
        make_queue(1)
        left = iter(range(statements))

        def away(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            if next(left, None) is None:
                raise OperationalError("gone")
            return execute(sql, params, many, context)

        with connection.execute_wrapper(away), pytest.raises(CommandError, match=r"not answer: gone\Z") as raised:
            call_command("idenfy_send")

        assert raised.value.returncode == 1
        assert not fake_idenfy.fake.posts()

    def test_begins_no_other_batch_once_told_to_stop(self, fake_idenfy: RunningFake) -> None:
        batches = [make_queue(3), make_queue(3)]

        def stop(**_: object) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

        with connected(stop):
            code, said = run()

        assert code == 3
        assert [count(batch, State.QUEUED) for batch in batches] == [2, 3]
        assert said.startswith("Stopping. The calls under way are finished first.\n")


@contextmanager
def connected(receiver: Callable[..., None]) -> Iterator[None]:
    """Call ``receiver`` whenever a link was issued."""
    information_requested.connect(receiver)
    yield
    information_requested.disconnect(receiver)


@contextmanager
def no_counting(times: int) -> Iterator[list[str]]:
    """A database that is at first too busy for whoever only wants to draw."""
    refused: list[str] = []

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "GROUP BY" in sql and len(refused) < times:
            refused.append(sql)
            raise OperationalError
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield refused


@pytest.mark.django_db
class TestWatching:
    def test_goes_on_when_the_wait_is_over(self, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"RETRY_WAITS": (timedelta(seconds=0.2),)}
        fake_idenfy.fake.misbehave(Fault.RATE_LIMITED, times=2)
        batch = make_queue(3)

        code, said = run("--watch", "--batch", str(batch.pk))

        assert code == 0
        assert count(batch, State.ISSUED) == 3
        assert "Waiting until" in said
        assert said.endswith("Done. Links: 3, refused: 0, uncertain: 0, to go: 0.\n")

    def test_ends_when_the_batch_needs_a_person(self, fake_idenfy: RunningFake) -> None:
        fake_idenfy.fake.misbehave(Fault.UNAUTHORIZED)
        batch = make_queue(3)

        code, _ = run("--watch", "--batch", str(batch.pk))

        assert code == 1

    @pytest.mark.django_db(transaction=True)
    def test_outlives_a_database_that_is_away(self, fake_idenfy: RunningFake) -> None:
        stderr = StringIO()
        calls = 0

        def now_and_then(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal calls
            is_ours = "idenfy_kyc" in sql  # and not what a new connection is greeted with
            calls += is_ours
            if calls == 8 and is_ours:
                raise OperationalError("gone")
            if calls > 8:
                os.kill(os.getpid(), signal.SIGTERM)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(now_and_then):
            code, _ = run("--watch", stderr=stderr)

        assert code == 3
        assert stderr.getvalue() == "The database does not answer: gone\n"

    def test_forgets_what_is_done(self, fake_idenfy: RunningFake) -> None:
        make_queue(1)
        started = idenfy_send.Run(
            Terminal(StringIO(), quiet=True),  # type: ignore[arg-type]
            only=frozenset(),
            watch=True,
            warn=print,
        )

        goes_on = started.turn()

        assert goes_on
        assert started.involved == set()


class TestSignals:
    def a_run(self) -> idenfy_send.Run:
        terminal = Terminal(StringIO(), quiet=True)  # type: ignore[arg-type]
        return idenfy_send.Run(terminal, only=frozenset({1}), watch=False, warn=print)

    def test_only_make_a_note(self) -> None:
        run = self.a_run()
        before = signal.getsignal(signal.SIGTERM)

        with run.signals():
            os.kill(os.getpid(), signal.SIGTERM)

        assert run.stopped
        assert signal.getsignal(signal.SIGTERM) is before

    def test_stay_ignored_where_they_were(self) -> None:
        run = self.a_run()
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

        with run.signals():
            os.kill(os.getpid(), signal.SIGHUP)
        after = signal.signal(signal.SIGHUP, before)

        assert not run.stopped
        assert after is signal.SIG_IGN

    def test_are_left_alone_outside_the_main_thread(self) -> None:
        run = self.a_run()
        seen: list[object] = []

        def in_a_thread() -> None:
            with run.signals():
                seen.append(signal.getsignal(signal.SIGTERM))

        thread = threading.Thread(target=in_a_thread)
        thread.start()
        thread.join()

        assert seen == [signal.getsignal(signal.SIGTERM)]


def database_url() -> str:
    """Where the tests' database is, for another process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@contextmanager
def a_process(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``manage.py idenfy_send`` as a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "tests.management.project",
        "DATABASE_URL": database_url(),
        "FAKE_IDENFY_URL": url,
    }
    command = [sys.executable, "-m", "django", "idenfy_send", *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
class TestAProcess:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_finishes_the_calls_under_way_when_told_to_stop(
        self, number: signal.Signals, tmp_path: Path, settings: Any
    ) -> None:
        path = tmp_path / "fake.sqlite3"
        with spawn_fake(path, options=["--latency", "0.3"]) as fake, FakeIdenfy(path) as journal:
            settings.IDENFY_KYC = {"API_KEY": CREDENTIALS[0], "API_SECRET": CREDENTIALS[1], "BASE_URL": fake.url}
            batch = make_queue(40)

            with a_process(fake.url) as process:
                wait_for(lambda: len(journal.posts()) >= 6)
                process.send_signal(number)
                stdout, stderr = process.communicate(timeout=20)

            posts = journal.posts()

        assert (process.returncode, stderr) == (3, "")
        assert "Stopping. The calls under way are finished first.\n" in stdout
        assert 6 <= len(posts) < 40
        assert count(batch, State.SENDING) == count(batch, State.UNKNOWN) == 0
        assert count(batch, State.QUEUED) == 40 - len(posts)
        links = dict(batch.requests.filter(state=State.ISSUED).values_list("verification__scan_ref", "token"))
        assert links == {post.scan_ref: post.token for post in posts}

    def test_finds_what_is_confirmed_while_it_watches(self, tmp_path: Path, settings: Any) -> None:
        path = tmp_path / "fake.sqlite3"
        with spawn_fake(path) as fake:
            settings.IDENFY_KYC = {"API_KEY": CREDENTIALS[0], "API_SECRET": CREDENTIALS[1], "BASE_URL": fake.url}
            with a_process(fake.url, "--watch") as process:
                first = make_queue(2)
                wait_for(lambda: count(first, State.ISSUED) == 2)
                second = make_queue(2)
                wait_for(lambda: count(second, State.ISSUED) == 2)
                process.terminate()
                stdout, stderr = process.communicate(timeout=20)

        assert (process.returncode, stderr) == (3, "")
        assert [line for line in stdout.splitlines() if line.startswith(f"Batch {second.pk}: Done.")]

    def test_shares_the_work_with_another_one(self, tmp_path: Path, settings: Any) -> None:
        path = tmp_path / "fake.sqlite3"
        with spawn_fake(path, options=["--latency", "0.05"]) as fake, FakeIdenfy(path) as journal:
            settings.IDENFY_KYC = {"API_KEY": CREDENTIALS[0], "API_SECRET": CREDENTIALS[1], "BASE_URL": fake.url}
            batch = make_queue(40)

            with a_process(fake.url) as one, a_process(fake.url) as other:
                errors = [process.communicate(timeout=40)[1] for process in (one, other)]

            assert set(journal.count_posts().values()) == {1}

        assert (one.returncode, other.returncode, errors) == (0, 0, ["", ""])
        assert InformationRequest.objects.filter(state=State.ISSUED).count() == 40
        assert services.progress_of(batch).to_go == 0

    @pytest.mark.parametrize("arguments", [["--batch", "x"], ["--no-such-option"]])
    def test_ends_with_2_on_wrong_usage(self, arguments: list[str]) -> None:
        with a_process("http://127.0.0.1:9", *arguments) as process:
            process.communicate(timeout=20)

        assert process.returncode == 2

    def test_explains_its_exit_status(self) -> None:
        with a_process("http://127.0.0.1:9", "--help") as process:
            stdout, _ = process.communicate(timeout=20)

        assert process.returncode == 0
        assert "3 stopped by a signal" in " ".join(stdout.split())


@pytest.mark.django_db
class TestDeliveriesThatBrokeOff:
    @pytest.fixture
    def broke_off(self) -> WebhookDelivery:
        body = json.dumps(identification("scan-1"))
        event = "IDENTIFICATION_AUTO_FINISHED"
        return WebhookDelivery.objects.create(digest="d", scan_ref="scan-1", event_type=event, body=body)

    def watching(self) -> idenfy_send.Run:
        return idenfy_send.Run(
            Terminal(OutputWrapper(StringIO()), quiet=True), only=frozenset(), watch=True, warn=print
        )

    def test_are_handled_first_also_where_nothing_can_be_sent(self, broke_off: WebhookDelivery, settings: Any) -> None:
        settings.IDENFY_KYC = {}

        with pytest.raises(CommandError):
            call_command("idenfy_send")

        broke_off.refresh_from_db()
        assert broke_off.is_handled

    def test_are_handled_now_and_then_while_it_watches(
        self, broke_off: WebhookDelivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        WebhookDelivery.objects.update(handled_at=timezone.now())
        monkeypatch.setattr(idenfy_send, "SWEEP_SECONDS", 0.0)
        watching = self.watching()
        watching.turn()
        WebhookDelivery.objects.update(handled_at=None)

        watching.turn()

        broke_off.refresh_from_db()
        assert broke_off.is_handled

    def test_are_not_tried_again_and_again(self, broke_off: WebhookDelivery) -> None:
        watching = self.watching()

        watching.turn()

        broke_off.refresh_from_db()
        assert not broke_off.is_handled
