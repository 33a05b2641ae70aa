"""What the pages read and how long they take with a million verifications and three million requests, on PostgreSQL.

Each page is opened in two databases: with 10,000 verifications and with ``BENCH_VERIFICATIONS``
(100,000), three requests for each; they are databases of their own, and dropped afterwards. Every SELECT of a page may
read at most 20 rows for each that it shows (``reading.py`` says what that means), at either size. Beside it stands the
time of Django's ``ModelAdmin`` with the same columns (``stock.py``). Fails if a page does not answer or a query reads
more, and names it; but for the pages that are known to read more, each with the reason. ``BENCH_KEEP=1`` keeps the
databases, and finds them filled the next time.

Run by ``make bench``, on PostgreSQL: ``.ci/databases make bench``. ``BENCH_VERIFICATIONS=1000000`` for the million.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import django

from benchmarks.reading import ALLOWED

SMALL = 10_000
LARGE = int(os.environ.get("BENCH_VERIFICATIONS", "100000"))
KEEP = bool(os.environ.get("BENCH_KEEP"))
ROUNDS = 3
PATIENCE = 60
"""Seconds that a query of the stock admin is given."""

NAMES = "names and reasons are read one by one"
NEWEST = "by a verification's newest request: those that have a newer one are passed over"
OF_CLIENT = "by all the verifications of a client: one after the other is looked up, until there are enough"
RARE = "PostgreSQL walks the list as long as it expects to meet a hundred soon"
SORTED = "all that are found are sorted"
WHOLE = "a table that is small is read whole, which PostgreSQL takes for cheaper than an index; not so a million rows"
BATCH_BY_BATCH = "all batches of a person are looked at"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the admin, by the part of its address behind the app's; and what the stock one calls the same."""

    name: str
    path: str
    stock: str | None = None
    known: str = ""
    """Why it reads more than it may: said beside it."""
    rows: int = 100
    """What it is about."""


@dataclass(slots=True)
class Measured:
    """What one page took, at one size."""

    page: Page
    shown: int = 0
    read: int = 0
    seconds: float = 0
    stock: float | None = None
    over: list[Any] = field(default_factory=list)


