from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import translation

from idenfy_kyc import wording
from idenfy_kyc.choices import EventKind, PauseReason, Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def paused(reason: str, **params: Any) -> RequestBatch:
    return RequestBatch(paused_at=NOON, pause_reason=reason, pause_params=params)


def request_in(state: State, expires_at: datetime | None = None) -> InformationRequest:
    return InformationRequest(state=state, expires_at=expires_at)


@pytest.fixture(autouse=True)
def _fixed_place() -> Any:
    with override_settings(TIME_ZONE="UTC", LANGUAGE_CODE="en"), translation.override("en"):
        yield


class TestEveryCode:
    @pytest.mark.parametrize("reason", Reason)
    def test_has_words_as_a_reason(self, reason: Reason) -> None:
        text = wording.reason_text(reason, {})

        assert text
        assert text != reason.value

    @pytest.mark.parametrize("reason", PauseReason)
    def test_has_words_as_a_pause(self, reason: PauseReason) -> None:
        text = wording.pause_text(paused(reason))

        assert text.startswith("Stopped")
        assert text != f"Stopped: {reason.value}"

    @pytest.mark.parametrize("kind", EventKind)
    def test_has_words_as_an_event(self, kind: EventKind) -> None:
        text = wording.event_text(RequestEvent(kind=kind))

        assert text
        assert text != kind.value

    @pytest.mark.parametrize("state", State)
    def test_has_words_as_a_state(self, state: State) -> None:
        assert wording.state_label(request_in(state)) == str(state.label)


class TestReasonText:
    def test_is_empty_without_a_reason(self) -> None:
        assert wording.reason_text("", {}) == ""

    def test_returns_an_unknown_code_as_it_is(self) -> None:
        assert wording.reason_text("sun_spots", {"by": "R. K."}) == "sun_spots"

    @override_settings(TIME_ZONE="Europe/Vilnius")
    def test_says_who_has_asked_when_and_until_when(self) -> None:
        params = {"by": "R. Kazlauskienė", "at": "2020-03-03T22:30:00+00:00", "until": "2020-03-17T21:00:00+00:00"}

        text = wording.reason_text(Reason.OPEN_REQUEST, params)

        assert text == ("Has an open request already (asked by R. Kazlauskienė on 4 March 2020, until 17 March 2020)")

    @pytest.mark.parametrize(
        ("params", "expected"),
        [
            ({"at": "2020-03-03T10:00:00+00:00"}, "Has an open request already (asked on 3 March 2020)"),
            ({"until": "2020-03-03T10:00:00+00:00"}, "Has an open request already (until 3 March 2020)"),
            ({"by": "", "at": None, "until": None}, "Has an open request already"),
            ({"until": "when hell freezes"}, "Has an open request already"),
            ({"until": "2020-99-99T10:00:00"}, "Has an open request already"),
        ],
    )
    def test_leaves_out_what_is_not_known_of_an_open_request(self, params: dict[str, Any], expected: str) -> None:
        assert wording.reason_text(Reason.OPEN_REQUEST, params) == expected

    @pytest.mark.parametrize(
        ("reason", "params", "expected"),
        [
            (Reason.INELIGIBLE, {"status": "DELETED"}, "Deleted at iDenfy"),
            (Reason.INELIGIBLE, {"status": "FROZEN"}, "FROZEN (iDenfy’s new word) at iDenfy"),
            (Reason.LEFT_OUT, {"by": "Alice"}, "Left out by Alice"),
            (Reason.WITHDRAWN, {"note": "client left"}, "Withdrawn: “client left”"),
            (Reason.GIVEN_UP, {"by": "Alice"}, "Given up by Alice, and asked again"),
            (Reason.MARKED, {"by": "Alice", "note": "on paper"}, "Marked by Alice: “on paper”"),
            (Reason.MARKED, {"by": "", "note": "on paper"}, "Marked: “on paper”"),
        ],
    )
    def test_uses_the_parameters(self, reason: Reason, params: dict[str, Any], expected: str) -> None:
        assert wording.reason_text(reason, params) == expected


