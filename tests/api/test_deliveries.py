from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idenfy_kyc.api.deliveries import Event, read_delivery, scan_ref_of, sign, signature_fits
from idenfy_kyc.exceptions import UnreadableDelivery
from idenfy_kyc.testing import document_expiration, identification

SAMPLES = Path(__file__).parents[1] / "samples" / "webhooks"
BODY = b'{"scanRef": "scan-1"}'


def read(event: str, payload: Any) -> Any:
    return read_delivery(event, json.dumps(payload).encode())


def problem(event: str, body: bytes) -> str:
    with pytest.raises(UnreadableDelivery) as refused:
        read_delivery(event, body)
    return refused.value.code


class TestSignature:
    def test_of_one_of_the_keys_fits(self) -> None:
        assert signature_fits(BODY, sign(BODY, "newer"), ["older", "newer"])

    def test_is_what_idenfy_documents(self) -> None:
        """HMAC-SHA256 in lower-case hex; this one was made with ``openssl dgst -sha256 -hmac key``."""
        assert sign(b"body", "key") == "515aae133b435d4000956731f68ae5cf5eb85d4f0dc6a546d2bfcd3595ec1ae1"

    @pytest.mark.parametrize(
        "signature", ["", "x", sign(BODY, "other"), sign(BODY + b" ", "key"), sign(BODY, "key")[:-1], "ą" * 64, "\x00"]
    )
    def test_of_nobody_does_not(self, signature: str) -> None:
        assert not signature_fits(BODY, signature, ["key"])

    def test_of_a_letter_does_not_fit_where_a_single_key_was_set_in_place_of_a_list(self) -> None:
        """The check says so, but a web server runs no checks; then each letter would be a key."""
        assert not signature_fits(BODY, sign(BODY, "k"), "key")
        assert signature_fits(BODY, sign(BODY, "key"), "key")

    @pytest.mark.parametrize("keys", [[], [""], ["", ""]])
    def test_never_fits_without_a_key(self, keys: list[str]) -> None:
        assert not signature_fits(BODY, sign(BODY, ""), keys)


