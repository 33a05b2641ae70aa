"""What to look at before a plan is confirmed: groups of its drafts, each with the sentence that says why.

A group is a condition for a queryset. The same one counts it, shows it and leaves it out, so that whoever presses
“Leave out 31” leaves out the 31 that he was told of. All of it is about requests that the reader sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Max, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import services
from ..choices import APPROVED, State
from ..conf import get_settings
from ..dates import day_text, number_text
from ..models import RequestBatch
from ..models.request import InformationRequestQuerySet

NOW_OPEN, NOW_INELIGIBLE, DOUBTFUL = "now-open", "now-ineligible", "doubtful"
PENDING, REFUSED = "pending", "refused"
LATELY = timedelta(days=90)
_given_up = Q(state=State.UNKNOWN, asked_again=OuterRef("pk"))
"""The uncertain request that a draft follows: what becomes of that one is said elsewhere."""
UPLOAD, QUESTIONNAIRE, RISK, CARD = RequestBatch.ASKS


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that clients are asked for; of a questionnaire also which one."""

    ask: str
    value: str = ""

    @property
    def key(self) -> str:
        """What the group of those asked for it lately is called in an address."""
        return ".".join(filter(None, ("lately", self.ask, self.value)))

    @property
    def name(self) -> str:
        """What the group is called on the page."""
        names: dict[str, str] = {
            UPLOAD: _("Document upload lately"),
            QUESTIONNAIRE: _("Questionnaire “%(key)s” lately"),
            RISK: _("Risk assessment lately"),
            CARD: _("Bank card check lately"),
        }
        return names[self.ask] % {"key": self.value}

    @property
    def asked(self) -> Q:
        """Which requests asked for it."""
        if self.ask == RISK:
            return Q(batch__risk_assessment_profile__isnull=False)
        return Q(**{f"batch__{self.ask}": self.value or True})

    def sentence(self, count: int) -> str:
        """So many were asked for it lately."""
        sentences: dict[str, Callable[[], str]] = {
            UPLOAD: lambda: ngettext(
                "%(count)s was asked for a document upload in the last %(days)s days.",
                "%(count)s were asked for a document upload in the last %(days)s days.",
                count,
            ),
            QUESTIONNAIRE: lambda: ngettext(
                "%(count)s was asked for the questionnaire “%(key)s” in the last %(days)s days.",
                "%(count)s were asked for the questionnaire “%(key)s” in the last %(days)s days.",
                count,
            ),
            RISK: lambda: ngettext(
                "%(count)s was asked for a risk assessment in the last %(days)s days.",
                "%(count)s were asked for a risk assessment in the last %(days)s days.",
                count,
            ),
            CARD: lambda: ngettext(
                "%(count)s was asked for a bank card check in the last %(days)s days.",
                "%(count)s were asked for a bank card check in the last %(days)s days.",
                count,
            ),
        }
        params = {"count": number_text(count), "key": self.value, "days": number_text(LATELY.days)}
        return sentences[self.ask]() % params


def things_of(batch: RequestBatch) -> list[Thing]:
    """What the batch asks for, as far as anybody has said so."""
    asks = [(ask, getattr(batch, ask)) for ask in RequestBatch.ASKS]
    return [Thing(ask, value if ask == QUESTIONNAIRE else "") for ask, value in asks if value]


def things_asked_lately(
    drafts: InformationRequestQuerySet, requests: InformationRequestQuerySet, now: datetime
) -> list[Thing]:
    """Whatever any of these clients was asked for lately; one query."""
    lately = _sent_lately(requests, now).values_list(*(f"batch__{ask}" for ask in RequestBatch.ASKS))
    nobody = Q(verification__client_id="")
    clients = drafts.exclude(nobody).values("verification__client_id")
    rows = lately.filter(verification__client_id__in=clients).union(
        lately.filter(verification__in=drafts.filter(nobody).values("verification"))
    )
    asked = [things_of(RequestBatch(**dict(zip(RequestBatch.ASKS, row, strict=True)))) for row in rows]
    return sorted({thing for things in asked for thing in things}, key=lambda thing: thing.key)


