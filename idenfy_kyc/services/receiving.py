"""Receiving what iDenfy tells: check the signature, keep the delivery, handle it.

A delivery is kept, durably, before anything else happens: iDenfy hardly tries again, and no call returns an answer that
was missed. Once it is kept, whatever its handling does is our affair: it is handled again by the next delivery of the
same verification, by ``idenfy_send``, or by a person. Its time is when it came, not when it was handled.

The signature covers neither the event's name nor a time. So bytes that came under one event's name are not believed
under another's, and an answer that iDenfy tells again, with fresh links to its files, never completes a newer request.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from ..api.deliveries import Event, Report, delivery_digest, event_name, read_delivery, scan_ref_of, signature_fits
from ..choices import DeliveryProblem, EventKind
from ..conf import get_settings
from ..exceptions import DeliveryRejected, UnreadableDelivery
from ..models import Answer, RequestEvent, Verification, WebhookDelivery, WebhookRejection
from . import database
from .closing import record_answer, record_review
from .gaps import follows_silence
from .record import line_about
from .telling import tell

if TYPE_CHECKING:
    from .record import User

logger = logging.getLogger("idenfy_kyc")

REPEAT = timedelta(minutes=15)
"""The same again within this time is a retry of the network; later it may be news: approved, denied, approved."""
PATIENCE = 4.0
"""Seconds for which a delivery is held that the database will not take: iDenfy waits ten, and hardly tries again."""
HANDLED_AGAIN = 20
"""Earlier ones that one delivery takes along at the most."""


def receive(*, event_type: str, body: bytes, signature: str) -> WebhookDelivery:
    """Take one delivery: the headers ``Idenfy-Event-Type`` and ``Idenfy-Signature``, and the raw bytes of the body.

    For a project that receives iDenfy's webhooks at an address of its own. Raises ``DeliveryRejected`` if none of
    ``WEBHOOK_SIGNING_KEYS`` has signed it (Django answers 400 to that), and ``DatabaseError`` if it could not be kept:
    answer 500, so that iDenfy sends it again. Whatever its handling does, raises nothing.
    https://documentation.idenfy.com/kyc/webhooks
    """
    if not signature_fits(body, signature, get_settings().WEBHOOK_SIGNING_KEYS):
        _count_rejection(timezone.now(), is_named=bool(event_type))
        raise DeliveryRejected("The signature fits none of the keys")
    delivery, is_news = database.insist(lambda: _keep(event_name(event_type), body), patience=PATIENCE)
    if is_news:
        handle(delivery)
    return delivery


def handle(delivery: WebhookDelivery) -> bool:
    """Do what a kept delivery says, also again; return whether that worked. What went wrong is noted, not raised."""
    if not _handle_one(delivery):
        return False
    if delivery.others_wait:
        others = WebhookDelivery.objects.due().filter(scan_ref=delivery.scan_ref).order_by("pk")
        try:
            handle_again(others[:HANDLED_AGAIN])
        except DatabaseError as error:
            logger.error("Others beside delivery %s wait on: %s", delivery.pk, type(error).__name__)
    return True


def handle_again(deliveries: Iterable[WebhookDelivery]) -> int:
    """Handle those of these that failed; return how many worked. Of those whose body cannot be read that is noted,
    unless something better is known of them."""
    return sum(
        _handle_one(delivery)
        if delivery.can_be_handled
        else _note_problem(delivery, DeliveryProblem.UNREADABLE if delivery.has_broken_off else delivery.problem)
        for delivery in deliveries
        if not delivery.is_handled
    )


def handle_due() -> int:
    """Handle again whatever broke off, oldest first; return how many worked."""
    return handle_again(WebhookDelivery.objects.due().order_by("pk").iterator(chunk_size=HANDLED_AGAIN))


def set_aside(deliveries: Iterable[WebhookDelivery], *, by: User) -> int:
    """Note that somebody has seen to those of these that nobody can handle; return how many. It is on the record.

    What broke off is left alone: it will be handled. Told once more, one that was set aside is handled like a new one.
    """
    now = timezone.now()
    return sum(_set_aside(portion, now, by) for portion in database.portions(deliveries))


def _set_aside(deliveries: list[WebhookDelivery], now: datetime, by: User) -> int:
    before = {delivery.pk: delivery for delivery in deliveries}
    with transaction.atomic(using=database.alias()):
        hopeless = WebhookDelivery.objects.hopeless().filter(pk__in=before)
        count = hopeless.update(handled_at=now, problem=DeliveryProblem.SET_ASIDE)
        if count:
            mine = WebhookDelivery.objects.filter(pk__in=before, handled_at=now, problem=DeliveryProblem.SET_ASIDE)
            told = [before[key] for key in mine.order_by("pk").values_list("pk", flat=True)]
            about = Verification.objects.in_bulk([one.scan_ref for one in told], field_name="scan_ref")
            RequestEvent.objects.bulk_create(
                line_about(about[one.scan_ref], EventKind.SET_ASIDE, by=by, event=one.event_type, problem=one.problem)
                for one in told
                if one.scan_ref in about
            )
    return count


def _handle_one(delivery: WebhookDelivery) -> bool:
    try:
        report = read_delivery(delivery.event_type, delivery.raw)
        database.repeat_on_conflict(lambda: _apply(delivery, report))
    except UnreadableDelivery as error:
        return _note_problem(delivery, error.code)
    except Exception as error:  # noqa: BLE001 (it is kept; what iDenfy hears must not depend on what we make of it)
        logger.error("Handling delivery %s: %s", delivery.pk, type(error).__name__)
        return _note_problem(delivery, DeliveryProblem.BROKE_OFF)
    return True


def _note_problem(delivery: WebhookDelivery, problem: str) -> bool:
    delivery.problem = problem
    try:
        WebhookDelivery.objects.filter(pk=delivery.pk, handled_at=None).update(problem=problem)
        _forget_erased(delivery)
    except DatabaseError:
        logger.error("Delivery %s was kept, and not handled: the database is away.", delivery.pk)
    return False


def _keep(event_type: str, body: bytes) -> tuple[WebhookDelivery, bool]:
    """The delivery's row, and whether there is something to do. The same bytes again are counted on their row."""
    digest, now = delivery_digest(event_type, body), timezone.now()
    text = body.decode("latin-1")
    try:
        with transaction.atomic(using=database.alias()):
            new = WebhookDelivery.objects.create(
                digest=digest,
                body_digest=hashlib.sha256(body).hexdigest(),
                event_type=event_type,
                scan_ref=scan_ref_of(body),
                body=text,
                received_at=now,
                last_received_at=now,
                after_silence=follows_silence(now),
            )
            return new, True
    except IntegrityError:
        return _count(WebhookDelivery.objects.filter(digest=digest), text, now)