def main() -> None:
    """Fill, measure, print, and fail if a bound is broken."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()
    from django.db import connection

    if connection.vendor != "postgresql":
        print("Left out: the million is for PostgreSQL. DATABASE_URL names none.")
        return
    taken = {}
    for size in (SMALL, LARGE):
        with filled(size):
            taken[size] = [*map(measured, pages()), planning()]
    report(taken)


@contextmanager
def filled(size: int) -> Iterator[None]:
    """A database of its own with so many verifications."""
    from django.db import connection

    from benchmarks.filling import fill

    name = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"idenfy_kyc_bench_{size}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, keepdb=KEEP)
    try:
        began = time.perf_counter()
        fill(size)
        print(f"{size:,} verifications: filled in {time.perf_counter() - began:.0f} s", flush=True)
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0, keepdb=KEEP)


def pages() -> list[Page]:
    """All that is opened; some by what is in the database."""
    from benchmarks.filling import OFFICERS, PREFIX, RARE_OFFICER
    from idenfy_kyc.models import InformationRequest, RequestBatch, Verification

    asked = InformationRequest.objects.filter(sent_at__isnull=False).order_by("-pk")
    one = Verification.objects.filter(requests__in=asked[:1]).get()
    being_sent = InformationRequest.objects.filter(state="queued").latest("pk").batch
    large = RequestBatch.objects.filter(pk__lt=being_sent.pk - 4_000, confirmed_at__isnull=False)
    done = next(batch for batch in large.order_by("-pk") if batch.requests.count() > 4_000)
    last = Verification.objects.latest("pk").name.split()[-1]
    found = []

    def add(
        model: str, name: str, path: str = "", stock: str | None = None, known: str = "", *, rows: int = 100
    ) -> None:
        stock = None if stock is None else f"{model}/{stock}"
        found.append(Page(name, f"{model}/{path}", stock, known, rows))

    add("verification", "verifications", "", "")
    for status in ("APPROVED", "DENIED", "SUSPECTED"):
        add("verification", f"  status {status}", f"?status={status}", f"?status__exact={status}")
    for state in ("queued", "sending", "unknown", "issued"):
        add("verification", f"  request {state}", f"?request={state}", f"?requests__state__exact={state}")
    for state in ("refused", "completed", "expired", "cancelled"):
        add("verification", f"  request {state}", f"?request={state}", f"?requests__state__exact={state}", NEWEST)
    add("verification", "  request open", "?request=open")
    add("verification", "  request none", "?request=none", None, OF_CLIENT)
    for span in ("30d", "12m", "over12m", "over24m", "none"):
        add("verification", f"  verified {span}", f"?verified={span}", None, RARE if span == "none" else "")
    for when in ("never", "verified", "over30d", "over12m"):
        add("verification", f"  last asked {when}", f"?asked={when}", None, OF_CLIENT)
    add("verification", "  due: over12m, not since verified", "?verified=over12m&asked=verified", None, OF_CLIENT)
    add("verification", "  denied, refused", "?status=DENIED&request=refused", None, NEWEST)
    searched = (
        ("a scan reference", one.scan_ref, ""),
        ("a client ID", one.client_id, ""),
        ("the beginning of an ID", PREFIX, SORTED),
        ("a name", last, NAMES),
        ("nobody's name", "Nobodyhasthisname", NAMES),
    )
    for what, words, known in searched:
        add("verification", f"  search {what}", f"?q={words}", f"?q={words}", known)
    add("informationrequest", "requests", "", "")
    for state in ("queued", "sending", "issued", "unknown", "refused", "completed", "expired", "cancelled", "draft"):
        known = {"refused": RARE, "cancelled": RARE, "issued": RARE}.get(state, "")
        add("informationrequest", f"  state {state}", f"?state={state}", f"?state__exact={state}", known)
    for query in ("decision=needed", "answer=unread", "ends=24h", "ends=3d", "opened=yes", "opened=never"):
        known = SORTED if query == "decision=needed" else ""
        add("informationrequest", f"  {query.replace('=', ' ')}", f"?{query}", None, known)
    add("informationrequest", "  answer review", "?answer=review", None, WHOLE)
    for officer in (OFFICERS[0], RARE_OFFICER):
        stock = f"?batch__confirmed_by_name={officer}"
        add("informationrequest", f"  asked by {officer}", f"?by={officer}", stock, BATCH_BY_BATCH)
    for what, words, known in (*searched, ("a reason", "Annual review", NAMES)):
        add("informationrequest", f"  search {what}", f"?q={words}", f"?q={words}", known)
    add("requestbatch", "batches", "", "")
    add("requestbatch", "  search a reason", "?q=terms 7", "?q=terms 7", NAMES)
    add("webhookdelivery", "deliveries", known=WHOLE)
    add("verification", "a verification", f"{one.pk}/change/", known=WHOLE, rows=10)
    add("informationrequest", "a request", f"{asked[0].pk}/change/", known=WHOLE, rows=10)
    for name, batch in (("a batch being sent", being_sent), ("a batch that is done", done)):
        add("requestbatch", name, f"{batch.pk}/change/", rows=batch.requests.count())
    return found


PLANNING = Page("planning 5,000, and the plan", "", known=WHOLE, rows=5_000)


def client() -> Any:
    """A superuser's browser."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    users = get_user_model().objects
    user = users.filter(username="bench").first() or users.create_superuser("bench", password=None)
    browser = Client()
    browser.force_login(user)
    return browser


def measured(page: Page) -> Measured:
    """Open it, once for what it reads and some times for how long it takes."""
    browser = client()
    address = f"/admin/idenfy_kyc/{page.path}"
    found = Measured(page, seconds=timed(browser, address))
    note(found, lambda: get(browser, address))
    if page.stock is not None:
        found.stock = stock_seconds(browser, f"/stock/idenfy_kyc/{page.stock}")
    return found


