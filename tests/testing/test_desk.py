"""The fake's pages in use: what is pressed there, as the client and as the reviewer."""

from __future__ import annotations

import json
import re

import pytest

from idenfy_kyc.testing import DeliveryFault, FakeIdenfy
from tests.testing.calls import PROFILE, Clock, ask, begin, press, said

ALL = {
    "questionnaire": "source-of-funds",
    "riskAssessmentProfile": PROFILE,
    "additionalStepUploadRequired": True,
    "bankCardVerification": True,
}


@pytest.fixture
def token(fake: FakeIdenfy) -> str:
    """A link that asks for everything."""
    fake.webhook_url = "http://project.example/webhook/"
    issued: str = said(ask(fake, body=json.dumps(ALL).encode()))["tokenString"]
    return issued


def page(fake: FakeIdenfy, token: str) -> str:
    return fake.handle("GET", f"/session/?authToken={token}", {}).body.decode()


def answered(fake: FakeIdenfy, token: str, **form: str) -> None:
    assert press(fake, token, "answer", **form).status == 303


class TestClient:
    def test_finds_a_form_for_all_that_is_asked(self, fake: FakeIdenfy, token: str) -> None:
        shown = page(fake, token)

        names = set(re.findall(r' name="(\w+)"', shown))
        assert {"occupation", "employment", "sources", "explained", "proof", "exposed"} <= names
        assert {"upload", "risk", "card", "then", "comes", "act"} <= names
        assert 'type="date"' in shown
        assert "multipart" not in shown
        ids = re.findall(r' id="(\w+)"', shown)
        assert sorted(re.findall(r' for="(\w+)"', shown)) == sorted(ids)
        assert len(ids) == len(set(ids))

    def test_finds_a_form_for_nothing_else(self, fake: FakeIdenfy) -> None:
        token = said(ask(fake, body=b"{}"))["tokenString"]

        shown = page(fake, token)

        assert "Send the answer" in shown
        assert not re.search(r' name="(occupation|upload|risk|card)"', shown)

    def test_sends_what_stands_in_the_form(self, fake: FakeIdenfy, token: str) -> None:
        reply = press(
            fake,
            token,
            "answer",
            **{"occupation": "Baker", "sources": ["Savings", "Dividends"], "explained": "Two\nlines", "exposed": "yes"},
            **{"upload": "bill.pdf", "risk": "81", "card": "1111"},
        )

        (told,) = fake.told("scan-1")
        payload = told.payload
        values = {
            q["key"]: q["value"] for part in payload["questionnaireAnswers"]["sections"] for q in part["questions"]
        }
        assert (reply.status, dict(reply.headers)["Location"]) == (303, f"?authToken={token}")
        assert reply.latency > 0
        assert (values["occupation"], values["sources"], values["exposed"]) == ("Baker", ["Savings", "Dividends"], True)
        assert values["explained"] == "Two\nlines"
        assert (values["since"], values["proof"]) == (None, None)
        assert payload["status"]["additionalSteps"] == "VALID"
        assert payload["riskAssessment"] == {"riskScore": 81, "riskLevel": "VERY_HIGH"}
        assert payload["bankCardVerification"]["lastFour"] == "1111"

    @pytest.mark.parametrize(("risk", "score"), [("", 0), ("-1", 0), ("x", 0), ("101", 100), ("1" * 5000, 0)])
    def test_can_enter_any_risk(self, fake: FakeIdenfy, token: str, risk: str, score: int) -> None:
        answered(fake, token, risk=risk)

        assert fake.told()[0].payload["riskAssessment"]["riskScore"] == score

    def test_is_reviewed_if_the_form_says_so(self, fake: FakeIdenfy, token: str) -> None:
        answered(fake, token, then="review")

        assert fake.told()[0].payload["final"] is False
        assert "A reviewer decides next" in page(fake, token)
        assert "Send the answer" not in page(fake, token)

    def test_lets_the_link_expire(self, fake: FakeIdenfy, token: str) -> None:
        press(fake, token, "expire")

        assert "has expired" in page(fake, token)
        assert "Send the answer" not in page(fake, token)

    def test_is_told_if_it_is_too_late(self, fake: FakeIdenfy, token: str, clock: Clock) -> None:
        clock.now += 1e6

        reply = press(fake, token, "answer")

        assert reply.status == 409
        assert b'role="alert">The time is over.' in reply.body
        assert fake.told() == []

    @pytest.mark.parametrize("act", ["", "dance"])
    def test_can_do_nothing_that_there_is_not(self, fake: FakeIdenfy, token: str, act: str) -> None:
        assert press(fake, token, act).status == 409
        assert press(fake, "fake-unknown", act).status == 404

    def test_is_verified(self, fake: FakeIdenfy) -> None:
        began = said(begin(fake, successUrl="https://example.com/?a=1&b=2", errorUrl="https://example.com/no/"))
        shown = page(fake, began["authToken"])

        press(fake, began["authToken"], "finish", status="APPROVED")

        assert "To be verified" in shown
        assert "Show document and face" in shown
        after = page(fake, began["authToken"])
        assert "This verification is over" in after
        assert 'href="https://example.com/?a=1&amp;b=2"' in after

    @pytest.mark.parametrize(
        ("status", "way"), [("DENIED", "errorUrl"), ("SUSPECTED", "unverifiedUrl"), ("NONSENSE", "successUrl")]
    )
    def test_goes_on_to_where_the_result_leads(self, fake: FakeIdenfy, status: str, way: str) -> None:
        token = said(begin(fake, None, **{way: "https://example.com/here/"}))["authToken"]

        press(fake, token, "finish", status=status)

        assert 'href="https://example.com/here/"' in page(fake, token)

    @pytest.mark.parametrize("address", ["javascript:alert(1)", "bankapp://done"])
    def test_goes_on_to_the_web_only(self, fake: FakeIdenfy, address: str) -> None:
        token = said(begin(fake, successUrl=address))["authToken"]

        press(fake, token, "finish")

        assert address not in page(fake, token)


