"""What a press costs when others press at the same moment: 1 officer, then 4, with 3,000 verifications each.

The four have the same verifications in different orders, so one of them asks all and the others are told so. Each is a
process of its own. The baseline is the press of one alone, in the same run; the benchmark aborts unless each client was
asked once and nobody met an error. Run by ``make bench``; ``DATABASE_URL`` chooses the database.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROWS = int(os.environ.get("BENCH_ROWS", "3000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
OFFICERS = 4


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{tempfile.mkdtemp()}/bench.sqlite3")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    print(f"{ROWS} verifications in each plan, {connection.vendor}, median of {ROUNDS}")
    alone, winners, losers = [], [], []
    for _ in range(ROUNDS):
        alone += [press["seconds"] for press in race(1)]
        presses = race(OFFICERS)
        winners += [press["seconds"] for press in presses if press["confirmed"]]
        losers += [press["seconds"] for press in presses if not press["confirmed"]]
    baseline = statistics.median(alone)
    report("alone", alone, baseline)
    report(f"first of {OFFICERS} at once", winners, baseline)
    report("the others, told so", losers, baseline)


def race(officers: int) -> list[dict]:
    """The presses of so many officers at one moment, over the same verifications that nobody has asked yet."""
    from benchmarks.sending import must_be, verifications
    from idenfy_kyc import services
    from idenfy_kyc.choices import State
    from idenfy_kyc.models import InformationRequest

    chosen = verifications(ROWS)
    plans = []
    for _ in range(officers):
        random.shuffle(chosen)
        plans.append(services.plan(chosen, planned_by=None, questionnaire="source-of-funds", note="benchmark").pk)
    command = [sys.executable, "-m", "benchmarks.confirming"]
    crew = [
        subprocess.Popen([*command, str(plan)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for plan in plans
    ]
    for process in crew:
        process.stdout.readline()
    for process in crew:
        process.stdin.write("go\n")
        process.stdin.flush()
    presses = [json.loads(process.communicate()[0]) for process in crew]
    must_be(ROWS, InformationRequest.objects.filter(batch__in=plans, state=State.QUEUED).count())
    must_be(1, sum(press["confirmed"] for press in presses))
    return presses


def press(plan: int) -> None:
    """One officer, in a process of his own: ready, then the button."""
    import django

    django.setup()
    from idenfy_kyc import services
    from idenfy_kyc.exceptions import PlanChanged
    from idenfy_kyc.models import RequestBatch

    batch = RequestBatch.objects.get(pk=plan)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    try:
        confirmed = services.confirm(batch, by=None, expected=ROWS)
    except PlanChanged:
        confirmed = False
    print(json.dumps({"confirmed": confirmed, "seconds": time.perf_counter() - began}))


def report(name: str, taken: list[float], baseline: float) -> None:
    median = statistics.median(taken)
    print(f"  {name:<24} {median:8.2f} s   {median / baseline:5.2f} ×   (longest {max(taken):.2f} s)")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        press(int(sys.argv[1]))
    else:
        main()
