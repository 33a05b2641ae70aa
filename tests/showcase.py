"""Every page of the app in each of its states, by name: what tests walk over that are about all of them.

A new page is one line of ``PAGES``: what it takes to get there. The rows are those of ``tests/showcase_rows.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.choices import PauseReason, State
from idenfy_kyc.models import InformationRequest
from tests.personas import VIEW
from tests.showcase_rows import (
    OFFICER,
    SAID,
    SELECTION,
    a_list,
    a_plan,
    a_plan_left_out,
    a_plan_that_asks_again,
    an_old_plan,
    answered,
    answered_elsewhere,
    asked_again,
    batch,
    deliveries,
    erased,
    in_every_state,
    in_state,
    paused,
    request,
    verification,
)

VIEWER, CLIENT = "viewer@example.com", ""


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a page is, who opens it, and the form out of which it comes, if it answers a POST."""

    address: str
    form: dict[str, Any] | None = None
    who: str = OFFICER
    status: int = 200


def people() -> dict[str, Any]:
    """Whoever opens the pages, by address."""
    model = get_user_model()
    named = {name: {model.USERNAME_FIELD: name, "is_staff": True} for name in (OFFICER, VIEWER)}
    if "full_name" in {field.name for field in model._meta.get_fields()}:
        named[OFFICER]["full_name"] = "Ράσα Καζλάουσκιενε"
        named[VIEWER]["full_name"] = "Βίκτωρ"
    officer = model._default_manager.create(**named[OFFICER], is_superuser=True)
    viewer = model._default_manager.create(**named[VIEWER])
    viewer.user_permissions.set(Permission.objects.filter(content_type__app_label="idenfy_kyc", codename__in=VIEW))
    return {OFFICER: officer, VIEWER: viewer}


def open_page(shown: Shown, client: Client) -> Any:
    """The page in Django's test client, in which ``shown.who`` is logged in."""
    answer = client.get(shown.address) if shown.form is None else client.post(shown.address, shown.form)
    assert answer.status_code == shown.status, f"{shown.address} answered {answer.status_code}"
    return answer


# Addresses


def admin(page: str, *args: Any, who: str = OFFICER, form: dict[str, Any] | None = None, query: str = "") -> Shown:
    """A page of the admin, by the name of its address."""
    return Shown(reverse(f"admin:idenfy_kyc_{page}", args=args) + query, form, who)


def empty_list(model: str) -> Shown:
    return Shown(reverse(f"admin:idenfy_kyc_{model}_changelist", current_app="empty"))


def page_of(made: Model, act: str = "change", **more: Any) -> Shown:
    return admin(f"{made._meta.model_name}_{act}", made.pk, **more)


def without_a_note(made: InformationRequest, act: str, button: str) -> Shown:
    """The page that ends a request, once its button was pressed and nothing typed."""
    return page_of(made, act, form={button: "1", "note": "", "shown": services.digest_of([made.pk])})


def link(made: InformationRequest, who: str = CLIENT, status: int = 200) -> Shown:
    return Shown(reverse("idenfy_kyc:client_link", args=[made.public_id]), who=who, status=status)


NO_LINK = "00000000-0000-0000-0000-000000000000"
ASK_NOTHING = {"lifetime_0": "99", "lifetime_1": "days", "note": "", "risk_assessment_profile": "7", "_confirm": "1"}