def _count(known: QuerySet[WebhookDelivery], text: str, now: datetime) -> tuple[WebhookDelivery, bool]:
    """Note that the same bytes came again. If they are news, they wait to be handled from now on, as new ones do."""
    others = WebhookDelivery.objects.filter(scan_ref=OuterRef("scan_ref"), handled_at__gt=OuterRef("handled_at"))
    delivery = known.annotate(others_since=Exists(others.exclude(pk=OuterRef("pk")))).get()
    is_news = _is_news(delivery, now)
    told = {"receipts": F("receipts") + 1, "last_received_at": now}
    if is_news:
        anew = told | {"handled_at": None, "problem": "", "body": text}
        is_news = bool(known.filter(handled_at=delivery.handled_at).update(**anew))
    if is_news:
        delivery.handled_at, delivery.problem, delivery.body = None, "", text
    else:
        known.update(**told)
    delivery.receipts, delivery.last_received_at = delivery.receipts + 1, now
    return delivery, is_news


def _is_news(delivery: Any, now: datetime) -> bool:
    """Whether what came again has something to do: it failed, is no mere retry, or others were handled in between."""
    has_failed = delivery.handled_at is None or delivery.problem == DeliveryProblem.SET_ASIDE
    return has_failed or now - delivery.handled_at >= REPEAT or delivery.others_since


