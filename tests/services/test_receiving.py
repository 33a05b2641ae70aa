from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.utils import timezone

from idenfy_kyc import services, signals
from idenfy_kyc.api.deliveries import Event, sign
from idenfy_kyc.choices import DeliveryProblem, EventKind, Reason, State
from idenfy_kyc.exceptions import DeliveryRejected
from idenfy_kyc.models import (
    Answer,
    InformationRequest,
    RequestEvent,
    Verification,
    WebhookDelivery,
    WebhookRejection,
)
from idenfy_kyc.testing import document_expiration, identification
from tests.factories import make_request, make_verification

pytestmark = pytest.mark.django_db

SAMPLES = Path(__file__).parents[1] / "samples" / "webhooks"
KEY = "signing-key"
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Configure = Callable[..., None]


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def receive(event: str, payload: Any, *, key: str = KEY) -> WebhookDelivery:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return services.receive(event_type=event, body=body, signature=sign(body, key))


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


def kinds() -> list[str]:
    return list(RequestEvent.objects.order_by("pk").values_list("kind", flat=True))


def asked(state: State, scan_ref: str = "scan-1", **fields: Any) -> InformationRequest:
    """A request of ``scan-1`` that was sent an hour ago."""
    verification = Verification.objects.filter(scan_ref=scan_ref).first()
    verification = verification or make_verification(scan_ref=scan_ref, status="APPROVED", is_final=True)
    return make_request(state, verification=verification, sent_at=timezone.now() - timedelta(hours=1), **fields)


