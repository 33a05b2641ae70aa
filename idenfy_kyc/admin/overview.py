"""Who is in a plan and why: its rows in groups, counted by the database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..choices import APPROVED, Reason, State, status_label
from ..conf import get_settings
from ..dates import number_text
from ..models import InformationRequest, RequestBatch
from ..models.request import InformationRequestQuerySet
from ..wording import reason_text
from . import doubts
from .doubts import DOUBTFUL, NOW_INELIGIBLE, NOW_OPEN, PENDING, REFUSED
from .rows import Section

ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the plan's rows, and what is to be said of them."""

    key: str
    name: str
    count: int
    sentence: str
    can_be_moved: bool = True
    """Whether a person may leave all of them out, or take them back: what is a fact stays as it is."""

    @property
    def count_text(self) -> str:
        """The number for people."""
        return number_text(self.count)

    @property
    def is_left_out(self) -> bool:
        """Whether a person left these out."""
        return self.key == Reason.LEFT_OUT


@dataclass(frozen=True, slots=True)
class Overview:
    """Who would be asked and who would not, of the rows that the reader sees."""

    asked: int
    not_asked: list[Group]
    doubts: list[Group]

    @property
    def has_left_out(self) -> bool:
        """Whether there is anybody to take back."""
        return any(group.is_left_out for group in self.not_asked)

    def sections(self, show: str) -> list[Section]:
        """The groups as choices of what to show."""
        groups = [(ASKED, _("Will be asked"), self.asked)]
        groups += [(group.key, group.name, group.count) for group in (*self.doubts, *self.not_asked)]
        total = self.asked + sum(group.count for group in self.not_asked)
        everybody = Section("", _("All"), number_text(total), not show)
        return [
            everybody,
            *(Section(key, name, number_text(count), key == show) for key, name, count in groups if count),
        ]


def overview_of(
    rows: InformationRequestQuerySet, requests: InformationRequestQuerySet, batch: RequestBatch, now: datetime
) -> Overview:
    """A few queries, however many rows there are. ``rows`` are the plan's, ``requests`` all that the reader sees."""
    skipped: dict[str, Counter[str]] = {}
    drafts: Counter[str] = Counter()
    for row in rows.order_by().values("state", "reason", "verification__status").annotate(count=Count("pk")):
        counted = drafts if row["state"] == State.DRAFT else skipped.setdefault(row["reason"], Counter())
        counted[row["verification__status"]] += row["count"]
    not_asked = [
        Group(
            *(reason, reason_text(reason, {}), counts.total(), _not_asked(reason, counts)),
            can_be_moved=reason == Reason.LEFT_OUT,
        )
        for reason, counts in sorted(skipped.items())
    ]
    found = _doubts(rows.filter(state=State.DRAFT), drafts, requests, batch, now) if drafts else []
    return Overview(drafts.total(), not_asked, found)


def rows_of(
    rows: InformationRequestQuerySet, group: str, requests: InformationRequestQuerySet, now: datetime
) -> InformationRequestQuerySet:
    """Those of one group of the plan; all of them without one, in the groups' order."""
    doubt = doubts.condition_of(group, requests, now)
    if group == ASKED or doubt is not None:
        rows = rows.filter(doubt or Q(), state=State.DRAFT)
    elif group:
        rows = rows.filter(state=State.SKIPPED, reason=group)
    rank = Case(
        When(verification__status__in=get_settings().INELIGIBLE_STATUSES, then=Value(0)),
        When(verification__status=APPROVED, then=Value(2)),
        default=Value(1),
        output_field=IntegerField(),
    )
    of_drafts = Case(When(state=State.DRAFT, then=rank), default=Value(0), output_field=IntegerField())
    return rows.select_related("verification").order_by("state", of_drafts, "reason", "pk")


def heading_of(row: InformationRequest) -> str:
    """Under which heading a row stands."""
    if row.state == State.SKIPPED:
        return _("Will not be asked: %(reason)s") % {"reason": reason_text(row.reason, {})}
    if not row.verification.is_eligible:
        return _("Can no longer be asked")
    if row.verification.status != APPROVED:
        return _("Will be asked, though not approved")
    return _("Will be asked")


