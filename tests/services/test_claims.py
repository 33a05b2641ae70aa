"""What must hold when senders die, answers come late, and the database is away at the wrong moment."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.api import IdenfyClient, InformationSession
from idenfy_kyc.choices import EventKind, PauseReason, Reason, State
from idenfy_kyc.exceptions import IdenfyConnectionError, IdenfyStatusError
from idenfy_kyc.models import InformationRequest, RequestBatch
from idenfy_kyc.services import claims, sending
from idenfy_kyc.services.answers import outcome_of
from idenfy_kyc.services.claims import Claim, claim, write
from idenfy_kyc.services.pacing import Room, has_trust
from tests.factories import LINK, TOKEN, make_queue, make_request

SESSION = InformationSession(token=TOKEN, session_url=LINK)
REFUSAL = IdenfyStatusError(400, identifier="BAD_VALUE", message="no", is_json=True)


def claim_some(batch: RequestBatch, places: int) -> list[Claim]:
    return claim(batch, Room(places, has_trust(batch)), uuid.uuid4())


def claim_one(batch: RequestBatch) -> Claim:
    return claim_some(batch, 1)[0]


def trusted(count: int) -> RequestBatch:
    """A batch in which others are already issued, so that many may be claimed at once."""
    batch = make_queue(count)
    make_request(State.ISSUED, batch=batch)
    return batch


@pytest.mark.django_db
class TestClaim:
    def test_is_as_many_as_there_are_places(self) -> None:
        batch = trusted(5)

        claims = claim_some(batch, 3)

        assert len(claims) == batch.rows_in(State.SENDING).count() == 3
        assert set(batch.rows_in(State.SENDING).values_list("attempts", flat=True)) == {1}

    def test_is_one_while_the_batch_has_no_trust_and_none_beside_it(self) -> None:
        batch = make_queue(5)

        first = claim_some(batch, 3)
        second = claim_some(batch, 3)

        assert (len(first), len(second)) == (1, 0)

    def test_is_none_without_trust_when_the_batch_was_paused_a_moment_ago(self) -> None:
        batch = make_queue(5)
        services.stop(RequestBatch.objects.get(), by=None)

        assert claim_some(batch, 1) == []

    def test_never_takes_what_another_one_has(self) -> None:
        batch = trusted(5)

        keys = [claimed.request.pk for _ in range(3) for claimed in claim_some(batch, 2)]

        assert len(keys) == len(set(keys)) == 5

    def test_is_found_again_by_its_key(self) -> None:
        batch, key = trusted(5), uuid.uuid4()
        first = claim(batch, Room(2, is_trusted=True), key)
        InformationRequest.objects.filter(state=State.QUEUED).update(state=State.DRAFT, **CLOSED)

        found = claim(batch, Room(2, is_trusted=True), key, again=True)

        assert {claimed.request.pk for claimed in found} == {claimed.request.pk for claimed in first}

    @pytest.mark.parametrize("places", [0, -1])
    def test_is_nothing_without_a_place(self, places: int) -> None:
        assert claim_some(trusted(1), places) == []

    def test_says_until_when_the_link_will_work(self) -> None:
        claimed = claim_one(make_queue(1, lifetime=timedelta(days=2)))

        request = claimed.request
        assert request.sent_at is not None
        assert request.expires_at == request.sent_at + timedelta(days=2)

    def test_that_has_grown_old_is_not_sent(self, fake_idenfy: Any) -> None:
        claimed = claim_one(make_queue(1))

        with time_machine.travel(timezone.now() + timedelta(minutes=1)), IdenfyClient.from_settings() as client:
            answer = sending._call(client, claimed)

        assert isinstance(answer, IdenfyConnectionError)
        assert not answer.maybe_delivered
        assert fake_idenfy.fake.posts() == []


CLOSED = {"open_verification": None, "open_client": None}


@pytest.mark.django_db
class TestLateAnswer:
    """The claim was given up; then iDenfy's answer comes all the same."""

    @pytest.fixture
    def claimed(self) -> Claim:
        claimed = claim_one(make_queue(1))
        assert claimed.request.sent_at is not None
        with time_machine.travel(claimed.request.sent_at + timedelta(minutes=16)):
            services.write_down_time()
        assert InformationRequest.objects.get().reason == Reason.SENDER_DIED
        return claimed

    def test_is_taken_while_the_request_is_uncertain(self, claimed: Claim) -> None:
        assert write(claimed, outcome_of(SESSION))

        request = InformationRequest.objects.get()
        assert (request.state, request.reason) == (State.ISSUED, "")
        assert (request.session_url, request.token) == (LINK, TOKEN)
        assert request.events.order_by("-pk")[0].kind == EventKind.ISSUED

    def test_is_taken_as_a_refusal_too(self, claimed: Claim) -> None:
        assert write(claimed, outcome_of(REFUSAL))

        request = InformationRequest.objects.get()
        assert (request.state, request.message, request.open_client) == (State.REFUSED, "no", None)

    def test_never_puts_it_back_into_the_queue(self, claimed: Claim) -> None:
        assert not write(claimed, outcome_of(IdenfyStatusError(429)))

        assert InformationRequest.objects.get().state == State.UNKNOWN

    @pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED, State.COMPLETED])
    def test_keeps_the_link_where_the_request_has_moved_elsewhere(self, claimed: Claim, state: State) -> None:
        InformationRequest.objects.all().move(state)

        taken = write(claimed, outcome_of(SESSION))

        request = InformationRequest.objects.get()
        assert not taken
        assert (request.state, request.session_url, request.token) == (state, LINK, TOKEN)
        assert request.open_client is None
        assert not request.has_link
        line = request.events.order_by("-pk")[0]
        assert (line.kind, line.params) == (EventKind.LATE_LINK, {})

    @pytest.mark.parametrize("answer", [REFUSAL, IdenfyConnectionError("reset", maybe_delivered=True)])
    def test_changes_nothing_else_there(self, claimed: Claim, answer: Any) -> None:
        services.withdraw(InformationRequest.objects.all(), by=None, note="n")
        before = InformationRequest.objects.values().get()

        assert not write(claimed, outcome_of(answer))
        assert InformationRequest.objects.values().get() == before

    def test_written_twice_is_written_once(self, claimed: Claim) -> None:
        write(claimed, outcome_of(SESSION))
        before = InformationRequest.objects.get()

        write(claimed, outcome_of(SESSION))

        after = InformationRequest.objects.get()
        assert after.issued_at == before.issued_at
        assert [line.kind for line in after.events.order_by("pk")] == [EventKind.UNKNOWN, EventKind.ISSUED]

    def test_of_one_claim_is_nobody_elses(self, claimed: Claim) -> None:
        stranger = Claim(claimed.request, uuid.uuid4(), claimed.asks)

        assert not write(stranger, outcome_of(SESSION))
        assert InformationRequest.objects.get().token == ""