class TestReceive:
    def test_keeps_a_delivery_byte_for_byte(self) -> None:
        body = '{"scanRef": "scan-1", "ė": "\u00ff"}'.encode() + b"\x00\xff"

        delivery = receive("IDENTIFICATION", body)

        delivery.refresh_from_db()
        assert delivery.raw == body
        assert (delivery.event_type, delivery.receipts, delivery.received_at) == ("IDENTIFICATION", 1, NOON)

    def test_takes_a_name_of_an_event_that_no_database_can_hold(self) -> None:
        delivery = receive("A\x00B\ud800" + "C" * 200, identification("scan-1"))

        delivery.refresh_from_db()
        assert (delivery.event_type, delivery.problem) == ("A B " + "C" * 96, DeliveryProblem.NOT_OURS)

    def test_keeps_the_body_unreadable_in_the_database(self) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1"))

        with connection.cursor() as cursor:
            cursor.execute(f"SELECT body FROM {WebhookDelivery._meta.db_table}")  # noqa: S608
            (stored,) = cursor.fetchone()
        assert "scan-1" not in stored

    @pytest.mark.parametrize("keys", [[], ["another"]])
    def test_refuses_what_no_key_of_ours_has_signed(self, configure: Configure, keys: list[str]) -> None:
        configure(WEBHOOK_SIGNING_KEYS=keys)

        with pytest.raises(DeliveryRejected):
            receive(Event.AUTO_FINISHED, identification("scan-1"))

        assert not WebhookDelivery.objects.exists()
        assert not Verification.objects.exists()

    def test_takes_each_of_the_keys_while_they_are_rotated(self, configure: Configure) -> None:
        configure(WEBHOOK_SIGNING_KEYS=["newer", KEY])

        receive(Event.AUTO_FINISHED, identification("scan-1"))
        receive(Event.AUTO_FINISHED, identification("scan-2"), key="newer")

        assert Verification.objects.count() == 2

    def test_counts_forgeries_by_the_hour_and_keeps_nothing_else_of_them(self, clock: Any) -> None:
        for minutes in (0, 5, 70):
            clock.move_to(NOON + minutes * MINUTE)
            with pytest.raises(DeliveryRejected):
                receive(Event.AUTO_FINISHED, identification("scan-1"), key="forged")

        rows = WebhookRejection.objects.order_by("hour").values_list("hour", "count", "first_at", "last_at")
        assert list(rows) == [
            (NOON, 2, NOON, NOON + 5 * MINUTE),
            (NOON + 60 * MINUTE, 1, NOON + 70 * MINUTE, NOON + 70 * MINUTE),
        ]

    def test_adds_a_verification_that_was_not_here(self) -> None:
        receive(Event.AUTO_FINISHED, sample("IDENTIFICATION_AUTO_FINISHED.approved"))

        verification = Verification.objects.get()
        assert (verification.client_id, verification.name) == ("C-1042", "ŠARŪNAS PETRAUSKAS")
        assert (verification.status, verification.is_final) == ("APPROVED", True)
        assert verification.verified_at == datetime.fromtimestamp(1_764_000_042, tz=UTC)
        assert verification.checks["auto_face"] == "FACE_MATCH"

    def test_adds_none_where_the_project_does_not_want_that(self, configure: Configure) -> None:
        configure(CREATE_FROM_WEBHOOK=False)

        delivery = receive(Event.AUTO_FINISHED, identification("scan-1"))

        delivery.refresh_from_db()
        assert not Verification.objects.exists()
        assert (delivery.is_handled, delivery.problem, delivery.body) == (True, DeliveryProblem.NOT_HELD, "")

    def test_leaves_the_names_that_the_project_knows(self) -> None:
        make_verification(scan_ref="scan-1", client_id="ours", name="Our Name")

        receive(Event.AUTO_FINISHED, identification("scan-1"))

        verification = Verification.objects.get()
        assert (verification.client_id, verification.name) == ("ours", "Our Name")

    def test_brings_nothing_back_of_an_erased_client(self) -> None:
        make_verification(scan_ref="scan-1", client_id="", name="", status="", erased_at=NOON)

        delivery = receive(Event.AUTO_FINISHED, identification("scan-1"))

        delivery.refresh_from_db()
        verification = Verification.objects.get()
        assert (verification.name, verification.client_id, verification.status) == ("", "", "")
        assert (delivery.problem, delivery.body) == (DeliveryProblem.ERASED, "")

    @pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
    def test_handles_every_sample(self, path: Path) -> None:
        delivery = receive(path.name.partition(".")[0], path.read_bytes())

        assert (delivery.is_handled, delivery.problem) == (True, "")
        assert Verification.objects.get().client_id in {"C-1042", ""}

    def test_keeps_a_word_that_is_new(self) -> None:
        receive(Event.AUTO_FINISHED, sample("IDENTIFICATION_AUTO_FINISHED.unknown_values"))

        verification = Verification.objects.get()
        assert verification.status == "ON-HOLD"
        assert verification.checks["fraud_tags"] == ["A_NEW_TAG"]

    def test_says_what_it_was_told_on_the_record(self) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1", status="REVIEWING", final=False))
        receive(Event.MANUAL_FINISHED, identification("scan-1"))
        receive(Event.MANUAL_FINISHED, identification("scan-1", status="DENIED"))

        assert kinds() == [EventKind.TOLD, EventKind.TOLD, EventKind.CONTRADICTED]
        assert Verification.objects.get().changed_after_review_at == NOON

    def test_keeps_the_latest_warning_about_the_document(self) -> None:
        for threshold in ("DOCUMENT_EXPIRES_WITHIN_30_DAYS", "DOCUMENT_EXPIRED", "DOCUMENT_EXPIRES_WITHIN_7_DAYS"):
            receive(Event.DOCUMENT_EXPIRATION, document_expiration("scan-1", threshold=threshold))

        assert Verification.objects.get().expiration_threshold == "DOCUMENT_EXPIRED"
        assert kinds() == [EventKind.DOCUMENT_EXPIRES] * 2

    @pytest.mark.parametrize("event", ["AML_MONITORING", "COMPANY_STATUS", ""])
    def test_leaves_alone_what_is_about_something_else(self, event: str) -> None:
        delivery = receive(event, {"companyId": "x"})

        delivery.refresh_from_db()
        assert (delivery.is_handled, delivery.problem) == (True, DeliveryProblem.NOT_OURS)
        assert not Verification.objects.exists()