class TestPauseText:
    def test_is_empty_for_a_batch_that_goes(self) -> None:
        assert wording.pause_text(RequestBatch()) == ""

    @override_settings(TIME_ZONE="Europe/Vilnius")
    def test_says_until_when_it_waits_in_local_time(self) -> None:
        batch = paused(PauseReason.RATE_LIMITED, tries=0)
        batch.paused_until = NOON + timedelta(minutes=5)

        assert wording.pause_text(batch, NOON) == "Waiting until 14:05: iDenfy asks us to slow down"

    def test_says_that_it_tries_again_once_the_wait_is_over(self) -> None:
        batch = paused(PauseReason.UNREACHABLE)
        batch.paused_until = NOON - timedelta(minutes=5)

        assert wording.pause_text(batch, NOON) == "Trying again: iDenfy cannot be reached"

    @pytest.mark.parametrize(
        ("reason", "params", "expected"),
        [
            (PauseReason.PERSON, {"name": "R. K."}, "Stopped by R. K."),
            (PauseReason.PERSON, {}, "Stopped"),
            (
                PauseReason.UNAUTHORIZED,
                {"status_code": 401, "identifier": "UNAUTHORIZED", "message": "no"},
                "Stopped: iDenfy does not accept the API key (401)",
            ),
            (PauseReason.QUOTA, {"quota": 5000}, "Stopped: the 5,000 requests of this hour are used up"),
            (
                PauseReason.REFUSALS,
                {"count": 5, "message": "No such questionnaire", "status_code": 400},
                "Stopped: the first 5 were all refused for the same reason: “No such questionnaire”",
            ),
            (
                PauseReason.REFUSALS,
                {"count": 5},
                "Stopped: the first 5 were all refused for the same reason",
            ),
            (PauseReason.QUOTA, {"quota": 1}, "Stopped: the 1 request of this hour is used up"),
            (PauseReason.REFUSALS, {"count": 1}, "Stopped: the first 1 was refused"),
            ("sun_spots", {}, "Stopped: sun_spots"),
        ],
    )
    def test_says_why_it_stopped(self, reason: str, params: dict[str, Any], expected: str) -> None:
        assert wording.pause_text(paused(reason, **params)) == expected


class TestEventText:
    @pytest.mark.parametrize(
        ("kind", "params", "expected"),
        [
            (EventKind.PLANNED, {"clients": 764, "chosen": 812}, "Planned: 764 clients to be asked"),
            (EventKind.CONFIRMED, {"clients": 1}, "Confirmed: 1 client to be asked"),
            (EventKind.CONFIRMED, {"clients": 1200}, "Confirmed: 1,200 clients to be asked"),
            (
                EventKind.NOT_ASKED,
                {"reason": "same_client"},
                "Not asked: A further verification of a client in this plan",
            ),
            (EventKind.PAUSED, {"reason": "person"}, "Sending stopped"),
            (
                EventKind.PAUSED,
                {"reason": "outage", "until": "2020-03-03T10:00:00+00:00", "tries": 0},
                "Sending waited until 3 March 2020, 10:00 UTC: iDenfy does not answer",
            ),
            (
                EventKind.PAUSED,
                {"reason": "contract", "status_code": 402},
                "Sending stopped: iDenfy says that the contract does not allow it (402)",
            ),
            (EventKind.REFUSED, {"message": "Not now", "identifier": "X"}, "Refused by iDenfy: “Not now”"),
            (EventKind.REFUSED, {"identifier": "NOT_FOUND"}, "Refused by iDenfy: NOT_FOUND"),
            (EventKind.REFUSED, {"status_code": 404}, "Refused by iDenfy: HTTP status 404"),
            (
                EventKind.UNKNOWN,
                {"reason": "no_answer"},
                "Uncertain whether the client was asked: iDenfy’s answer did not arrive",
            ),
            (EventKind.WITHDRAWN, {"note": "client left"}, "Withdrawn: “client left”"),
            (EventKind.WITHDRAWN, {"reason": "erased"}, "Withdrawn: The client’s personal data was erased"),
            (EventKind.ANSWERED, {"after": "issued"}, "The client answered"),
            (
                EventKind.ANSWERED,
                {"after": "cancelled", "review_follows": True},
                "The client answered: after the link had been withdrawn, iDenfy reviews it",
            ),
            (
                EventKind.REVIEWED,
                {"status": "APPROVED", "additional_step": "INVALID"},
                "iDenfy’s review of the answer is over: Approved, the document was rejected",
            ),
            (
                EventKind.REVIEWED,
                {"status": "DENIED", "additional_step": "SOMETHING_NEW"},
                "iDenfy’s review of the answer is over: Denied",
            ),
            (
                EventKind.DOCUMENT_EXPIRES,
                {"day": "2031-05-01"},
                "iDenfy warns that the client’s document expires: 1 May 2031",
            ),
            (
                EventKind.DOCUMENT_EXPIRES,
                {"day": "2031-99-99"},
                "iDenfy warns that the client’s document expires: 2031-99-99",
            ),
            (EventKind.DOCUMENT_EXPIRES, {}, "iDenfy warns that the client’s document expires"),
            ("teleported", {"note": "?"}, "teleported"),
        ],
    )
    def test_puts_the_parameters_into_words(self, kind: str, params: dict[str, Any], expected: str) -> None:
        assert wording.event_text(RequestEvent(kind=kind, params=params)) == expected