def _forget_erased(delivery: WebhookDelivery) -> None:
    """What says nothing that can be handled keeps no body either once its client is erased.

    Whoever erases him at this moment has been past this delivery already: so it waits for his lock, and looks then.
    """
    with transaction.atomic(using=database.alias()):
        same = Verification.objects.filter(scan_ref=delivery.scan_ref).select_for_update()
        erased = list(filter(None, same.values_list("erased_at", flat=True)))
    if erased:
        WebhookDelivery.objects.filter(pk=delivery.pk).forget(timezone.now())


def _apply(delivery: WebhookDelivery, report: Report) -> None:
    """One transaction: the delivery is handled, and what it says is done, or neither."""
    now = timezone.now()
    with transaction.atomic(using=database.alias()):
        mine = WebhookDelivery.objects.filter(pk=delivery.pk, handled_at=delivery.handled_at)
        if not mine.update(handled_at=now, problem=""):
            return  # a copy of it, handled at this moment by somebody else
        if problem := _do(delivery, report):
            body = {} if problem == DeliveryProblem.NOT_OURS else {"body": ""}
            WebhookDelivery.objects.filter(pk=delivery.pk).update(problem=problem, **body)
            _forget_erased(delivery)
    delivery.handled_at = now


def _do(delivery: WebhookDelivery, report: Report) -> str:
    """Do what it says; return a code if there is nothing that it may do."""
    if report.event not in set(Event):
        return DeliveryProblem.NOT_OURS
    verification = _locked(delivery, report)
    is_new = verification is None and get_settings().CREATE_FROM_WEBHOOK
    if is_new:
        Verification.objects.create(scan_ref=report.scan_ref, client_id=report.client_id)
        verification = _locked(delivery, report)
    if verification is None:
        return DeliveryProblem.NOT_HELD
    delivery.others_wait = verification.others_wait
    if verification.erased_at is not None:
        return DeliveryProblem.ERASED
    if verification.is_relabelled and report.event != Event.LEGACY:
        raise UnreadableDelivery(DeliveryProblem.RELABELLED)
    lines = tell(verification, report, at=delivery.last_received_at, first_at=delivery.received_at)
    if report.answer is not None:
        told_before = verification.told_before
        lines += record_answer(
            verification, report, report.answer, at=delivery.received_at, told_before=told_before, is_new=is_new
        )
    if report.event == Event.MANUAL_FINISHED:
        lines += record_review(verification, report, at=delivery.last_received_at, first_at=delivery.received_at)
    RequestEvent.objects.bulk_create(lines)
    return ""


def _locked(delivery: WebhookDelivery, report: Report) -> Any:
    """The verification, locked, and with it what else must be known of its deliveries; None if it is not here.

    ``is_relabelled``: the same bytes came under another event's name. The legacy event is told beside the others,
    before them or after.
    """
    same = WebhookDelivery.objects.filter(scan_ref=OuterRef("scan_ref")).exclude(pk=delivery.pk)
    identity = report.answer.identity if report.answer else ""
    rows = Verification.objects.filter(scan_ref=report.scan_ref).annotate(
        others_wait=Exists(same.due()),
        is_relabelled=Exists(
            same.filter(body_digest=delivery.body_digest).exclude(event_type__in=[Event.LEGACY, delivery.event_type])
        ),
        told_before=Exists(Answer.objects.filter(verification=OuterRef("pk"), identity=identity)),
    )
    return rows.select_for_update().first()


def _count_rejection(now: datetime, *, is_named: bool) -> None:
    """One more in this hour; ``is_named``: it bears an event's name, as all of iDenfy's do.

    A database that is away must not turn a forgery into an error of ours.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    this_hour = WebhookRejection.objects.filter(hour=hour)
    one_more = {"count": F("count") + 1, "named": F("named") + int(is_named), "last_at": now}
    try:
        if this_hour.update(**one_more):
            return
        with transaction.atomic(using=database.alias()):
            WebhookRejection.objects.create(hour=hour, count=1, named=int(is_named), first_at=now, last_at=now)
    except IntegrityError:
        this_hour.update(**one_more)
    except DatabaseError:
        logger.error("A delivery whose signature fits none of the keys could not be counted.")