def _not_asked(reason: str, statuses: Counter[str]) -> str:
    count = statuses.total()
    params: dict[str, Any] = {"count": number_text(count)}
    if reason == Reason.OPEN_REQUEST:
        text = ngettext("%(count)s has an open request.", "%(count)s have an open request.", count)
    elif reason == Reason.SAME_CLIENT:
        text = ngettext(
            "%(count)s is a further verification of a client who is asked through another one.",
            "%(count)s are further verifications of clients who are asked through another one.",
            count,
        )
    elif reason == Reason.INELIGIBLE:
        params["statuses"] = _by_status(statuses)
        text = ngettext(
            "%(count)s cannot be asked because of its status at iDenfy: %(statuses)s.",
            "%(count)s cannot be asked because of their status at iDenfy: %(statuses)s.",
            count,
        )
    elif reason == Reason.LEFT_OUT:
        text = ngettext("%(count)s was left out.", "%(count)s were left out.", count)
    else:
        params["reason"] = reason_text(reason, {})
        text = _("%(count)s: %(reason)s.")
    return text % params


def _by_status(statuses: Counter[str]) -> str:
    labels: Counter[str] = Counter()
    for status, count in statuses.items():
        labels[str(status_label(status))] += count
    return ", ".join(
        _("%(status)s (%(count)s)") % {"status": label, "count": number_text(count)}
        for label, count in labels.most_common()
    )


def _doubts(
    drafts: InformationRequestQuerySet,
    statuses: Counter[str],
    requests: InformationRequestQuerySet,
    batch: RequestBatch,
    now: datetime,
) -> list[Group]:
    """Those that can no longer be asked first; then by how sure it is that asking them is in vain."""
    things = doubts.things_of(batch) or doubts.things_asked_lately(drafts, requests, now)
    lately = {thing.key: thing for thing in things}
    conditions = {key: doubts.condition_of(key, requests, now) or Q() for key in (NOW_OPEN, PENDING, REFUSED, *lately)}
    counts = doubts.count_each(drafts, conditions)
    ineligible = set(get_settings().INELIGIBLE_STATUSES)
    gone = Counter({status: count for status, count in statuses.items() if status in ineligible})
    others = statuses - gone
    del others[APPROVED]
    groups = [
        Group(NOW_OPEN, _("Asked meanwhile"), counts[NOW_OPEN], _now_open(counts[NOW_OPEN])),
        Group(NOW_INELIGIBLE, _("No longer possible"), gone.total(), _now_ineligible(gone)),
        Group(DOUBTFUL, _("Not approved"), others.total(), _not_approved(others)),
    ]
    if counts[PENDING]:
        sentence = doubts.pending_sentence(drafts, requests, now)
        groups.append(Group(PENDING, _("Withdrawn or uncertain earlier"), counts[PENDING], sentence))
    refused = counts[REFUSED]
    groups.append(Group(REFUSED, _("Refused lately"), refused, doubts.refused_sentence(refused)))
    groups += [Group(key, thing.name, counts[key], thing.sentence(counts[key])) for key, thing in lately.items()]
    return [group for group in groups if group.count]


def _now_open(count: int) -> str:
    text = ngettext(
        "%(count)s has an open request by now and can no longer be asked.",
        "%(count)s have an open request by now and can no longer be asked.",
        count,
    )
    return text % {"count": number_text(count)}


def _now_ineligible(statuses: Counter[str]) -> str:
    text = ngettext(
        "%(count)s can no longer be asked because of its status at iDenfy: %(statuses)s.",
        "%(count)s can no longer be asked because of their status at iDenfy: %(statuses)s.",
        statuses.total(),
    )
    return text % {"count": number_text(statuses.total()), "statuses": _by_status(statuses)}


def _not_approved(statuses: Counter[str]) -> str:
    text = ngettext(
        "%(count)s is not approved: %(statuses)s. iDenfy’s documentation speaks of approved verifications; "
        "it may refuse this one.",
        "%(count)s are not approved: %(statuses)s. iDenfy’s documentation speaks of approved verifications; "
        "it may refuse these.",
        statuses.total(),
    )
    return text % {"count": number_text(statuses.total()), "statuses": _by_status(statuses)}
