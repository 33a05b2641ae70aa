from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from idenfy_kyc import told
from idenfy_kyc.api.deliveries import Event, read_delivery
from idenfy_kyc.choices import DeliveryProblem
from idenfy_kyc.models import Answer, InformationRequest, RequestBatch, Verification

SAMPLE = Path(__file__).parent / "samples" / "webhooks" / "IDENTIFICATION_RESUBMITTED.final.json"
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


class TestDeliveryText:
    @pytest.mark.parametrize("event", Event)
    def test_has_words_for_every_event(self, event: Event) -> None:
        assert told.delivery_text(event) != event.value

    @pytest.mark.parametrize(("event", "words"), [("A_NEW_EVENT", "A_NEW_EVENT"), ("", "Without a name")])
    def test_shows_another_one_as_it_came(self, event: str, words: str) -> None:
        assert told.delivery_text(event) == words

    @pytest.mark.parametrize("problem", DeliveryProblem)
    def test_has_words_for_every_problem(self, problem: DeliveryProblem) -> None:
        assert told.delivery_problem_text(problem) != problem.value

    def test_has_none_without_a_problem(self) -> None:
        assert told.delivery_problem_text("") == ""


class TestVerdict:
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"review_follows": True}, "In review at iDenfy"),
            ({"additional_step": "VALID"}, "Accepted"),
            (
                {"additional_step": "INVALID", "mismatch_tags": ["EXPIRED_UTILITY_BILL"]},
                "Rejected: expired utility bill",
            ),
            (
                {"additional_step": "INVALID", "mismatch_tags": ["UTILITY_NAME", "A_NEW_TAG"]},
                "Rejected: another name on the utility bill, a new tag",
            ),
            ({"additional_step": "NOT_FOUND"}, "Rejected"),
            ({"status": "APPROVED"}, "No verdict"),
            ({"review_follows": True, "reviewed_at": NOON, "status": "APPROVED"}, "Accepted"),
            ({"review_follows": True, "reviewed_at": NOON, "status": "DENIED"}, "Rejected"),
            ({"review_follows": True, "reviewed_at": NOON, "status": "SUSPECTED"}, "No verdict"),
            ({"additional_step": "PERHAPS"}, "No verdict"),
        ],
    )
    def test_says_what_idenfy_made_of_the_answer(self, fields: dict[str, Any], words: str) -> None:
        assert told.verdict_text(Answer(**fields)) == words


class TestRisk:
    @pytest.mark.parametrize(
        ("score", "level", "words"),
        [
            (42, "MEDIUM", "42 of 100, medium"),
            (0, "", "0 of 100"),
            (None, "NOT_CHECKED", "not checked"),
            (7, "A_NEW_LEVEL", "7 of 100, a new level"),
            (None, "", ""),
        ],
    )
    def test_reads_as_a_score_with_its_level(self, score: int | None, level: str, words: str) -> None:
        assert told.risk_text(Answer(risk_score=score, risk_level=level)) == words


class TestSections:
    def sections(self, payload: dict[str, Any]) -> list[told.Section]:
        given = read_delivery(Event.RESUBMITTED, json.dumps(payload).encode()).answer
        assert given is not None
        return list(told.sections_of(Answer(questionnaire_json=json.dumps(given.questionnaire))))

    def test_lay_out_every_type_of_question(self) -> None:
        sections = self.sections(json.loads(SAMPLE.read_text()))

        read = {question.title.rpartition(" ")[2]: question for section in sections for question in section.questions}
        assert [section.title for section in sections] == ["About you", "About your money"]
        assert len(read) == 21
        assert read["CHECKBOX"].answers == ("Yes",)
        assert read["COUNTRY_MULTI"].answers == ("LT", "LV")
        assert read["TEXT_AREA"].answers == ("Two lines:\nthe second one.",)
        assert read["DATE"].answers == ("14 March 2026",)
        assert read["DATETIME"].answers == ("14 March 2026, 12:30 EET",)
        assert read["FILE"].remark == "1 file, to be read in iDenfy’s dashboard"
        assert read["FILE_MULTI"].remark == "2 files, to be read in iDenfy’s dashboard"
        assert read["PASSWORD"] == told.Question("A question of type PASSWORD", remark="A password. It is not kept.")
        assert not re.search("files.idenfy.test|hunter2", str(read))

    @pytest.mark.parametrize(
        ("kind", "value", "question"),
        [
            ("CHECKBOX", False, told.Question("Q", ("No",))),
            ("TEXT", "", told.Question("Q", ("",), "Not answered")),
            ("TEXT", None, told.Question("Q", (), "Not answered")),
            ("DATE", "2026-13-14", told.Question("Q", ("2026-13-14",))),
            ("DATETIME", "2026-03-14T10:30", told.Question("Q", ("2026-03-14T10:30",))),
            ("FILE", None, told.Question("Q", remark="No file")),
            (
                "A_NEW_TYPE",
                ["b", "https://files.idenfy.test/a"],
                told.Question("Q", ("b",), "1 file, to be read in iDenfy’s dashboard"),
            ),
        ],
    )
    def test_show_what_there_is_or_say_that_nothing_was_answered(
        self, kind: str, value: Any, question: told.Question
    ) -> None:
        payload = json.loads(SAMPLE.read_text())
        payload["questionnaireAnswers"]["sections"] = [
            {"title": "S", "questions": [{"title": "Q", "type": kind, "value": value}]}
        ]

        assert self.sections(payload)[0].questions == (question,)

    def test_are_none_without_a_questionnaire(self) -> None:
        assert list(told.sections_of(Answer())) == []