@contextmanager
def locked_database(until: threading.Event, released: list[float], *, seconds: float) -> Iterator[None]:
    """Somebody else's transaction holds what we must write, from the moment of ``until`` on, for ``seconds``."""
    begun = threading.Event()

    def hold() -> None:
        try:
            until.wait(10)
            with transaction.atomic():
                if connection.vendor == "sqlite":
                    InformationRequest.objects.filter(pk=0).update(attempts=0)
                else:
                    list(InformationRequest.objects.select_for_update().values_list("pk"))
                begun.set()
                time.sleep(seconds)
            released.append(time.monotonic())
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        assert begun.is_set()


@contextmanager
def impatient_connection() -> Iterator[None]:
    """Our connection gives up on a lock at once, as a database does that has been away for too long."""
    settings = {
        "sqlite": {"timeout": 0.05},
        "postgresql": {"options": "-c lock_timeout=50"},
        "mysql": {"init_command": "SET innodb_lock_wait_timeout=1"},
    }[connection.vendor]
    options = connection.settings_dict["OPTIONS"]
    connection.close()
    connection.settings_dict["OPTIONS"] = options | settings
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = options


@pytest.mark.django_db(transaction=True)
class TestDatabaseAway:
    """At the very moment of the answer, which must not be lost."""

    def send_while_locked(self, fake: Any, *, seconds: float, patience: float, count: int = 3) -> RequestBatch:
        batch = trusted(count)
        fake.latency = 0.2
        posted = threading.Event()
        self.released: list[float] = []

        def look_at_the_journal() -> None:
            while not fake.posts():
                time.sleep(0.01)
            posted.set()

        watcher = threading.Thread(target=look_at_the_journal)
        watcher.start()
        with locked_database(posted, self.released, seconds=seconds), impatient_connection():
            try:
                services.send(batch, patience=patience)
            finally:
                watcher.join()
        return batch

    def test_is_waited_for_and_every_link_is_stored(self, fake_idenfy: Any) -> None:
        batch = self.send_while_locked(fake_idenfy.fake, seconds=10, patience=services.PAGE_PATIENCE)

        issued = {post.token for post in fake_idenfy.fake.posts()}
        assert issued <= {request.token for request in batch.requests.all()}
        assert batch.rows_in(State.ISSUED).count() == 4
        assert all(request.outcome_at for request in batch.rows_in(State.ISSUED))
        assert self.released

    def test_for_too_long_is_said_in_the_log_without_a_secret(
        self, fake_idenfy: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(OperationalError):
            self.send_while_locked(fake_idenfy.fake, seconds=4, patience=0.2)

        critical = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
        stuck = InformationRequest.objects.filter(state=State.SENDING)
        assert stuck.exists()
        assert all(any(f"request {request.pk}." in line for line in critical) for request in stuck)
        assert not any(post.token in caplog.text for post in fake_idenfy.fake.posts())


@pytest.mark.django_db
class TestInterrupt:
    """Ctrl-C, or a server that ends its worker: what iDenfy has answered is written before the process goes."""

    @pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, DatabaseError, RuntimeError])
    def test_loses_no_link(self, fake_idenfy: Any, interrupt: type[BaseException]) -> None:
        fake_idenfy.fake.latency = 0.1
        batch = trusted(20)

        def break_off() -> bool:
            if len(fake_idenfy.fake.posts()) >= 3:
                raise interrupt
            return False

        with pytest.raises(interrupt):
            services.send(batch, should_stop=break_off)

        issued = {post.token for post in fake_idenfy.fake.posts()}
        assert 3 <= len(issued) < 20
        assert issued <= {request.token for request in batch.requests.all()}
        assert not batch.rows_in(State.SENDING).exists()


