"""What clients have answered: the verdict for whoever sees the request, the answers for holders of ``view_answers``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import dates, services, told
from ..models import Answer, InformationRequest
from ..vocabulary import bank_card_text
from .drawing import with_beneath
from .seen import user_of

MAY_READ = "idenfy_kyc.view_answers"


def may_read(request: HttpRequest) -> bool:
    """Whether the user may read what clients answered, and say that he has."""
    return request.user.has_perm(MAY_READ)


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer as a page shows it. ``sections`` and ``facts`` are empty for whoever may not read it."""

    answer: Answer
    may_read: bool

    @property
    def verdict(self) -> str:
        """What iDenfy makes of it."""
        return told.verdict_text(self.answer)

    @property
    def still_in_review(self) -> str:
        """What to do if that is not so; empty if nobody waits for a review."""
        if not self.answer.is_in_review:
            return ""
        return _(
            "If iDenfy’s dashboard says that the review is over, press “Refresh from iDenfy” on the verification’s "
            "page, or have the review sent again from the dashboard."
        )

    @property
    def received(self) -> str:
        """When it came."""
        return dates.stamp_text(self.answer.received_at)

    @property
    def looked(self) -> str:
        """Who has looked at it, and when; empty if nobody has."""
        if self.answer.looked_at is None:
            return ""
        words = {"name": self.answer.looked_by_name, "when": dates.stamp_text(self.answer.looked_at)}
        return _("%(name)s has looked at this on %(when)s.") % words

    @property
    def erased(self) -> str:
        """When its content was erased; empty if it is there."""
        moment = self.answer.erased_at
        return _("What was answered was erased on %(day)s.") % {"day": dates.day_text(moment)} if moment else ""

    @property
    def unreadable(self) -> str:
        """What to do where no key can read the answer; empty if one can."""
        if not self.may_read or not self.answer.is_unreadable:
            return ""
        return _(
            "Something was answered in writing, and no key can read it: the project’s SECRET_KEY has changed. Your "
            "administrator can add the old one to SECRET_KEY_FALLBACKS."
        )

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What is not a questionnaire."""
        if not self.may_read:
            return []
        facts = [
            (_("Risk"), told.risk_text(self.answer)),
            (_("Document"), told.document_text(self.answer)),
            (_("Bank card"), bank_card_text(self.answer.bank_card)),
            (_("Verification’s status"), with_beneath(told.status_text(self.answer), told.apart_text(self.answer))),
        ]
        return [(name, value) for name, value in facts if value]

    @property
    def title(self) -> str:
        """The questionnaire's name."""
        return str(self.answer.questionnaire.get("title", "")) if self.may_read else ""

    @property
    def sections(self) -> list[told.Section]:
        """The answered questionnaire, for reading."""
        return list(told.sections_of(self.answer)) if self.may_read else []


def of_request(row: InformationRequest) -> Answer | None:
    """The answer to a request, if iDenfy has told one."""
    return getattr(row, "answer", None)


def verdict_beneath(row: InformationRequest) -> str:
    """What stands beneath *Answered* in a list: answered is not fine. Empty where iDenfy has told no answer."""
    answer = of_request(row)
    return told.verdict_text(answer) if answer is not None else ""


def shown(request: HttpRequest, answers: Iterable[Answer]) -> list[Shown]:
    """These answers, as this user may see them."""
    return [Shown(answer, may_read(request)) for answer in answers]


def look_at(request: HttpRequest, answers: Iterable[Answer]) -> None:
    """*I have looked at this*."""
    looked = services.look_at(answers, by=user_of(request))
    if not looked:
        messages.info(request, _("There was nothing to look at that nobody had looked at before."))
        return
    text = ngettext(
        "It is on record that you have looked at %(count)s answer.",
        "It is on record that you have looked at %(count)s answers.",
        looked,
    )
    messages.success(request, text % {"count": dates.number_text(looked)})