def note(found: Measured, work: Any) -> None:
    """Add what the queries of ``work`` read."""
    from benchmarks.reading import explained, selects

    with selects() as queries:
        work()
    for query in explained(queries):
        found.read += query.read
        found.shown += query.shown
        if not query.is_within(found.page.rows):
            found.over.append(query)


def get(browser: Any, address: str) -> None:
    answer = browser.get(address)
    if answer.status_code != 200:
        sys.exit(f"Aborted: {address} answered {answer.status_code}.")


def timed(browser: Any, address: str) -> float:
    """Seconds, the median of some rounds, after one that warms up."""
    taken = []
    for _round in range(ROUNDS + 1):
        began = time.perf_counter()
        get(browser, address)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


def stock_seconds(browser: Any, address: str) -> float:
    """One round, since it may take minutes; infinite where it takes more than one."""
    from django.db import OperationalError, connection

    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{PATIENCE}s'")
    began = time.perf_counter()
    try:
        get(browser, address)
    except OperationalError:
        return float("inf")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
    return time.perf_counter() - began


def planning() -> Measured:
    """*Select all* of a search that finds 5,000, then the page of the plan; discarded afterwards."""
    from benchmarks.filling import PREFIX
    from idenfy_kyc import services
    from idenfy_kyc.models import RequestBatch, Verification

    browser, found = client(), Measured(PLANNING)
    chosen = {
        "action": "request_information",
        "select_across": "1",
        "_selected_action": [Verification.objects.filter(client_id__startswith=PREFIX).latest("pk").pk],
    }

    def plan() -> None:
        answer = browser.post(f"/admin/idenfy_kyc/verification/?q={PREFIX}", chosen)
        if answer.status_code != 302 or "/requestbatch/" not in answer.url:
            sys.exit(f"Aborted: planning answered {answer.status_code}.")
        get(browser, answer.url)

    began = time.perf_counter()
    plan()
    found.seconds = time.perf_counter() - began
    note(found, plan)
    for batch in RequestBatch.objects.order_by("-pk")[:2]:
        services.discard(batch)
    return found


def report(taken: dict[int, list[Measured]]) -> None:
    """One line a page; exit if a query reads too much."""
    print(f"\n{'':<36} {f'{SMALL:,} verifications':>31}   {f'{LARGE:,} verifications':>31}   stock")
    heads = "  shown      read     x      ms"
    print(f"{'':<36} {heads}   {heads}   {'ms':>15}")
    known: dict[str, str] = {}
    for both in zip(*taken.values(), strict=True):
        page = both[0].page
        cells = [f"{m.shown:>7} {m.read:>9} {m.read / max(1, m.shown):>5.1f} {m.seconds * 1000:>7.0f}" for m in both]
        stock = " ".join(f"{m.stock * 1000:>7.0f}" for m in both if m.stock is not None)
        reads_more = any(m.over for m in both)
        mark = known.setdefault(page.known, chr(ord("a") + len(known))) if reads_more and page.known else ""
        print(f"{page.name:<36} {'   '.join(cells)}   {stock:>15}  {mark}{'BROKEN' if reads_more and not mark else ''}")
    for why, mark in known.items():
        print(f"  {mark}  a query reads more than {ALLOWED} rows for each that it shows: {why}")
    broken = [
        (size, m, query)
        for size, each in taken.items()
        for m in each
        if not m.page.known or (m.page.known == WHOLE and size >= 1_000_000)
        for query in m.over
    ]
    for size, m, query in broken:
        words = f"{query.read:,} read, {query.shown:,} shown: {query.sql[:1500]}"
        print(f"\n{size:,} verifications, {m.page.name.strip()}: {words}", file=sys.stderr)
    if broken:
        sys.exit("A query reads too much.")


if __name__ == "__main__":
    main()
