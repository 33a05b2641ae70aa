"""What a delivery costs: the webhook beside a bare view that checks the same signature and inserts one row.

Eight connections (one on SQLite, which has one writer at a time) post to gunicorn, two workers with four threads each,
as fast as they are answered: each delivery is another one, half of them tell of a new verification and half are an
answer to an open request. Both views are called in turns in one run. Every answer must be 200, and every delivery kept
and handled, or the benchmark aborts.

Run by ``make bench``; ``DATABASE_URL`` chooses the database. The bound (a p95 under one second) is for PostgreSQL.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import django
import requests
from django.core.management import call_command

CONNECTIONS = 8 if os.environ.get("DATABASE_URL", "").startswith("postgres") else 1
DELIVERIES = int(os.environ.get("BENCH_DELIVERIES", "800"))
ROUNDS = 3
BOUND = 1.0
PROCESS = os.getpid()
_numbers = count()


def main() -> None:
    """Call both in turns, print what each took, and fail if the bound is broken."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    folder = tempfile.TemporaryDirectory(prefix="idenfy-kyc-bench-")
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder.name}/bench.sqlite3")  # the server's processes, too
    django.setup()
    call_command("migrate", verbosity=0)
    from django.db import connection

    with gunicorn() as url:
        taken: dict[str, list[float]] = {"/bare/": [], "/idenfy/webhook/": []}
        for _round in range(ROUNDS):
            for path in taken:
                taken[path] += post_all(url + path, deliveries(DELIVERIES // ROUNDS))
    must_be_handled()
    print(f"{DELIVERIES} deliveries, {CONNECTIONS} connections, gunicorn with 2 x 4 threads, {connection.vendor}")
    baseline = statistics.median(taken["/bare/"])
    report("a bare view, one row", taken["/bare/"], baseline)
    p95 = report("the webhook", taken["/idenfy/webhook/"], baseline)
    if connection.vendor == "postgresql" and p95 > BOUND:
        sys.exit(f"The webhook's p95 is more than {BOUND:g} s")


@contextmanager
def gunicorn() -> Iterator[str]:
    """A real server, with processes of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--workers=2", "--threads=4", f"--bind=127.0.0.1:{port}", "--log-level=error"]
    command = [sys.executable, "-m", "gunicorn", *options, "django.core.wsgi:get_wsgi_application()"]
    server = subprocess.Popen(command)
    try:
        yield wait_for(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait()


def wait_for(url: str) -> str:
    """The address, once it answers."""
    for _attempt in range(100):
        try:
            requests.get(url, timeout=30)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return url
    sys.exit("Aborted: the server does not answer.")


def deliveries(number: int) -> list[tuple[str, bytes]]:
    """Events and bodies; those that answer have an open request to answer."""
    from benchmarks.sending import verifications
    from idenfy_kyc import services
    from idenfy_kyc.choices import State
    from idenfy_kyc.models import InformationRequest
    from idenfy_kyc.testing import identification

    asked = verifications(number // 2)
    batch = services.plan(asked, planned_by=None, questionnaire="q", note="benchmark")
    services.confirm(batch, by=None)
    InformationRequest.objects.filter(batch=batch).move(State.SENDING, sent_at=batch.confirmed_at)
    new = [f"new-{PROCESS}-{next(_numbers)}" for _ in range(number - len(asked))]
    told = [("IDENTIFICATION_AUTO_FINISHED", identification(scan_ref, client_id=scan_ref)) for scan_ref in new]
    told += [("IDENTIFICATION_RESUBMITTED", identification(v.scan_ref, client_id=v.client_id)) for v in asked]
    return [(event, json.dumps(payload).encode()) for event, payload in told]


def post_all(url: str, told: list[tuple[str, bytes]]) -> list[float]:
    """Seconds that each took."""
    from idenfy_kyc.testing import signed_headers

    signed = [(body, signed_headers(event, body)) for event, body in told]

    def post(portion: list[tuple[bytes, dict[str, str]]]) -> list[float]:
        times = []
        with requests.Session() as session:
            for body, headers in portion:
                began = time.perf_counter()
                answer = session.post(url, body, headers=headers, timeout=30)
                times.append(time.perf_counter() - began)
                if answer.status_code != 200:
                    raise RuntimeError(f"{url} answered {answer.status_code}")
        return times

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        portions = pool.map(post, [signed[place::CONNECTIONS] for place in range(CONNECTIONS)])
        return [seconds for portion in portions for seconds in portion]


def must_be_handled() -> None:
    """Abort unless every delivery to the webhook was kept and handled."""
    from idenfy_kyc.models import WebhookDelivery

    wanted = DELIVERIES // ROUNDS * ROUNDS
    handled = WebhookDelivery.objects.filter(handled_at__isnull=False, problem="").count()
    if handled != wanted:
        sys.exit(f"Aborted: {handled} of {wanted} deliveries were handled.")


def report(name: str, times: list[float], baseline: float) -> float:
    """Print one line; return the p95."""
    median, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    print(f"  {name:<24} median {median * 1000:6.1f} ms   p95 {p95 * 1000:6.1f} ms   {median / baseline:5.2f} ×")
    return p95


if __name__ == "__main__":
    main()
