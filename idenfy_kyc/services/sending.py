"""Sending what is queued. One function serves the page, the command and any worker.

Rolling, not in rounds: as each call returns, its outcome is written and as many requests are claimed as places are
free. Threads touch HTTP only; the calling thread owns the database. Each claim and each outcome is a durable
transaction of its own, so sending refuses to run inside somebody else's: a rollback there would forget a link that
iDenfy has issued.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from datetime import datetime
from itertools import count
from typing import ParamSpec, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseAway
from django.utils import timezone

from ..api import IdenfyClient
from ..choices import PauseReason, State
from ..conf import get_settings
from ..exceptions import IdenfyApiError, IdenfyConnectionError
from ..models import InformationRequest, RequestBatch
from ..signals import information_requested
from . import database, pacing
from .account import fingerprint
from .answers import Answer, Outcome, outcome_of
from .claims import Claim, claim, keep_quota, settle, write
from .ending import cancel_ineligible, write_down_time

logger = logging.getLogger("idenfy_kyc")
P = ParamSpec("P")
T = TypeVar("T")

PAGE_PATIENCE = 20.0
"""Seconds for which a web request holds an answer that the database will not take."""
PATIENCE = 120.0
"""The same for a command or a worker."""


def send(
    batch: RequestBatch,
    *,
    seconds: float | None = None,
    patience: float = PATIENCE,
    gives_way: bool = False,
    should_stop: Callable[[], bool] = bool,
) -> int:
    """Ask iDenfy for what is queued in ``batch`` until nothing is left to do; return how many calls were made.

    Claims nothing after ``seconds``, nor once ``should_stop()``; calls under way are always waited for and written.
    With ``gives_way`` it only returns if as many calls as may be are under way elsewhere. Raises ``RuntimeError``
    inside a transaction, and ``ImproperlyConfigured`` without credentials.
    """
    database.refuse_transaction()
    batch = _fresh(batch)
    if batch.is_plan:
        return 0
    write_down_time(batch.requests.all())
    _check_account(batch)
    cancel_ineligible(batch.requests.all())
    pacing.catch_up(_fresh(batch))
    if gives_way and pacing.in_flight(batch, timezone.now()) >= get_settings().CONCURRENCY:
        return 0
    if pacing.room(_fresh(batch), own=0, now=timezone.now()).places <= 0:
        return 0
    deadline = time.monotonic() + seconds if seconds is not None else float("inf")
    with IdenfyClient.from_settings() as client, calling_pool(get_settings().CONCURRENCY) as pool:
        sender = _Sender(batch, client, pool, patience)
        return sender.run(lambda: time.monotonic() >= deadline or should_stop())


class _Sender:
    """One run: the calls it has under way, and the loop that refills them."""

    def __init__(self, batch: RequestBatch, client: IdenfyClient, pool: Executor, patience: float) -> None:
        self.batch = batch
        self.client = client
        self.pool = pool
        self.patience = patience
        self.under_way: dict[Future[Answer], Claim] = {}
        self.calls = 0
        self.trusted_run: datetime | None = None

    def run(self, is_over: Callable[[], bool]) -> int:
        """Go on until it is over and nothing is under way. Whatever breaks, each answer still gets its try.

        An interrupt (Ctrl-C, a server that ends its worker) leaves the answer it fell into under way, to be taken
        again: writing twice by the same claim is writing once.
        """
        lost: BaseException | None = None
        while True:
            try:
                if lost is None and not is_over():
                    self.fill()
                if not self.under_way:
                    break
                self.take_finished()
            except BaseException as error:  # noqa: BLE001 (an interrupt too: first iDenfy's answers, then the end)
                lost = lost or error
                if isinstance(error, DatabaseAway):
                    self.patience = 0.0
        if lost is not None:
            raise lost
        return self.calls

    def fill(self) -> None:
        """Claim as many as places are free; the pause is read anew each time. What is claimed is under way at once."""
        key, tries = uuid.uuid4(), count()
        claims = database.insist(lambda: self.claim(key, again=next(tries) > 0), patience=self.patience)
        futures = {Future[Answer](): claimed for claimed in claims}
        self.under_way |= futures
        self.calls += len(futures)
        try:
            for future, claimed in futures.items():
                self.pool.submit(_run, future, self.client, claimed)
        except BaseException:  # no thread to be had, or an interrupt: whatever nobody has begun was not sent
            for future in futures:
                if future.cancel():
                    self.under_way[_not_sent("No thread could be started")] = self.under_way.pop(future)
            raise

    def claim(self, key: uuid.UUID, *, again: bool) -> list[Claim]:
        batch = self.batch = _fresh(self.batch)
        is_trusted = self.trusted_run is not None and self.trusted_run == batch.run_started_at
        room = pacing.room(batch, own=len(self.under_way), now=timezone.now(), is_trusted=is_trusted)
        self.trusted_run = batch.run_started_at if room.is_trusted else None
        claims = claim(batch, room, key, again=again)
        return keep_quota(claims) if room.quota_is_near else claims

    def take_finished(self) -> None:
        for future in wait(self.under_way, return_when=FIRST_COMPLETED).done:
            try:
                self.take(self.under_way[future], future.result())
            except Exception:
                del self.under_way[future]
                raise
            del self.under_way[future]

    def take(self, claimed: Claim, answer: Answer) -> None:
        """Write the outcome; hold on to it while the database is away, and claim nothing meanwhile."""
        meant = outcome_of(answer)
        try:
            outcome, taken = database.insist(lambda: self.write(claimed, meant), patience=self.patience)
        except Exception:
            logger.critical(
                "The database did not take iDenfy's answer (%s) for information request %s.",
                meant.state.value,
                claimed.request.pk,
            )
            raise
        if taken and outcome.state is State.ISSUED:
            information_requested.send_robust(sender=InformationRequest, request_id=claimed.request.pk)
        database.insist(lambda: pacing.react(self.batch, outcome), patience=self.patience)

    def write(self, claimed: Claim, meant: Outcome) -> tuple[Outcome, bool]:
        outcome = settle(self.batch, meant)
        return outcome, write(claimed, outcome)


class _NoThreads(Executor):
    """One call after the other, where it is submitted: for ``CONCURRENCY`` 1."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def calling_pool(size: int) -> Executor:
    """Threads for ``size`` calls at one time; for one, none."""
    return ThreadPoolExecutor(size) if size > 1 else _NoThreads()


