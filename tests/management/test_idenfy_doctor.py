"""Each line *ok* or what to do, an exit status for scripts, and never a traceback, a secret or a client."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import PauseReason, State
from idenfy_kyc.clients import Client
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification, WebhookDelivery, WebhookRejection
from idenfy_kyc.testing import CREDENTIALS, Fault
from idenfy_kyc.testing.plugin import RunningFake
from tests.accounts.clients import DESCRIBE
from tests.accounts.models import Customer
from tests.factories import LINK, TOKEN, make_batch, make_queue, make_request, make_verification

pytestmark = pytest.mark.django_db

NAMES = [
    "Settings",
    "Database",
    "Migrations",
    "Threads",
    "Link address",
    "iDenfy",
    "Last sending",
    "What waits",
    "Deliveries",
    "Stored links",
    "CLIENTS",
]


def doctor(*arguments: str) -> tuple[int, list[tuple[str, str]]]:
    """The exit status, and the lines: what each is about, and what it says."""
    code, out = examined(*arguments)
    return code, [(line[:12].rstrip(), line[14:]) for line in out.splitlines()]


def examined(*arguments: str) -> tuple[int, str]:
    stdout, stderr = StringIO(), StringIO()
    code: Any = 0
    try:
        call_command("idenfy_doctor", *arguments, stdout=stdout, stderr=stderr)
    except SystemExit as ending:
        code = ending.code
    assert stderr.getvalue() == ""
    return code, stdout.getvalue()


def said_of(about: str, *arguments: str) -> list[str]:
    code, lines = doctor(*arguments)
    said = [text for name, text in lines if name == about]
    assert code == any(not text.startswith("ok") for _name, text in lines)
    return said


class TestAllIsWell:
    def test_says_so_line_by_line(self, fake_idenfy: RunningFake) -> None:
        code, lines = doctor()

        assert code == 0
        assert [name for name, _text in lines] == NAMES
        assert dict(lines) == {
            "Settings": "ok",
            "Database": f"ok: {connection.display_name}",
            "Migrations": "ok",
            "Threads": "ok: 8",
            "Link address": "ok: /idenfy/r/…/",
            "iDenfy": "ok: it can be reached and takes the key",
            "Last sending": "ok: nobody has been asked yet",
            "What waits": "ok: nothing",
            "Deliveries": "ok: none yet",
            "Stored links": "ok: there is none",
            "CLIENTS": "ok: not set",
        }

    def test_asks_nobody_and_changes_nothing(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(2)
        make_request(State.ISSUED, expires_at=timezone.now() - timedelta(days=1))
        before = list(InformationRequest.objects.order_by("pk").values_list())

        doctor()

        assert fake_idenfy.fake.posts() == []
        assert list(InformationRequest.objects.order_by("pk").values_list()) == before
        assert RequestBatch.objects.get(pk=batch.pk).paused_at is None

    def test_makes_no_call_when_offline(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"BASE_URL": "http://127.0.0.1:1"}

        code, lines = doctor("--offline")

        assert code == 0
        assert [name for name, _text in lines] == [name for name in NAMES if name != "iDenfy"]


class TestSettings:
    def test_that_are_wrong_are_named_one_by_one_and_keep_it_from_calling(self, settings: Any) -> None:
        settings.IDENFY_KYC = {"API_KEY": "key", "CONCURRENCY": "8", "BASE_URL": "http://example.com"}

        said = said_of("Settings")

        assert len(said) == 3
        assert said[0].startswith('IDENFY_KYC["CONCURRENCY"] must be a whole number; it is of type str. Write, for')
        assert said_of("iDenfy") == ["Not tried: correct the settings first."]
        assert said_of("Threads") == ["Cannot be looked at (TypeError): settle the other lines first."]

    def test_without_a_key_are_something_to_do(self, settings: Any) -> None:
        settings.IDENFY_KYC = {}

        assert "nobody can be asked for information" in said_of("Settings")[0]
        assert said_of("iDenfy") == ["Not tried: correct the settings first."]


class TestTheDatabase:
    def test_that_is_away_is_said_once_and_the_rest_is_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*args: Any, **kwargs: Any) -> None:
            raise OperationalError("could not connect to server at db.example.com as user kyc")

        monkeypatch.setattr(connections["default"], "ensure_connection", away)
        monkeypatch.setattr(connections["default"], "cursor", away)

        code, lines = doctor("--offline")

        said = dict(lines)
        assert code == 1
        assert said["Database"] == "“default” cannot be reached (OperationalError): start it, or correct DATABASES."
        assert said["Last sending"] == "Cannot be looked at: settle first what the database says (OperationalError)."
        assert said["Threads"] == "ok: 8"
        assert "example.com" not in str(lines)

    @pytest.mark.django_db(transaction=True)
    def test_without_autocommit_is_something_to_do(self) -> None:
        connection.set_autocommit(False)
        try:
            said = said_of("Database", "--offline")
        finally:
            connection.rollback()
            connection.set_autocommit(True)

        assert said == ["Set AUTOCOMMIT of “default” to True: nothing is sent without."]

    def test_with_a_migration_to_come_is_something_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda executor, targets: targets)

        assert said_of("Migrations", "--offline") == ["Run python manage.py migrate."]

    def test_may_make_every_request_a_transaction(self) -> None:
        assert connection.settings_dict["ATOMIC_REQUESTS"] is True
        assert said_of("Database", "--offline")[0].startswith("ok")


class TestThreads:
    def test_that_cannot_be_started_are_something_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start, left = threading.Thread.start, [None] * 3

        def start_few(thread: threading.Thread) -> None:
            if not left:
                raise RuntimeError("can't start new thread")
            left.pop()
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_few)

        said = said_of("Threads", "--offline")

        assert said == ["Only 3 of 8 can be started: lower CONCURRENCY, or let this user have more."]


class TestTheLinkAddress:
    @pytest.mark.urls("tests.admin.urls_without_ours")
    def test_that_is_missing_is_something_to_do(self) -> None:
        said = said_of("Link address", "--offline")

        assert said == ['Add path("idenfy/", include("idenfy_kyc.urls")) to the project’s URLs.']


class TestIdenfy:
    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            (
                Fault.UNAUTHORIZED,
                "It does not take the key (401): copy API_KEY and API_SECRET anew from its dashboard.",
            ),
            (Fault.NO_FUNDS, "The contract does not allow this (402): settle it with iDenfy."),
            (Fault.FORBIDDEN, "The key may not do this (403): settle it with iDenfy."),
            (Fault.RETRY_AFTER, "It asks to slow down (429): try again in an hour."),
            (Fault.UNAVAILABLE, "It has a fault of its own (503): try again in some minutes."),
            (Fault.REDIRECT, "Something else seems to have answered (302): correct BASE_URL, or the proxy."),
            (Fault.HTML_NOT_FOUND, "Something else seems to have answered (404): correct BASE_URL, or the proxy."),
            (
                Fault.BAD_VALUE,
                "It refuses this call (400): see that BASE_URL is iDenfy’s, and ask iDenfy why.",
            ),
            (
                Fault.NONSENSE,
                "Something else seems to have answered (The answer is not a JSON object): correct BASE_URL, or the "
                "proxy.",
            ),
        ],
    )
    def test_that_says_no_is_read_as_batches_read_it(self, fake_idenfy: RunningFake, fault: Fault, said: str) -> None:
        fake_idenfy.fake.misbehave(fault)

        assert said_of("iDenfy") == [said]

    def test_that_does_not_know_the_key(self, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"API_SECRET": "of somebody else"}

        assert said_of("iDenfy")[0].startswith("It does not take the key (401)")

    def test_that_cannot_be_reached(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"BASE_URL": "http://127.0.0.1:1"}

        assert said_of("iDenfy") == [
            "No answer from iDenfy: ConnectionRefusedError, Connection refused; let this machine call BASE_URL, and "
            "look at proxy and certificates."
        ]


class TestTheLastSending:
    def test_is_named_with_its_batch(self) -> None:
        make_request(State.EXPIRED, sent_at=datetime(2024, 5, 1, tzinfo=UTC))
        last = make_request(State.ISSUED, sent_at=datetime(2025, 3, 17, 12, 5, tzinfo=UTC))

        assert said_of("Last sending", "--offline") == [f"ok: 17 March 2025, 14:05, batch {last.batch_id}"]


class TestWhatWaits:
    def test_for_a_person_is_something_to_do(self) -> None:
        idle, stopped = make_queue(2), make_queue(1)
        RequestBatch.objects.filter(pk=stopped.pk).update(
            paused_at=timezone.now(), pause_reason=PauseReason.REFUSALS, pause_params={"message": "words of iDenfy"}
        )

        assert said_of("What waits", "--offline") == [
            f"1 client waits in what has stopped (batch {stopped.pk}): its page in the admin says why.",
            f"2 clients wait and nobody sends (batch {idle.pk}): open its page, or run idenfy_send.",
        ]

    def test_in_many_batches_names_a_few(self) -> None:
        for _ in range(6):
            make_queue(1)

        (said,) = said_of("What waits", "--offline")

        assert said.startswith("6 clients wait and nobody sends (batch ")
        assert ", …): open" in said

    def test_for_a_time_or_is_being_sent_is_well(self) -> None:
        until = timezone.now() + timedelta(minutes=5)
        waiting, sending = make_queue(2), make_queue(3)
        RequestBatch.objects.filter(pk=waiting.pk).update(
            paused_at=timezone.now(), paused_until=until, pause_reason=PauseReason.QUOTA
        )
        make_request(State.SENDING, batch=sending)

        assert said_of("What waits", "--offline") == ["ok: 6 clients, and it goes on by itself"]


class TestStoredLinks:
    def test_that_can_be_read_are_well(self) -> None:
        for _ in range(3):
            make_request(State.ISSUED)

        assert said_of("Stored links", "--offline") == ["ok: 3 links were tried"]

    def test_of_an_older_key_are_found_among_newer_ones(self, settings: Any) -> None:
        settings.SECRET_KEY = "the key before"
        make_request(State.ISSUED)
        settings.SECRET_KEY = "the key of today"
        for _ in range(30):
            make_request(State.ISSUED)

        assert said_of("Stored links", "--offline") == [
            "1 of 31 links cannot be read: add the old SECRET_KEY to SECRET_KEY_FALLBACKS."
        ]


def nonsense(*, verifications: Sequence[Verification]) -> Mapping[int, Client]:
    return {v.pk: Client(name="Rasa", url="javascript:alert(1)", email="rasa") for v in verifications}


class TestClients:
    def test_are_counted_and_not_named(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLIENTS": DESCRIBE}
        make_verification(client_id="C-7")
        make_verification(client_id="C-8")
        Customer.objects.create(number="C-7", name="Rasa Kazlauskienė")

        assert said_of("CLIENTS", "--offline") == ["ok: knows 1 of 2 clients"]

    def test_that_cannot_be_told_are_something_to_do(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLIENTS": "tests.nowhere.describe"}

        assert said_of("CLIENTS", "--offline") == [
            "tests.nowhere.describe raised ModuleNotFoundError: mend it; until then the pages have none of its names."
        ]

    def test_of_whom_nonsense_is_told_are_something_to_do(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLIENTS": "tests.management.test_idenfy_doctor.nonsense"}
        make_verification()

        assert said_of("CLIENTS", "--offline") == [
            "tests.management.test_idenfy_doctor.nonsense gives what cannot be used (email, url): see "
            "idenfy_kyc.clients."
        ]


class TestWhatIsSaid:
    def test_has_no_key_no_link_and_no_client_in_it(self, fake_idenfy: RunningFake, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLIENTS": "tests.management.test_idenfy_doctor.nonsense"}
        fake_idenfy.fake.misbehave(Fault.BAD_VALUE)
        batch = make_batch(confirmed=True, note="about Rasa")
        for state in (State.ISSUED, State.QUEUED):
            make_request(state, batch=batch, verification=make_verification(name="Rasa", client_id=f"rasa-{state}"))
        services.stop(batch, by=None)

        code, out = examined()

        assert code == 1
        assert "This verification cannot be updated" not in out
        for secret in ("rasa", LINK, TOKEN, fake_idenfy.url, *CREDENTIALS):
            assert secret.lower() not in out.lower()


class TestDeliveries:
    def test_say_when_one_was_last_accepted(self) -> None:
        WebhookDelivery.objects.create(digest="d", received_at=timezone.now() - timedelta(minutes=3))

        assert said_of("Deliveries", "--offline") == ["ok: Last delivery accepted 3\xa0minutes ago."]

    def test_that_are_rejected_are_something_to_do(self) -> None:
        now = timezone.now()
        WebhookRejection.objects.create(hour=now, count=41, named=41, first_at=now, last_at=now)

        [said] = said_of("Deliveries", "--offline")

        assert said.startswith("41 rejected since ")
        assert said.endswith("WEBHOOK_SIGNING_KEYS.")

    def test_that_were_missing_for_a_time_are_over(self) -> None:
        now = timezone.now()
        WebhookRejection.objects.create(hour=now, count=1, named=1, first_at=now - timedelta(hours=2), last_at=now)
        WebhookDelivery.objects.create(digest="d", received_at=now)

        assert said_of("Deliveries", "--offline") == ["ok: Last delivery accepted just now."]