class TestAsksText:
    def test_lists_everything_that_is_asked_for(self) -> None:
        batch = RequestBatch(
            additional_step_upload_required=True,
            questionnaire="source-of-funds",
            risk_assessment_profile=uuid.uuid4(),
            bank_card_verification=True,
        )

        text = wording.asks_text(batch)

        assert text == "Document upload, questionnaire “source-of-funds”, risk assessment, bank card check"

    def test_says_that_a_new_plan_asks_for_nothing_yet(self) -> None:
        assert wording.asks_text(RequestBatch()) == "Nothing chosen yet"


class TestLanguageText:
    @pytest.mark.parametrize(
        ("code", "name"), [("lt", "Lithuanian"), ("pt-br", "Brazilian Portuguese"), ("de_AT", "German"), ("xx", "xx")]
    )
    def test_is_the_name_that_readers_know_or_else_the_code(self, code: str, name: str) -> None:
        assert wording.language_text(code) == name

    def test_is_empty_without_a_language(self) -> None:
        assert wording.language_text("") == ""


class TestTimeLeftText:
    @pytest.mark.parametrize(
        ("left", "expected"),
        [
            (timedelta(days=14) - timedelta(seconds=3), "14 days left"),
            (timedelta(days=3, hours=5), "3 days left"),
            (timedelta(hours=36), "2 days left"),
            (timedelta(hours=35), "35 hours left"),
            (timedelta(minutes=89), "89 minutes left"),
            (timedelta(minutes=1), "1 minute left"),
            (timedelta(seconds=5), "less than a minute left"),
            (timedelta(), "ended"),
            (-timedelta(days=2), "ended"),
        ],
    )
    def test_rounds_to_what_a_person_would_say(self, left: timedelta, expected: str) -> None:
        request = request_in(State.ISSUED, NOON + left)

        assert wording.time_left_text(request, NOON) == expected

    def test_is_ended_for_what_is_written_down_as_expired(self) -> None:
        assert wording.time_left_text(request_in(State.EXPIRED, NOON), NOON) == "ended"

    @pytest.mark.parametrize(
        "request_", [request_in(State.QUEUED), request_in(State.CANCELLED, NOON), request_in(State.COMPLETED, NOON)]
    )
    def test_is_empty_where_no_clock_runs(self, request_: InformationRequest) -> None:
        assert wording.time_left_text(request_, NOON) == ""
