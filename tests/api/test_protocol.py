from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine
from hypothesis import example, given
from hypothesis import strategies as st

from idenfy_kyc.api import (
    InformationAsks,
    InformationSession,
    decipher_request_information,
    request_information_path,
    request_information_payload,
)
from idenfy_kyc.exceptions import IdenfyResponseError, IdenfyStatusError

SAMPLES = Path(__file__).parent / "samples" / "request_information"
NOW = datetime(2026, 10, 21, 7, 0, tzinfo=UTC)


def decipher(body: object, status: int = 200, **headers: str) -> InformationSession:
    """The meaning of ``body``, which is sent as JSON unless it is bytes."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decipher_request_information(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, sent
    )


def refusal(body: object, status: int = 400, **headers: str) -> IdenfyStatusError:
    with pytest.raises(IdenfyStatusError) as caught:
        decipher(body, status, **headers)
    return caught.value


class TestRequestInformationPath:
    def test_ends_with_a_slash(self) -> None:
        assert request_information_path("3f2d") == "/kyc/identifications/3f2d/request-information/"

    @pytest.mark.parametrize("scan_ref", ["", ".", "..", "\ud800"])
    def test_refuses_what_no_path_can_carry(self, scan_ref: str) -> None:
        with pytest.raises(ValueError, match=r"path|surrogates"):
            request_information_path(scan_ref)

    @given(st.text(min_size=1).filter(lambda text: text not in {".", ".."} and text.isprintable()))
    def test_is_of_one_segment_whatever_the_reference(self, scan_ref: str) -> None:
        path = request_information_path(scan_ref)

        assert path.count("/") == 5
        assert path.isascii()
        assert not set(path) & set("?#\\ ")


class TestRequestInformationPayload:
    def test_leaves_out_what_is_not_asked_for(self) -> None:
        payload = request_information_payload(InformationAsks(lifetime=timedelta(days=14)))

        assert payload == {"lifetime": 1_209_600}

    def test_has_everything_that_is(self) -> None:
        asks = InformationAsks(
            lifetime=timedelta(hours=1, milliseconds=900),
            questionnaire="source-of-funds",
            risk_assessment_profile=UUID("3f2d0e6a-0a37-11ec-a45b-025ad99a18e7"),
            additional_step_upload_required=True,
            bank_card_verification=True,
            bank_card_expected_last_four="0042",
        )

        payload = request_information_payload(asks)

        assert payload == {
            "lifetime": 3600,
            "questionnaire": "source-of-funds",
            "riskAssessmentProfile": "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7",
            "additionalStepUploadRequired": True,
            "bankCardVerification": True,
            "bankCardExpectedLastFour": "0042",
        }

    def test_always_says_how_long(self) -> None:
        payload = request_information_payload(InformationAsks(lifetime=timedelta(0)))

        assert payload == {"lifetime": 0}


class TestSecrets:
    def test_are_not_shown(self) -> None:
        session = InformationSession(token="the-token", session_url="https://ui.example/?authToken=the-token")
        asks = InformationAsks(lifetime=timedelta(days=1), bank_card_expected_last_four="4242")

        assert repr(session) == str(session) == "InformationSession()"
        assert "4242" not in f"{asks!r}{asks}"

    def test_are_not_taken_for_words(self) -> None:
        error = refusal({"tokenString": "abc", "sessionUrl": "https://ui.example/", "data": {"tokenString": "abc"}})

        assert error.message == ""

    def test_are_not_in_the_text_of_an_error(self) -> None:
        error = refusal({"identifier": "BAD_VALUE", "message": "4242 is not the card of R. Kazlauskienė"}, 400)

        assert (str(error), repr(error)) == ("iDenfy answered 400", "IdenfyStatusError('iDenfy answered 400')")


class TestASuccess:
    @pytest.mark.parametrize("status", [200, 201, 202, 299])
    def test_is_any_2xx_with_a_token(self, status: int) -> None:
        session = decipher({"tokenString": "abc", "sessionUrl": "https://ui.example/"}, status)

        assert session == InformationSession(token="abc", session_url="https://ui.example/")

    @pytest.mark.parametrize("url", [None, 7, ["https://ui.example/"], "", "  ", "\ud800"])
    def test_does_not_need_an_url(self, url: object) -> None:
        session = decipher({"tokenString": "abc", "sessionUrl": url})

        assert session == InformationSession(token="abc", session_url="")

    @pytest.mark.parametrize("token", [None, 7, True, ["abc"], {"a": "b"}, "", " \n", "\ud800"])
    def test_needs_a_token_that_is_text(self, token: object) -> None:
        with pytest.raises(IdenfyResponseError, match="has no tokenString") as caught:
            decipher({"tokenString": token, "sessionUrl": "https://ui.example/"})

        assert caught.value.status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b'"tokenString"',
            b"[]",
            b"7",
            b"NaN",
            b"<!doctype html>",
            b'{"tokenString": "abc"',
            b'{"tokenString": "\xff\xfe"}',
            b"[" * 60_000,
            b'{"a":' * 10_000,
            b"\x00",
            b'{"tokenString": "abc"}' + b" " * 65_536,
        ],
    )
    def test_needs_an_object(self, body: bytes) -> None:
        with pytest.raises(IdenfyResponseError, match="not a JSON object"):
            decipher(body)

    @pytest.mark.parametrize(
        "body",
        [
            b'\xef\xbb\xbf{"tokenString": "abc"}',
            '{"tokenString": "abc"}'.encode("utf-16"),
            b'{"tokenString": "old", "tokenString": "abc"}',
            b'{"tokenString": "abc", "n": ' + b"9" * 5000 + b"}",
            b'{"tokenString": "abc", "n": [NaN, -Infinity, 1e999]}',
        ],
    )
    def test_may_be_odd(self, body: bytes) -> None:
        assert decipher(body, Content_Type="text/plain").token == "abc"


class TestAnError:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"message": "No.", "detail": "Really."}, "No."),
            ({"message": "", "detail": "Not found."}, "Not found."),
            ({"message": {"lifetime": ["Too long."]}}, "lifetime: Too long."),
            ({"message": ["One.", "Two."]}, "One. Two."),
            ({"error": {"message": "Nested."}}, "Nested."),
            ({"lifetime": ["Too long.", "Too odd."], "questionnaire": ["Unknown."]},
             "lifetime: Too long. Too odd. questionnaire: Unknown."),
            ({"nonFieldErrors": ["Ask for something."]}, "Ask for something."),
            ({"non_field_errors": ["Ask for something."], "lifetime": []}, "Ask for something."),
            ({"errors": [{"detail": "One."}, {"detail": "Two."}]}, "One. Two."),
            ({"steps": [{"lifetime": ["Too long."]}, {}]}, "steps: lifetime: Too long."),
            ({"a": [[[[[["Too deep."]]]]]]}, ""),
            (["One.", 7, None, "Two."], "One. Two."),
            ("Just so.", "Just so."),
            (7, ""),
            ({"message": "A\u202eB\u0000C\ud800D\r\n\tE  F"}, "A B C D E F"),
            ({"message": "Užklausa „jau“ pateikta 中文"}, "Užklausa „jau“ pateikta 中文"),
        ],
    )  # fmt: skip
    def test_has_words_of_any_shape(self, body: object, message: str) -> None:
        assert refusal(body).message == message

    def test_has_few_words(self) -> None:
        error = refusal({"message": "u" * 60_000, "identifier": "I" * 1000})

        assert error.message == "u" * 499 + "…"
        assert len(error.identifier) == 100

    @pytest.mark.parametrize("identifier", [None, 7, ["UNAUTHORIZED"], {"a": 1}])
    def test_has_an_identifier_only_if_it_is_text(self, identifier: object) -> None:
        assert refusal({"identifier": identifier}).identifier == ""

    @pytest.mark.parametrize(
        ("body", "is_json"),
        [
            (b"{}", True),
            (b"[]", True),
            (b'"Not found."', True),
            (b"404", False),
            (b"null", False),
            (b"true", False),
            (b"", False),
            (b"<html></html>", False),
            (b"[" * 60_000, False),
            (b"{}" + b" " * 65_536, False),
        ],
    )
    def test_tells_an_api_from_something_in_front_of_it(self, body: bytes, is_json: bool) -> None:
        assert refusal(body, 404).is_json is is_json

    @pytest.mark.parametrize("status", [100, 199, 300, 302, 400, 404, 500, 599, 999])
    def test_is_any_status_but_2xx(self, status: int) -> None:
        error = refusal({"tokenString": "abc"}, status)

        assert error.status_code == status


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("30", 30.0),
            (" 0 ", 0.0),
            ("86401", 86_400.0),
            ("9" * 5000, 86_400.0),
            ("Wed, 21 Oct 2026 07:28:00 GMT", 1680.0),
            ("Wed, 21 Oct 2026 07:28:00 -0000", 1680.0),
            ("Wednesday, 21-Oct-26 07:28:00 GMT", 1680.0),
            ("Wed, 21 Oct 2026 09:28:00 +0200", 1680.0),
            ("Wed, 21 Oct 2020 07:28:00 GMT", 0.0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
            ("-30", None),
            ("1.5", None),
            ("٣", None),
            ("soon", None),
            ("NaN", None),
            ("inf", None),
            ("", None),
            ("Wed, 99 Oct 2026 99:28:00 GMT", None),
            ("Mon, 1 Jan 0000 00:00:00 GMT", 0.0),
            ("Mon, 1 Jan 99999999999999999999 00:00:00 GMT", None),
            ("Wed, 21 Oct 2026 07:28:00 +999999999999", None),
        ],
    )
    def test_is_seconds_or_none(self, value: str, seconds: float | None) -> None:
        with time_machine.travel(NOW, tick=False):
            assert refusal({}, 429, Retry_After=value).retry_after == seconds

    def test_is_found_in_any_case(self) -> None:
        assert refusal({}, 429, retry_AFTER="5").retry_after == 5

    def test_may_be_missing(self) -> None:
        assert refusal({}, 429, Date="Wed, 21 Oct 2026 07:28:00 GMT").retry_after is None


def _error(status: int, *, is_json: bool = True, **said: Any) -> dict[str, Any]:
    return {"status_code": status, "identifier": "", "message": "", "is_json": is_json, "retry_after": None} | said


EXPECTED: dict[str, dict[str, Any]] = {
    "issued": {"token": "pZ3kQ", "session_url": "https://ui.idenfy.com/?authToken=pZ3kQ"},
    "issued_created": {"token": "pZ3kQ", "session_url": "https://ui.idenfy.com/?authToken=pZ3kQ"},
    "issued_without_url": {"token": "pZ3kQ", "session_url": ""},
    "already_pending": _error(400, identifier="VALIDATION_ERROR", message="Information has already been requested"),
    "documented_error": _error(400, identifier="PARTNER_ERROR", message="Token has not expired yet."),
    "field_errors": _error(
        400,
        message="questionnaire: This questionnaire does not exist. lifetime: A valid integer is required. Too big.",
    ),
    "non_field_errors": _error(400, message="Ask for something."),
    "detail": _error(404, message="Not found."),
    "unauthorized": _error(401, message="Invalid authorization credentials"),
    "no_funds": _error(402, message="Action not allowed due to lack of funds or exceeded limit."),
    "partner_inactive": _error(403, message="Partner inactive"),
    "rate_limited": _error(429, identifier="TOO_MANY_REQUESTS", message="Too many requests", retry_after=30.0),
    "rate_limited_as_400": _error(400, identifier="TOO_MANY_REQUESTS", message="Too many requests"),
    "internal_error": _error(500, identifier="INTERNAL_ERROR", message="Something went wrong"),
    "html_not_found": _error(404, is_json=False),
    "html_bad_gateway": _error(502, is_json=False),
    "empty_unavailable": _error(503, is_json=False, retry_after=1680.0),
}


class TestSamples:
    def test_are_all_expected(self) -> None:
        assert {case.name for case in SAMPLES.iterdir()} == set(EXPECTED)

    @pytest.mark.parametrize("case", sorted(EXPECTED))
    @time_machine.travel(NOW, tick=False)
    def test_mean_what_they_should(self, case: str) -> None:
        [headers] = (SAMPLES / case).glob("*.json")
        body = (SAMPLES / case / "body").read_bytes()

        meaning = _meaning(int(headers.stem), json.loads(headers.read_text()), body)

        assert {name: getattr(meaning, name) for name in EXPECTED[case]} == EXPECTED[case]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["message", "detail", "tokenString", "identifier"]) | st.text(), inner)
    ),
    max_leaves=20,
)


class TestAnything:
    @given(
        status=st.integers(100, 999),
        headers=st.dictionaries(st.sampled_from(["Retry-After", "Content-Type"]), st.text()),
        body=st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    )
    @example(status=200, headers={}, body=b'{"tokenString": "abc"}')
    @example(status=200, headers={}, body=b"{}")
    @example(status=400, headers={}, body=b"{}")
    def test_is_a_session_or_one_of_two_errors(self, status: int, headers: dict[str, str], body: bytes) -> None:
        meaning = _meaning(status, headers, body)

        if isinstance(meaning, InformationSession):
            assert meaning.token.encode()
        elif isinstance(meaning, IdenfyStatusError):
            assert meaning.message.isprintable()
            assert meaning.identifier.isprintable()
            assert meaning.retry_after is None or 0 <= meaning.retry_after <= 86_400
        else:
            assert meaning.status_code == status


def _meaning(
    status: int, headers: dict[str, str], body: bytes
) -> InformationSession | IdenfyStatusError | IdenfyResponseError:
    try:
        return decipher_request_information(status, headers, body)
    except (IdenfyStatusError, IdenfyResponseError) as error:
        return error