def _run(future: Future[Answer], client: IdenfyClient, claimed: Claim) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(_call(client, claimed))


def _not_sent(why: str) -> Future[Answer]:
    future: Future[Answer] = Future()
    future.set_result(IdenfyConnectionError(why, maybe_delivered=False))
    return future


def _call(client: IdenfyClient, claimed: Claim) -> Answer:
    """One call, in a thread: no database here. A claim that has grown old is not sent any more."""
    if claimed.age > get_settings().claim_window:
        return IdenfyConnectionError("The claim was too old to be sent", maybe_delivered=False)
    try:
        return client.request_information(claimed.scan_ref, claimed.asks)
    except IdenfyApiError as error:
        return error
    except Exception as error:  # noqa: BLE001 (whatever it is, the client may have been asked: never lose the claim)
        logger.error("Asking iDenfy for information request %s: %s", claimed.request.pk, type(error).__name__)
        return IdenfyConnectionError("The call broke off", maybe_delivered=True)


def _fresh(batch: RequestBatch) -> RequestBatch:
    return RequestBatch.objects.get(pk=batch.pk)


def _check_account(batch: RequestBatch) -> None:
    """A production database restored on a test machine must not ask real clients."""
    if not get_settings().is_configured:
        pacing.stop(batch, PauseReason.NOT_CONFIGURED)
        raise ImproperlyConfigured("IDENFY_KYC has no API_KEY and API_SECRET: set both, then continue the batch.")
    if batch.fingerprint != fingerprint():
        pacing.stop(batch, PauseReason.OTHER_ACCOUNT)
