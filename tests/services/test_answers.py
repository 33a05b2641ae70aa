from __future__ import annotations

from typing import Any

import pytest

from idenfy_kyc.api import InformationSession
from idenfy_kyc.choices import PauseReason, Reason, State
from idenfy_kyc.exceptions import IdenfyConnectionError, IdenfyResponseError, IdenfyStatusError
from idenfy_kyc.services.answers import Effect, outcome_of

SESSION = InformationSession(token="t", session_url="https://x.test/")


def status(code: int, identifier: str = "", *, json: bool = True, **fields: Any) -> IdenfyStatusError:
    return IdenfyStatusError(code, identifier=identifier, message="its words", is_json=json, **fields)


ROWS = [
    # a link
    (SESSION, State.ISSUED, Effect.GO_ON, ""),
    (InformationSession(token="t", session_url=""), State.ISSUED, Effect.GO_ON, ""),
    # nothing was sent
    (IdenfyConnectionError("refused", maybe_delivered=False), State.QUEUED, Effect.WAIT, PauseReason.UNREACHABLE),
    # the account's limit
    (status(429, json=False), State.QUEUED, Effect.ALL_WAIT, PauseReason.RATE_LIMITED),
    (status(429), State.QUEUED, Effect.ALL_WAIT, PauseReason.RATE_LIMITED),
    (status(400, "TOO_MANY_REQUESTS"), State.QUEUED, Effect.ALL_WAIT, PauseReason.RATE_LIMITED),
    (status(503, "TOO_MANY_REQUESTS"), State.QUEUED, Effect.ALL_WAIT, PauseReason.RATE_LIMITED),
    # the account's key and contract
    (status(401), State.QUEUED, Effect.ALL_STOP, PauseReason.UNAUTHORIZED),
    (status(401, json=False), State.QUEUED, Effect.ALL_STOP, PauseReason.UNAUTHORIZED),
    (status(400, "UNAUTHORIZED"), State.QUEUED, Effect.ALL_STOP, PauseReason.UNAUTHORIZED),
    (status(402), State.QUEUED, Effect.ALL_STOP, PauseReason.CONTRACT),
    (status(400, "PARTNER_CONTRACT_ERROR"), State.QUEUED, Effect.ALL_STOP, PauseReason.CONTRACT),
    # the permission
    (status(403), State.QUEUED, Effect.STOP, PauseReason.PERMISSION),
    (status(403, json=False), State.QUEUED, Effect.STOP, PauseReason.PERMISSION),
    (status(400, "PERMISSIONS_ERROR"), State.QUEUED, Effect.STOP, PauseReason.PERMISSION),
    # iDenfy said no
    *((status(code), State.REFUSED, Effect.GO_ON, "") for code in (400, 404, 409, 410, 415, 422, 499)),
    (status(400, "BAD_VALUE"), State.REFUSED, Effect.GO_ON, ""),
    (status(404, "A_WORD_NOBODY_KNOWS"), State.REFUSED, Effect.GO_ON, ""),
    # not iDenfy speaking
    *(
        (status(code, json=False), State.UNKNOWN, Effect.DOUBT, Reason.NOT_IDENFY)
        for code in (400, 404, 405, 407, 413, 418)
    ),
    # broken
    (status(400, "INTERNAL_ERROR"), State.UNKNOWN, Effect.DOUBT, Reason.SERVER_ERROR),
    (status(429, "INTERNAL_ERROR"), State.UNKNOWN, Effect.DOUBT, Reason.SERVER_ERROR),
    (status(408), State.UNKNOWN, Effect.DOUBT, Reason.SERVER_ERROR),
    (status(408, json=False), State.UNKNOWN, Effect.DOUBT, Reason.SERVER_ERROR),
    *((status(code), State.UNKNOWN, Effect.DOUBT, Reason.SERVER_ERROR) for code in (500, 502, 503, 504, 599)),
    (status(503, "BAD_VALUE"), State.UNKNOWN, Effect.DOUBT, Reason.SERVER_ERROR),
    (status(500, json=False), State.UNKNOWN, Effect.DOUBT, Reason.SERVER_ERROR),
    *((status(code), State.UNKNOWN, Effect.DOUBT, Reason.REDIRECTED) for code in (301, 302, 303, 304, 307, 308)),
    *((status(code), State.UNKNOWN, Effect.DOUBT, Reason.SERVER_ERROR) for code in (100, 199, 600, 999)),
    # no answer, or none that can be read
    (IdenfyConnectionError("reset", maybe_delivered=True), State.UNKNOWN, Effect.DOUBT, Reason.NO_ANSWER),
    (IdenfyResponseError("no token", status_code=200), State.UNKNOWN, Effect.DOUBT, Reason.UNREADABLE),
    # the identifier speaks first, also against the status
    (status(401, "PERMISSIONS_ERROR"), State.QUEUED, Effect.STOP, PauseReason.PERMISSION),
    (status(403, "UNAUTHORIZED"), State.QUEUED, Effect.ALL_STOP, PauseReason.UNAUTHORIZED),
    (status(401, "BAD_VALUE"), State.QUEUED, Effect.ALL_STOP, PauseReason.UNAUTHORIZED),
    (status(429, "BAD_VALUE"), State.QUEUED, Effect.ALL_WAIT, PauseReason.RATE_LIMITED),
    (status(302, "TOO_MANY_REQUESTS"), State.QUEUED, Effect.ALL_WAIT, PauseReason.RATE_LIMITED),
]


def name_of(number: int, answer: Any) -> str:
    words = [number, type(answer).__name__, getattr(answer, "status_code", ""), getattr(answer, "identifier", "")]
    return "-".join(str(word) for word in words if word != "")


class TestOutcomeOf:
    @pytest.mark.parametrize(
        ("answer", "state", "effect", "why"), ROWS, ids=[name_of(number, row[0]) for number, row in enumerate(ROWS)]
    )
    def test_is_what_the_table_says(self, answer: Any, state: State, effect: Effect, why: str) -> None:
        outcome = outcome_of(answer)

        assert (outcome.state, outcome.effect) == (state, effect)
        assert outcome.reason + outcome.pause_reason == why
        assert bool(outcome.pause_reason) == (state is State.QUEUED)

    def test_keeps_what_idenfy_said(self) -> None:
        outcome = outcome_of(status(429, "TOO_MANY_REQUESTS", retry_after=7.5))

        assert outcome.retry_after == 7.5
        assert outcome.fields["status_code"] == 429
        assert outcome.fields["identifier"] == "TOO_MANY_REQUESTS"
        assert outcome.fields["message"] == "its words"

    def test_cuts_words_to_what_the_columns_hold(self) -> None:
        error = IdenfyStatusError(400, identifier="I" * 200, message="m" * 900, is_json=True)

        fields = outcome_of(error).fields

        assert (len(fields["identifier"]), len(fields["message"])) == (100, 500)

    def test_keeps_the_status_of_an_answer_that_cannot_be_read(self) -> None:
        assert outcome_of(IdenfyResponseError("no token", status_code=201)).status_code == 201

    def test_has_the_secrets_only_where_a_link_was_issued(self) -> None:
        assert outcome_of(SESSION).fields["token"] == "t"
        assert "token" not in outcome_of(status(500)).fields

    def test_shows_no_secret(self) -> None:
        session = InformationSession(token="s3cret", session_url="https://x.test/?s3cret")

        assert "s3cret" not in repr(outcome_of(session))
