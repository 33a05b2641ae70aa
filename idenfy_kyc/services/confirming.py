"""Confirming a plan: the one moment at which clients begin to be asked.

One transaction, in this order:

1. a compare-and-set of the batch, first, so that SQLite takes its write lock at once and a second press does nothing;
2. lock the requests that are asked again, and then *every verification of the clients in the plan*, in primary-key
   order, in portions, without a join: two plans with different verifications of one client meet here, and plans in
   different orders cannot deadlock;
3. the drafts that may not be asked any more are skipped and say why;
4. queue the others, whose verification and client have no open request but the uncertain one that they follow: that
   one is given up just before.

If the number on the button no longer holds, the fourth step is not taken, and the page shows the difference. Then the
third comes after the transaction, which lets go of the clients first: whoever loses a race over thousands of them would
else make the next one wait for what he has to write, and that one the next. For the same reason whoever finds, once
he has waited for the winner, that he comes too late, locks no client at all: he only looks.

The unique columns hold "one open request per client" even against code that takes no locks; then the whole is repeated.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction
from django.utils import timezone

from ..choices import EventKind, Reason, State
from ..conf import get_settings
from ..exceptions import PlanChanged, SecondPersonNeeded
from ..models import InformationRequest, RequestBatch, Verification, client_digest
from ..models.request import validate_last_four
from . import database
from .account import fingerprint
from .again import follow
from .blocking import answered, open_requests, overtaken
from .ending import write_down_time
from .planning import ASKED, hold_plan
from .record import frozen_name, note_batch
from .shown import digest_of
from .workers import hand_over

if TYPE_CHECKING:
    from .record import User


def confirm(
    batch: RequestBatch, *, by: User, expected: int | None = None, shown: str = "", last_four: str | None = None
) -> bool:
    """Queue the plan's clients; return False if somebody had confirmed it already (then nothing is done twice).

    What is asked is taken from ``batch`` as it is in memory. ``expected`` is the number that the person saw on the
    button, and ``shown`` the ``services.digest_of`` the drafts then. ``last_four`` are the digits
    expected on the card of a plan's one client; with None those that the plan was saved with. Raises ``PlanChanged``
    if others would be asked, ``SecondPersonNeeded`` (and records that) if ``by`` may not confirm so many,
    ``ValidationError`` if the asks are not valid, and ``ImproperlyConfigured`` without credentials.
    """
    check_configured()
    check_asks(batch, last_four=last_four)
    write_down_time()
    confirmed = database.repeat_on_conflict(
        lambda: queue(batch, by=by, expected=expected, shown=shown, last_four=last_four)
    )
    if confirmed:
        batch.refresh_from_db()
        hand_over(batch)
    return confirmed


def check_configured() -> None:
    """Raise ``ImproperlyConfigured`` without credentials to ask with."""
    if not get_settings().is_configured:
        raise ImproperlyConfigured("IDENFY_KYC has no API_KEY and API_SECRET: set both to ask for information.")


def needs_second_person(batch: RequestBatch, *, by: User, clients: int) -> bool:
    """Whether ``by`` may not confirm a plan of so many clients: above ``SECOND_PERSON_ABOVE`` its planner may not.

    The rule is about people. So nobody (``by`` is None) is no second person; and where the planner's account is gone,
    whoever bears the name that was frozen with the plan is taken for the planner, who may have got a new account: to
    refuse a namesake costs a colleague's minute. A plan that a program made has no planner, and any person may confirm.
    """
    limit = get_settings().SECOND_PERSON_ABOVE
    if limit is None or clients <= limit:
        return False
    if by is None or batch.planned_by_id is not None:
        return by is None or batch.planned_by_id == by.pk
    return bool(batch.planned_by_name) and batch.planned_by_name == frozen_name(by)


def save_plan(batch: RequestBatch, *, shown: str = "", last_four: str | None = None) -> bool:
    """Keep what is asked, and why, with a plan, as it is in ``batch`` in memory; return whether it is a plan still.

    So one person fills in what another one confirms. ``last_four`` stays with the plan's one client, if it has one
    only, and is the one who was ``shown``. Raises ``ValidationError`` if the asks are not valid.
    """
    check_asks(batch, last_four=last_four)
    with transaction.atomic(using=database.alias()):
        if not hold_plan(batch):
            return False
        RequestBatch.objects.filter(pk=batch.pk).update(**_asks(batch))
        drafts = list(batch.rows_in(State.DRAFT).values_list("pk", flat=True)[:2])
        if last_four is not None and len(drafts) == 1 and shown in {"", digest_of(drafts)}:
            batch.requests.filter(pk__in=drafts).update(bank_card_expected_last_four=last_four)
    return True


def check_asks(batch: RequestBatch, *, last_four: str | None = None) -> None:
    """Raise ``ValidationError``, by field, for what iDenfy would refuse or an auditor would miss."""
    batch.clean_fields(exclude=[field.name for field in RequestBatch._meta.fields if field.name not in ASKED])
    batch.clean()
    if last_four:
        try:
            validate_last_four(last_four)
        except ValidationError as error:
            raise ValidationError({"bank_card_expected_last_four": error}) from None


def queue(
    batch: RequestBatch,
    *,
    by: User,
    expected: int | None,
    last_four: str | None,
    shown: str = "",
    may_alone: bool = False,
) -> bool:
    """The transaction of :func:`confirm`, and nothing but it. ``may_alone``: whoever planned may confirm any number."""
    keys, followed = _keys_to_lock(batch)
    is_late = expected is not None and _is_late(batch, keys, followed)
    with transaction.atomic(using=database.alias()):
        if not hold_plan(batch):
            return False
        if not is_late:
            _lock(keys, followed)
        drafts = _drafts(batch)
        blocked = _blocked(batch, drafts, keys)
        free = [draft for draft in drafts if not draft.reason]
        is_as_shown = expected in {None, len(free)} and shown in {"", digest_of(draft.pk for draft in free)}
        holds = bool(free) and is_as_shown and not is_late
        is_refused = holds and not may_alone and needs_second_person(batch, by=by, clients=len(free))
        if is_refused:
            note_batch(EventKind.NOT_ALLOWED, batch, by=by, clients=len(free))
        elif holds:
            _skip(batch, blocked)
            RequestBatch.objects.filter(pk=batch.pk).update(
                confirmed_at=timezone.now(),
                confirmed_by=by,
                confirmed_by_name=frozen_name(by),
                fingerprint=fingerprint(),
                **_asks(batch),
            )
            follow(free, by=by)
            _queue_all(batch, free, last_four=last_four)
            note_batch(EventKind.CONFIRMED, batch, by=by, clients=len(free))
    if is_refused or not holds:
        _skip(batch, blocked)
    if is_refused:
        raise SecondPersonNeeded
    if not holds:
        raise PlanChanged(expected=expected or 0, actual=len(free))
    return True


def _asks(batch: RequestBatch) -> dict[str, Any]:
    return {name: getattr(batch, name) for name in ASKED}


def _queue_all(batch: RequestBatch, free: list[InformationRequest], *, last_four: str | None) -> None:
    """Queue them all. Whoever left one out in this very moment makes the number wrong: then nobody is asked."""
    digits = "" if last_four is None and not batch.bank_card_verification else last_four
    extra = {} if digits is None else {"bank_card_expected_last_four": digits}
    queued = sum(
        InformationRequest.objects.filter(pk__in=[draft.pk for draft in portion]).move(State.QUEUED, **extra)
        for portion in database.portions(free)
    )
    if queued != len(free):
        raise PlanChanged(expected=len(free), actual=queued)


def _keys_to_lock(batch: RequestBatch) -> tuple[list[int], list[int]]:
    """Every verification of the clients in the plan, and every request that it asks again after.

    Read before the transaction: under REPEATABLE READ the first plain SELECT decides what a transaction sees, and that
    must come after the locks, or it would not see what others did while it waited for them.
    """
    keys, clients, followed = set(), set(), set()
    drafts = batch.rows_in(State.DRAFT)
    for key, client_id, before in drafts.values_list("verification_id", "verification__client_id", "again_of_id"):
        keys.add(key)
        clients.add(client_id)
        followed.add(before)
    for portion in database.portions(sorted(clients)):
        keys |= set(Verification.objects.of_clients(portion).values_list("pk", flat=True))
    return sorted(keys), sorted(filter(None, followed))


def _is_late(batch: RequestBatch, keys: list[int], followed: list[int]) -> bool:
    """Whether somebody else has asked of these verifications since; after waiting for whoever is about to.

    Who asks the same clients locks the same verifications, in the same order: the first is enough to wait at. The lock
    is let go at once, so that of many who wait here none waits for another one.
    """
    with transaction.atomic(using=database.alias()):
        hold_plan(batch)
        list(Verification.objects.filter(pk__in=keys[:1]).select_for_update().values_list("pk"))
    others = InformationRequest.objects.exclude(pk__in=followed)
    return any(others.filter(open_verification__in=portion).exists() for portion in database.portions(keys))


def _lock(keys: list[int], followed: list[int]) -> None:
    """From now on nobody else can ask the clients of these verifications.

    What they are asked again after is locked as well, so that no late answer comes in between; and first, because
    whoever writes an answer locks its request before the verification that his line of the record refers to.
    """
    for portion in database.portions(followed):
        list(InformationRequest.objects.filter(pk__in=portion).order_by("pk").select_for_update().values_list("pk"))
    for portion in database.portions(keys):
        list(Verification.objects.filter(pk__in=portion).order_by("pk").select_for_update().values_list("pk"))


def _drafts(batch: RequestBatch) -> list[InformationRequest]:
    """Those that the plan would ask, with what decides of their verification."""
    drafts = batch.requests.filter(state=State.DRAFT).select_related("verification").order_by("pk")
    decides = ("verification__client_id", "verification__status", "verification__erased_at")
    return list(drafts.only("batch_id", "again_of_id", "client_key", "reason", "reason_params", *decides))


def _blocked(
    batch: RequestBatch, drafts: list[InformationRequest], verifications: list[int]
) -> list[InformationRequest]:
    """The drafts that may not be asked any more, each with its reason and its parameters set (in memory).

    A plan may be days old: statuses, whose verification it is, and who has answered meanwhile, are looked at again.
    ``verifications`` are all of its clients.
    """
    _renew_client_keys(drafts)
    open_ones = open_requests((d.verification_id, d.verification.client_id if d.client_key else "") for d in drafts)
    over = overtaken(draft.again_of_id for draft in drafts if draft.again_of_id)
    done, clients_done = answered(verifications, since=batch.planned_at)
    seen: set[str] = set()
    for draft in drafts:
        is_open = open_ones.in_the_way(draft.verification_id, draft.client_key, follows=draft.again_of_id)
        if draft.verification.erased_at is not None:
            draft.reason = Reason.ERASED
        elif not draft.verification.is_eligible:
            draft.reason, draft.reason_params = Reason.INELIGIBLE, {"status": draft.verification.status}
        elif is_open:
            draft.reason, draft.reason_params = Reason.OPEN_REQUEST, is_open
        elif draft.again_of_id in over or draft.verification_id in done or draft.client_key in clients_done:
            draft.reason = Reason.OVERTAKEN
        elif draft.client_key in seen:
            draft.reason = Reason.SAME_CLIENT
        elif draft.client_key:
            seen.add(draft.client_key)
    return [draft for draft in drafts if draft.reason]


def _renew_client_keys(drafts: list[InformationRequest]) -> None:
    changed = []
    for draft in drafts:
        key = None if draft.batch.per_verification else client_digest(draft.verification.client_id)
        if key != draft.client_key:
            draft.client_key = key
            changed.append(draft)
    InformationRequest.objects.bulk_update(changed, ["client_key"], batch_size=database.PORTION)


def _skip(batch: RequestBatch, blocked: list[InformationRequest]) -> None:
    """Take them out of the plan, and say in one line for each reason how many: nothing was done to these clients.

    One UPDATE for all that say the same: thousands may have been asked by somebody else, in one batch.
    """
    alike: dict[tuple[str, str], list[InformationRequest]] = defaultdict(list)
    for draft in blocked:
        alike[draft.reason, json.dumps(draft.reason_params)].append(draft)
    with transaction.atomic(using=database.alias()):
        if not hold_plan(batch):
            return
        moved: Counter[str] = Counter()
        for drafts in alike.values():
            said = {"reason": str(drafts[0].reason), "reason_params": drafts[0].reason_params}
            for portion in database.portions(draft.pk for draft in drafts):
                moved[said["reason"]] += batch.requests.filter(pk__in=portion).move(State.SKIPPED, **said)
        for reason, clients in (+moved).items():
            note_batch(EventKind.NOT_ASKED, batch, reason=reason, clients=clients)
