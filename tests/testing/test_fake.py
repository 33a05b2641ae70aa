"""The pure core: what it issues, what it refuses, where it can be found."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from idenfy_kyc.testing import FakeIdenfy, Fault, Session
from idenfy_kyc.testing.journal import Journal
from tests.testing.calls import BODY, HEADERS, PATH, PROFILE, Clock, ask, said

LIST = "/kyc/identifications/?perPage=1"


class TestRequestInformation:
    def test_issues_a_link(self, fake: FakeIdenfy) -> None:
        reply = ask(fake)

        answer = said(reply)
        assert reply.status == 200
        assert answer["sessionUrl"] == f"http://fake.example/session/?authToken={answer['tokenString']}"
        assert not reply.cut
        assert reply.latency == 0

    def test_leads_to_where_it_is_mounted(self, fake: FakeIdenfy) -> None:
        reply = fake.handle("POST", PATH.format("a"), HEADERS, BODY, base_url="https://shop.example/fake/")

        assert said(reply)["sessionUrl"].startswith("https://shop.example/fake/session/?authToken=")

    def test_leads_to_its_public_address_if_it_has_one(self) -> None:
        with FakeIdenfy(public_url="https://public.example/") as fake:
            reply = ask(fake)

        assert said(reply)["sessionUrl"].startswith("https://public.example/session/")

    def test_gives_every_link_a_token_of_its_own(self, fake: FakeIdenfy) -> None:
        tokens = {said(ask(fake, scan_ref))["tokenString"] for scan_ref in ("a", "b", "c")}

        assert len(tokens) == 3

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"lifetime": 0},
            {"lifetime": 2_592_000},
            {"questionnaire": "source-of-funds"},
            {"riskAssessmentProfile": PROFILE},
            {"riskAssessmentProfile": PROFILE.upper()},
            {"additionalStepUploadRequired": False},
            {"bankCardVerification": True, "bankCardExpectedLastFour": "4242"},
            {"bankCardExpectedLastFour": None},
        ],
        ids=str,
    )
    def test_takes_what_the_contract_allows(self, fake: FakeIdenfy, body: dict[str, Any]) -> None:
        assert ask(fake, body=json.dumps(body).encode()).status == 200

    @pytest.mark.parametrize(
        "body",
        [
            {"lifetime": -1},
            {"lifetime": 2_592_001},
            {"lifetime": "3600"},
            {"lifetime": 3600.0},
            {"lifetime": True},
            {"lifetime": None},
            {"questionnaire": ""},
            {"questionnaire": None},
            {"questionnaire": 7},
            {"riskAssessmentProfile": "the strict one"},
            {"riskAssessmentProfile": PROFILE.replace("-", "")},
            {"riskAssessmentProfile": None},
            {"additionalStepUploadRequired": "true"},
            {"additionalStepUploadRequired": 1},
            {"additionalStepUploadRequired": None},
            {"bankCardVerification": None},
            {"bankCardExpectedLastFour": "424"},
            {"bankCardExpectedLastFour": "42424"},
            {"bankCardExpectedLastFour": 4242},
            {"clientId": "C-1"},
            [],
            "lifetime",
            None,
        ],
        ids=str,
    )
    def test_refuses_what_the_contract_does_not(self, fake: FakeIdenfy, body: Any) -> None:
        reply = ask(fake, body=json.dumps(body).encode())

        assert reply.status == 400
        assert said(reply)["identifier"] == "VALIDATION_ERROR"
        assert fake.issued() == []

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b"[" * 100_000, b"9" * 5_000])
    def test_refuses_what_is_no_json(self, fake: FakeIdenfy, body: bytes) -> None:
        reply = ask(fake, body=body)

        assert (reply.status, said(reply)["identifier"]) == (400, "JSON_ERROR")
        assert len(fake.posts()) == 1

    def test_refuses_another_media_type(self, fake: FakeIdenfy) -> None:
        assert ask(fake, headers={"Content-Type": "application/x-www-form-urlencoded"}).status == 415
        assert ask(fake, headers={"Content-Type": "Application/JSON; charset=utf-8"}).status == 200

    @pytest.mark.parametrize("authorization", ["", "Basic", "Basic Zm9vOmJhcg==", "Bearer x", "Bäsic", "basic \udcff"])
    def test_refuses_wrong_credentials(self, fake: FakeIdenfy, authorization: str) -> None:
        reply = ask(fake, headers={"Authorization": authorization})

        assert reply.status == 401
        assert "identifier" not in said(reply)
        assert fake.issued() == []

    def test_takes_the_credentials_it_was_given(self) -> None:
        with FakeIdenfy(api_key="Aladdin", api_secret="open sesame") as fake:
            reply = ask(fake, headers={"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="})

        assert reply.status == 200

    def test_refuses_a_questionnaire_that_does_not_exist(self, fake: FakeIdenfy) -> None:
        fake.questionnaires = frozenset({"source-of-funds"})

        known = ask(fake, "a", b'{"questionnaire": "source-of-funds"}')
        unknown = ask(fake, "b", b'{"questionnaire": "sauce-of-funds"}')
        none = ask(fake, "c", b"{}")

        assert (known.status, unknown.status, none.status) == (200, 400, 200)
        assert said(unknown)["identifier"] == "VALIDATION_ERROR"


class TestPending:
    def test_bars_a_second_request(self, fake: FakeIdenfy) -> None:
        ask(fake)

        reply = ask(fake)

        assert reply.status == 400
        assert "already" in said(reply)["message"]
        assert len(fake.issued("scan-1")) == 1

    def test_bars_one_verification_only(self, fake: FakeIdenfy) -> None:
        ask(fake, "a")

        assert ask(fake, "b").status == 200

    def test_bars_even_after_it_expired(self, fake: FakeIdenfy, clock: Clock) -> None:
        ask(fake)
        clock.now += 3600

        assert ask(fake).status == 400

    def test_bars_until_it_expired_if_told_so(self, fake: FakeIdenfy, clock: Clock) -> None:
        fake.expired_blocks = False
        ask(fake)
        clock.now += 3599

        before = ask(fake).status
        clock.now += 1
        after = ask(fake).status

        assert (before, after) == (400, 200)

    def test_lasts_a_day_if_nothing_is_said(self, fake: FakeIdenfy, clock: Clock) -> None:
        token = said(ask(fake, body=b"{}"))["tokenString"]

        session = fake.session(token)

        assert session is not None
        assert session.expires_at - session.issued_at == 86_400

    def test_ends_with_a_new_approval(self, fake: FakeIdenfy) -> None:
        ask(fake)

        fake.approve_again("scan-1")

        assert ask(fake).status == 200
        assert fake.count_issued() == {"scan-1": 2}

    def test_is_one_for_callers_at_the_same_moment(self, tmp_path: Path) -> None:
        with FakeIdenfy(tmp_path / "fake.sqlite3") as fake, ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: ask(fake), range(40)))

            assert sorted(reply.status for reply in replies) == [200] + [400] * 39
            assert fake.count_posts() == {"scan-1": 40}

    def test_is_one_by_the_databases_own_rule(self) -> None:
        journal = Journal()
        for token in ("first", "second"):
            session = Session(token=token, scan_ref="a", asks={}, issued_at=1, expires_at=2, pending=token == "first")
            journal.add_session(session)

        with pytest.raises(sqlite3.IntegrityError), journal.transaction():
            journal.add_session(
                Session(token="third", scan_ref="a", asks={}, issued_at=1, expires_at=2, pending=True),
            )

        assert journal.session("third") is None
        journal.close()


class TestPaths:
    @pytest.mark.parametrize("scan_ref", ["", "a%2Fb", "a/b", "..%2F..", "a/../b"])
    def test_are_found_as_django_finds_them(self, fake: FakeIdenfy, scan_ref: str) -> None:
        reply = ask(fake, scan_ref)

        assert reply.status == 404
        assert dict(reply.headers)["Content-Type"].startswith("text/html")

    def test_are_unquoted_once(self, fake: FakeIdenfy) -> None:
        ask(fake, "ž%2541%3F%00")

        assert fake.posts()[0].scan_ref == "ž%41?\0"

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    def test_take_a_post_only(self, fake: FakeIdenfy, method: str) -> None:
        reply = fake.handle(method, PATH.format("a"), HEADERS)

        assert (reply.status, said(reply)["identifier"]) == (405, "METHOD_NOT_ALLOWED")
        assert fake.posts() == []

    @pytest.mark.parametrize("target", ["/", "/nowhere/", "/session", "/api/v2/data"])
    def test_are_unknown_otherwise(self, fake: FakeIdenfy, target: str) -> None:
        assert fake.handle("GET", target, HEADERS).status == 404

    def test_list_no_verification(self, fake: FakeIdenfy) -> None:
        listed = fake.handle("GET", LIST, HEADERS)
        refused = fake.handle("GET", LIST, {})

        assert listed.status == 200
        assert said(listed) == {"count": 0, "next": None, "previous": None, "results": []}
        assert refused.status == 401

    @pytest.mark.parametrize(
        ("fault", "status"), [(Fault.FORBIDDEN, 403), (Fault.UNAVAILABLE_HTML, 503), (Fault.LOST, 502)]
    )
    def test_list_nothing_during_an_outage(self, fake: FakeIdenfy, fault: Fault, status: int) -> None:
        fake.misbehave(fault, times=1)

        failed, listed = fake.handle("GET", LIST, HEADERS), fake.handle("GET", LIST, HEADERS)

        assert (failed.status, listed.status) == (status, 200)
        assert fake.posts() == []

    def test_list_late_and_for_nobody_in_particular(self, fake: FakeIdenfy) -> None:
        fake.latency = 1.0
        fake.misbehave(Fault.LATENCY, value=2)
        fake.misbehave(Fault.NO_FUNDS, scan_ref="scan-1")

        reply = fake.handle("GET", LIST, HEADERS)

        assert (reply.status, reply.latency) == (200, 3.0)

    @pytest.mark.parametrize("fault", [Fault.NO_TOKEN, Fault.NO_SESSION_URL, Fault.OVERSIZED, Fault.NONSENSE])
    def test_list_what_a_fault_leaves_of_it(self, fake: FakeIdenfy, fault: Fault) -> None:
        fake.misbehave(fault)

        reply = fake.handle("GET", LIST, HEADERS)

        assert (reply.status, b'"count": 0' in reply.body) == (200, fault is not Fault.NONSENSE)