class TestARepeat:
    def test_within_a_quarter_of_an_hour_does_nothing_and_is_counted(self, clock: Any) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1"))
        clock.move_to(NOON + 14 * MINUTE)

        delivery = receive(Event.AUTO_FINISHED, identification("scan-1"))

        assert (delivery.receipts, delivery.last_received_at) == (2, NOON + 14 * MINUTE)
        assert delivery.handled_at == NOON
        assert WebhookDelivery.objects.count() == 1

    def test_later_is_news(self, clock: Any) -> None:
        """Approved, denied, approved: the first and the third may be the same bytes."""
        for minutes, status in ((0, "APPROVED"), (20, "DENIED"), (40, "APPROVED")):
            clock.move_to(NOON + minutes * MINUTE)
            receive(Event.MANUAL_FINISHED, identification("scan-1", status=status))

        assert Verification.objects.get().status == "APPROVED"
        assert Verification.objects.get().told_at == NOON + 40 * MINUTE

    def test_is_news_after_something_else_was_handled(self, clock: Any) -> None:
        for minutes, status in ((0, "APPROVED"), (1, "DENIED"), (2, "APPROVED")):
            clock.move_to(NOON + minutes * MINUTE)
            receive(Event.MANUAL_FINISHED, identification("scan-1", status=status))

        assert Verification.objects.get().status == "APPROVED"

    def test_of_an_answer_completes_nothing_more(self, clock: Any) -> None:
        asked(State.ISSUED)
        receive(Event.RESUBMITTED, identification("scan-1"))
        clock.move_to(NOON + 120 * MINUTE)
        newer = asked(State.ISSUED)

        receive(Event.RESUBMITTED, identification("scan-1"))

        newer.refresh_from_db()
        assert newer.state == State.ISSUED


