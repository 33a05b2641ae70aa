"""What we hold of some verifications: counted before anything of it is erased, for whoever decides that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import Count, Q

from ..choices import OPEN, State
from ..models import Answer, InformationRequest, RequestBatch, RequestEvent, Verification, WebhookDelivery
from . import database

_SECRET = ~Q(session_url="") | ~Q(token="") | ~Q(public_id="")
_OF_REQUESTS = {
    "links": Count("pk", filter=_SECRET),
    "words": Count("pk", filter=~Q(message="")),
    "digits": Count("pk", filter=~Q(bank_card_expected_last_four="")),
    "open_requests": Count("pk", filter=Q(state__in=OPEN)),
    "planned": Count("pk", filter=Q(state=State.DRAFT)),
    "requests": Count("pk", filter=~Q(state__in=[State.DRAFT, State.SKIPPED])),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """How many there are of each. Erasing takes the first ten, ends the next two, and leaves the last three."""

    names: int = 0
    client_ids: int = 0
    checks: int = 0
    documents: int = 0
    answers: int = 0
    bodies: int = 0
    words: int = 0
    digits: int = 0
    links: int = 0
    selections: int = 0
    open_requests: int = 0
    planned: int = 0
    scan_refs: int = 0
    requests: int = 0
    lines: int = 0


def holdings_of(verifications: Collection[Verification]) -> Holdings:
    """Count what is held of these, in five queries for every 500 of them."""
    counts: Counter[str] = Counter()
    for portion in database.portions(verifications):
        counts.update(_held_by(portion))
        counts.update(InformationRequest.objects.filter(verification__in=portion).aggregate(**_OF_REQUESTS))
        counts["answers"] += Answer.objects.filter(verification__in=portion, erased_at=None).count()
        counts["lines"] += RequestEvent.objects.filter(verification__in=portion).count()
        told = WebhookDelivery.objects.filter(scan_ref__in=[verification.scan_ref for verification in portion])
        counts["bodies"] += told.exclude(body="").count()
        counts["selections"] += sum(1 for _batch in choices_of(portion))
    return Holdings(**counts)


def choices_of(portion: Collection[Verification]) -> Iterator[RequestBatch]:
    """The batches of these whose words of how the clients were chosen name one of them, by the ID or the whole name.

    Each with those words as they are without. Ours name nobody, but a project writes its own.
    """
    names = {word for verification in portion for word in (verification.client_id, verification.name) if word}
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names), re.IGNORECASE)
    theirs = InformationRequest.objects.filter(verification__in=portion).values("batch")
    for batch in RequestBatch.objects.filter(pk__in=theirs).exclude(selection="").only("selection"):
        without = pattern.sub("…", batch.selection) if names else batch.selection
        if without != batch.selection:
            batch.selection = without
            yield batch


def _held_by(portion: Collection[Verification]) -> dict[str, int]:
    return {
        "scan_refs": len(portion),
        "names": sum(bool(verification.name) for verification in portion),
        "client_ids": len({verification.client_id for verification in portion} - {""}),
        "checks": sum(bool(verification.checks) for verification in portion),
        "documents": sum(bool(verification.document_expires) for verification in portion),
    }
