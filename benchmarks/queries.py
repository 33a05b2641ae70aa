"""How many queries planning and the pages take, as the numbers of rows grow.

- Planning: the same number for each thousand rows at 1,000 and at 10,000, and at most one for fifty rows.
- Each list: the same for 1 and for 100 rows shown. The page of a batch: the same for 50 and for 5,000 rows in it.

Run by ``make bench``; it fails if one of these does not hold.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import django
from django.core.management import call_command

ROWS_A_QUERY = 50


def main() -> None:
    """Count, print, and fail if a bound is broken."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    held = [*planning(), *lists(), *batch_pages()]
    if not all(held):
        sys.exit("A bound does not hold.")


def planning() -> list[bool]:
    """Queries for each thousand rows."""
    from idenfy_kyc import services

    def queries_a_thousand(rows: int) -> float:
        chosen = make_verifications(rows)
        return queries(lambda: services.plan(chosen, planned_by=None)) * 1000 / rows

    few, many = queries_a_thousand(1_000), queries_a_thousand(10_000)
    bound = 1000 / ROWS_A_QUERY
    return [report("planning, for each 1,000 rows", "1,000", few, "10,000", many, holds=many <= few <= bound)]


def lists() -> list[bool]:
    """The three lists, with 1 row and with 100 rows shown."""
    from django.urls import reverse

    from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent, Verification

    counted: dict[str, list[int]] = {}
    for rows in (1, 100):
        for model in (RequestEvent, InformationRequest, RequestBatch, Verification):
            model._base_manager.all().delete()
        for verification in make_verifications(rows):
            make_batch([verification])
        for name in ("verification", "informationrequest", "requestbatch"):
            address = reverse(f"admin:idenfy_kyc_{name}_changelist")
            counted.setdefault(name, []).append(page_queries(address))
    return [
        report(f"list of {name}", "1", few, "100", many, holds=few == many) for name, (few, many) in counted.items()
    ]


def batch_pages() -> list[bool]:
    """Plan, progress and report, with 50 and with 5,000 rows in the batch."""
    from django.urls import reverse

    from idenfy_kyc import services
    from idenfy_kyc.choices import State

    counted: dict[str, list[int]] = {}
    for rows in (50, 5_000):
        batch = services.plan(make_verifications(rows), planned_by=None, questionnaire="a", note="benchmark")
        address = reverse("admin:idenfy_kyc_requestbatch_change", args=[batch.pk])
        counted.setdefault("plan", []).append(page_queries(address))
        services.confirm(batch, by=None)
        counted.setdefault("progress", []).append(page_queries(address))
        services.withdraw(batch.rows_in(State.QUEUED), by=None, note="benchmark")
        counted.setdefault("report", []).append(page_queries(address))
    return [
        report(f"page of a batch, {name}", "50", few, "5,000", many, holds=few == many)
        for name, (few, many) in counted.items()
    ]


def make_verifications(count: int) -> list:
    """Approved verifications of ``count`` clients."""
    from benchmarks.sending import verifications

    return verifications(count)


def make_batch(verifications: list) -> None:
    """A batch that somebody has confirmed."""
    from idenfy_kyc import services

    services.confirm(services.plan(verifications, planned_by=None, questionnaire="a", note="benchmark"), by=None)


def page_queries(address: str) -> int:
    """Queries of one GET by a superuser, the session's aside since they are the same for all."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    user = get_user_model().objects.filter(is_superuser=True).first()
    client = Client()
    client.force_login(user or get_user_model().objects.create_superuser("bench", password=None))

    def get() -> None:
        answer = client.get(address)
        if answer.status_code != 200:
            sys.exit(f"Aborted: {address} answered {answer.status_code}.")

    return queries(get)


def queries(work: Callable[[], object]) -> int:
    """How many queries ``work`` takes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def report(what: str, few: str, few_queries: float, many: str, many_queries: float, *, holds: bool) -> bool:
    """Print one line; return whether it holds."""
    verdict = "" if holds else "   BROKEN"
    print(f"  {what:<32} {few:>6} rows: {few_queries:5.1f}   {many:>6} rows: {many_queries:5.1f}{verdict}")
    return holds


if __name__ == "__main__":
    main()