def condition_of(key: str, requests: InformationRequestQuerySet, now: datetime) -> Q | None:
    """Which drafts belong to the group of this name; None if there is no such group."""
    ineligible = Q(verification__status__in=get_settings().INELIGIBLE_STATUSES) | Q(
        verification__erased_at__isnull=False
    )
    if key == NOW_OPEN:
        return services.has_open_request() & ~ineligible
    if key == NOW_INELIGIBLE:
        return ineligible
    if key == DOUBTFUL:
        return ~Q(verification__status=APPROVED) & ~ineligible
    if key == PENDING:
        return _is_pending(requests, now)
    if key == REFUSED:
        return _was_refused(requests, now)
    thing = _thing_called(key)
    return _asked_lately(thing, requests, now) if thing else None


def count_each(drafts: InformationRequestQuerySet, conditions: dict[str, Q]) -> dict[str, int]:
    """How many of these drafts each condition holds for; one query."""
    counts = {f"group_{number}": Count("pk", filter=condition) for number, condition in enumerate(conditions.values())}
    found = drafts.order_by().aggregate(**counts)
    return dict(zip(conditions, found.values(), strict=True))


def pending_sentence(drafts: InformationRequestQuerySet, requests: InformationRequestQuerySet, now: datetime) -> str:
    """Until when iDenfy may refuse those of the drafts that are in the group; one query."""
    group = drafts.filter(_is_pending(requests, now))
    pending = _still_pending(requests, now).filter(verification__in=group.values("verification"))
    held = pending.aggregate(count=Count("verification", distinct=True), until=Max("expires_at"))
    text = ngettext(
        "%(count)s had a request that was withdrawn or is uncertain: "
        "iDenfy will probably refuse a new one until %(day)s.",
        "%(count)s had requests that were withdrawn or are uncertain: "
        "iDenfy will probably refuse new ones until %(day)s.",
        held["count"],
    )
    return text % {"count": number_text(held["count"]), "day": day_text(held["until"], now)}


def _still_pending(requests: InformationRequestQuerySet, now: datetime) -> InformationRequestQuerySet:
    """Over for us, or uncertain; but iDenfy knows nothing of that and may hold them as pending."""
    doubtful = [State.CANCELLED, State.UNKNOWN]
    return requests.order_by().filter(state__in=doubtful, sent_at__isnull=False, expires_at__gt=now)


def _is_pending(requests: InformationRequestQuerySet, now: datetime) -> Q:
    """Another request than the one that the draft gives up."""
    return Q(Exists(_still_pending(requests, now).filter(verification=OuterRef("verification")).exclude(_given_up)))


def refused_sentence(count: int) -> str:
    """So many were refused by iDenfy lately."""
    text = ngettext(
        "%(count)s was refused by iDenfy in the last %(days)s days, and may be again.",
        "%(count)s were refused by iDenfy in the last %(days)s days, and may be again.",
        count,
    )
    return text % {"count": number_text(count), "days": number_text(LATELY.days)}


def _was_refused(requests: InformationRequestQuerySet, now: datetime) -> Q:
    """By another request than the one after which the draft asks again, since then that is known."""
    refused = requests.order_by().filter(state=State.REFUSED, ended_at__gt=now - LATELY)
    return Q(Exists(refused.filter(verification=OuterRef("verification")).exclude(asked_again=OuterRef("pk"))))


def _sent_lately(requests: InformationRequestQuerySet, now: datetime) -> InformationRequestQuerySet:
    return requests.order_by().filter(sent_at__gt=now - LATELY).exclude(state=State.REFUSED)


def _asked_lately(thing: Thing, requests: InformationRequestQuerySet, now: datetime) -> Q:
    """By the verification or by another one of the same client. Two look-ups, since an OR would use no index."""
    lately = _sent_lately(requests, now).filter(thing.asked)
    of_client = lately.exclude(verification__client_id="")
    return Q(Exists(lately.filter(verification=OuterRef("verification")))) | Q(
        Exists(of_client.filter(verification__client_id=OuterRef("verification__client_id")))
    )


def _thing_called(key: str) -> Thing | None:
    lately, _dot, rest = key.partition(".")
    ask, _dot, value = rest.partition(".")
    known = lately == "lately" and ask in RequestBatch.ASKS and bool(value) == (ask == QUESTIONNAIRE)
    return Thing(ask, value) if known else None
