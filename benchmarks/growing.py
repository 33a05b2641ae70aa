"""Whether a client costs more in a large batch than in a small one: 5,000 beside 500, and iDenfy answers at once.

Each size has a process and a database of its own. It plans, confirms and sends; what sending takes is counted for each
client: queries, and seconds of CPU. At 5,000 these must be as many queries, and at most 1.3 × the CPU; and the largest
amount of memory that the process ever had, from planning to the last answer, at most 30 MB more.
Run by ``make bench``; ``DATABASE_URL`` chooses the database.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

SMALL, LARGE = 500, 5_000
CPU_BOUND = 1.3
MEMORY_BOUND = 30
"""Megabytes."""


def main() -> None:
    """Measure both sizes, print them side by side, and fail if a bound is broken."""
    from idenfy_kyc.testing.server import spawn_fake

    with tempfile.TemporaryDirectory() as folder, spawn_fake(Path(folder) / "fake.sqlite3") as fake:
        few, many = (measured_apart(size, fake.url) for size in (SMALL, LARGE))
    print(f"\n{SMALL:,} and {LARGE:,} clients in a batch, no latency, {few['engine']}")
    report("queries for each client", few["queries"], many["queries"], "{:.2f}")
    report("CPU for each client, ms", few["cpu"] * 1000, many["cpu"] * 1000, "{:.2f}")
    report("most memory, MB", few["memory"], many["memory"], "{:.0f}")
    broken = [
        *(["more queries for each client"] if many["queries"] > few["queries"] else []),
        *([f"more than {CPU_BOUND} × the CPU"] if many["cpu"] > CPU_BOUND * few["cpu"] else []),
        *([f"more than {MEMORY_BOUND} MB more"] if many["memory"] > few["memory"] + MEMORY_BOUND else []),
    ]
    if broken:
        sys.exit(f"A large batch takes {', '.join(broken)}.")


def measured_apart(size: int, url: str) -> dict[str, Any]:
    """What :func:`measured` says in a process of its own, which has nothing yet of what another size took."""
    command = [sys.executable, "-m", "benchmarks.growing", str(size), url]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def measured(size: int, url: str) -> dict[str, Any]:
    """Plan, confirm and send to so many clients; aborts unless each of them gets a link."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()
    from django.db import connection

    from idenfy_kyc import services
    from idenfy_kyc.choices import State
    from idenfy_kyc.models import Verification
    from idenfy_kyc.testing.fake import CREDENTIALS

    settings.IDENFY_KYC = {
        "API_KEY": CREDENTIALS[0],
        "API_SECRET": CREDENTIALS[1],
        "BASE_URL": url,
        "HOURLY_QUOTA": 1_000_000,
    }
    call_command("migrate", verbosity=0)
    name = f"growing-{os.getpid()}"
    rows = (Verification(scan_ref=f"{name}-{i}", client_id=f"{name}-{i}", status="APPROVED") for i in range(size))
    while portion := list(itertools.islice(rows, 500)):
        Verification.objects.bulk_create(portion)
    chosen = Verification.objects.filter(scan_ref__startswith=name)
    batch = services.plan(chosen, planned_by=None, questionnaire="source-of-funds", note="benchmark")
    services.confirm(batch, by=None)

    queries = 0

    def note(execute: Any, *call: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*call)

    began = time.process_time()
    with connection.execute_wrapper(note):
        services.send(batch)
    cpu = time.process_time() - began
    issued = batch.rows_in(State.ISSUED).count()
    if issued != size:
        sys.exit(f"Aborted: {issued} of {size} calls succeeded.")
    return {
        "engine": connection.vendor,
        "queries": round(queries / size, 1),
        "cpu": cpu / size,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def report(what: str, few: float, many: float, form: str) -> None:
    print(f"  {what:<26} {form.format(few):>8} {form.format(many):>8}   {many / few:5.2f} ×")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measured(int(sys.argv[1]), sys.argv[2])))
    else:
        main()
