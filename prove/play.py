"""The schedule performed: each phase is one batch, asked for by eight officers at once, and sent while things break."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from idenfy_kyc.testing import FakeIdenfy

from .evidence import Evidence, Outage, Span
from .officers import Officer
from .schedule import GoDown, KillOne, Misbehave, Moment, Phase, RestartDatabase
from .world import WORKERS, World

OFFICERS = 8
TOO_LONG = 240.0
"""Seconds after which a phase that does not come to its end is given up, so that it can be looked at."""


def officer_name(number: int) -> str:
    """The login of one of them."""
    return f"officer-{number}"


class Play:
    """Performs, and writes down what it did."""

    def __init__(self, world: World, fake: FakeIdenfy, url: str, seen: Evidence, say: Callable[[str], None]) -> None:
        self._world = world
        self._fake = fake
        self._seen = seen
        self._say = say
        with ThreadPoolExecutor(WORKERS) as pool:
            names = map(officer_name, range(OFFICERS))
            self._officers = list(pool.map(lambda name: Officer(url, name, seen.pages.append), names))
        self._breaking = threading.Event()

    def phase(self, phase: Phase) -> str:
        """One phase, to its end; the address of its batch."""
        batch = self._ask(phase)
        with self._world.senders(phase.senders), self._pages(batch, phase.tabs) as is_done:
            begun = self._count_posts()
            for moment in phase.moments:
                self._wait_for(begun + moment.posts, is_done)
                time.sleep(moment.delay)
                self._perform(moment, phase)
            self._finish(phase.name, is_done)
        return batch

    def ask_again(self, number: int, batch: str) -> None:
        """What is uncertain in a batch is asked again, on purpose, when all is well."""
        officer = self._officers[0]
        plan = officer.ask_again(batch)
        if plan and (form := officer.open(plan)):
            officer.confirm(plan, form, mark=f"again-{number}")
            with self._pages(plan, 1) as is_done:
                self._finish("again", is_done)

    # people

    def _ask(self, phase: Phase) -> str:
        """Eight officers press at the same moment, all on one plan, or two on each of four for the same clients."""
        made = [self._officers[number].plan(f"{phase.name}-") for number in range(phase.plans)]
        plans = [made[number % phase.plans] for number in range(OFFICERS)]
        forms = [officer.open(plan) for officer, plan in zip(self._officers, plans, strict=True)]
        together = threading.Barrier(OFFICERS)

        def press(number: int) -> None:
            together.wait()
            if form := forms[number]:
                self._officers[number].confirm(plans[number], form, mark=f"{phase.name}-{made.index(plans[number])}")

        with ThreadPoolExecutor(OFFICERS) as pool:
            list(pool.map(press, range(OFFICERS)))
        (batch,) = (plan for plan in made if not self._officers[0].is_plan(plan))
        return batch

    @contextmanager
    def _pages(self, batch: str, tabs: int) -> Iterator[threading.Event]:
        """The batch's page stays open in so many tabs; one more officer only watches. Gives when the batch is done."""
        done, over = threading.Event(), threading.Event()

        def keep_open(officer: Officer, sends: bool) -> None:
            officer.keep_open(batch, sends=sends, may_continue=lambda: not self._breaking.is_set(), until=over)
            if not over.is_set():
                done.set()

        watching = [(self._officers[-1], False), *((self._officers[number], True) for number in range(tabs))]
        threads = [threading.Thread(target=keep_open, args=given) for given in watching]
        for thread in threads:
            thread.start()
        try:
            yield done
        finally:
            over.set()
            for thread in threads:
                thread.join()

    # faults

    def _perform(self, moment: Moment, phase: Phase) -> None:
        self._say(f"{phase.name}, after {moment.posts} POSTs and {moment.delay:.2f} s: {moment.act}")
        match moment.act:
            case KillOne():
                self._kill(moment.act)
            case RestartDatabase():
                self._restart(moment.act)
            case Misbehave():
                self._misbehave(moment.act, phase)
            case GoDown():
                self._go_down(moment.act, phase)

    def _kill(self, act: KillOne) -> None:
        while (kill := self._world.kill(act.who, act.which)) is None:
            time.sleep(0.1)
        self._seen.kills.append(kill)

    def _restart(self, act: RestartDatabase) -> None:
        begun = time.time()
        self._world.stop_database()
        time.sleep(act.seconds / 2)
        if act.killing:
            self._kill(act.killing)
        time.sleep(act.seconds / 2)
        self._world.start_database()
        self._seen.restarts.append(Span(begun=begun, ended=time.time()))

    def _misbehave(self, act: Misbehave, phase: Phase) -> None:
        with self._outage(act.fault.value, phase, loses=act.loses):
            self._fake.misbehave(act.fault, seconds=act.seconds, value=act.value)
            time.sleep(act.seconds)

    def _go_down(self, act: GoDown, phase: Phase) -> None:
        with self._outage("down", phase):
            self._seen.fake_deaths.append(time.time())
            self._world.kill_fake()
            time.sleep(act.seconds)
            self._world.start_fake()

    @contextmanager
    def _outage(self, fault: str, phase: Phase, *, loses: bool = True) -> Iterator[None]:
        begun, senders = time.time(), phase.tabs + phase.senders
        self._breaking.set()
        yield
        self._breaking.clear()
        outage = Outage(fault=fault, begun=begun, ended=time.time(), senders=senders, loses=loses)
        self._seen.outages.append(outage)

    # moments

    def _count_posts(self) -> int:
        return self._fake.count_posts().total()

    def _wait_for(self, posts: int, is_done: threading.Event) -> None:
        given_up = time.monotonic() + TOO_LONG
        while self._count_posts() < posts and not is_done.is_set() and time.monotonic() < given_up:
            time.sleep(0.005)

    def _finish(self, name: str, is_done: threading.Event) -> None:
        if not is_done.wait(TOO_LONG):
            self._say(f"{name} does not come to its end")