PAGES: dict[str, Callable[[], Shown]] = {
    "index": lambda: Shown(reverse("admin:index")),
    "app": lambda: Shown(reverse("admin:app_list", args=["idenfy_kyc"])),
    # Lists
    "verifications": lambda: admin("verification_changelist"),
    "verifications-filtered": lambda: admin("verification_changelist", query="?status=APPROVED&request=none"),
    "verifications-nothing-matches": lambda: admin("verification_changelist", query="?q=∅"),
    "verifications-empty": lambda: empty_list("verification"),
    "requests": lambda: admin("informationrequest_changelist"),
    "requests-seen-by-a-viewer": lambda: admin("informationrequest_changelist", who=VIEWER),
    "requests-filtered": lambda: admin("informationrequest_changelist", query="?state=issued&opened=never"),
    "requests-to-decide": lambda: admin("informationrequest_changelist", query="?decision=needed"),
    "requests-nothing-matches": lambda: admin("informationrequest_changelist", query="?q=∅"),
    "requests-empty": lambda: empty_list("informationrequest"),
    "batches": lambda: admin("requestbatch_changelist"),
    "batches-nothing-matches": lambda: admin("requestbatch_changelist", query="?q=∅"),
    "batches-empty": lambda: empty_list("requestbatch"),
    "deliveries": lambda: (deliveries(), admin("webhookdelivery_changelist"))[1],
    "deliveries-failed": lambda: admin("webhookdelivery_changelist", query="?state=failed"),
    "deliveries-nothing-matches": lambda: admin("webhookdelivery_changelist", query="?q=∅"),
    "deliveries-empty": lambda: empty_list("webhookdelivery"),
    "delivery": lambda: page_of(deliveries()),
    # From a list
    "list": lambda: admin("verification_ask_from_list"),
    "list-errors": lambda: admin("verification_ask_from_list", form={"text": ""}),
    "list-found": lambda: admin("verification_ask_from_list", form={"text": a_list()}),
    "list-of-mistakes": lambda: admin("verification_ask_from_list", form={"text": "scan_ref\n? ?\n\n№ 7"}),
    # One verification
    "verification-add": lambda: admin("verification_add"),
    "verification-add-errors": lambda: admin("verification_add", form={"scan_ref": "? ?"}),
    "verification": lambda: admin("verification_change", request(State.ISSUED).verification_id),
    "verification-not-asked": lambda: admin("verification_change", verification().pk),
    "verification-not-to-be-asked": lambda: admin("verification_change", verification(status="DELETED").pk),
    "verification-seen-by-a-viewer": lambda: admin(
        "verification_change", request(State.UNKNOWN).verification_id, who=VIEWER
    ),
    "verification-answered": lambda: page_of(answered().verification),
    "verification-answered-elsewhere": lambda: page_of(answered_elsewhere()),
    "verification-erased": lambda: page_of(erased()),
    "verification-to-print": lambda: page_of(answered().verification, query="?history=all"),
    "verification-history": lambda: admin("verification_history", verification().pk),
    "verification-delete": lambda: admin("verification_delete", verification().pk),
    "erase": lambda: page_of(answered().verification, "erase"),
    "erase-errors": lambda: page_of(request(State.ISSUED).verification, "erase", form={"_erase": "1", "typed": "7"}),
    # A batch
    "plan": lambda: page_of(a_plan()),
    "plan-errors": lambda: page_of(a_plan(), form=ASK_NOTHING),
    "plan-of-one": lambda: page_of(services.plan([verification()], planned_by=None, selection=SELECTION)),
    "plan-of-nobody": lambda: page_of(
        services.plan([verification(status="DELETED")], planned_by=None, selection=SELECTION)
    ),
    "plan-left-out": lambda: page_of(a_plan_left_out(), query="?show=left_out&q=1-"),
    "plan-again": lambda: page_of(a_plan_that_asks_again()),
    "plan-for-two-persons": lambda: page_of(an_old_plan(16)),
    "plan-seen-by-a-viewer": lambda: page_of(a_plan(), who=VIEWER),
    "sending": lambda: page_of(batch(*[State.SENDING] * 8, *[State.QUEUED] * 3, State.ISSUED, State.REFUSED)),
    "sending-seen-by-a-viewer": lambda: page_of(batch(State.SENDING, State.QUEUED, State.ISSUED), who=VIEWER),
    "waiting": lambda: page_of(paused(PauseReason.OUTAGE, until=timedelta(minutes=10))),
    "stopped": lambda: page_of(paused(PauseReason.PERSON, name="Ράσα")),
    "stopped-by-refusals": lambda: page_of(paused(PauseReason.REFUSALS, count=5, message=SAID)),
    "report": lambda: page_of(in_every_state()),
    "report-asked-again": lambda: page_of(asked_again().batch),
    "report-of-one-outcome": lambda: page_of(in_every_state(), query="?show=refused"),
    "report-seen-by-a-viewer": lambda: page_of(in_every_state(), who=VIEWER),
    # One request
    **{f"request-{state}": (lambda state=state: page_of(in_state(state))) for state in State},  # type: ignore[misc]
    "request-link-shown": lambda: page_of(request(State.ISSUED), "show_link", form={}),
    "request-answer": lambda: page_of(answered()),
    "request-answer-final": lambda: page_of(answered(final=True, additional_step="VALID", mismatch_tags=[])),
    "request-answer-seen-by-a-viewer": lambda: page_of(answered(), who=VIEWER),
    "request-asked-again": lambda: page_of(asked_again()),
    "request-without-address": lambda: page_of(request(State.ISSUED, session_url="")),
    "request-seen-by-a-viewer": lambda: page_of(request(State.ISSUED), who=VIEWER),
    # Withdraw
    "withdraw": lambda: page_of(request(State.ISSUED), "withdraw"),
    "withdraw-errors": lambda: without_a_note(request(State.UNKNOWN), "withdraw", "_withdraw"),
    "withdraw-batch": lambda: page_of(in_every_state(), "withdraw", form={}),
    "withdraw-ticked": lambda: admin(
        "informationrequest_changelist",
        form={"action": "withdraw", ACTION_CHECKBOX_NAME: [request(s).pk for s in (State.ISSUED, State.EXPIRED)]},
    ),
    # Mark as answered
    "mark": lambda: page_of(request(State.EXPIRED), "mark_answered"),
    "mark-errors": lambda: without_a_note(request(State.UNKNOWN), "mark_answered", "_mark"),
    # The client's page
    "client": lambda: link(request(State.ISSUED)),
    "client-seen-by-staff": lambda: link(request(State.ISSUED), OFFICER),
    "client-ended": lambda: link(request(State.EXPIRED), status=410),
    "client-answered": lambda: link(request(State.COMPLETED), status=410),
    "client-withdrawn": lambda: link(request(State.CANCELLED), status=410),
    "client-needs-help": lambda: link(request(State.ISSUED, session_url="")),
    "client-unknown": lambda: Shown(reverse("idenfy_kyc:client_link", args=[NO_LINK]), who=CLIENT, status=404),
}
