from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idenfy_kyc.api.deliveries import Event, Report
from idenfy_kyc.choices import GONE
from idenfy_kyc.services.hearing import Decision, Held, decide, decide_current, is_final, verified_at

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
YES, NO, MARKED, ONLY_MARKED = Decision(True), Decision(False), Decision(True, True), Decision(False, True)

# What we hold, across; what comes, down. A dot: not final. In each cell: y taken, - left, ! taken and marked.
HELD = ("", "ACTIVE.", "EXPIRED.", "REVIEWING.", "ON-HOLD.", "SUSPECTED.", "APPROVED.", "APPROVED", "DENIED", "DELETED")
TABLE = """
IDENTIFICATION                  REVIEWING.   y y y - - - - - - -
IDENTIFICATION                  EXPIRED      y y - - - - - - - -
IDENTIFICATION                  APPROVED     y y y y y y y y ! -
IDENTIFICATION                  DENIED       y y y y y y y ! y -
IDENTIFICATION_AUTO_FINISHED    REVIEWING.   y y y - - - - - - -
IDENTIFICATION_AUTO_FINISHED    SUSPECTED.   y y y y y - - - - -
IDENTIFICATION_AUTO_FINISHED    ON-HOLD.     y y y y - - - - - -
IDENTIFICATION_AUTO_FINISHED    APPROVED     y y y y y y y y ! -
IDENTIFICATION_AUTO_FINISHED    DENIED       y y y y y y y ! y -
IDENTIFICATION_MANUAL_FINISHED  APPROVED     y y y y y y y y ! -
IDENTIFICATION_MANUAL_FINISHED  DENIED       y y y y y y y ! y -
IDENTIFICATION_MANUAL_FINISHED  DELETED      y y y y y y y y y -
IDENTIFICATION_EXPIRED          EXPIRED      y y - - - - - - - -
IDENTIFICATION_EXPIRED          EXPIRED.     y y - - - - - - - -
IDENTIFICATION_EXPIRED          ACTIVE.      y - - - - - - - - -
IDENTIFICATION_CANCELLED        ACTIVE       y - - - - - - - - -
IDENTIFICATION_CANCELLED        EXPIRED      y y - - - - - - - -
IDENTIFICATION_RESUBMITTED      REVIEWING.   y y y - - - - - - -
IDENTIFICATION_RESUBMITTED      APPROVED     y y y y y y y y ! -
IDENTIFICATION_RESUBMITTED      DENIED       y y y y y y y ! y -
DOCUMENT_EXPIRATION             .            - - - - - - - - - -
VIDEO_CALL_FINISHED             .            - - - - - - - - - -
"""
CELLS = {"y": YES, "-": NO, "!": MARKED}
LINES = [line.split() for line in TABLE.strip().splitlines()]


def report(event: str, status: str, *, final: bool) -> Report:
    return Report(event=event, scan_ref="scan-1", status=status, is_final=final)


def written(text: str) -> tuple[str, bool]:
    """A status of the table, and whether it is final."""
    return text.removesuffix("."), bool(text) and not text.endswith(".")


class TestDecide:
    def test_has_every_event_in_its_table(self) -> None:
        assert {line[0] for line in LINES} == {event.value for event in Event}

    @pytest.mark.parametrize(
        ("event", "told", "ours", "cell"),
        [(line[0], line[1], held, cell) for line in LINES for held, cell in zip(HELD, line[2:], strict=True)],
    )
    def test_follows_the_table(self, event: str, told: str, ours: str, cell: str) -> None:
        (status, final), (our_status, our_final) = written(told), written(ours)
        held = Held(status=our_status, is_final=our_final, told_at=NOON)

        decision = decide(held, report(event, status, final=final), NOON + timedelta(minutes=1))

        assert decision == CELLS[cell]

    def test_marks_an_older_final_status_that_comes_late_and_does_not_take_it(self) -> None:
        held = Held(status="APPROVED", is_final=True, told_at=NOON)

        decision = decide(held, report(Event.MANUAL_FINISHED, "DENIED", final=True), NOON - timedelta(minutes=1))

        assert decision == ONLY_MARKED

    def test_takes_a_final_status_in_place_of_one_that_somebody_here_had_typed(self) -> None:
        held = Held(status="APPROVED", is_final=True, told_at=None)

        assert decide(held, report(Event.LEGACY, "DENIED", final=True), NOON) == MARKED


# The same for what iDenfy says when it is asked.
CURRENT = """
ACTIVE            y - - - - - - - - -
EXPIRED           y y - - - - - - - -
REVIEWING         y y y - - - - - - -
ON-HOLD           y y y y - - - - - -
SUSPECTED         y y y y y - y ! ! -
DENIED            y y y y y y y ! - -
APPROVED          y y y y y y - - ! -
ARCHIVED          y y y y y y y y y -
DELETED           y y y y y y y y y -
EXPIRED-DELETED   y y y y y y y y y -
"""
CURRENT_LINES = [line.split() for line in CURRENT.strip().splitlines()]