class TestReadDelivery:
    @pytest.mark.parametrize("event", [event for event in Event if event.startswith(Event.LEGACY)])
    def test_reads_an_identification(self, event: Event) -> None:
        report = read(event, identification("scan-1", client_id="C-7", mismatch_tags=["UTILITY_NAME"]))

        assert (report.event, report.scan_ref, report.client_id, report.name) == (
            event,
            "scan-1",
            "C-7",
            "RASA EXAMPLE",
        )
        assert (report.status, report.is_final) == ("APPROVED", True)
        assert report.finished_at == datetime.fromtimestamp(1_764_000_000, tz=UTC)
        assert report.checks.mismatch_tags == ("UTILITY_NAME",)
        assert report.checks.manual_face == "FACE_MATCH"

    def test_reads_an_answer(self) -> None:
        question = {"key": "q1", "title": "Income?", "type": "INTEGER", "value": "3"}
        questionnaire = {"title": "Annual review", "sections": [{"title": "Money", "questions": [question]}]}

        report = read(
            Event.RESUBMITTED,
            identification(
                "scan-1",
                questionnaire=questionnaire,
                risk={"riskScore": 40, "riskLevel": "MEDIUM"},
                bankCardVerification={"status": "MATCH"},
            ),
        )

        assert report.answer.questionnaire == {
            "title": "Annual review",
            "sections": [
                {"title": "Money", "questions": [{"title": "Income?", "type": "INTEGER", "answers": ["3"]}]},
            ],
        }
        assert (report.answer.risk_score, report.answer.risk_level) == (40, "MEDIUM")
        assert report.answer.bank_card == "MATCH"

    @pytest.mark.parametrize(
        ("kind", "value", "kept"),
        [
            ("TEXT", "a\u202eb", {"answers": ["a b"]}),
            ("TEXT_AREA", "one\ntwo", {"answers": ["one\ntwo"]}),
            ("CHECKBOX", True, {"answers": [True]}),
            ("SELECT_MULTI", ["a", "b"], {"answers": ["a", "b"]}),
            ("FLOAT", 1.5, {"answers": ["1.5"]}),
            ("DATE", None, {"answers": []}),
            ("FILE", "https://files.idenfy.test/a", {"files": 1}),
            ("FILE_MULTI", ["https://files.idenfy.test/a", "https://files.idenfy.test/b"], {"files": 2}),
            ("PASSWORD", "hunter2", {"answers": []}),
            ("URL", "https://example.com/me", {"answers": ["https://example.com/me"]}),
            ("TEXT_AREA", "see https://example.com/me", {"answers": ["see https://example.com/me"]}),
            ("A_NEW_TYPE", "https://files.idenfy.test/a", {"answers": [], "files": 1}),
            ("A_NEW_TYPE", ["b", "at HTTPS://files.idenfy.test/a"], {"answers": ["b"], "files": 1}),
            ("", ["s3://files.idenfy.test/a"], {"answers": [], "files": 1}),
            ("A_NEW_TYPE", "www.idenfy.test/file?token=a", {"answers": [], "files": 1}),
            ("A_NEW_TYPE", "and/or, e.g. 12/2, idenfy.test", {"answers": ["and/or, e.g. 12/2, idenfy.test"]}),
            ("A_NEW_TYPE", {"x": 1}, {"answers": []}),
            ("A_NEW_TYPE", [{"url": "https://files.idenfy.test/a"}, "b"], {"answers": ["b"]}),
        ],
    )
    def test_keeps_of_a_question_what_may_be_read(self, kind: str, value: Any, kept: dict[str, Any]) -> None:
        question = {"key": "q", "title": "Q", "type": kind, "value": value}
        said = {"title": "T", "sections": [{"title": "S", "questions": [question, None]}, "nonsense"]}

        answer = read(Event.RESUBMITTED, identification("scan-1", questionnaire=said)).answer

        assert answer.questionnaire["sections"][0]["questions"][0] == {"title": "Q", "type": kind} | kept

    def test_takes_an_answer_from_no_other_event(self) -> None:
        assert read(Event.AUTO_FINISHED, identification("scan-1", questionnaire={"title": "a"})).answer is None

    def test_reads_when_a_document_expires(self) -> None:
        report = read(Event.DOCUMENT_EXPIRATION, document_expiration("scan-1", day="2026-12-01"))

        assert (report.expiration_threshold, report.document_expires) == ("DOCUMENT_EXPIRED", "2026-12-01")
        assert report.status == ""

    @pytest.mark.parametrize("event", [Event.VIDEO_CALL_FINISHED, "AML_MONITORING", ""])
    def test_reads_of_other_events_only_whose_they_are(self, event: str) -> None:
        report = read(event, {"scanRef": "scan-1", "clientId": "C-7", "status": 3})

        assert (report.scan_ref, report.client_id, report.status) == ("scan-1", "C-7", "")

    @pytest.mark.parametrize("score", [-1, 101, True, "40", None, 4.5])
    def test_leaves_out_a_score_that_is_none(self, score: Any) -> None:
        report = read(Event.RESUBMITTED, identification("scan-1", risk={"riskScore": score}))

        assert report.answer.risk_score is None

    @pytest.mark.parametrize("seconds", [0, -1, 2**40, True, "1764000000", None, 1.5])
    def test_leaves_out_a_time_that_is_none(self, seconds: Any) -> None:
        assert read(Event.LEGACY, identification("scan-1", finishTime=seconds)).finished_at is None

    def test_refuses_what_is_nested_so_deeply_that_nobody_can_walk_through_it(self) -> None:
        deep = '{"a": ' * 900 + "1" + "}" * 900
        body = json.dumps(identification("scan-1"))[:-1] + f', "deep": {deep}}}'

        assert problem(Event.RESUBMITTED, body.encode()) == "no_json"

    @pytest.mark.parametrize("body", [b"", b"[]", b'"a"', b"{", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 5000])
    def test_refuses_what_is_no_object(self, body: bytes) -> None:
        assert problem(Event.LEGACY, body) == "no_json"

    @pytest.mark.parametrize("scan_ref", ["", None, 3, "a" * 41, "a/b", "ą", "-- ; --", {}])
    def test_refuses_what_names_no_verification(self, scan_ref: Any) -> None:
        assert problem(Event.LEGACY, json.dumps({"scanRef": scan_ref}).encode()) == "no_scan_ref"

    @pytest.mark.parametrize(
        ("event", "payload"),
        [
            (Event.AUTO_FINISHED, document_expiration("scan-1")),
            (Event.DOCUMENT_EXPIRATION, identification("scan-1")),
            (Event.DOCUMENT_EXPIRATION, {"scanRef": "scan-1"}),
            (Event.MANUAL_FINISHED, identification("scan-1", final=False)),
            (Event.RESUBMITTED, {"scanRef": "scan-1", "status": {"overall": "APPROVED"}}),
            (Event.RESUBMITTED, identification("scan-1", final="true")),  # type: ignore[arg-type]
            (Event.LEGACY, identification("scan-1", status=None)),  # type: ignore[arg-type]
            (Event.LEGACY, {"scanRef": "scan-1", "final": True, "status": "APPROVED"}),
        ],
    )
    def test_refuses_what_does_not_fit_its_event(self, event: str, payload: Any) -> None:
        assert problem(event, json.dumps(payload).encode()) == "other_event"

    @given(
        st.sampled_from([*Event, "OTHER"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["scanRef", "status", "overall", "final", "data", "fraudTags", "questionnaireAnswers"]
                    ),
                    inner,
                    max_size=5,
                )
            ),
            max_leaves=20,
        ),
    )
    def test_raises_nothing_else_whatever_comes(self, event: str, payload: Any) -> None:
        with suppress(UnreadableDelivery):
            assert read(event, payload).event == event

    @given(st.binary(max_size=200))
    def test_raises_nothing_else_whatever_bytes_come(self, body: bytes) -> None:
        scan_ref_of(body)
        with pytest.raises(UnreadableDelivery):
            read_delivery(Event.LEGACY, body)

    def test_keeps_no_character_that_turns_the_direction_or_cannot_be_stored(self) -> None:
        data = {"docFirstName": "RA\u202eSA\x00", "docLastName": "\ud800X"}

        report = read(Event.LEGACY, identification("scan-1", data=data))

        assert report.name == "RA SA X"


