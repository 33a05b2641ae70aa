"""What iDenfy says when it is asked: pages of its list of which nothing is promised, and the status of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idenfy_kyc.api import IdenfyClient, Listed, decipher_page, decipher_status
from idenfy_kyc.api.current import MAX_LIST_BYTES
from idenfy_kyc.exceptions import IdenfyConnectionError, IdenfyResponseError, IdenfyStatusError

from .servers import answer, answering, serving, silent

Connect = Callable[..., IdenfyClient]
ELSEWHERE = "https://evil.example/kyc/identifications/?page=2"
STATUS = {
    "status": "APPROVED",
    "autoDocument": "DOC_VALIDATED",
    "autoFace": "FACE_MATCH",
    "manualDocument": None,
    "manualFace": "",
    "fraudTags": ["DUPLICATE_FACE"],
    "mismatchTags": None,
    "scanRef": "scan-1",
    "clientId": "C-1",
}

RESULTS = st.recursive(st.none() | st.text(), st.lists)


def body(**changes: Any) -> bytes:
    page = {"count": 2, "next": ELSEWHERE, "results": [{"scanRef": "scan-1", "status": "APPROVED", "suspected": False}]}
    return json.dumps(page | changes).encode()


class TestDecipherPage:
    def test_has_the_lines_and_whether_there_are_more(self) -> None:
        page = decipher_page(200, {}, body())

        assert (page.count, page.size, page.listed) == (2, 1, (Listed("scan-1", "APPROVED"),))
        assert page.has_next

    @pytest.mark.parametrize("changes", [{"next": None}, {"next": ""}])
    def test_may_be_the_last_one(self, changes: dict[str, Any]) -> None:
        assert not decipher_page(200, {}, body(**changes)).has_next

    @pytest.mark.parametrize(
        "line", [None, 5, [], {}, {"scanRef": "scan-1"}, {"scanRef": "a/b", "status": "APPROVED"}, {"status": "DENIED"}]
    )
    def test_leaves_out_lines_that_it_cannot_read(self, line: object) -> None:
        page = decipher_page(200, {}, body(results=[line, {"scanRef": "scan-2", "status": "denied"}]))

        assert (page.size, page.listed) == (2, (Listed("scan-2", "DENIED"),))

    @pytest.mark.parametrize("changes", [{"results": None}, {"results": {}}, {"count": None}, {"count": "2"}])
    def test_needs_a_list_and_a_count(self, changes: dict[str, Any]) -> None:
        with pytest.raises(IdenfyResponseError):
            decipher_page(200, {}, body(**changes))

    @given(
        st.integers(100, 999),
        st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda x: body(results=x)),
    )
    def test_is_a_page_or_one_of_two_errors(self, status: int, given_body: bytes) -> None:
        with suppress(IdenfyStatusError, IdenfyResponseError):
            assert decipher_page(status, {}, given_body).size >= 0


class TestDecipherStatus:
    def test_has_the_status_and_the_results_behind_it(self) -> None:
        found = decipher_status("scan-1", 200, {}, json.dumps(STATUS).encode())

        assert (found.status, found.client_id) == ("APPROVED", "C-1")
        assert (found.checks.auto_face, found.checks.manual_document) == ("FACE_MATCH", "")
        assert found.checks.fraud_tags == ("DUPLICATE_FACE",)

    def test_may_leave_out_all_but_the_status(self) -> None:
        assert decipher_status("scan-1", 200, {}, b'{"status": "a-new-word"}').status == "A-NEW-WORD"

    @pytest.mark.parametrize("changes", [{"status": ""}, {"status": None}, {"status": 5}, {"scanRef": "scan-2"}])
    def test_is_not_believed_without_a_status_or_about_another(self, changes: dict[str, Any]) -> None:
        with pytest.raises(IdenfyResponseError):
            decipher_status("scan-1", 200, {}, json.dumps(STATUS | changes).encode())

    @given(st.integers(100, 999), st.binary())
    def test_is_a_status_or_one_of_two_errors(self, status: int, given_body: bytes) -> None:
        with suppress(IdenfyStatusError, IdenfyResponseError):
            assert decipher_status("scan-1", status, {}, given_body).status


class TestListIdentifications:
    def test_asks_for_the_page_by_its_number(self, connect: Connect) -> None:
        with serving(answering(answer(200, body()))) as server, connect(server.url) as client:
            page = client.list_identifications(page=7, per_page=100)

        assert page.count == 2
        assert [request.line for request in server.requests] == [
            "GET /kyc/identifications/?page=7&perPage=100 HTTP/1.1"
        ]

    def test_takes_a_page_that_is_longer_than_other_answers(self, connect: Connect) -> None:
        lines = [{"scanRef": f"scan-{number}", "status": "APPROVED"} for number in range(5_000)]

        with serving(answering(answer(200, body(results=lines)))) as server, connect(server.url) as client:
            assert client.list_identifications(page=1, per_page=100).size == 5_000

    def test_reads_none_without_an_end(self, connect: Connect) -> None:
        endless = answer(200, b'{"count": 1, "results": ["' + b"x" * MAX_LIST_BYTES + b'"]}')

        with serving(answering(endless)) as server, connect(server.url) as client, pytest.raises(IdenfyResponseError):
            client.list_identifications(page=1, per_page=100)


class TestCurrentStatus:
    def test_posts_the_scan_reference(self, connect: Connect) -> None:
        with serving(answering(answer(200, json.dumps(STATUS).encode()))) as server, connect(server.url) as client:
            found = client.current_status("scan-1")

        [request] = server.requests
        assert found.status == "APPROVED"
        assert request.line == "POST /api/v2/status HTTP/1.1"
        assert request.json == {"scanRef": "scan-1"}
        assert request.headers["content-type"] == "application/json"

    def test_says_whether_iDenfy_may_have_heard(self, connect: Connect) -> None:  # noqa: N802
        with serving(silent) as server, pytest.raises(IdenfyConnectionError) as late:
            connect(server.url, read_timeout=0.2).current_status("scan-1")
        with pytest.raises(IdenfyConnectionError) as away:
            connect("http://127.0.0.1:1").current_status("scan-1")

        assert (late.value.maybe_delivered, away.value.maybe_delivered) == (True, False)