@pytest.mark.django_db
class TestDeadSender:
    def test_leaves_uncertain_rows_that_are_never_sent_again(self, fake_idenfy: Any) -> None:
        batch = trusted(6)
        claim_some(batch, 4)

        with time_machine.travel(timezone.now() + timedelta(minutes=16)):
            services.send(batch)

        progress = services.progress_of(batch)
        assert progress.counts == {State.UNKNOWN: 4, State.ISSUED: 3}
        assert len(fake_idenfy.fake.posts()) == 2

    def test_holds_up_a_batch_without_trust_for_a_minute_only(self, fake_idenfy: Any) -> None:
        batch = make_queue(3)
        claim_one(batch)

        assert services.send(batch) == 0
        with time_machine.travel(timezone.now() + timedelta(minutes=1)):
            assert services.send(batch) == 2
        batch.refresh_from_db()
        assert batch.pause_reason != PauseReason.OUTAGE


@pytest.mark.django_db
class TestAnotherSenderThatWasFaster:
    def test_is_followed_by_a_second_look(self, monkeypatch: pytest.MonkeyPatch) -> None:
        batch, mark, taken = make_queue(2), claims._mark, [0]
        monkeypatch.setattr(claims, "_mark", lambda *args, **options: taken.pop() if taken else mark(*args, **options))

        found = claims.claim(batch, Room(places=2, is_trusted=True), uuid.uuid4())

        assert len(found) == 2


@pytest.mark.django_db(transaction=True)
class TestTheQuota:
    def test_that_others_used_up_meanwhile_is_given_back(self, fake_idenfy: Any, configure: Any) -> None:
        configure(HOURLY_QUOTA=6)
        others, batch = trusted(3), trusted(4)  # with two who have their links
        mine = claim_some(batch, 4)
        claim_some(others, 3)

        kept = claims.keep_quota(mine)

        assert [claimed.request.pk for claimed in kept] == [claimed.request.pk for claimed in mine[:1]]
        given_back = batch.rows_in(State.QUEUED).get(pk=mine[-1].request.pk)
        assert (given_back.attempts, given_back.sent_at, given_back.claim) == (0, None, None)

    def test_that_is_not_used_up_keeps_all(self, fake_idenfy: Any, configure: Any) -> None:
        configure(HOURLY_QUOTA=50)
        mine = claim_some(trusted(4), 4)

        assert claims.keep_quota(mine) == mine
        assert claims.keep_quota([]) == []
