"""Each check of the proof passes what is right, and catches what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from idenfy_kyc.choices import Reason, State
from idenfy_kyc.testing import Fault, Post
from prove import checks
from prove.evidence import Evidence, Kill, Limits, Outage, Page, Row, Span

LIMITS = Limits(concurrency=4, read_timeout=2.0, call_deadline=2.5, retry_waits=(3.0, 5.0, 8.0))
HERE = "127.0.0.1:50001"


def post(number: int = 1, *, status: int = 200, mark: str = "first", **fields: Any) -> Post:
    """A POST in the tenth second; with a link and its answer, if it went well."""
    good: dict[str, Any] = {"token": f"token-{number}", "answered_at": 10.1, "answered_to": HERE}
    bad: dict[str, Any] = {"token": "", "answered_at": 10.1, "answered_to": HERE}
    known: dict[str, Any] = {"at": 10.0, "path": "/", "scan_ref": "a", "identifier": "", "fault": "", "cut": False}
    known["body"] = json.dumps({"questionnaire": mark})
    return Post(number=number, status=status, **known | (good if status == 200 else bad) | fields)


def row(key: int = 1, *, mark: str = "first", state: State = State.ISSUED, **fields: Any) -> Row:
    known: dict[str, Any] = {"scan_ref": "a", "confirmed_at": 5.0, "confirmed_by": "Rasa", "sent_at": 9.9}
    return Row(key=key, mark=mark, state=state, **known | fields)


def again(**fields: Any) -> Row:
    """The request that a person made after the first one."""
    known: dict[str, Any] = {"mark": "again", "follows": 1, "confirmed_at": 11.0}
    return row(2, **known | fields)


def uncertain(count: int, why: str = Reason.SERVER_ERROR, sent_at: float = 20.0) -> list[Row]:
    return [row(key, state=State.UNKNOWN, uncertain_for=why, sent_at=sent_at) for key in range(count)]


def seen(**found: Any) -> Evidence:
    return Evidence(limits=LIMITS, **found)


def killed(at: float = 10.2, **fields: Any) -> Kill:
    known: dict[str, Any] = {"gone_at": at, "who": "idenfy_send", "connections": frozenset({HERE})}
    return Kill(at=at, **known | fields)


def outage(seconds: float = 2.0, senders: int = 1) -> Outage:
    return Outage(fault="server_error", begun=20.0, ended=20.0 + seconds, senders=senders)


class TestPostedAgain:
    @pytest.mark.parametrize("status", [401, 402, 403, 429])
    def test_allows_another_post_after_an_answer_that_nothing_was_done(self, status: int) -> None:
        assert checks.posted_again(seen(rows=[row()], posts=[post(1, status=status), post(2)])) == []

    @pytest.mark.parametrize("status", [200, 400, 404, 408, 500, 502])
    def test_catches_another_post_after_any_other_answer(self, status: int) -> None:
        broken = checks.posted_again(seen(rows=[row()], posts=[post(1, status=status), post(2)]))

        assert broken == ["POST 2 follows POST 1, and nobody asked again"]

    def test_catches_it_behind_an_answer_that_nothing_was_done(self) -> None:
        posts = [post(1, status=502), post(2, status=429), post(3)]

        assert len(checks.posted_again(seen(rows=[row()], posts=posts))) == 2

    def test_allows_a_request_that_a_person_made_since(self) -> None:
        posts = [post(1, status=502), post(2, mark="again")]

        assert checks.posted_again(seen(rows=[row(), again()], posts=posts)) == []

    @pytest.mark.parametrize("wrong", [{"follows": None}, {"follows": 7}, {"confirmed_by": ""}, {"confirmed_at": 9.0}])
    def test_catches_a_request_that_no_person_made_since(self, wrong: dict[str, Any]) -> None:
        posts = [post(1, status=502), post(2, mark="again")]

        assert len(checks.posted_again(seen(rows=[row(), again(**wrong)], posts=posts))) == 1

    @pytest.mark.parametrize("body", ["{", "[]", "{}"])
    def test_catches_a_post_that_is_no_request_of_ours(self, body: str) -> None:
        assert checks.posted_again(seen(rows=[row()], posts=[post(body=body)])) == ["POST 1 is no request's of ours"]


class TestPostedAfterIssue:
    def test_allows_one_link_for_each_request(self) -> None:
        posts = [post(1, status=429), post(2), post(3, mark="again")]

        assert checks.posted_after_issue(seen(rows=[row(), again()], posts=posts)) == []

    def test_catches_a_post_of_a_request_that_had_its_link(self) -> None:
        posts = [post(1, fault=Fault.LOST.value, status=502, token="token-1"), post(2, status=429)]

        assert checks.posted_after_issue(seen(posts=posts)) == ["POST 2 of a request that had its link"]


class TestLinksLost:
    def test_allows_none_to_be_missing(self) -> None:
        assert checks.links_lost(seen(rows=[row(token="token-1")], posts=[post()])) == []

    def test_catches_one_whose_process_lived(self) -> None:
        elsewhere = killed(connections=frozenset({"127.0.0.1:50002"}))

        for kills in ([], [elsewhere], [killed(at=9.0)]):
            broken = checks.links_lost(seen(rows=[row()], posts=[post()], kills=kills))
            assert broken == ["the link of POST 1 went to a process that nobody killed"]

    def test_allows_one_whose_process_was_killed_before_it_could_write(self) -> None:
        frozen_when_it_came, gone_since_it_was_noticed = killed(at=10.0, gone_at=10.15), killed(at=10.05)

        for kill in (killed(), frozen_when_it_came, gone_since_it_was_noticed):
            assert checks.links_lost(seen(rows=[row()], posts=[post()], kills=[kill])) == []

    def test_catches_one_whose_process_had_the_time_to_write(self) -> None:
        broken = checks.links_lost(seen(rows=[row()], posts=[post()], kills=[killed(at=15.1)]))

        assert broken == ["the link of POST 1 could have been stored for 5.0 s"]

    def test_counts_the_time_from_when_the_database_was_back(self) -> None:
        away = [Span(begun=10.5, ended=14.0)]

        for at, expected in ((15.1, 0), (17.1, 1)):
            found = seen(rows=[row()], posts=[post()], kills=[killed(at=at)], restarts=away)
            assert len(checks.links_lost(found)) == expected

    def test_catches_more_than_one_process_can_have_had_under_way(self) -> None:
        posts = [post(number) for number in range(5)]

        assert checks.links_lost(seen(posts=posts[:4], kills=[killed()])) == []
        assert checks.links_lost(seen(posts=posts, kills=[killed()])) == [
            "5 links that went with one idenfy_send, 4 allowed"
        ]

    @pytest.mark.parametrize(
        "spoilt",
        [
            {"answered_at": None},
            {"fault": Fault.NONSENSE.value},
            {"fault": Fault.LOST.value},
            {"answered_at": 11.9},
            {"token": ""},
        ],
    )
    def test_is_about_answers_that_came_whole_and_in_time(self, spoilt: dict[str, Any]) -> None:
        assert checks.links_lost(seen(posts=[replace(post(), **spoilt)])) == []

    def test_is_about_links_without_an_address_too(self) -> None:
        assert len(checks.links_lost(seen(posts=[post(fault=Fault.NO_SESSION_URL.value)]))) == 1

    def test_leaves_out_the_last_words_of_a_fake_that_was_killed(self) -> None:
        for death, expected in ((10.15, 0), (10.3, 1), (10.05, 1)):
            assert len(checks.links_lost(seen(posts=[post()], fake_deaths=[death]))) == expected


class TestUncertainForKills:
    def test_allows_what_was_under_way(self) -> None:
        assert checks.uncertain_for_kills(seen(rows=uncertain(8, Reason.SENDER_DIED), kills=[killed()] * 2)) == []

    def test_catches_one_more(self) -> None:
        found = seen(rows=uncertain(9, Reason.SENDER_DIED), kills=[killed()] * 2)

        assert checks.uncertain_for_kills(found) == ["9 uncertain since their sender died, 8 allowed"]


class TestUncertainForOutages:
    @pytest.mark.parametrize(
        ("seconds", "senders", "allowed"), [(2.0, 1, 7), (2.0, 4, 28), (3.5, 1, 8), (9.0, 1, 9), (60.0, 1, 10)]
    )
    def test_allows_what_is_promised_and_not_one_more(self, seconds: float, senders: int, allowed: int) -> None:
        outages = [outage(seconds, senders)]

        assert checks.uncertain_for_outages(seen(rows=uncertain(allowed), outages=outages)) == []
        assert checks.uncertain_for_outages(seen(rows=uncertain(allowed + 1), outages=outages)) == [
            f"{allowed + 1} uncertain in the outage “server_error”, {allowed} allowed"
        ]

    def test_lets_no_outage_use_what_another_was_allowed(self) -> None:
        other = replace(outage(), begun=40.0, ended=42.0)

        assert len(checks.uncertain_for_outages(seen(rows=uncertain(8), outages=[other, outage()]))) == 1


class TestUncertainForNothing:
    def test_catches_those_of_a_time_in_which_the_fake_was_only_late(self) -> None:
        late = replace(outage(), loses=False)

        assert len(checks.uncertain_for_nothing(seen(rows=uncertain(1), outages=[late]))) == 1
        assert checks.uncertain_for_outages(seen(outages=[late])) == []

    def test_allows_those_of_an_outage_also_if_they_were_under_way_when_it_began(self) -> None:
        rows = [*uncertain(1, sent_at=17.6), *uncertain(1, sent_at=21.9)]

        assert checks.uncertain_for_nothing(seen(rows=rows, outages=[outage()])) == []

    @pytest.mark.parametrize("sent_at", [17.4, 22.1])
    def test_catches_those_outside(self, sent_at: float) -> None:
        broken = checks.uncertain_for_nothing(seen(rows=uncertain(1, sent_at=sent_at), outages=[outage()]))

        assert broken == ["request 0 is uncertain (server_error)"]


class TestUnfinished:
    @pytest.mark.parametrize("state", [State.ISSUED, State.REFUSED, State.CANCELLED, State.EXPIRED, State.UNKNOWN])
    def test_allows_what_is_over_or_waits_for_somebody(self, state: State) -> None:
        assert checks.unfinished(seen(rows=[row(state=state)])) == []

    def test_allows_the_queue_of_a_batch_that_has_stopped(self) -> None:
        assert checks.unfinished(seen(rows=[row(state=State.QUEUED, batch_has_stopped=True)])) == []

    @pytest.mark.parametrize("state", [State.QUEUED, State.SENDING])
    def test_catches_what_was_forgotten(self, state: State) -> None:
        assert checks.unfinished(seen(rows=[row(state=state)])) == [f"request 1 is {state}"]


class TestPagesFailed:
    TROUBLE = Page(begun=10.0, ended=11.0, trouble="GET /: 500")

    def test_allows_pages_that_came(self) -> None:
        assert checks.pages_failed(seen(pages=[Page(begun=10.0, ended=11.0)])) == []

    def test_catches_one_that_did_not(self) -> None:
        long_gone = killed(at=9.0)

        assert checks.pages_failed(seen(pages=[self.TROUBLE], kills=[long_gone])) == ["GET /: 500 at 10.0"]

    @pytest.mark.parametrize("reason", [{"kills": [killed(at=10.5)]}, {"restarts": [Span(begun=10.9, ended=12.0)]}])
    def test_allows_one_whose_process_or_database_was_away(self, reason: dict[str, Any]) -> None:
        assert checks.pages_failed(seen(pages=[self.TROUBLE], **reason)) == []
