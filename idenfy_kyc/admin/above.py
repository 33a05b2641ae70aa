"""What stands above every list: what waits for a person, and what is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.translation import ngettext

from .. import dates, services, wording
from ..choices import State
from ..models import InformationRequest, RequestBatch, WebhookDelivery
from .drawing import batch_name
from .seen import may_ask, our_rows, rows_seen_by

if TYPE_CHECKING:
    from .base import BaseAdmin

UNFINISHED_SHOWN = 3
DECISION, DECISION_NEEDED = "decision", "needed"
"""The filter of the requests to which the line above the lists leads."""


def above_a_list(model_admin: BaseAdmin, request: HttpRequest) -> dict[str, Any]:
    """The lines of ``includes/unfinished.html``: each only for those who can do something about it, by one query."""
    return {
        "decisions": _decisions(model_admin, request),
        "unhandled": _unhandled(model_admin, request),
        "unfinished": _unfinished(model_admin, request),
    }


def _decisions(model_admin: BaseAdmin, request: HttpRequest) -> dict[str, str]:
    """“12 requests need a decision: 4 are uncertain, 8 have not been asked yet”, and the way there; one query."""
    if not may_ask(request):
        return {}
    rows = our_rows(rows_seen_by(model_admin.admin_site, request, InformationRequest)).needing_decision()
    queued = Count("pk", filter=Q(state=State.QUEUED))
    counts = rows.aggregate(all=Count("pk"), queued=queued)
    if not counts["all"]:
        return {}
    query = urlencode({DECISION: DECISION_NEEDED})
    return {
        "url": f"{model_admin.url_of('changelist', model=InformationRequest)}?{query}",
        "text": _decisions_text(counts),
    }


def _unhandled(model_admin: BaseAdmin, request: HttpRequest) -> dict[str, str]:
    """“2 deliveries from iDenfy could not be handled”, for those who can do it again; one query."""
    rows = rows_seen_by(model_admin.admin_site, request, WebhookDelivery)
    failed = rows.filter(handled_at=None)  # few, by an index of their own
    count = failed.aggregate(all=Count("pk"))["all"] if may_ask(request) else 0
    if not count:
        return {}
    text = ngettext(
        "%(count)s delivery from iDenfy could not be handled.",
        "%(count)s deliveries from iDenfy could not be handled.",
        count,
    )
    return {
        "url": f"{model_admin.url_of('changelist', model=WebhookDelivery)}?{urlencode({'state': 'failed'})}",
        "text": text % {"count": dates.number_text(count)},
    }


def _unfinished(model_admin: BaseAdmin, request: HttpRequest) -> list[dict[str, Any]]:
    """“452 clients of “Annual review” have not been asked yet”: oldest first, for those who may ask; one query.

    Each says whether somebody must continue it, by the same question as :func:`_decisions`.
    """
    if not may_ask(request):
        return []
    batches = rows_seen_by(model_admin.admin_site, request, RequestBatch)
    batches = batches.filter(pk__in=services.unfinished().order_by().values("pk"))
    waiting = Count("requests", filter=Q(requests__state=State.QUEUED))
    left_alone = InformationRequest.objects.filter(state=State.QUEUED, batch=OuterRef("pk")).needing_decision()
    batches = batches.annotate(waiting=waiting, is_left_alone=Exists(left_alone)).order_by("confirmed_at", "pk")
    return [
        {
            "url": model_admin.url_of("change", batch.pk, model=RequestBatch),
            "text": _unfinished_text(batch),
            "is_left_alone": batch.is_left_alone,
        }
        for batch in batches[:UNFINISHED_SHOWN]
    ]


def _decisions_text(counts: dict[str, int]) -> str:
    uncertain, queued = counts["all"] - counts["queued"], counts["queued"]
    details = []
    if uncertain:
        text = ngettext("%(count)s is uncertain", "%(count)s are uncertain", uncertain)
        details.append(text % {"count": dates.number_text(uncertain)})
    if queued:
        text = ngettext("%(count)s has not been asked yet", "%(count)s have not been asked yet", queued)
        details.append(text % {"count": dates.number_text(queued)})
    words = ngettext(
        "%(count)s request needs a decision: %(details)s.",
        "%(count)s requests need a decision: %(details)s.",
        counts["all"],
    )
    return words % {"count": dates.number_text(counts["all"]), "details": ", ".join(details)}


def _unfinished_text(batch: Any) -> str:
    words = {"count": dates.number_text(batch.waiting), "name": batch_name(batch), "why": wording.pause_text(batch)}
    if batch.is_left_alone:
        text = ngettext(
            "%(count)s client of “%(name)s” has not been asked yet.",
            "%(count)s clients of “%(name)s” have not been asked yet.",
            batch.waiting,
        )
    elif words["why"]:
        text = ngettext(
            "%(count)s client of “%(name)s” has not been asked yet. %(why)s.",
            "%(count)s clients of “%(name)s” have not been asked yet. %(why)s.",
            batch.waiting,
        )
    else:
        text = ngettext(
            "The clients of “%(name)s” are being asked now: %(count)s is still to come.",
            "The clients of “%(name)s” are being asked now: %(count)s are still to come.",
            batch.waiting,
        )
    return text % words