class TestDecideCurrent:
    @pytest.mark.parametrize(
        ("status", "ours", "cell"),
        [(line[0], held, cell) for line in CURRENT_LINES for held, cell in zip(HELD, line[1:], strict=True)],
    )
    def test_follows_the_table(self, status: str, ours: str, cell: str) -> None:
        our_status, our_final = written(ours)
        held = Held(status=our_status, is_final=our_final, told_at=NOON)

        assert decide_current(held, status, NOON + timedelta(minutes=1)) == CELLS[cell]

    def test_gives_way_to_what_was_told_since_iDenfy_was_asked(self) -> None:  # noqa: N802
        held = Held(status="DENIED", is_final=True, told_at=NOON)

        assert decide_current(held, "APPROVED", NOON - timedelta(seconds=1)) == NO
        assert decide_current(held, "DELETED", NOON - timedelta(seconds=1)) == YES

    def test_takes_a_result_in_place_of_what_was_archived_without_a_mark(self) -> None:
        assert decide_current(Held(status="ARCHIVED", is_final=True, told_at=NOON), "APPROVED", NOON) == YES

    def test_takes_a_result_in_place_of_one_that_somebody_here_had_typed(self) -> None:
        assert decide_current(Held(status="APPROVED"), "DENIED", NOON) == YES


events = st.sampled_from([event for event in Event if event.startswith(Event.LEGACY)])
statuses = st.sampled_from(["ACTIVE", "EXPIRED", "REVIEWING", "SUSPECTED", "APPROVED", "DENIED", "ON-HOLD", "A-WORD"])
reports = st.builds(lambda event, status, final: report(event, status, final=final), events, statuses, st.booleans())


def play(history: list[Report]) -> tuple[str, bool, bool]:
    """What is held after all of it came, one a minute; and whether it is marked as changed after review."""
    held, is_marked = Held(), False
    for minute, told in enumerate(history):
        at = NOON + timedelta(minutes=minute)
        decision = decide(held, told, at)
        is_marked |= decision.contradicts
        if decision.adopts:
            held = Held(status=told.status, is_final=is_final(told), told_at=at)
    return held.status, held.is_final, is_marked


finishes = st.none() | st.integers(0, 9).map(lambda days: NOON + timedelta(days=days))


def when_verified(history: list[tuple[Report, datetime | None]]) -> datetime | None:
    """Since when the client is verified, after all of it came."""
    held = None
    for told, finished_at in history:
        held = verified_at(held, told, finished_at)
    return held


class TestVerifiedAt:
    @pytest.mark.parametrize("event", [Event.LEGACY, Event.AUTO_FINISHED, Event.MANUAL_FINISHED])
    def test_is_when_he_was_first_approved(self, event: Event) -> None:
        approved = report(event, "APPROVED", final=True)

        assert verified_at(None, approved, NOON) == NOON
        assert verified_at(NOON, approved, NOON + timedelta(days=90)) == NOON
        assert verified_at(NOON, approved, NOON - timedelta(days=90)) == NOON - timedelta(days=90)

    @pytest.mark.parametrize(
        ("event", "status", "final"),
        [
            (Event.MANUAL_FINISHED, "DENIED", True),
            (Event.AUTO_FINISHED, "SUSPECTED", True),
            (Event.AUTO_FINISHED, "APPROVED", False),
            (Event.RESUBMITTED, "APPROVED", True),
        ],
    )
    def test_is_told_by_no_other_news(self, event: Event, status: str, final: bool) -> None:
        assert verified_at(None, report(event, status, final=final), NOON) is None

    def test_stays_where_no_time_is_told(self) -> None:
        assert verified_at(NOON, report(Event.LEGACY, "APPROVED", final=True), None) == NOON


class TestAHistory:
    @given(history=st.lists(reports, min_size=1, max_size=8), data=st.data())
    def test_ends_in_the_same_place_in_any_order_unless_it_changes_between_final_statuses(
        self, history: list[Report], data: st.DataObject
    ) -> None:
        again = data.draw(st.lists(st.sampled_from(history), max_size=4))
        shuffled = data.draw(st.permutations(history + again))
        finals = [told.status for told in shuffled if is_final(told)]

        status, final, is_marked = play(shuffled)

        if len(set(finals)) > 1:
            assert (status, final, is_marked) == (finals[-1], True, True)
        else:
            assert (status, final, is_marked) == play(history)
            assert not is_marked

    @given(history=st.lists(st.tuples(reports, finishes), min_size=1, max_size=8), data=st.data())
    def test_ends_in_the_same_place_in_any_order_as_to_when_the_client_was_verified(
        self, history: list[tuple[Report, datetime | None]], data: st.DataObject
    ) -> None:
        again = data.draw(st.lists(st.sampled_from(history), max_size=4))
        shuffled = data.draw(st.permutations(history + again))

        assert when_verified(shuffled) == when_verified(history)

    @given(history=st.lists(reports, min_size=2, max_size=8))
    def test_never_goes_from_final_to_not_final(self, history: list[Report]) -> None:
        steps = [play(history[: length + 1])[1] for length in range(len(history))]

        assert (True, False) not in set(pairwise(steps))

    @given(history=st.lists(reports, max_size=6), gone=st.sampled_from(sorted(GONE)))
    def test_stays_deleted_once_it_is(self, history: list[Report], gone: str) -> None:
        deleted = report(Event.LEGACY, gone, final=True)

        status, _final, _is_marked = play([*history, deleted, *history])

        assert status == gone
