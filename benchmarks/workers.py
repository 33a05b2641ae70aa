"""What a second and a fourth worker bring: eight batches, sent by 1, 2 and 4 workers of ``django-tasks-db``.

The workers are processes, as in a real project; a loopback server answers each call after 100 ms. The clock runs from
the first confirmation until every client has a link. Every call is counted, by us and by the server; the benchmark
aborts unless all succeeded. Run by ``make bench``; ``DATABASE_URL`` chooses the database. An SQLite file has one writer
at a time, so there the bounds are printed and not held against it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BATCHES = 8
CALLS = int(os.environ.get("BENCH_CALLS", "400"))
CONCURRENCY = 2
BOUNDS = {2: 1.8, 4: 3.4}


def main() -> None:
    """Measure, print the ratios, and fail if a bound is broken."""
    from idenfy_kyc.testing.server import spawn_fake

    with (
        tempfile.TemporaryDirectory() as folder,
        spawn_fake(Path(folder) / "fake.sqlite3", options=["--latency", "0.1"]) as fake,
    ):
        os.environ |= {"DJANGO_SETTINGS_MODULE": "benchmarks.worker_settings", "FAKE_IDENFY_URL": fake.url}
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        engine = connection.vendor
        print(f"{CALLS} calls of 100 ms in {BATCHES} batches, {CONCURRENCY} at once for each worker, {engine}")
        taken = {count: send(count) for count in (1, *BOUNDS)}
    broken = []
    for count, seconds in taken.items():
        faster = taken[1] / seconds
        print(f"  {count} worker{'s' if count > 1 else ' '} {seconds:24.2f} s   {faster:5.2f} × as fast")
        if engine != "sqlite" and faster < BOUNDS.get(count, 1):
            broken.append(f"{count} workers were less than {BOUNDS[count]} × as fast as one")
    if broken:
        sys.exit("; ".join(broken))


def send(count: int) -> float:
    """How long ``count`` workers take for all."""
    from benchmarks.sending import must_be, verifications
    from idenfy_kyc import services
    from idenfy_kyc.choices import State
    from idenfy_kyc.models import InformationRequest

    plans = [
        services.plan(verifications(CALLS // BATCHES), planned_by=None, questionnaire="source-of-funds", note="bench")
        for _ in range(BATCHES)
    ]
    ours = InformationRequest.objects.filter(batch__in=plans)
    with workers(count):
        started = time.perf_counter()
        for plan in plans:
            services.confirm(plan, by=None)
        while ours.filter(state__in=[State.QUEUED, State.SENDING]).exists():
            time.sleep(0.05)
        taken = time.perf_counter() - started
    must_be(CALLS // BATCHES * BATCHES, ours.filter(state=State.ISSUED).count())
    return taken


@contextmanager
def workers(count: int) -> Iterator[None]:
    """So many workers, ready and with nothing to do."""
    command = [sys.executable, "-m", "django", "db_worker", "--interval=0.05", "--no-startup-delay", "--verbosity=0"]
    processes: list[subprocess.Popen[Any]] = [subprocess.Popen(command) for _ in range(count)]
    time.sleep(3 + count)
    try:
        if any(process.poll() is not None for process in processes):
            sys.exit("Aborted: a worker ended before it began.")
        yield
    finally:
        for process in processes:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