class TestStatus:
    @pytest.mark.parametrize(("status", "words"), [("DENIED", "Denied"), ("", "")])
    def test_is_the_status_in_words(self, status: str, words: str) -> None:
        assert told.status_text(Answer(status=status)) == words

    @pytest.mark.parametrize(
        ("step", "status", "is_said"),
        [
            ("INVALID", "APPROVED", True),
            ("VALID", "DENIED", True),
            ("INVALID", "DENIED", False),
            ("VALID", "APPROVED", False),
            ("VALID", "SUSPECTED", False),
            ("", "APPROVED", False),
        ],
    )
    def test_is_told_apart_from_a_verdict_that_says_the_opposite(self, step: str, status: str, is_said: bool) -> None:
        text = told.apart_text(Answer(additional_step=step, status=status))

        assert text.startswith("The status is about the whole verification") is is_said
        assert bool(text) is is_said


class TestDocument:
    @pytest.mark.parametrize(
        ("step", "asks", "words"),
        [
            ("VALID", False, "Uploaded, to be seen in iDenfy’s dashboard"),
            ("INVALID", True, "Uploaded, to be seen in iDenfy’s dashboard"),
            ("NOT_FOUND", True, "iDenfy found none in what the client sent"),
            ("", True, "Was asked for: what the client uploaded is to be seen in iDenfy’s dashboard"),
            ("", False, ""),
        ],
    )
    def test_has_a_line_and_no_link(self, step: str, asks: bool, words: str) -> None:
        request = InformationRequest(batch=RequestBatch(additional_step_upload_required=asks))

        assert told.document_text(Answer(additional_step=step, request=request)) == words

    def test_has_no_line_where_nobody_knows_what_was_asked(self) -> None:
        assert told.document_text(Answer()) == ""


class TestFacts:
    def facts(self, status: str = "APPROVED", **checks: Any) -> dict[str, list[tuple[str, str]]]:
        return dict(told.facts_of(Verification(status=status, checks=checks)))

    def test_are_in_words_with_the_code_beside_them(self) -> None:
        facts = self.facts(
            auto_document="DOC_VALIDATED", manual_face="FACE_MISMATCH", fraud_tags=["DUPLICATE_FACE", "A_NEW_TAG"]
        )

        assert facts == {
            "Suspicions": [("The face was seen before", "DUPLICATE_FACE"), ("A new tag", "A_NEW_TAG")],
            "Document, automatic check": [("The document is valid", "DOC_VALIDATED")],
            "Face, checked by a person": [("The face is not the one on the document", "FACE_MISMATCH")],
        }

    def test_say_why_an_approved_client_has_a_rejected_document(self) -> None:
        assert self.facts(additional_step="VALID") == {"Additional step": [("Accepted", "VALID")]}
        assert self.facts("DENIED", additional_step="INVALID") == {"Additional step": [("Rejected", "INVALID")]}
        (_rejected, why) = self.facts(additional_step="INVALID")["Additional step"]
        assert why == ("The status is about the whole verification, this about the document that was asked for.", "")

    def test_have_a_date_in_words(self) -> None:
        verification = Verification(document_expires="2026-12-01")

        assert told.facts_of(verification) == [("Document expires", [("1 December 2026", "")])]