class TestReviewer:
    def test_decides(self, fake: FakeIdenfy, token: str) -> None:
        answered(fake, token, then="review", upload="bill.pdf")

        press(fake, token, "decide", status="DENIED", additional_step="INVALID", mismatch="UTILITY_NAME")

        status = fake.told()[-1].payload["status"]
        assert (status["overall"], status["additionalSteps"], status["mismatchTags"]) == (
            "DENIED",
            "INVALID",
            ["UTILITY_NAME"],
        )
        assert "Decide anew" in page(fake, token)

    def test_decides_sensibly_on_a_form_of_nonsense(self, fake: FakeIdenfy, token: str) -> None:
        answered(fake, token, then="review")

        press(fake, token, "decide", status="<b>", additional_step="<b>", mismatch="<b>")

        status = fake.told()[-1].payload["status"]
        assert (status["overall"], status["additionalSteps"], status["mismatchTags"]) == ("APPROVED", "NOT_FOUND", [])

    def test_is_not_asked_for_a_verdict_on_what_nobody_sent(self, fake: FakeIdenfy) -> None:
        token = said(ask(fake, body=b'{"questionnaire": "funds"}'))["tokenString"]
        answered(fake, token)

        assert 'name="additional_step"' not in page(fake, token)


class TestWhatWasTold:
    @pytest.mark.parametrize("way", DeliveryFault)
    def test_comes_in_the_way_that_the_form_says(self, fake: FakeIdenfy, token: str, way: DeliveryFault) -> None:
        answered(fake, token, comes=way)

        told = fake.told()
        assert len(told) == (2 if way in {DeliveryFault.TWICE, DeliveryFault.RESENT} else 1)
        assert told[0].fault == ("" if way is DeliveryFault.LATE else way)

    @pytest.mark.parametrize(
        ("way", "words"),
        [
            ("", "On its way"),
            (DeliveryFault.SHUFFLED, "Waits for the next one"),
            (DeliveryFault.MISSED, "Kept back: it never comes"),
        ],
    )
    def test_says_where_it_is(self, fake: FakeIdenfy, token: str, way: str, words: str) -> None:
        answered(fake, token, comes=way)

        assert words in page(fake, token)

    @pytest.mark.parametrize(
        ("status", "words"), [(200, "Your project answered 200: &lt;b&gt;Kept"), (0, "No answer: &lt;b&gt;Kept")]
    )
    def test_says_what_the_project_answered(self, fake: FakeIdenfy, token: str, status: int, words: str) -> None:
        answered(fake, token)
        parcel = fake.next_delivery()
        assert parcel is not None

        fake.mark_delivered(parcel, status=status, words="<b>Kept")

        assert words in page(fake, token)

    def test_says_that_it_does_not_know_where_to(self, fake: FakeIdenfy, token: str) -> None:
        fake.webhook_url = ""
        answered(fake, token)

        assert "knows no address" in page(fake, token)

    def test_can_be_sent_again(self, fake: FakeIdenfy, token: str) -> None:
        answered(fake, token)
        (told,) = fake.told()

        again = press(fake, token, "resend", number=str(told.number))
        other = press(fake, said(ask(fake, "scan-2"))["tokenString"], "resend", number=str(told.number))

        assert (again.status, other.status) == (303, 409)
        assert [one.event for one in fake.told()] == ["IDENTIFICATION_RESUBMITTED"] * 2


class TestTheList:
    def test_leads_to_every_link_the_newest_first(self, fake: FakeIdenfy, clock: Clock) -> None:
        first = said(ask(fake, "scan-1", b"{}"))["tokenString"]
        clock.now += 1
        second = said(begin(fake))["authToken"]

        reply = fake.handle("GET", "/session/all/", {})

        assert reply.status == 200
        assert re.findall(r'href="\.\./\?authToken=([\w-]+)"', reply.body.decode()) == [second, first]
        assert b"Nothing in particular" in reply.body
        assert b'href="../style.css"' in reply.body

    def test_says_that_there_is_none(self, fake: FakeIdenfy) -> None:
        assert b"No link was made yet" in fake.handle("GET", "/session/all/", {}).body

    def test_takes_no_other_method(self, fake: FakeIdenfy) -> None:
        assert fake.handle("PUT", "/session/all/", {}).status == 404
        assert fake.handle("POST", "/session/all/", {}).status == 404