def refuse_verifications(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """Nothing can be read or written about verifications."""
    if Verification._meta.db_table in sql:
        raise DatabaseError("broken")
    return run(sql, params, many, context)


class TestADeliveryThatFails:
    @pytest.mark.parametrize(
        ("event", "body", "problem"),
        [
            (Event.AUTO_FINISHED, b"nonsense", DeliveryProblem.NO_JSON),
            (Event.AUTO_FINISHED, b"{}", DeliveryProblem.NO_SCAN_REF),
            (Event.DOCUMENT_EXPIRATION, sample("IDENTIFICATION.legacy"), DeliveryProblem.OTHER_EVENT),
        ],
    )
    def test_is_kept_with_its_problem(self, event: str, body: bytes, problem: str) -> None:
        delivery = receive(event, body)

        delivery.refresh_from_db()
        assert (delivery.is_handled, delivery.problem, delivery.raw) == (False, problem, body)
        assert list(WebhookDelivery.objects.failed()) == [delivery]

    def test_waits_to_be_handled_again_also_if_it_was_handled_before(self, clock: Any, caplog: Any) -> None:
        """Approved, denied, approved: the last word must not be lost because its bytes are those of the first."""
        for minutes, status in ((0, "APPROVED"), (1, "DENIED")):
            clock.move_to(NOON + minutes * MINUTE)
            receive(Event.MANUAL_FINISHED, identification("scan-1", status=status))
        clock.move_to(NOON + 2 * MINUTE)
        with connection.execute_wrapper(refuse_verifications):
            delivery = receive(Event.MANUAL_FINISHED, identification("scan-1", status="APPROVED"))
        assert (delivery.is_handled, delivery.problem) == (False, DeliveryProblem.BROKE_OFF)

        assert services.handle_due() == 1

        assert Verification.objects.get().status == "APPROVED"
        assert WebhookDelivery.objects.count() == 2

    @pytest.fixture
    def broken(self) -> Callable[[], object]:
        """Nothing can be written about verifications until what this returns is called."""
        wrapper = connection.execute_wrapper(refuse_verifications)
        wrapper.__enter__()
        return lambda: wrapper.__exit__(None, None, None)

    def test_is_handled_by_the_next_one_of_its_verification(self, broken: Callable[[], object], caplog: Any) -> None:
        first = receive(Event.AUTO_FINISHED, identification("scan-1"))
        broken()
        assert (first.is_handled, first.problem) == (False, DeliveryProblem.BROKE_OFF)

        receive(Event.DOCUMENT_EXPIRATION, document_expiration("scan-1"))

        first.refresh_from_db()
        assert (first.is_handled, first.problem) == (True, "")
        assert Verification.objects.get().status == "APPROVED"
        assert "DatabaseError" in caplog.text
        assert "scan-1" not in caplog.text

    def test_is_handled_by_whoever_sweeps(self, broken: Callable[[], object]) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1"))
        receive(Event.AUTO_FINISHED, b"nonsense")
        broken()

        assert services.handle_due() == 1
        assert services.handle_due() == 0

    def test_is_handled_when_a_person_says_so(self, broken: Callable[[], object]) -> None:
        delivery = receive(Event.AUTO_FINISHED, identification("scan-1"))
        broken()

        assert services.handle_again(WebhookDelivery.objects.failed()) == 1

        delivery.refresh_from_db()
        assert delivery.is_handled

    def test_does_not_undo_what_was_told_since(self, broken: Callable[[], object], clock: Any) -> None:
        receive(Event.MANUAL_FINISHED, identification("scan-1", status="DENIED"))
        broken()
        clock.move_to(NOON + MINUTE)

        receive(Event.MANUAL_FINISHED, identification("scan-1", status="APPROVED"))

        verification = Verification.objects.get()
        assert (verification.status, verification.told_at) == ("APPROVED", NOON + MINUTE)
        assert verification.changed_after_review_at is not None

    def test_is_not_handled_again_without_its_body(self, broken: Callable[[], object]) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1"))
        broken()
        WebhookDelivery.objects.update(body="")

        assert services.handle_again(WebhookDelivery.objects.failed()) == 0
        assert WebhookDelivery.objects.get().problem == DeliveryProblem.UNREADABLE

    @pytest.mark.parametrize("body", [b"nonsense", b"{}"])
    def test_keeps_a_better_reason_when_it_is_tried_again_without_its_body(self, body: bytes) -> None:
        problem = receive(Event.AUTO_FINISHED, body).problem
        WebhookDelivery.objects.update(body="")

        assert services.handle_again(WebhookDelivery.objects.failed()) == 0

        assert (
            WebhookDelivery.objects.get().problem == problem in {DeliveryProblem.NO_JSON, DeliveryProblem.NO_SCAN_REF}
        )

    @pytest.mark.django_db(transaction=True)
    def test_waits_like_a_new_one_if_the_database_goes_away_when_it_is_told_once_more(self, caplog: Any) -> None:
        told = (Event.AUTO_FINISHED, identification("scan-1"))
        receive(*told)
        WebhookDelivery.objects.update(handled_at=None, problem=DeliveryProblem.UNREADABLE, body="")
        updates: list[str] = []

        def go_away(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            """As soon as it was counted."""
            if sql.startswith("UPDATE"):
                updates.append(sql)
                if len(updates) > 1:
                    raise DatabaseError("away")
            return run(sql, params, many, context)

        with connection.execute_wrapper(go_away):
            receive(*told)

        assert len(updates) > 1
        assert services.handle_due() == 1

    def test_waits_for_nobody_once_its_key_is_gone_and_is_handled_by_hand_once_it_is_back(
        self, broken: Callable[[], object], settings: Any
    ) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1"))
        broken()
        before = settings.SECRET_KEY
        settings.SECRET_KEY = "another key, and the old one was thrown away"

        assert services.handle_due() == 0

        assert WebhookDelivery.objects.get().problem == DeliveryProblem.UNREADABLE
        assert not WebhookDelivery.objects.due().exists()
        settings.SECRET_KEY_FALLBACKS = [before]
        assert services.handle_again(WebhookDelivery.objects.failed()) == 1
        assert Verification.objects.get().status == "APPROVED"


class TestADeliveryThatIsSetAside:
    @pytest.fixture
    def unreadable(self) -> WebhookDelivery:
        """An answer of which nothing is left."""
        make_verification(scan_ref="scan-1")
        with connection.execute_wrapper(refuse_verifications):
            delivery = receive(Event.RESUBMITTED, identification("scan-1"))
        WebhookDelivery.objects.update(problem=DeliveryProblem.UNREADABLE, body="")
        delivery.refresh_from_db()
        return delivery

    def test_needs_nobody_any_more_and_is_on_record(self, unreadable: WebhookDelivery, officer: Any) -> None:
        nameless = receive(Event.AUTO_FINISHED, b"{}")

        assert services.set_aside([unreadable, nameless], by=officer) == 2

        assert not WebhookDelivery.objects.failed().exists()
        assert {*WebhookDelivery.objects.values_list("problem", flat=True)} == {DeliveryProblem.SET_ASIDE}
        line = RequestEvent.objects.get()
        assert (line.verification, line.actor_name) == (Verification.objects.get(), "Rasa Kazlauskienė")
        assert line.params == {"event": Event.RESUBMITTED, "problem": DeliveryProblem.UNREADABLE}

    def test_is_so_once(self, unreadable: WebhookDelivery, officer: Any) -> None:
        services.set_aside([unreadable], by=officer)

        assert services.set_aside([unreadable], by=officer) == 0
        assert RequestEvent.objects.count() == 1

    @pytest.mark.parametrize("problem", ["", DeliveryProblem.BROKE_OFF])
    def test_is_none_that_will_be_handled(self, unreadable: WebhookDelivery, problem: str) -> None:
        WebhookDelivery.objects.update(problem=problem)

        assert services.set_aside([unreadable], by=None) == 0
        assert WebhookDelivery.objects.failed().exists()

    def test_does_what_it_says_when_it_is_told_once_more(self, unreadable: WebhookDelivery) -> None:
        """Also at once: whoever sets it aside may have asked iDenfy for it just before."""
        services.set_aside([unreadable], by=None)

        delivery = receive(Event.RESUBMITTED, identification("scan-1"))

        assert (delivery.pk, delivery.is_handled, delivery.problem) == (unreadable.pk, True, "")
        assert Answer.objects.exists()


class TestAnotherEventsName:
    """The signature does not cover it: whoever captured a delivery could send it under another one's."""

    @pytest.mark.parametrize("event", [Event.RESUBMITTED, Event.MANUAL_FINISHED])
    def test_is_not_believed(self, event: Event) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1"))
        request = asked(State.ISSUED)

        delivery = receive(event, identification("scan-1"))

        request.refresh_from_db()
        assert request.state == State.ISSUED
        assert (delivery.is_handled, delivery.problem) == (False, DeliveryProblem.RELABELLED)
        assert Verification.objects.get().reviewed_at is None

    @pytest.mark.parametrize("order", list(permutations([Event.LEGACY, Event.RESUBMITTED])))
    def test_is_believed_of_the_legacy_event_which_is_told_beside_the_others(self, order: tuple[Event, Event]) -> None:
        request = asked(State.ISSUED)

        for event in order:
            receive(event, identification("scan-1"))

        request.refresh_from_db()
        assert request.state == State.COMPLETED
        assert not WebhookDelivery.objects.exclude(problem="").exists()

    def test_turns_no_session_that_expired_into_a_result(self) -> None:
        receive(Event.AUTO_FINISHED, identification("scan-1", status="APPROVED"))
        receive(Event.EXPIRED, identification("scan-1", status="EXPIRED"))

        receive(Event.LEGACY, identification("scan-1", status="EXPIRED"))

        verification = Verification.objects.get()
        assert (verification.status, verification.changed_after_review_at) == ("APPROVED", None)


class TestAnAnswer:
    @pytest.mark.parametrize("state", [State.SENDING, State.ISSUED, State.UNKNOWN, State.EXPIRED, State.CANCELLED])
    def test_completes_the_request(self, state: State) -> None:
        request = asked(state)

        receive(Event.RESUBMITTED, identification("scan-1"))

        request.refresh_from_db()
        assert (request.state, request.ended_at) == (State.COMPLETED, NOON)
        assert (request.session_url, request.token, request.open_client) == ("", "", None)
        answer = Answer.objects.get()
        assert (answer.request, answer.review_follows, answer.received_at) == (request, False, NOON)
        line = RequestEvent.objects.get(kind=EventKind.ANSWERED)
        assert (line.request, line.batch, line.params) == (request, request.batch, {"after": state.value})

    def test_completes_the_newest_that_was_sent_before_it_came(self) -> None:
        older, newest = asked(State.EXPIRED), asked(State.ISSUED)
        InformationRequest.objects.filter(pk=older.pk).update(sent_at=NOON - timedelta(days=30))
        later = asked(State.CANCELLED)
        InformationRequest.objects.filter(pk=later.pk).update(sent_at=NOON + MINUTE)

        receive(Event.RESUBMITTED, identification("scan-1"))

        newest.refresh_from_db()
        assert newest.state == State.COMPLETED
        assert Answer.objects.get().request == newest

    @pytest.mark.parametrize("state", [State.QUEUED, State.REFUSED, State.DRAFT])
    def test_belongs_to_no_request_that_nobody_was_asked_by(self, state: State) -> None:
        request = make_request(state, verification=make_verification(scan_ref="scan-1"))

        receive(Event.RESUBMITTED, identification("scan-1"))

        request.refresh_from_db()
        assert request.state == state
        assert Answer.objects.get().request is None
        assert EventKind.ANSWERED_ELSEWHERE in kinds()

    def test_that_staff_had_marked_is_what_idenfy_says_now(self) -> None:
        request = asked(State.COMPLETED, reason=Reason.MARKED, reason_params={"note": "by phone"})

        receive(Event.RESUBMITTED, identification("scan-1"))

        request.refresh_from_db()
        assert (request.state, request.reason, request.reason_params) == (State.COMPLETED, "", {})
        assert Answer.objects.get().request == request

    def test_told_again_with_fresh_links_never_completes_a_newer_request(self) -> None:
        asked(State.ISSUED, "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7")
        receive(Event.RESUBMITTED, sample("IDENTIFICATION_RESUBMITTED.final"))
        newer = asked(State.ISSUED, "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7")

        delivery = receive(Event.RESUBMITTED, sample("IDENTIFICATION_RESUBMITTED.again_with_fresh_links"))

        newer.refresh_from_db()
        assert delivery.is_handled
        assert newer.state == State.ISSUED
        assert Answer.objects.count() == 1
        assert RequestEvent.objects.get(kind=EventKind.TOLD_AGAIN).request == newer

    def test_told_again_when_nothing_waits_says_nothing(self) -> None:
        asked(State.ISSUED)
        receive(Event.RESUBMITTED, identification("scan-1", links="1"))

        receive(Event.RESUBMITTED, identification("scan-1", links="2"))

        assert EventKind.TOLD_AGAIN not in kinds()

    def test_keeps_what_was_answered_and_encrypts_it(self) -> None:
        asked(State.ISSUED, "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7")

        receive(Event.RESUBMITTED, sample("IDENTIFICATION_RESUBMITTED.final"))

        answer = Answer.objects.get()
        assert (answer.risk_score, answer.risk_level) == (42, "MEDIUM")
        assert [section["title"] for section in answer.questionnaire["sections"]] == ["About you", "About your money"]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT questionnaire_json FROM {Answer._meta.db_table}")  # noqa: S608
            assert "money" not in cursor.fetchone()[0]

    def test_keeps_no_link_to_a_file_and_no_document_number(self) -> None:
        asked(State.ISSUED, "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7")

        receive(Event.RESUBMITTED, sample("IDENTIFICATION_RESUBMITTED.final"))

        kept = json.dumps([list(Verification.objects.values()), list(Answer.objects.values())], default=str)
        kept += Answer.objects.get().questionnaire_json
        assert not {"files.idenfy.test", "AB1234567", "38501011234", "hunter2"} & {
            word for word in ("files.idenfy.test", "AB1234567", "38501011234", "hunter2") if word in kept
        }

    def test_tells_the_project(self, django_capture_on_commit_callbacks: Any) -> None:
        def prototype(sender: Any, *, request_id: int, **kwargs: object) -> None: ...

        receiver = create_autospec(prototype)
        request = asked(State.ISSUED)
        signals.information_received.connect(receiver)

        with django_capture_on_commit_callbacks(execute=True):
            receive(Event.RESUBMITTED, identification("scan-1"))

        signals.information_received.disconnect(receiver)
        receiver.assert_called_once_with(
            signal=signals.information_received, sender=InformationRequest, request_id=request.pk
        )


class TestAReview:
    ANSWERED = identification("scan-1", status="REVIEWING", final=False)
    REVIEWED = identification("scan-1", status="DENIED", mismatch_tags=["UTILITY_NAME"], additional_step="INVALID")

    @pytest.mark.parametrize("order", list(permutations([0, 1])))
    def test_finds_its_answer_in_either_order(self, order: tuple[int, int]) -> None:
        request = asked(State.ISSUED)
        told = [(Event.RESUBMITTED, self.ANSWERED), (Event.MANUAL_FINISHED, self.REVIEWED)]

        for place in order:
            receive(*told[place])

        request.refresh_from_db()
        answer = Answer.objects.get()
        assert (request.state, answer.request) == (State.COMPLETED, request)
        assert (answer.review_follows, answer.is_in_review, answer.reviewed_at) == (True, False, NOON)
        assert (answer.status, answer.additional_step, answer.mismatch_tags) == ("DENIED", "INVALID", ["UTILITY_NAME"])
        assert Verification.objects.get().status == "DENIED"

    @pytest.mark.parametrize(
        "order", list(permutations(["RESUBMITTED.review_follows", "MANUAL_FINISHED.after_answer"]))
    )
    def test_finds_its_answer_in_either_order_as_idenfy_writes_them(self, order: tuple[str, str]) -> None:
        request = asked(State.ISSUED, "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7")

        for name in order:
            receive(f"IDENTIFICATION_{name.partition('.')[0]}", sample(f"IDENTIFICATION_{name}"))

        request.refresh_from_db()
        answer = Answer.objects.get()
        assert (request.state, answer.request, answer.reviewed_at) == (State.COMPLETED, request, NOON)
        assert json.loads(sample("IDENTIFICATION_MANUAL_FINISHED.after_answer"))["status"]["overall"] == answer.status

    def test_is_awaited_until_it_comes(self) -> None:
        asked(State.ISSUED)

        receive(Event.RESUBMITTED, self.ANSWERED)

        answer = Answer.objects.get()
        assert answer.is_in_review
        assert Verification.objects.get().status == "APPROVED"

    def test_of_the_verification_itself_says_nothing_of_a_later_answer(self) -> None:
        receive(Event.MANUAL_FINISHED, identification("scan-1"))
        Verification.objects.update(reviewed_at=NOON - timedelta(days=90))
        asked(State.ISSUED)

        receive(Event.RESUBMITTED, self.ANSWERED)

        assert Answer.objects.get().is_in_review

    def test_from_before_the_request_says_nothing_of_its_answer_however_often_it_is_told(self, clock: Any) -> None:
        receive(Event.MANUAL_FINISHED, identification("scan-1"))
        clock.move_to(NOON + timedelta(days=90))
        asked(State.ISSUED)
        receive(Event.RESUBMITTED, self.ANSWERED)
        clock.move_to(NOON + timedelta(days=91))

        receive(Event.MANUAL_FINISHED, identification("scan-1"))

        assert Answer.objects.get().is_in_review
        assert EventKind.REVIEWED not in kinds()

    def test_from_before_the_request_that_is_told_again_says_nothing_of_an_answer_that_follows(
        self, clock: Any
    ) -> None:
        receive(Event.MANUAL_FINISHED, identification("scan-1"))
        clock.move_to(NOON + timedelta(days=90))
        asked(State.ISSUED)
        receive(Event.MANUAL_FINISHED, identification("scan-1"))

        receive(Event.RESUBMITTED, self.ANSWERED)

        assert Answer.objects.get().is_in_review

    def test_that_broke_off_finds_an_answer_that_came_after_it(self, clock: Any) -> None:
        asked(State.ISSUED)
        review = receive(Event.MANUAL_FINISHED, self.REVIEWED)
        WebhookDelivery.objects.update(handled_at=None, problem=DeliveryProblem.BROKE_OFF)
        Verification.objects.update(reviewed_at=None, status="APPROVED")
        clock.move_to(NOON + MINUTE)

        receive(Event.RESUBMITTED, self.ANSWERED)

        review.refresh_from_db()
        assert review.is_handled
        assert Answer.objects.get().status == "DENIED"

    def test_is_noted_with_the_request(self) -> None:
        request = asked(State.ISSUED)

        receive(Event.RESUBMITTED, self.ANSWERED)
        receive(Event.MANUAL_FINISHED, self.REVIEWED)

        assert RequestEvent.objects.get(kind=EventKind.REVIEWED).request == request

    def test_is_noted_with_the_verification_where_nothing_was_asked_here(self) -> None:
        make_verification(scan_ref="scan-1")

        receive(Event.RESUBMITTED, self.ANSWERED)
        receive(Event.MANUAL_FINISHED, self.REVIEWED)

        line = RequestEvent.objects.get(kind=EventKind.REVIEWED)
        assert (line.request, line.verification) == (None, Verification.objects.get())


class TestVerificationUpdated:
    def test_names_what_has_changed(self, django_capture_on_commit_callbacks: Any) -> None:
        def prototype(sender: Any, *, verification_id: int, changed: list[str], **kwargs: object) -> None: ...

        receiver = create_autospec(prototype)
        verification = make_verification(scan_ref="scan-1", status="REVIEWING", verified_at=None)
        signals.verification_updated.connect(receiver)

        with django_capture_on_commit_callbacks(execute=True):
            receive(Event.AUTO_FINISHED, identification("scan-1"))

        signals.verification_updated.disconnect(receiver)
        receiver.assert_called_once_with(
            signal=signals.verification_updated,
            sender=Verification,
            verification_id=verification.pk,
            changed=["checks", "is_final", "status", "told_at", "verified_at"],
        )
