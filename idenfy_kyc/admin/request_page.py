"""The page of one request: who asked whom for what and why, what became of it, and what can be done now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from .. import dates, services, wording
from ..choices import State
from ..missed import missed_text
from ..models import InformationRequest, Verification
from ..models.request import InformationRequestQuerySet
from ..services.ending import WITHDRAWABLE
from . import again, answers
from .drawing import (
    batch_name,
    beneath_name,
    client_facts,
    client_link_url,
    client_name,
    link_html,
    masked,
    state_html,
    with_beneath,
)
from .endings import MARK_ANSWERED, WITHDRAW, Ending
from .history import history_of_request
from .links import no_urls_text
from .seen import may_ask, may_reveal, our_rows, user_of

if TYPE_CHECKING:
    from .requests import InformationRequestAdmin


def view(
    model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest, **extra: Any
) -> HttpResponse:
    """The page of one request; there is nothing to save, so it is no form."""
    batch, verification = row.batch, row.verification
    services.mark_missed([row])
    name = client_name(verification)
    context = model_admin.page_context(
        request,
        title=_("Request to %(client)s") % {"client": name},
        crumb=str(row),
        row=row,
        batch_link=link_html(model_admin.batch_url(row), batch_name(batch)),
        client_link=link_html(model_admin.url_of("change", verification.pk, model=Verification), name),
        client_id=beneath_name(verification, name),
        client_facts=client_facts(verification),
        asks=wording.asks_text(batch),
        state=state_html(row),
        reason=_why(row),
        asked_at=dates.stamp_text(row.sent_at) if row.sent_at else "",
        planned_at=dates.stamp_text(batch.planned_at),
        confirmed_at=dates.stamp_text(batch.confirmed_at) if batch.confirmed_at else "",
        until=_until(row),
        opened=_opened(row),
        times=dates.zone_text(),
        history=history_of_request(row, page=request.GET.get("history", "1"), batch_url=model_admin.batch_url),
        **_about_link(model_admin, request, row),
        **_acts(model_admin, request, row),
        **again.about_request(model_admin, request, row),
        **_answer(model_admin, request, row),
    )
    context |= extra
    template = model_admin.change_form_template or [
        f"admin/{model_admin.opts.app_label}/{model_admin.opts.model_name}/change_form.html",
        f"admin/{model_admin.opts.app_label}/change_form.html",
        "admin/idenfy_kyc/informationrequest/change_form.html",
    ]
    return TemplateResponse(request, template, context)


def _why(row: InformationRequest) -> str:
    """What else is to be said of its state; empty if nothing is."""
    if row.deliveries_were_missing:
        return missed_text()
    return wording.late_answer_text(row) or wording.reason_text(row.reason, row.reason_params)


def _until(row: InformationRequest) -> dict[str, str]:
    """What the end of its time is called, when that is, and how long that is off. It stays when all is over: until then
    the client could answer, if nobody withdrew it. Empty where there is no link, and never was."""
    if row.expires_at is None or row.shown_state in _WITHOUT_LINK:
        return {}
    names = {State.ISSUED: _("Works until"), State.UNKNOWN: _("May block a new request until")}
    name = names.get(row.shown_state, _("Time to answer until"))
    return {"name": name, "value": with_beneath(dates.stamp_text(row.expires_at), wording.time_left_text(row))}


def _opened(row: InformationRequest) -> str:
    """When the client went on to iDenfy, or that he did not; empty where he had no link to do so."""
    if row.opened_at:
        return dates.stamp_text(row.opened_at)
    if row.issued_at is None:
        return ""
    return _("Not yet") if row.shown_state is State.ISSUED else _("Never")


def _acts(model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest) -> dict[str, Any]:
    """Where the buttons lead; empty for what this user may not do, or what cannot be done with this one."""
    may = may_ask(request)
    return {
        "withdraw_url": model_admin.url_of("withdraw", row.pk) if may and row.shown_state in WITHDRAWABLE else "",
        "mark_url": model_admin.url_of("mark_answered", row.pk) if may and row.may_be_marked else "",
    }


def _answer(model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest) -> dict[str, Any]:
    """What the client answered, as far as this user may read it."""
    answer = answers.of_request(row)
    if answer is None:
        return {}
    return {
        "shown": answers.Shown(answer, answers.may_read(request)),
        "look_url": model_admin.url_of("look_at", row.pk),
    }


def look_at(model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest) -> HttpResponse:
    """Note that this person has looked at the answer."""
    answer = answers.of_request(row)
    answers.look_at(request, [answer] if answer is not None else [])
    return HttpResponseRedirect(model_admin.url_of("change", row.pk))


def _about_link(model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest) -> dict[str, Any]:
    """The link as everybody may see it, the way to see it whole, or why there is none to give."""
    if not row.has_link:
        return {"link_problem": _late_link_text() if row.session_url else ""}
    if row.link_is_unreadable:
        return {"link_problem": _unreadable_text()}
    url = client_link_url(request, row)
    if not services.is_web_address(row.session_url):
        return {"link_problem": _unsafe_text() if row.session_url else _only_token_text()}
    if url is None:
        return {"link_problem": no_urls_text()}
    return {
        "masked_link": masked(url),
        "show_link_url": model_admin.url_of("show_link", row.pk) if may_reveal(request) else "",
    }


def show_link(model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest) -> HttpResponse:
    """The same page with the link on it. Every showing goes on record before the link leaves the server."""
    link = client_link_url(request, row) if _leads_on(row) else None
    on_record = link is not None and services.reveal(row, by=user_of(request))
    return view(model_admin, request, row, link=link if on_record else None)


def ask_again(model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest) -> HttpResponse:
    """Plan a new request to this client, and go there."""
    answer = again.plan(model_admin, request, _only(model_admin, request, row), _("1 asked again, from its page"))
    return answer or HttpResponseRedirect(model_admin.url_of("change", row.pk))


def withdraw(model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest) -> HttpResponse:
    """Withdraw this one, once one has said why."""
    return _end(WITHDRAW, model_admin, request, row)


def mark_answered(model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest) -> HttpResponse:
    """Mark this one as answered, once one has said where that was seen."""
    return _end(MARK_ANSWERED, model_admin, request, row)


def _end(
    ending: Ending, model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest
) -> HttpResponse:
    back = model_admin.url_of("change", row.pk)
    return ending.page(model_admin, request, _only(model_admin, request, row), back=back)


def _only(
    model_admin: InformationRequestAdmin, request: HttpRequest, row: InformationRequest
) -> InformationRequestQuerySet:
    return our_rows(model_admin.get_queryset(request)).filter(pk=row.pk)


_WITHOUT_LINK = {State.QUEUED, State.SENDING, State.REFUSED}


def _leads_on(row: InformationRequest) -> bool:
    return row.has_link and services.is_web_address(row.session_url)


def _unreadable_text() -> str:
    return _(
        "A link is stored, and no key can read it: the project’s SECRET_KEY has changed. Your administrator can add "
        "the old one to SECRET_KEY_FALLBACKS."
    )


def _only_token_text() -> str:
    return _("iDenfy sent no address with this one, only a token for mobile apps. There is no link to give.")


def _unsafe_text() -> str:
    return _("What iDenfy sent is no web address. It is never shown or followed: there is no link to give.")


def _late_link_text() -> str:
    return _("iDenfy’s link came after this request was over. It is kept, and works for nobody here.")
