"""What goes wrong in the proof is decided by its seed."""

from __future__ import annotations

import pytest

from idenfy_kyc.testing import Fault
from prove.schedule import SENDER, WEB, Act, GoDown, KillOne, Misbehave, RestartDatabase, schedule
from prove.table import planned


def acts(seed: int) -> list[Act]:
    return [moment.act for phase in schedule(seed, 2000) for moment in phase.moments]


class TestTheSchedule:
    def test_is_the_same_for_the_same_seed_and_another_for_another(self) -> None:
        assert schedule(7, 2000) == schedule(7, 2000)
        assert schedule(7, 2000) != schedule(8, 2000)

    @pytest.mark.parametrize("seed", range(20))
    def test_has_everything_that_must_go_wrong(self, seed: int) -> None:
        happens = acts(seed)

        assert {act.who for act in happens if isinstance(act, KillOne)} == {WEB, SENDER}
        assert [act.seconds for act in happens if isinstance(act, GoDown)] == [60.0]
        assert sum(isinstance(act, RestartDatabase) for act in happens) == 4
        assert sum(isinstance(act, RestartDatabase) and act.killing is not None for act in happens) == 1
        assert {act.fault for act in happens if isinstance(act, Misbehave)} == {
            *(Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HTML_NOT_FOUND, Fault.LOST, Fault.SERVER_ERROR),
            *(Fault.LATENCY, Fault.RATE_LIMITED, Fault.RETRY_AFTER),
        }

    @pytest.mark.parametrize("seed", range(20))
    def test_lets_it_happen_while_clients_are_asked(self, seed: int) -> None:
        for phase in schedule(seed, 2000):
            posts = [moment.posts for moment in phase.moments]
            assert posts == sorted(posts)
            assert posts[0] > 0
            assert posts[-1] < phase.clients

    def test_has_figures_that_no_seed_changes(self) -> None:
        figures = planned(schedule(1, 2000))

        assert figures == planned(schedule(2, 2000))
        assert [count for _what, count in figures] == [2000, 6, 11, 4, 11]
