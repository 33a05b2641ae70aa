"""What the fake knows of verifications: its list in pages, and the status of one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idenfy_kyc.testing import FakeIdenfy, Fault, Known, Reply
from tests.testing.calls import HEADERS, said

LIST = "/kyc/identifications/"
STATUS = "/api/v2/status"


@pytest.fixture
def full(fake: FakeIdenfy) -> FakeIdenfy:
    """One that knows 25, the last of another client."""
    fake.know_all(Known(scan_ref=f"scan-{number}", status="APPROVED", client_id="C-1") for number in range(24))
    fake.know("scan-24", status="SUSPECTED", client_id="C-2", fraudTags=["DUPLICATE_FACE"])
    return fake


def page(fake: FakeIdenfy, query: str = "") -> Any:
    return said(fake.handle("GET", f"{LIST}?{query}", HEADERS | {"Host": "fake.test"}))


def status(fake: FakeIdenfy, body: bytes) -> Reply:
    return fake.handle("POST", STATUS, HEADERS, body)


class TestTheList:
    def test_has_a_page_of_ten_and_says_where_the_next_is(self, full: FakeIdenfy) -> None:
        first = page(full)

        assert (first["count"], len(first["results"]), first["previous"]) == (25, 10, None)
        assert first["next"] == "http://fake.test/kyc/identifications/?page=2&perPage=10"
        assert first["results"][0] == {"scanRef": "scan-0", "status": "APPROVED", "suspected": False}

    def test_ends_with_the_last_one(self, full: FakeIdenfy) -> None:
        last = page(full, "page=3&perPage=10")

        assert (len(last["results"]), last["next"]) == (5, None)
        assert last["previous"].endswith("?page=2&perPage=10")
        assert last["results"][-1]["suspected"] is True

    def test_is_of_one_client_if_asked_for(self, full: FakeIdenfy) -> None:
        assert page(full, "clientId=C-2")["count"] == 1

    def test_holds_no_more_on_a_page_than_it_wants(self, full: FakeIdenfy) -> None:
        full.page_limit = 7

        assert len(page(full, "perPage=1000")["results"]) == 7

    @pytest.mark.parametrize("number", ["4", "0", "x", "-1", "9" * 30])
    def test_has_no_page_beyond_the_last(self, full: FakeIdenfy, number: str) -> None:
        assert full.handle("GET", f"{LIST}?page={number}&perPage=10", HEADERS).status == 404

    def test_takes_the_usual_number_for_one_that_is_none(self, full: FakeIdenfy) -> None:
        assert len(page(full, "perPage=x")["results"]) == 10

    def test_changes_what_it_learns_anew_and_where_it_stood(self, full: FakeIdenfy) -> None:
        full.know("scan-0", status="DELETED")

        assert page(full)["results"][0]["status"] == "DELETED"
        assert page(full)["count"] == 25


class TestTheStatus:
    def test_is_flat_and_has_what_it_was_taught(self, full: FakeIdenfy) -> None:
        found = said(status(full, b'{"scanRef": "scan-24"}'))

        assert (found["status"], found["clientId"], found["scanRef"]) == ("SUSPECTED", "C-2", "scan-24")
        assert found["fraudTags"] == ["DUPLICATE_FACE"]

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"scanRef": 5}', b'{"scanRef": "nobody"}'])
    def test_is_refused_for_one_that_it_does_not_know(self, full: FakeIdenfy, body: bytes) -> None:
        assert status(full, body).status == 404

    def test_stands_in_the_journal_and_is_no_request_to_a_client(self, full: FakeIdenfy) -> None:
        status(full, b'{"scanRef": "scan-1"}')

        assert full.count_status_calls() == {"scan-1": 1}
        assert [post.path for post in full.posts()] == [STATUS]
        assert full.count_posts()["scan-1"] == 0

    def test_needs_the_key(self, full: FakeIdenfy) -> None:
        assert full.handle("POST", STATUS, {}, b'{"scanRef": "scan-1"}').status == 401

    def test_is_hit_by_the_faults_of_its_verification(self, full: FakeIdenfy) -> None:
        full.misbehave(Fault.UNAVAILABLE, scan_ref="scan-1")
        full.misbehave(Fault.EMPTY, scan_ref="scan-2")

        replies = [status(full, json.dumps({"scanRef": f"scan-{number}"}).encode()) for number in (1, 2, 3)]

        assert [reply.status for reply in replies] == [503, 200, 200]
        assert replies[1].body == b""


class TestWhatItTells:
    def test_is_what_it_says_when_it_is_asked(self, full: FakeIdenfy) -> None:
        full.people.decide("scan-24", status="DENIED", mismatch_tags=["NAME"])

        found = said(status(full, b'{"scanRef": "scan-24"}'))

        assert (found["status"], found["mismatchTags"], found["clientId"]) == ("DENIED", ["NAME"], "C-2")

    def test_begins_with_the_verification(self, fake: FakeIdenfy) -> None:
        body = b'{"clientId": "C-7", "tokenType": "IDENTIFICATION"}'

        scan_ref = said(fake.handle("POST", "/api/v2/token", HEADERS, body))["scanRef"]
        begun = page(fake)["results"]
        fake.people.finish(scan_ref, status="SUSPECTED")

        assert begun == [{"scanRef": scan_ref, "status": "ACTIVE", "suspected": False}]
        assert page(fake, "clientId=C-7")["results"] == [
            {"scanRef": scan_ref, "status": "SUSPECTED", "suspected": True}
        ]
