"""``manage.py idenfy_send``: ask iDenfy for what is queued or due, without a browser.

It does what an open page of a batch does, so both may run at once, and several of it: no client is asked twice.
Batches take turns, so that a large one does not hold up the others. With ``--watch`` it goes on until a signal ends
it, or, with ``--batch`` too, until those batches are done or need a person.

How it ends:

====  ==============================================================================================================
0     All clear: what could be asked was asked. A batch may be waiting for a time; the next run goes on, or ``--watch``.
1     Something needs a person: one of the batches has stopped, or has clients whose answer is uncertain; there are no
      credentials; or the database went away.
2     Usage: an option, or a batch that does not exist or that nobody has confirmed.
3     Stopped by SIGTERM, SIGINT or SIGHUP. Calls under way were finished and written down, nothing more was claimed;
      the rest stays queued.
====  ==============================================================================================================

With ``--quiet`` nothing is written but errors.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import services
from ...choices import BatchState, State
from ...conf import get_settings
from ...models import RequestBatch
from ...wording import pause_text
from ..terminal import Terminal

AWAY = (OperationalError, InterfaceError)
"""A database that is busy or gone. What else it may raise is a fault of ours, and nothing to go on after."""

ALL_CLEAR, NEEDS_A_PERSON, USAGE, STOPPED = 0, 1, 2, 3

TURN_SECONDS = 10.0
"""How long one batch is sent before the next one's turn, if there are several."""
ALONE_SECONDS = 60.0
"""The same while there is only one; a batch that is confirmed meanwhile waits no longer than this."""
IDLE_SECONDS = 2.0
"""How long to wait before looking again, when there is nothing to do."""
AWAY_SECONDS = 5.0
"""The same when the database is away."""
SWEEP_SECONDS = 60.0
"""Between two looks at deliveries that broke off."""


class Command(BaseCommand):
    help = (
        "Asks iDenfy for what is queued or due in all confirmed batches, in turns. May run beside open pages and "
        "beside itself: no client is asked twice. On SIGTERM, SIGINT or SIGHUP it finishes the calls under way and "
        "claims no more."
    )
    epilog = (
        "Exit status: 0 all clear (a batch may be waiting for a time: the next run goes on); 1 something needs a "
        "person (a batch has stopped or has uncertain clients, there are no credentials, or the database went away); "
        "2 wrong usage; 3 stopped by a signal."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, epilog=self.epilog, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--batch", dest="batches", metavar="ID", type=int, action="append", help="Only this batch. May be repeated."
        )
        parser.add_argument(
            "--watch",
            action="store_true",
            help="Keep looking for what is confirmed or due later; with --batch, until they are done or need a person.",
        )
        parser.add_argument("--quiet", action="store_true", help="Write nothing but errors.")

    def handle(self, *args: Any, **options: Any) -> None:
        terminal = Terminal(self.stdout, quiet=options["quiet"] or options["verbosity"] == 0)
        only = confirmed(options["batches"])
        try:
            run = Run(terminal, only=only, watch=options["watch"], warn=self.stderr.write)
            services.write_down_time()
            services.handle_due()
            if not get_settings().is_configured:
                raise CommandError(needs_credentials(), returncode=NEEDS_A_PERSON)
            with run.signals():
                run.run()
            code = run.exit_code()
        except AWAY as error:
            raise CommandError(database_is_away(error), returncode=NEEDS_A_PERSON) from error
        if code != ALL_CLEAR:
            sys.exit(code)


def confirmed(keys: list[int] | None) -> frozenset[int]:
    """The batches asked for; wrong usage if one does not exist or is still a plan."""
    wanted = frozenset(keys or ())
    found = RequestBatch.objects.in_bulk(wanted)
    for key in sorted(wanted):
        if key not in found:
            raise CommandError(_("There is no batch %(key)s.") % {"key": key}, returncode=USAGE)
        if found[key].is_plan:
            raise CommandError(_("Nobody has confirmed batch %(key)s yet.") % {"key": key}, returncode=USAGE)
    return wanted


