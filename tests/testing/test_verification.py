"""How a verification begins at the fake, and what its client and reviewer do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idenfy_kyc.testing import FakeIdenfy, Fault, NotPossibleError
from tests.testing.calls import HEADERS, PROFILE, WHO, Clock, ask, begin, said


class TestToken:
    def test_begins_a_verification(self, fake: FakeIdenfy) -> None:
        reply = begin(fake, firstName="Rasa", successUrl="https://example.com/done/")

        answer = said(reply)
        assert reply.status == 201
        assert answer["redirectUrl"] == f"http://fake.example/api/v2/redirect?authToken={answer['authToken']}"
        assert (answer["clientId"], answer["firstName"], answer["lastName"]) == ("C-1042", "Rasa", None)
        session = fake.session(answer["authToken"])
        assert session is not None
        assert session.begins
        assert (session.scan_ref, session.expires_at - session.issued_at) == (answer["scanRef"], 3600)

    def test_is_no_link_of_a_request(self, fake: FakeIdenfy) -> None:
        begin(fake)

        (post,) = fake.posts()
        assert (post.path, post.scan_ref, post.status, post.issued) == ("/api/v2/token", "", 201, False)
        assert fake.count_issued() == {}

    def test_lasts_as_long_as_it_is_told(self, fake: FakeIdenfy) -> None:
        session = fake.session(said(begin(fake, expiryTime=60))["authToken"])

        assert session is not None
        assert session.expires_at - session.issued_at == 60

    @pytest.mark.parametrize(
        ("asks", "word"),
        [
            ({"clientId": ""}, "clientId"),
            ({"clientId": "x" * 101}, "clientId"),
            ({"tokenType": "FACE"}, "tokenType"),
            ({"tokenType": []}, "tokenType"),
            ({"firstName": ""}, "firstName"),
            ({"externalRef": "x" * 41}, "externalRef"),
            ({"country": "LTU"}, "country"),
            ({"successUrl": "x"}, "successUrl"),
            ({"expiryTime": 2_592_001}, "expiryTime"),
            ({"sessionLength": 59}, "sessionLength"),
            ({"questionnaire": "sauce-of-funds"}, "questionnaire"),
            ({"riskAssessmentProfile": "strict"}, "riskAssessmentProfile"),
        ],
        ids=str,
    )
    def test_is_refused_for_what_the_contract_does_not_allow(
        self, fake: FakeIdenfy, asks: dict[str, Any], word: str
    ) -> None:
        fake.questionnaires = frozenset({"source-of-funds"})

        reply = begin(fake, **asks)

        assert (reply.status, said(reply)["identifier"]) == (400, "VALIDATION_ERROR")
        assert word in said(reply)["message"]

    @pytest.mark.parametrize("missing", ["clientId", "tokenType"])
    def test_is_refused_without_what_it_needs(self, fake: FakeIdenfy, missing: str) -> None:
        body = json.dumps({name: value for name, value in WHO.items() if name != missing}).encode()

        reply = fake.handle("POST", "/api/v2/token", HEADERS, body)

        assert (reply.status, said(reply)["identifier"]) == (400, "MISSING_VALUE")

    def test_asks_for_credentials_and_for_json(self, fake: FakeIdenfy) -> None:
        assert begin(fake, {"Authorization": ""}).status == 401
        assert begin(fake, {"Content-Type": "text/plain"}).status == 415
        assert fake.handle("GET", "/api/v2/token", HEADERS).status == 405

    def test_has_the_faults_that_are_for_everybody(self, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.UNAVAILABLE, scan_ref="scan-1")
        fake.misbehave(Fault.NO_TOKEN, times=1)

        answers = [begin(fake) for _ in range(2)]

        assert "authToken" not in said(answers[0])
        assert "authToken" in said(answers[1])

    def test_leads_to_the_page(self, fake: FakeIdenfy) -> None:
        token = said(begin(fake))["authToken"]

        reply = fake.handle("GET", f"/api/v2/redirect?authToken={token}", {})

        assert (reply.status, dict(reply.headers)["Location"]) == (303, f"../../session/?authToken={token}")


class TestPeople:
    def test_are_verified_at_once(self, fake: FakeIdenfy, clock: Clock) -> None:
        began = said(begin(fake, firstName="Rasa", lastName="Kazlauskienė", externalRef="order 7"))
        clock.now += 60

        told = fake.people.finish(began["scanRef"])

        payload = told.payload
        assert (told.event, payload["final"], payload["status"]["overall"]) == (
            "IDENTIFICATION_AUTO_FINISHED",
            True,
            "APPROVED",
        )
        assert (payload["clientId"], payload["externalRef"]) == ("C-1042", "order 7")
        assert (payload["data"]["docFirstName"], payload["data"]["docLastName"]) == ("RASA", "KAZLAUSKIENĖ")
        assert payload["finishTime"] - payload["startTime"] == 60

    def test_are_verified_by_a_reviewer(self, fake: FakeIdenfy) -> None:
        scan_ref = said(begin(fake))["scanRef"]

        automatic = fake.people.finish(scan_ref, review_follows=True)
        manual = fake.people.decide(scan_ref, status="DENIED")

        assert (automatic.payload["final"], automatic.payload["status"]["overall"]) == (False, "REVIEWING")
        assert (manual.event, manual.payload["final"]) == ("IDENTIFICATION_MANUAL_FINISHED", True)
        assert manual.payload["status"]["overall"] == "DENIED"
        assert manual.payload["clientId"] == "C-1042"
        assert manual.payload["fileUrls"] != automatic.payload["fileUrls"]

    def test_are_verified_once(self, fake: FakeIdenfy) -> None:
        scan_ref = said(begin(fake))["scanRef"]
        fake.people.finish(scan_ref)

        with pytest.raises(NotPossibleError):
            fake.people.finish(scan_ref)

        assert len(fake.told()) == 1

    def test_let_a_verification_expire(self, fake: FakeIdenfy) -> None:
        began = said(begin(fake))

        told = fake.people.let_expire(began["authToken"])

        assert told is not None
        assert (told.event, told.payload["status"]["overall"]) == ("IDENTIFICATION_EXPIRED", "EXPIRED")
        with pytest.raises(NotPossibleError):
            fake.people.let_expire(began["authToken"])

    def test_let_a_link_expire_of_which_nobody_is_told(self, fake: FakeIdenfy) -> None:
        token = said(ask(fake))["tokenString"]

        assert fake.people.let_expire(token) is None

        assert fake.told() == []
        with pytest.raises(NotPossibleError, match="time is over"):
            fake.people.answer("scan-1")

    def test_cannot_be_asked_before_they_are_verified(self, fake: FakeIdenfy) -> None:
        scan_ref = said(begin(fake))["scanRef"]

        before = ask(fake, scan_ref)
        with pytest.raises(NotPossibleError):
            fake.people.answer(scan_ref)
        fake.people.finish(scan_ref)
        after = ask(fake, scan_ref)

        assert (before.status, after.status) == (400, 200)
        assert "not finished" in said(before)["message"]

    def test_answer_all_that_was_asked(self, fake: FakeIdenfy) -> None:
        asks = {
            "questionnaire": "source-of-funds",
            "riskAssessmentProfile": PROFILE,
            "additionalStepUploadRequired": True,
            "bankCardVerification": True,
            "bankCardExpectedLastFour": "4242",
        }
        ask(fake, body=json.dumps(asks).encode())

        payload = fake.people.answer("scan-1").payload

        assert (payload["final"], payload["status"]["overall"]) == (True, "APPROVED")
        assert payload["status"]["additionalSteps"] == "VALID"
        assert payload["additionalSteps"] == {"UTILITY_BILL": "UPLOAD"}
        assert payload["riskAssessment"] == {"riskScore": 12, "riskLevel": "VERY_LOW"}
        assert payload["bankCardVerification"]["status"] == "MATCH"
        answers = payload["questionnaireAnswers"]
        assert answers["title"] == "source-of-funds"
        values = {q["key"]: q["value"] for section in answers["sections"] for q in section["questions"]}
        assert values["occupation"] == "Nurse"
        assert values["sources"] == ["Salary", "Savings"]
        assert values["exposed"] is False
        assert values["proof"].startswith("https://files.idenfy.test/scan-1/proof.pdf?Signature=")

    def test_answer_nothing_that_was_not_asked(self, fake: FakeIdenfy) -> None:
        ask(fake, body=b"{}")

        payload = fake.people.answer("scan-1").payload

        for name in ("questionnaireAnswers", "riskAssessment", "bankCardVerification", "additionalSteps"):
            assert payload[name] is None
        assert payload["status"]["additionalSteps"] is None

    @pytest.mark.parametrize(
        ("uploads", "review_follows", "verdict"),
        [(True, False, "VALID"), (True, True, None), (False, False, "NOT_FOUND"), (False, True, "NOT_FOUND")],
    )
    def test_may_leave_the_document_out(
        self, fake: FakeIdenfy, uploads: bool, review_follows: bool, verdict: str | None
    ) -> None:
        ask(fake)

        payload = fake.people.answer("scan-1", uploads=uploads, review_follows=review_follows).payload

        assert payload["status"]["additionalSteps"] == verdict

    @pytest.mark.parametrize(
        ("expected", "card", "status"), [("4242", "1111", "NO_MATCH"), (None, "1111", "NOT_COMPARED")]
    )
    def test_may_show_another_card(self, fake: FakeIdenfy, expected: str | None, card: str, status: str) -> None:
        body = {"bankCardVerification": True} | ({"bankCardExpectedLastFour": expected} if expected else {})
        ask(fake, body=json.dumps(body).encode())

        assert fake.people.answer("scan-1", card=card).payload["bankCardVerification"]["status"] == status

    @pytest.mark.parametrize(
        ("score", "level"), [(0, "VERY_LOW"), (20, "LOW"), (40, "MEDIUM"), (79, "HIGH"), (100, "VERY_HIGH")]
    )
    def test_are_of_some_risk(self, fake: FakeIdenfy, score: int, level: str) -> None:
        ask(fake, body=json.dumps({"riskAssessmentProfile": PROFILE}).encode())

        assert fake.people.answer("scan-1", risk_score=score).payload["riskAssessment"]["riskLevel"] == level

    def test_can_be_asked_again_once_nothing_is_left_to_review(self, fake: FakeIdenfy) -> None:
        ask(fake)

        fake.people.answer("scan-1", review_follows=True)
        in_review = ask(fake).status
        with pytest.raises(NotPossibleError, match="already"):
            fake.people.answer("scan-1")
        fake.people.decide("scan-1", status="DENIED", additional_step="INVALID", mismatch_tags=["UTILITY_NAME"])
        denied = ask(fake).status
        fake.people.decide("scan-1")
        approved = ask(fake).status

        assert (in_review, denied, approved) == (400, 400, 200)
        assert [told.payload["status"]["additionalSteps"] for told in fake.told("scan-1")] == [
            None,
            "INVALID",
            "INVALID",
        ]
        assert fake.told("scan-1")[1].payload["status"]["mismatchTags"] == ["UTILITY_NAME"]

    def test_decide_on_a_verification_that_began_elsewhere(self, fake: FakeIdenfy) -> None:
        payload = fake.people.decide("scan-9", status="SUSPECTED").payload

        assert (payload["scanRef"], payload["clientId"], payload["data"]["docFirstName"]) == ("scan-9", "", "")
        assert payload["status"]["overall"] == "SUSPECTED"