DATA = {"data": {"additionalData": {"UTILITY_BILL": {"address": {"value": "Vilnius"}}}}}


class TestAnswerIdentity:
    def identity(self, **changes: Any) -> str:
        return str(read(Event.RESUBMITTED, identification("scan-1", **changes)).answer.identity)

    def test_is_the_same_with_fresh_links_to_the_files(self) -> None:
        assert self.identity(links="1") == self.identity(links="2")

    def test_is_the_same_with_fresh_links_among_the_answers(self) -> None:
        one, two = (
            {"sections": [{"questions": [{"type": "FILE", "value": f"https://files.idenfy.test/a?s={link}"}]}]}
            for link in "12"
        )

        assert self.identity(questionnaire=one) == self.identity(questionnaire=two)

    def test_is_the_same_after_a_review(self) -> None:
        assert self.identity(final=False, status="REVIEWING") == self.identity(final=True, status="APPROVED")

    @pytest.mark.parametrize(
        "changes",
        [
            {"data": {"docFirstName": "ROSA", "manuallyDataChanged": True}},
            {"manualAddress": "Vilnius", "manualAddressMatch": True},
            {"AML": [{"uid": "2"}]},
            {"amlCheck": {"statusSetAt": "2026-03-14"}},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_is_the_same_after_people_at_iDenfy_corrected_what_is_no_answer(self, changes: dict[str, Any]) -> None:  # noqa: N802
        assert self.identity() == self.identity(**changes)

    @pytest.mark.parametrize(
        "changes", [{"questionnaire": {"title": "b"}}, {"risk": {"riskScore": 1}}, {"finishTime": 1_764_000_001}, DATA]
    )
    def test_is_another_for_another_answer(self, changes: dict[str, Any]) -> None:
        assert self.identity() != self.identity(**changes)


class TestScanRefOf:
    @pytest.mark.parametrize(("body", "found"), [(BODY, "scan-1"), (b"{}", ""), (b"nonsense", "")])
    def test_finds_it_or_nothing(self, body: bytes, found: str) -> None:
        assert scan_ref_of(body) == found


class TestTheSamples:
    """Written by hand from iDenfy's schema, which no test may need."""

    FILES = [path.name for path in SAMPLES.glob("*.json")]
    TYPES = """
        CHECKBOX COLOR COUNTRY COUNTRY_MULTI DATE DATETIME EMAIL FILE FILE_MULTI FLOAT INTEGER LIST PASSWORD
        RADIO SELECT SELECT_MULTI TEL TEXT TEXT_AREA TIME URL
    """

    def test_have_every_event(self) -> None:
        assert {name.partition(".")[0] for name in self.FILES} == set(Event)

    def test_have_every_type_of_question(self) -> None:
        said = json.loads((SAMPLES / "IDENTIFICATION_RESUBMITTED.final.json").read_bytes())["questionnaireAnswers"]

        assert sorted(q["type"] for section in said["sections"] for q in section["questions"]) == self.TYPES.split()

    def test_have_what_is_awkward(self) -> None:
        kinds = {name.split(".")[1] for name in self.FILES}

        assert {"all_null", "missing_keys", "unknown_keys", "unknown_values", "again_with_fresh_links"} <= kinds
        assert {"review_follows", "after_answer"} <= kinds
