"""What the database costs: sending through ``services.send`` against the same calls without a database.

A loopback server answers each call after 100 ms; 8 calls go at once. Three ways, in one run, median of five:

- *pool*: the same client, the same pool of threads, no database: the baseline;
- *send*: ``services.send``: each claim committed before the call, each outcome after it;
- *loop*: the obvious way, ``requests.post`` and ``save()`` one after the other, on a tenth of the calls.

Every call is counted, by us and by the server; the benchmark aborts unless all of them succeeded.
Run by ``make bench``; ``DATABASE_URL`` chooses the database.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

CALLS = int(os.environ.get("BENCH_CALLS", "1000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
LATENCY = 0.1
PROCESS = os.getpid()
CONCURRENCY = 8
BOUND = 1.2


def main() -> None:
    """Run the three ways, print their ratios, and fail if the bound is broken."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    from idenfy_kyc.testing.fake import CREDENTIALS
    from idenfy_kyc.testing.server import spawn_fake

    with (
        tempfile.TemporaryDirectory() as folder,
        spawn_fake(Path(folder) / "fake.sqlite3", options=["--latency", str(LATENCY)]) as fake,
    ):
        settings.IDENFY_KYC = {
            "API_KEY": CREDENTIALS[0],
            "API_SECRET": CREDENTIALS[1],
            "BASE_URL": fake.url,
            "CONCURRENCY": CONCURRENCY,
            "HOURLY_QUOTA": 1_000_000,
        }
        print(f"{CALLS} calls of {LATENCY * 1000:.0f} ms, {CONCURRENCY} at once, {engine()}, median of {ROUNDS}")
        pool, send = alternate(through_the_pool, through_send)
        loop = through_the_loop(CALLS // 10) * 10
    report("pool, no database", pool, pool)
    report("services.send", send, pool)
    report("requests.post + save()", loop, pool)
    if send > BOUND * pool:
        sys.exit(f"services.send took more than {BOUND} × the pool without a database")


def alternate(*ways: Callable[[int], float]) -> list[float]:
    """The median of each way, taken in turns, so that what the machine does meanwhile falls on all."""
    taken = [[way(CALLS) for way in ways] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*taken, strict=True)]


def through_the_pool(calls: int) -> float:
    """The baseline: ``calls`` calls through the client and a pool of threads."""
    from idenfy_kyc.api import IdenfyClient, InformationAsks

    references = [verification.scan_ref for verification in verifications(calls)]
    asks = InformationAsks(lifetime=timedelta(days=1), questionnaire="source-of-funds")
    started = time.perf_counter()
    with IdenfyClient.from_settings() as client, ThreadPoolExecutor(CONCURRENCY) as pool:
        issued = list(pool.map(lambda scan_ref: client.request_information(scan_ref, asks), references))
    taken = time.perf_counter() - started
    must_be(calls, len([session for session in issued if session.token]))
    return taken


def through_send(calls: int) -> float:
    """What the app does."""
    from idenfy_kyc import services
    from idenfy_kyc.choices import State

    batch = services.plan(verifications(calls), planned_by=None, questionnaire="source-of-funds", note="benchmark")
    services.confirm(batch, by=None)
    started = time.perf_counter()
    services.send(batch)
    taken = time.perf_counter() - started
    must_be(calls, batch.rows_in(State.ISSUED).count())
    return taken


def through_the_loop(calls: int) -> float:
    """The obvious way: one after the other, what came saved by ``save()``."""
    import requests

    from idenfy_kyc.models import RequestBatch, Verification

    chosen = verifications(calls)
    note = RequestBatch.objects.create(note="", selection="")
    started = time.perf_counter()
    saved = 0
    for verification in chosen:
        answer = requests.post(
            f"{settings.IDENFY_KYC['BASE_URL']}/kyc/identifications/{verification.scan_ref}/request-information/",
            json={"lifetime": 86400, "questionnaire": "source-of-funds"},
            auth=(settings.IDENFY_KYC["API_KEY"], settings.IDENFY_KYC["API_SECRET"]),
            timeout=20,
        )
        note.selection = answer.json()["sessionUrl"]
        note.save()
        saved += 1
    taken = time.perf_counter() - started
    must_be(calls, saved)
    must_be(calls, Verification.objects.filter(pk__in=[verification.pk for verification in chosen]).count())
    return taken


_made = 0


def verifications(count: int) -> list:
    """Verifications that nobody has asked yet."""
    global _made
    from idenfy_kyc.models import Verification

    first, _made = _made, _made + count
    return Verification.objects.bulk_create(
        [
            Verification(scan_ref=f"bench-{PROCESS}-{number}", client_id=f"B-{PROCESS}-{number}", status="APPROVED")
            for number in range(first, first + count)
        ],
        batch_size=500,
    )


def must_be(wanted: int, counted: int) -> None:
    """Abort unless every call succeeded."""
    if counted != wanted:
        sys.exit(f"Aborted: {counted} of {wanted} calls succeeded.")


def engine() -> str:
    from django.db import connection

    return connection.vendor


def report(name: str, taken: float, baseline: float) -> None:
    print(f"  {name:<24} {taken:8.2f} s   {taken / baseline:5.2f} ×")


if __name__ == "__main__":
    main()