class Run:
    """One run of the command: turn by turn through the batches, until there is nothing to do or a signal comes."""

    def __init__(self, terminal: Terminal, *, only: frozenset[int], watch: bool, warn: Callable[[str], object]) -> None:
        self.terminal = terminal
        self.only = only
        self.watch = watch
        self.warn = warn
        self.stopped = False
        self.said_so = False
        self.involved = set(only) | self.interrupted()
        self.said: dict[int, str] = {}
        self.swept_at = time.monotonic()

    def interrupted(self) -> set[int]:
        """Batches with clients under way: the last rows of a dead sender are in no queue, and still a matter here."""
        under_way = RequestBatch.objects.filter(requests__state=State.SENDING).values_list("pk", flat=True)
        return set() if self.only else set(under_way.distinct())

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take note of the signals that end a process. Only a main thread may; what was ignored stays ignored."""
        names = ("SIGTERM", "SIGINT", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        heeded = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
        try:
            for number in heeded:
                signal.signal(number, self.stop)
            yield
        finally:
            for number, handler in heeded.items():
                signal.signal(number, handler)

    def stop(self, *_: object) -> None:
        """Nothing else here: the signal may have come in the middle of anything."""
        self.stopped = True

    def run(self) -> None:
        """Until there is nothing to do, or a signal."""
        goes_on = True
        while goes_on and not self.stopped:
            try:
                goes_on = self.turn()
            except AWAY as error:
                if not self.watch:
                    raise
                self.terminal.clear()
                self.warn(database_is_away(error))
                self.sleep(AWAY_SECONDS)
                close_old_connections()
        self.report(self.involved)
        if not self.involved:
            self.terminal.say(_("Nothing to send."))

    def turn(self) -> bool:
        """Send each batch that can be sent for a while; return whether to look again, and wait if nothing happened."""
        services.write_down_time()
        self.sweep()
        ready = self.ready()
        seconds = TURN_SECONDS if len(ready) > 1 else ALONE_SECONDS
        calls = 0
        for batch in ready:
            if not self.stopped:
                calls += services.send(batch, seconds=seconds, should_stop=self.ticks(batch))
        still = {batch.pk for batch in self.ready()}
        self.report(self.involved - still)
        goes_on = bool(still) or (self.watch and (not self.only or self.is_waiting()))
        if goes_on and not calls:
            self.sleep(IDLE_SECONDS)
        return goes_on

    def sweep(self) -> None:
        """Handle again what iDenfy told and what broke off; now and then, since what breaks may break again."""
        if time.monotonic() - self.swept_at >= SWEEP_SECONDS:
            self.swept_at = time.monotonic()
            services.handle_due()

    def ready(self) -> list[RequestBatch]:
        """The batches that can be sent at this moment."""
        now = timezone.now()
        batches = list(self.unfinished())
        self.involved.update(batch.pk for batch in batches)
        return [batch for batch in batches if not batch.is_stopped() and not batch.is_waiting(now)]

    def unfinished(self) -> list[RequestBatch]:
        unfinished = services.unfinished()
        return list(unfinished.filter(pk__in=self.only) if self.only else unfinished)

    def is_waiting(self) -> bool:
        """Whether one of the batches goes on by itself, later."""
        return any(not batch.is_stopped() for batch in self.unfinished())

    def ticks(self, batch: RequestBatch) -> Callable[[], bool]:
        """What the sender asks between two calls: whether to stop. The moment at which the bar is drawn."""

        def should_stop() -> bool:
            if self.stopped and not self.said_so:
                self.said_so = True
                self.terminal.say(_("Stopping. The calls under way are finished first."))
            elif not self.stopped and self.terminal.is_due():
                self.draw(batch)
            return self.stopped

        return should_stop

    def draw(self, batch: RequestBatch) -> None:
        try:
            progress = services.progress_of(batch)
        except AWAY:
            return  # a bar is not worth an answer that is under way
        self.terminal.draw(title(batch), progress.done, progress.total)

    def report(self, keys: set[int]) -> None:
        """Say where these batches stand, if that has changed since it was said; forget those that are done."""
        for batch in RequestBatch.objects.filter(pk__in=keys).order_by("confirmed_at", "pk"):
            progress = services.progress_of(batch)
            line = standing(batch, progress)
            if self.said.get(batch.pk) != line:
                self.said[batch.pk] = line
                self.terminal.say(line)
            if progress.state is BatchState.DONE and self.watch and not self.only:
                self.involved.discard(batch.pk)

    def sleep(self, seconds: float) -> None:
        """In small portions: Python resumes a sleep after a signal."""
        until = time.monotonic() + seconds
        while not self.stopped and time.monotonic() < until:
            time.sleep(0.1)

    def exit_code(self) -> int:
        """How it ended; see the module's docstring."""
        if self.stopped:
            return STOPPED
        batches = RequestBatch.objects.filter(pk__in=self.involved)
        return NEEDS_A_PERSON if any(needs_a_person(services.progress_of(batch)) for batch in batches) else ALL_CLEAR


def needs_a_person(progress: services.Progress) -> bool:
    return progress.state is BatchState.STOPPED or State.UNKNOWN in progress.counts


def title(batch: RequestBatch) -> str:
    return _("Batch %(key)s") % {"key": batch.pk}


def standing(batch: RequestBatch, progress: services.Progress) -> str:
    """One line: what the batch is doing, and the numbers. Not its note: staff wrote that, and this may go to a log."""
    paused = progress.state in {BatchState.WAITING, BatchState.STOPPED}
    counts = progress.counts
    return _(
        "%(batch)s: %(state)s. Links: %(links)d, refused: %(refused)d, uncertain: %(uncertain)d, to go: %(to_go)d."
    ) % {
        "batch": title(batch),
        "state": pause_text(batch) if paused else progress.state.label,
        "links": progress.links,
        "refused": counts.get(State.REFUSED, 0),
        "uncertain": counts.get(State.UNKNOWN, 0),
        "to_go": progress.to_go,
    }


def needs_credentials() -> str:
    return _("IDENFY_KYC has no API_KEY and API_SECRET: nothing can be asked. Set both.")


def database_is_away(error: Exception) -> str:
    return _("The database does not answer: %(words)s") % {"words": error}
