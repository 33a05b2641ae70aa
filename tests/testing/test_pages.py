"""The page behind a link."""

from __future__ import annotations

import json

import pytest

from idenfy_kyc.testing import FakeIdenfy
from tests.testing.calls import PROFILE, Clock, ask, said


class TestSessionPage:
    def open(self, fake: FakeIdenfy, token: str) -> tuple[int, str]:
        reply = fake.handle("GET", f"/session/?authToken={token}", {})
        return reply.status, reply.body.decode()

    def test_says_for_whom_what_and_until_when(self, fake: FakeIdenfy) -> None:
        body = {
            "lifetime": 3600,
            "questionnaire": "funds",
            "riskAssessmentProfile": PROFILE,
            "additionalStepUploadRequired": True,
            "bankCardVerification": True,
            "bankCardExpectedLastFour": "4242",
        }
        token = said(ask(fake, body=json.dumps(body).encode()))["tokenString"]

        status, page = self.open(fake, token)

        assert status == 200
        assert "a fake, for trying out" in page
        assert "scan-1" in page
        for words in (
            "proof of address",
            "“funds”",
            PROFILE,
            "ends in 4242",
            "15 January 2027, 09:00:00 UTC",
            "This link works",
        ):
            assert words in page

    def test_says_that_nothing_is_asked(self, fake: FakeIdenfy) -> None:
        token = said(ask(fake, body=b'{"additionalStepUploadRequired": false}'))["tokenString"]

        assert "Nothing in particular" in self.open(fake, token)[1]

    def test_speaks_of_a_card_without_its_digits(self, fake: FakeIdenfy) -> None:
        token = said(ask(fake, body=b'{"bankCardVerification": true}'))["tokenString"]

        assert "<li>A bank card</li>" in self.open(fake, token)[1]

    def test_says_that_it_has_expired(self, fake: FakeIdenfy, clock: Clock) -> None:
        token = said(ask(fake))["tokenString"]
        clock.now += 3600

        assert "has expired" in self.open(fake, token)[1]

    def test_says_that_it_is_over(self, fake: FakeIdenfy) -> None:
        token = said(ask(fake))["tokenString"]
        fake.approve_again("scan-1")

        assert "is over" in self.open(fake, token)[1]

    @pytest.mark.parametrize("token", ["", "fake-3f2d0e6a", "%00", "%FF", "'%20OR%201=1"])
    def test_knows_no_other_token(self, fake: FakeIdenfy, token: str) -> None:
        ask(fake)

        status, page = self.open(fake, token)

        assert status == 404
        assert "not known" in page
        assert "scan-1" not in page

    def test_escapes_what_it_shows(self, fake: FakeIdenfy) -> None:
        body = b'{"questionnaire": "<script>alert(1)</script>\\ud800"}'
        token = said(ask(fake, "%3Cimg%20src=x%3E", body))["tokenString"]

        status, page = self.open(fake, token)

        assert status == 200
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;?" in page

    def test_is_kept_by_nobody(self, fake: FakeIdenfy) -> None:
        headers = dict(fake.handle("GET", "/session/?authToken=x", {}).headers)

        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"

    def test_has_its_looks_in_a_file(self, fake: FakeIdenfy) -> None:
        reply = fake.handle("GET", "/session/style.css", {})

        assert dict(reply.headers)["Content-Type"] == "text/css"
        assert b"body {" in reply.body
