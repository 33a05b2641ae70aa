"""A walk through everything that people read, in a process of its own; see ``tests/translations.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc import services, told, wording
from idenfy_kyc.api.deliveries import Event
from idenfy_kyc.choices import STATUS_LABELS, BatchState, DeliveryProblem, EventKind, PauseReason, Reason, State
from idenfy_kyc.management import terminal
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent
from idenfy_kyc.testing import CREDENTIALS, FakeIdenfy
from idenfy_kyc.testing.server import FakeServer
from tests import showcase
from tests import showcase_rows as rows
from tests.admin.pages import filled_in
from tests.factories import make_verifications
from tests.journey import journey
from tests.translations import texts_of, untranslated

MANY = 1234
INLINE = re.compile(
    r"""<style\b | <script(?![^>]*\s(?:src=|type="application/json")) | (?<=\s)(?:style|on[a-z]+)=["'] | javascript:""",
    re.IGNORECASE | re.VERBOSE,
)


class Screen(StringIO):
    """A terminal, on which there is a bar."""

    def isatty(self) -> bool:
        return True


def walk() -> dict[str, Any]:
    """What nobody can translate, place by place; how the plurals look, and the pages of a plan with many clients."""
    seen: dict[str, list[str]] = journey()["texts"]
    clients = _clients()
    seen |= {name: texts_of(page) for name, page in _opened(clients).items()}
    seen |= {"codes": list(_codes()), "command": list(_command_says())} | _acts_in_vain(clients[rows.OFFICER])
    return {
        "untranslated": {place: found for place, texts in seen.items() if (found := untranslated(texts))},
        "of_ours": sum("⟦" in text for texts in seen.values() for text in texts),
        "plurals": [_lead_of_a_batch(count, clients[rows.OFFICER]) for count in (1, 2, 5)],
        "many": _pages_of_many(clients[rows.OFFICER]),
    }


def pages() -> dict[str, Any]:
    """Every page, and the whole journey; the names of the pages that have our style."""
    found = journey()
    opened = _opened(_clients())
    return found | {"styled": [name for name, page in opened.items() if "idenfy_kyc/" in page]}


def inline() -> dict[str, Any]:
    """What stands inline, page by page: scripts, styles and handlers, which a strict policy forbids."""
    call_command("migrate", verbosity=0)
    opened = _opened(_clients())
    return {
        "pages": len(opened),
        "inline": {name: found for name, page in opened.items() if (found := inline_in(page))},
    }


def inline_in(page: str) -> list[str]:
    """The scripts without an address, the styles and the handlers that stand in a page's HTML."""
    return INLINE.findall(page)


def _opened(clients: dict[str, Any]) -> dict[str, str]:
    """Every page of the showcase, made first and opened then, so that lists have all rows there are."""
    shown = {name: make() for name, make in showcase.PAGES.items()}
    return {name: showcase.open_page(where, clients[where.who]).text for name, where in shown.items()}


def _clients() -> dict[str, Any]:
    clients = {showcase.CLIENT: Client()}
    for name, user in showcase.people().items():
        clients[name] = Client()
        clients[name].force_login(user)
    return clients


def _codes() -> Iterator[str]:
    """Every word that stands for a code."""
    yield from (wording.reason_text(reason, {}) for reason in Reason)
    yield from (wording.event_text(RequestEvent(kind=kind)) for kind in EventKind)
    yield from (str(word) for word in (*State.labels, *BatchState.labels, *STATUS_LABELS.values()))
    yield from (told.delivery_text(event) for event in Event)
    yield from (told.delivery_problem_text(problem) for problem in DeliveryProblem)
    for reason in PauseReason:
        batch = RequestBatch(paused_at=timezone.now(), pause_reason=reason)
        yield wording.pause_text(batch)
        yield wording.event_text(RequestEvent(kind=EventKind.PAUSED, params={"reason": reason}))


def _command_says() -> Iterator[str]:
    """What the commands write: when there is work, when there is none, and when they cannot."""
    InformationRequest.objects.filter(state__in=["queued", "sending"]).delete()
    terminal.REDRAW_SECONDS = 0
    with _a_fake_idenfy():
        rows.batch(*[State.QUEUED] * 3)
        yield from _said()
        yield from _said()
        yield from _said(command="idenfy_doctor")
        yield from _said(command="idenfy_prune")
        yield from _said("--batch", "99")
        yield from _said("--batch", str(rows.batch(confirmed=False).pk))
    with _nobody_to_ask():
        yield from _said()


def _said(*arguments: str, command: str = "idenfy_send") -> list[str]:
    screen = Screen()
    try:
        call_command(command, *arguments, stdout=screen, stderr=screen)
    except CommandError as error:
        screen.write(str(error))
    except SystemExit:
        pass
    return [line for part in screen.getvalue().split("\r\x1b[K") for line in part.splitlines() if line]


def _acts_in_vain(officer: Any) -> dict[str, list[str]]:
    """Acts that cannot be done, each with the page that says so."""
    plan = services.plan([rows.verification()], planned_by=None, selection=rows.SELECTION)
    over = rows.request(State.EXPIRED)
    a_list = reverse("admin:idenfy_kyc_verification_changelist")
    acts = {
        "changed": (showcase.page_of(plan).address, filled_in(expected="7", note=rows.NOTE)),
        "leave nobody out": (showcase.page_of(plan, "leave_out").address, {}),
        "withdraw what is over": (showcase.page_of(over, "withdraw").address, {"_withdraw": "1", "note": "7"}),
        "download nothing": (showcase.page_of(over.batch, "download").address, {}),
        "discard": (showcase.page_of(plan, "discard").address, {}),
        "not there": (showcase.page_of(plan).address, None),
        "nobody chosen": (a_list, {"action": "request_information"}),
    }
    said = {name: _shown(officer, address, form) for name, (address, form) in acts.items()}
    with _nobody_to_ask():
        chosen = {"action": "request_information", "_selected_action": [over.verification_id]}
        said["not configured"] = _shown(officer, a_list, chosen)
        said["plan not configured"] = texts_of(officer.get(showcase.page_of(rows.a_plan()).address).text)
    return said


def _shown(officer: Any, address: str, form: dict[str, Any] | None) -> list[str]:
    answer = officer.get(address, follow=True) if form is None else officer.post(address, form, follow=True)
    return texts_of(answer.text)


def _lead_of_a_batch(count: int, officer: Any) -> str:
    page = officer.get(showcase.page_of(rows.batch(*[State.SENDING] * count)).address)
    return next(text for text in texts_of(page.text) if f"àšķîñĝ {count} " in text.casefold())


def _pages_of_many(officer: Any) -> list[str]:
    """The texts of all pages that count the clients of a large plan."""
    with override_settings(IDENFY_KYC=settings.IDENFY_KYC | {"MAX_BATCH_SIZE": MANY}):
        plan = services.plan(make_verifications(MANY), planned_by=None, selection="")
    batches = reverse("admin:idenfy_kyc_requestbatch_changelist")
    return [
        text for address in (showcase.page_of(plan).address, batches) for text in texts_of(officer.get(address).text)
    ]


@contextmanager
def _a_fake_idenfy() -> Iterator[None]:
    with FakeIdenfy() as fake, FakeServer(fake) as server:
        asks = {"API_KEY": CREDENTIALS[0], "API_SECRET": CREDENTIALS[1], "BASE_URL": server.url}
        with override_settings(IDENFY_KYC=asks):
            yield


@contextmanager
def _nobody_to_ask() -> Iterator[None]:
    with override_settings(IDENFY_KYC={"PROJECT_NAME": "Τράπεζα"}):
        yield
