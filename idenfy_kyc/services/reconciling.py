"""Comparing our statuses with iDenfy's list, page by page, and repairing those that a missed delivery left behind.

The list has a status for each verification and nothing else: an answer that was missed is not on it, nor on anything
else that iDenfy would give us. What a status may change, rule 6 of :mod:`idenfy_kyc.services.hearing` decides.

Where the walk stands is written with what it has changed, page by page, so that it goes on after whatever ended it. Two
at once do the same twice, and harm nothing. While it goes on, verifications come and go at iDenfy, and nobody promises
an order: what a walk misses, the next one finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from ..api import IdenfyClient, IdentificationsPage
from ..choices import EventKind
from ..conf import get_settings
from ..exceptions import IdenfyApiError, IdenfyStatusError
from ..models import Reconciliation, RequestEvent, Verification
from . import database
from .account import fingerprint
from .hearing import decide_current
from .pacing import quota_left
from .record import line_about
from .telling import announce, current_values, held_of

PER_PAGE = 100
SHARE_OF_QUOTA = 10
"""A run takes a tenth of ``HOURLY_QUOTA``, unless it is told otherwise: asking clients comes first."""
RESUMED_WITHIN = timedelta(days=1)
"""An older walk begins anew: by then its page is another one."""
RUNS_KEPT = timedelta(days=90)
MOST = 2**31 - 1
"""What the column holds, and more than anybody has."""
_CHANGED = ("status", "told_at", "checks", "changed_after_review_at")


def reconcile(
    *,
    adds: bool = False,
    max_calls: int | None = None,
    after_page: Callable[[Reconciliation], None] = lambda run: None,
) -> Reconciliation:
    """Go along iDenfy's list until its end, or until the calls of this run or of the hour are used up.

    Begins where the last run of the last day did not get on. ``adds`` also takes what is not here, without a client or
    a name. Returns the run: ``completed_at`` is empty if there is more to come. Raises ``IdenfyApiError`` if iDenfy
    does not give the next page (what was done until then stays), ``RuntimeError`` inside a transaction, and
    ``ImproperlyConfigured`` without credentials.
    https://documentation.idenfy.com/kyc/verification-list
    """
    database.refuse_transaction()
    limit = max(1, get_settings().HOURLY_QUOTA // SHARE_OF_QUOTA) if max_calls is None else max_calls
    with IdenfyClient.from_settings() as client:
        run, before = _begin(), None
        while run.completed_at is None and run.calls < limit and quota_left(timezone.now()) > 0:
            page = _ask(client, run)
            if page is None or page.size == 0 or page.listed == before:
                _finish(run)
                break
            _apply(run, page, adds=adds)
            before = page.listed
            if not page.has_next and run.listed >= page.count:
                _finish(run)
            after_page(run)
    return run


def _begin() -> Reconciliation:
    now, account = timezone.now(), fingerprint()
    Reconciliation.objects.filter(moved_at__lt=now - RUNS_KEPT).delete()
    last = Reconciliation.objects.filter(fingerprint=account, moved_at__gt=now - RESUMED_WITHIN).order_by("-pk").first()
    if last is None or last.completed_at is not None:
        return Reconciliation.objects.create(fingerprint=account, started_at=now, moved_at=now)
    last.pk, last.calls, last.moved_at = None, 0, now
    last.save(force_insert=True)
    return last


def _ask(client: IdenfyClient, run: Reconciliation) -> IdentificationsPage | None:
    """The next page; None if iDenfy says that there is none. The call counts, whatever comes of it."""
    run.calls += 1
    run.moved_at = timezone.now()
    try:
        return client.list_identifications(page=run.page, per_page=PER_PAGE)
    except IdenfyApiError as error:
        run.save(update_fields=["calls", "moved_at"])
        is_beyond = isinstance(error, IdenfyStatusError) and error.status_code == 404 and error.is_json
        if is_beyond and run.page > 1:
            return None
        raise


def _finish(run: Reconciliation) -> None:
    run.completed_at = timezone.now()
    run.save(update_fields=["calls", "moved_at", "completed_at"])


def _apply(run: Reconciliation, page: IdentificationsPage, *, adds: bool) -> None:
    """One page: a read of what we hold of it, and one transaction, which begins by moving the run on."""
    told = {line.scan_ref: line.status for line in page.listed}
    held = Verification.objects.filter(scan_ref__in=told).only("scan_ref", "status", "is_final", "told_at", "erased_at")
    here = {verification.scan_ref: verification for verification in held}
    missing = [scan_ref for scan_ref in told if scan_ref not in here]
    doubtful = [verification.pk for verification in here.values() if _differs(verification, told, run)]
    run.page += 1
    run.total = min(page.count, MOST)
    run.listed += page.size
    if not adds:
        run.missing += len(missing)
    database.repeat_on_conflict(lambda: _write(run, told, doubtful, missing if adds else []))


def _differs(verification: Verification, told: Mapping[str, str], run: Reconciliation) -> bool:
    """Whether it takes the status of the list, as far as one sees without a lock."""
    status = told.get(verification.scan_ref, "")
    may_change = verification.erased_at is None and status != ""
    return may_change and decide_current(held_of(verification), status, run.moved_at).adopts


def _write(run: Reconciliation, told: Mapping[str, str], doubtful: list[int], new: list[str]) -> None:
    with transaction.atomic(using=database.alias()):
        run.save()
        changed = _repair(doubtful, told, run) if doubtful else 0
        if new:
            _add(new, told, run)
        if changed or new:
            counted = {"changed": run.changed + changed, "added": run.added + len(new)}
            Reconciliation.objects.filter(pk=run.pk).update(**counted)
    run.changed, run.added = run.changed + changed, run.added + len(new)


def _repair(keys: list[int], told: Mapping[str, str], run: Reconciliation) -> int:
    """Locked in the order in which everybody locks them, and decided anew: a delivery may have come meanwhile."""
    rows = Verification.objects.select_for_update().filter(pk__in=keys, erased_at=None).order_by("pk")
    changed, lines = [], []
    for verification in rows:
        status, was = told[verification.scan_ref], verification.status
        decision = decide_current(held_of(verification), status, run.moved_at)
        values = current_values(verification, status, run.moved_at, decision)
        if not values:
            continue
        for name, value in (values | {"updated_at": timezone.now()}).items():
            setattr(verification, name, value)
        changed.append(verification)
        lines.append(line_about(verification, EventKind.LISTED, was=was, status=status))
        announce(verification, values)
    Verification.objects.bulk_update(changed, [*_CHANGED, "updated_at"])
    RequestEvent.objects.bulk_create(lines)
    return len(changed)


def _add(scan_refs: list[str], told: Mapping[str, str], run: Reconciliation) -> None:
    """A delivery may add one of them at the same moment: then it knows more than we do."""
    new = [Verification(scan_ref=ref, status=told[ref], told_at=run.moved_at) for ref in scan_refs]
    Verification.objects.bulk_create(new, ignore_conflicts=True)
