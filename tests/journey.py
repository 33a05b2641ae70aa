"""All the way through the app, with every act that there is: what must work in whatever project it is."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import Any

from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest, RequestEvent, Verification
from idenfy_kyc.testing import CREDENTIALS, FakeIdenfy, deliver, identification
from idenfy_kyc.testing.server import FakeServer
from tests.admin.pages import BROWSER, filled_in
from tests.environments import officer_of_a_new_project
from tests.translations import texts_of

ADDRESS = re.compile(r'="(/[^"]*)"')
"""An address of this site in any attribute of a page: a link, a form, a script, or what a script is told."""


class Visitor:
    """A browser of sorts: goes where it is redirected, and remembers what it was given to read and to follow."""

    def __init__(self, user: Any = None) -> None:
        self.client = Client(headers={"Accept": BROWSER})
        self.addresses: set[str] = set()
        self.texts: dict[str, list[str]] = {}
        self.at = ""
        if user is not None:
            self.client.force_login(user)

    def go(self, address: str, form: dict[str, Any] | None = None) -> Any:
        """Open a page, or post ``form`` to it; the answer at the end of the way."""
        self.at = address
        answer = self._ask(address, form)
        self.addresses |= set(ADDRESS.findall(answer.text))
        self.texts[f"{'GET' if form is None else 'POST'} {address}"] = texts_of(answer.text)
        if answer.status_code != 302:
            return answer
        self.addresses.add(answer["Location"])
        return self.go(answer["Location"])

    def _ask(self, address: str, form: dict[str, Any] | None) -> Any:
        """As the server in front of Django does, which takes the prefix of the project off the path."""
        path = address.removeprefix(settings.FORCE_SCRIPT_NAME or "")
        return self.client.get(path) if form is None else self.client.post(path, form)


def journey() -> dict[str, Any]:
    """From a choice of thirteen to links for twelve, and all that staff may do with them afterwards; every act once."""
    officer, client = Visitor(officer_of_a_new_project()), Visitor()
    with FakeIdenfy() as fake, FakeServer(fake) as server:
        asks: dict[str, Any] = {"API_KEY": CREDENTIALS[0], "API_SECRET": CREDENTIALS[1], "BASE_URL": server.url}
        asks["WEBHOOK_SIGNING_KEYS"] = ["signing-key"]
        with override_settings(IDENFY_KYC=asks):
            batch = _plan(officer, 13)
            found = _ask(officer, batch) | {"posts": len(fake.posts())}
            found |= _give_out(officer, client, batch)
            _withdraw(officer, batch)
            for post in fake.issued():
                fake.approve_again(post.scan_ref)
            _ask_again(officer)
            _hear_and_erase(officer)
            _ask_from_a_list(officer)
            officer.go(batch + "change/")
    requests, events = InformationRequest.objects.all(), RequestEvent.objects.all()
    return found | {
        "actors": sorted(set(events.values_list("actor_name", flat=True))),
        "acts": sorted(set(events.values_list("kind", flat=True))),
        "ended": Counter(requests.filter(batch=requests.earliest("pk").batch).values_list("state", flat=True)),
        "addresses": sorted(officer.addresses | client.addresses),
        "texts": officer.texts | client.texts,
    }


def _plan(officer: Visitor, count: int) -> str:
    """Choose them, leave the last one out, take it back, and leave it out after all; the address of the batch."""
    services.record_verifications(
        {"scan_ref": f"7-{number}", "client_id": f"1-{number}", "status": "APPROVED"} for number in range(count)
    )
    keys = list(Verification.objects.values_list("pk", flat=True))
    a_list = reverse("admin:idenfy_kyc_verification_changelist")
    plan = officer.go(a_list, {"action": "request_information", "_selected_action": keys})
    batch = officer.at.removesuffix("change/")
    row = re.findall(r'name="row" value="(\d+)"', plan.text)[-1]
    for act in ("leave-out", "take-back", "leave-out"):
        officer.go(f"{batch}{act}/", {"row": row})
    return batch


def _ask(officer: Visitor, batch: str) -> dict[str, Any]:
    """Confirm what is not filled in and what is, stop, continue, and send all of it."""
    officer.go(f"{batch}change/", filled_in(expected="12", note=""))
    progress = officer.go(f"{batch}change/", filled_in(expected="12", note="Ετήσιος έλεγχος"))
    stopped = officer.go(f"{batch}pause/", {})
    officer.go(f"{batch}continue/", {})
    report = officer.go(f"{batch}send/", {})
    sent = InformationRequest.objects.exclude(state=State.SKIPPED)
    return {
        "pages": ["progress-bar" in progress.text, "ik-state-stopped" in stopped.text, "ik-outcomes" in report.text],
        "states": Counter(sent.values_list("state", flat=True)),
    }


def _give_out(officer: Visitor, client: Visitor, batch: str) -> dict[str, Any]:
    """Show one link, download all of them, and go on with the first as its client."""
    one = InformationRequest.objects.filter(state=State.ISSUED).latest("pk")
    officer.go(_page(one, "show_link"), {})
    download = officer.go(f"{batch}download/", {})
    lines = list(csv.reader(download.content.decode("utf-8-sig").splitlines()))[1:]
    path = lines[0][2].removeprefix("http://testserver")
    client.go(path)
    opened = client.go(path, {})
    return {
        "links": [line[2] for line in lines],
        "works_until": lines[0][3],
        "opened": opened.status_code,
    }


def _withdraw(officer: Visitor, batch: str) -> None:
    """One of them, then all the others."""
    one = InformationRequest.objects.filter(state=State.ISSUED).latest("pk")
    page = officer.go(_page(one, "withdraw"))
    officer.go(_page(one, "withdraw"), _filled_in(page, _withdraw="1", note="λάθος"))
    page = officer.go(f"{batch}withdraw/", {})
    officer.go(f"{batch}withdraw/", _filled_in(page, _withdraw="1", note="λάθος"))


def _ask_again(officer: Visitor) -> None:
    """Ask one of them again; mark another one as answered."""
    one, other = InformationRequest.objects.filter(state=State.CANCELLED)[:2]
    officer.go(_page(one, "again"), {})
    officer.go(officer.at, filled_in(expected="1", note="πάλι"))
    officer.go(_page(one))
    page = officer.go(_page(other, "mark_answered"))
    officer.go(_page(other, "mark_answered"), _filled_in(page, _mark="1", note="εκεί"))


def _ask_from_a_list(officer: Visitor) -> None:
    """Look for two, of whom one is new; add that one; plan for both, and discard the plan."""
    page, text = reverse("admin:idenfy_kyc_verification_ask_from_list"), "7-1\n7-new-1"
    officer.go(page)
    officer.go(page, {"text": f"scan_ref\n{text}"})
    officer.go(page, {"text": f"scan_ref\n{text}", "_add": "1"})
    officer.go(page, {"text": f"scan_ref\n{text}", "_plan": "1"})
    officer.go(officer.at.replace("/change/", "/discard/"), {})


def _hear_and_erase(officer: Visitor) -> None:
    """iDenfy tells what the client has answered who was asked last; somebody looks at it, and then all of it goes."""
    row = InformationRequest.objects.filter(state=State.ISSUED).latest("pk")
    said = identification(row.verification.scan_ref, client_id="", first_name="ΕΛΕΝΗ", last_name="ΠΑΠΑΔΟΠΟΥΛΟΥ")
    webhook = reverse("idenfy_kyc:webhook").removeprefix(settings.FORCE_SCRIPT_NAME or "")
    deliver(Client(), webhook, "IDENTIFICATION_RESUBMITTED", said)
    officer.go(reverse("admin:idenfy_kyc_webhookdelivery_changelist"))
    officer.go(_page(row))
    officer.go(_page(row, "look_at"), {})
    erase = reverse("admin:idenfy_kyc_verification_erase", args=[row.verification_id])
    page = officer.go(erase)
    officer.go(erase, _filled_in(page, _erase="1", typed=row.verification.client_id))


def _filled_in(page: Any, **fields: str) -> dict[str, str]:
    """A form of this page as a browser posts it: with what is hidden in it, too."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)) | fields


def _page(request: InformationRequest, act: str = "change") -> str:
    return reverse(f"admin:idenfy_kyc_informationrequest_{act}", args=[request.pk])
