"""The fake's memory: what it keeps, and with whom it shares it."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

from idenfy_kyc.testing import FakeIdenfy, Fault
from tests.testing.calls import BODY, HEADERS, Clock, ask, said


class TestJournal:
    def test_has_every_post_as_it_came(self, fake: FakeIdenfy, clock: Clock) -> None:
        ask(fake, "a")
        clock.now += 5
        ask(fake, "a", b"\xff")

        first, second = fake.posts()
        assert (first.scan_ref, first.at, first.body, first.status) == ("a", clock.now - 5, BODY.decode(), 200)
        assert (second.at, second.status, second.identifier) == (clock.now, 400, "JSON_ERROR")
        assert (first.issued, second.issued) == (True, False)
        assert [post.number for post in fake.issued("a")] == [first.number]
        assert fake.posts("b") == []

    def test_has_posts_that_went_astray(self, fake: FakeIdenfy) -> None:
        fake.handle("POST", "/kyc/identifications/a/request-information", HEADERS, BODY)
        fake.handle("POST", "/kyc/identifications/", HEADERS, BODY)

        assert [(post.path, post.scan_ref, post.status) for post in fake.posts()] == [
            ("/kyc/identifications/a/request-information", "", 404),
            ("/kyc/identifications/", "", 405),
        ]

    def test_tells_which_posts_were_heard(self, fake: FakeIdenfy) -> None:
        for fault in (Fault.UNAUTHORIZED, Fault.NO_FUNDS, Fault.FORBIDDEN, Fault.RATE_LIMITED, Fault.RATE_LIMITED_400):
            fake.misbehave(fault, times=1)
        fake.misbehave(Fault.SERVER_ERROR, times=1, scan_ref="b")
        for _ in range(6):
            ask(fake, "a")
        ask(fake, "b")

        assert fake.count_posts() == {"a": 6, "b": 1}
        assert fake.count_heard() == {"a": 1, "b": 1}
        assert fake.count_issued() == {"a": 1}

    def test_tells_which_answers_went_out(self, fake: FakeIdenfy, clock: Clock) -> None:
        fake.misbehave(Fault.CUT_AFTER, scan_ref="c")
        answered, waiting, cut = ask(fake, "a"), ask(fake, "b"), ask(fake, "c")
        clock.now += 1

        fake.mark_answered(answered, caller="127.0.0.1:50001")
        fake.mark_answered(cut)
        fake.mark_answered(fake.handle("GET", "/", {}))

        assert waiting.post is not None
        assert [post.answered_at for post in fake.posts()] == [clock.now, None, None]
        assert [post.answered_to for post in fake.posts()] == ["127.0.0.1:50001", "", ""]

    def test_opens_a_file_from_before_it_noted_whom_it_answered(self, tmp_path: Path) -> None:
        path = tmp_path / "fake.sqlite3"
        with FakeIdenfy(path) as fake:
            fake.mark_answered(ask(fake, "a"))
        with closing(sqlite3.connect(path)) as db:
            db.execute("ALTER TABLE answer DROP COLUMN caller")

        with FakeIdenfy(path) as fake:
            fake.mark_answered(ask(fake, "b"), caller="127.0.0.1:50001")

            assert [post.answered_to for post in fake.posts()] == ["", "127.0.0.1:50001"]
            assert all(post.answered_at for post in fake.posts())

    def test_shows_no_secret_and_no_body(self, fake: FakeIdenfy) -> None:
        reply = ask(fake)

        (post,) = fake.posts()
        shown = f"{reply!r} {post!r} {fake.session(post.token)!r}"
        assert post.token
        assert post.token not in shown
        assert "lifetime\\" not in shown
        assert "3600" not in repr(post)

    def test_outlives_a_reload(self, tmp_path: Path) -> None:
        path = tmp_path / "fake.sqlite3"
        with FakeIdenfy(path, latency=0.5, expired_blocks=False, questionnaires=["a"]) as before:
            token = said(ask(before))["tokenString"]

        with FakeIdenfy(path) as after:
            assert ask(after).status == 400
            assert after.session(token) is not None
            assert after.count_posts() == {"scan-1": 2}
            assert (after.latency, after.expired_blocks, after.questionnaires) == (0.5, False, frozenset({"a"}))

    def test_is_shared_by_processes(self, tmp_path: Path) -> None:
        path = tmp_path / "fake.sqlite3"
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=_ask_for_ten, args=(path,)) for _ in range(4)]

        for process in processes:
            process.start()
        for process in processes:
            process.join(60)

        assert [process.exitcode for process in processes] == [0] * 4
        with FakeIdenfy(path) as fake:
            assert fake.count_posts() == {f"scan-{number}": 4 for number in range(10)}
            assert fake.count_issued() == {f"scan-{number}": 1 for number in range(10)}


def _ask_for_ten(path: Path) -> None:
    with FakeIdenfy(path) as fake:
        for number in range(10):
            ask(fake, f"scan-{number}")
