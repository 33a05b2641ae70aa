"""How the fake misbehaves on demand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from idenfy_kyc.testing import FakeIdenfy, Fault
from idenfy_kyc.testing.faults import OVERSIZE
from tests.testing.calls import Clock, ask, said

TURNED_AWAY = {
    Fault.UNAUTHORIZED: 401,
    Fault.UNAUTHORIZED_400: 400,
    Fault.NO_FUNDS: 402,
    Fault.CONTRACT: 400,
    Fault.FORBIDDEN: 403,
    Fault.PERMISSIONS_400: 400,
    Fault.NOT_FOUND: 404,
    Fault.HTML_NOT_FOUND: 404,
    Fault.BAD_VALUE: 400,
    Fault.TIMEOUT: 408,
    Fault.RATE_LIMITED: 429,
    Fault.RATE_LIMITED_400: 400,
    Fault.RETRY_AFTER: 429,
    Fault.REDIRECT: 302,
    Fault.INTERNAL_400: 400,
    Fault.SERVER_ERROR: 500,
    Fault.SERVER_ERROR_HTML: 500,
    Fault.BAD_GATEWAY: 502,
    Fault.BAD_GATEWAY_HTML: 502,
    Fault.UNAVAILABLE: 503,
    Fault.UNAVAILABLE_HTML: 503,
    Fault.CUT_BEFORE: 502,
}


class TestFault:
    @pytest.mark.parametrize(("fault", "status"), TURNED_AWAY.items())
    def test_turns_away_before_anything_is_issued(self, fake: FakeIdenfy, fault: Fault, status: int) -> None:
        fake.misbehave(fault)

        reply = ask(fake)

        assert reply.status == status
        assert reply.cut is (fault is Fault.CUT_BEFORE)
        assert not fault.issues
        (post,) = fake.posts()
        assert (post.fault, post.status, post.issued, post.cut) == (fault, status, False, reply.cut)

    @pytest.mark.parametrize("fault", [fault for fault in Fault if fault.issues])
    def test_spoils_the_answer_after_the_link_is_issued(self, fake: FakeIdenfy, fault: Fault) -> None:
        good = set(said(ask(fake, "another")))
        fake.misbehave(fault)

        reply = ask(fake)

        assert fake.count_issued()["scan-1"] == 1
        assert reply.cut or reply.drip or reply.status == 502 or _json_or_none(reply.body) != good

    def test_is_of_one_kind_or_the_other(self) -> None:
        assert set(Fault) == {*TURNED_AWAY, *(fault for fault in Fault if fault.issues), Fault.LATENCY}

    def test_spoils_each_answer_in_its_way(self, fake: FakeIdenfy) -> None:
        spoiling = [fault for fault in Fault if fault.issues]
        for fault in spoiling:
            fake.misbehave(fault, scan_ref=fault)

        replies = {fault: ask(fake, fault) for fault in spoiling}

        assert replies[Fault.EMPTY].body == b""
        assert set(said(replies[Fault.NO_SESSION_URL])) == {"tokenString"}
        assert set(said(replies[Fault.NO_TOKEN])) == {"sessionUrl"}
        assert len(replies[Fault.OVERSIZED].body) > OVERSIZE
        assert replies[Fault.DRIP].drip == 0.2
        assert replies[Fault.CUT_AFTER].cut
        assert replies[Fault.LOST].status == 502
        with pytest.raises(ValueError, match="delimiter"):
            json.loads(replies[Fault.NONSENSE].body)

    def test_does_not_hide_a_refusal(self, fake: FakeIdenfy) -> None:
        ask(fake)
        fake.misbehave(Fault.CUT_AFTER)

        reply = ask(fake)

        assert (reply.status, reply.cut) == (400, False)

    def test_says_when_to_come_back(self, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.RETRY_AFTER, times=1, value=7)
        fake.misbehave(Fault.RATE_LIMITED)

        told, untold = ask(fake), ask(fake)

        assert dict(told.headers)["Retry-After"] == "7"
        assert "Retry-After" not in dict(untold.headers)

    def test_holds_a_number_of_times(self, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.BAD_GATEWAY, times=2)

        assert [ask(fake, f"{number}").status for number in range(3)] == [502, 502, 200]

    def test_holds_for_some_seconds(self, fake: FakeIdenfy, clock: Clock) -> None:
        fake.misbehave(Fault.BAD_GATEWAY_HTML, seconds=60)
        during = ask(fake).status
        clock.now += 60

        assert (during, ask(fake).status) == (502, 200)

    def test_follows_the_one_before(self, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.SERVER_ERROR, times=1)
        fake.misbehave(Fault.UNAVAILABLE, times=1)

        assert [ask(fake).status for _ in range(3)] == [500, 503, 200]

    def test_hits_one_client(self, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.FORBIDDEN, scan_ref="b")
        fake.misbehave(Fault.NOT_FOUND, prefix="missing-")

        replies = {scan_ref: ask(fake, scan_ref) for scan_ref in ("a", "b", "bb", "missing-1", "a-missing-")}

        assert [reply.status for reply in replies.values()] == [200, 403, 200, 404, 200]

    def test_hits_everybody_first(self, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.FORBIDDEN, scan_ref="a")
        fake.misbehave(Fault.BAD_GATEWAY, times=1)

        assert [ask(fake, "a").status for _ in range(2)] == [502, 403]

    def test_comes_late_on_top(self, fake: FakeIdenfy) -> None:
        fake.latency = 0.25
        fake.misbehave(Fault.LATENCY, scan_ref="slow", times=2)
        fake.misbehave(Fault.LATENCY, scan_ref="slow", value=0.5, times=1)
        fake.misbehave(Fault.FORBIDDEN, scan_ref="slow", times=1)

        first, second, quick = ask(fake, "slow"), ask(fake, "slow"), ask(fake, "quick")

        assert [(reply.status, reply.latency) for reply in (first, second, quick)] == [
            (403, 2.75),
            (200, 2.25),
            (200, 0.25),
        ]

    def test_ends_when_told_to_behave(self, fake: FakeIdenfy) -> None:
        fake.misbehave(Fault.BAD_GATEWAY)

        fake.behave()

        assert ask(fake).status == 200

    def test_is_set_from_another_process(self, tmp_path: Path) -> None:
        path = tmp_path / "fake.sqlite3"
        with FakeIdenfy(path) as serving, FakeIdenfy(path) as steering:
            steering.misbehave(Fault.FORBIDDEN)
            steering.latency = 0.5

            reply = ask(serving)

        assert (reply.status, reply.latency) == (403, 0.5)


def _json_or_none(body: bytes) -> set[str] | None:
    try:
        return set(json.loads(body))
    except ValueError:
        return None
