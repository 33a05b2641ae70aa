"""All the way through the app, with every act that there is: what must work in whatever project it is."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import Any

from django.conf import settings
from django.test import Client
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.models import InformationRequest, RequestEvent, Verification
from idenfy_kyc.testing import CREDENTIALS, FakeIdenfy
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
    """Choose thirteen, leave one out, confirm, stop, continue, send; show and download links; open; withdraw."""
    officer, client = Visitor(officer_of_a_new_project()), Visitor()
    with FakeIdenfy() as fake, FakeServer(fake) as server:
        settings.IDENFY_KYC = {"API_KEY": CREDENTIALS[0], "API_SECRET": CREDENTIALS[1], "BASE_URL": server.url}
        batch = _plan(officer, 13)
        asked = _ask(officer, batch)
        posts = len(fake.posts())
    states = Counter(InformationRequest.objects.exclude(state="skipped").values_list("state", flat=True))
    download = officer.go(f"{batch}download/", {})
    lines = list(csv.reader(download.content.decode("utf-8-sig").splitlines()))[1:]
    path = lines[0][2].removeprefix("http://testserver")
    client.go(path)
    opened = client.go(path, {})
    _withdraw(officer, batch)
    client.go(path)
    return asked | {
        "states": states,
        "actors": sorted(set(RequestEvent.objects.values_list("actor_name", flat=True))),
        "acts": sorted(set(RequestEvent.objects.values_list("kind", flat=True))),
        "posts": posts,
        "links": [line[2] for line in lines],
        "works_until": lines[0][3],
        "opened": opened.status_code,
        "withdrawn": InformationRequest.objects.filter(state="cancelled").count(),
        "addresses": sorted(officer.addresses | client.addresses),
        "texts": officer.texts | client.texts,
    }


def _plan(officer: Visitor, count: int) -> str:
    """Choose them, and leave the last one out; the address of the batch."""
    services.record_verifications(
        {"scan_ref": f"7-{number}", "client_id": f"1-{number}", "status": "APPROVED"} for number in range(count)
    )
    keys = list(Verification.objects.values_list("pk", flat=True))
    a_list = reverse("admin:idenfy_kyc_verification_changelist")
    plan = officer.go(a_list, {"action": "request_information", "_selected_action": keys})
    batch = officer.at.removesuffix("change/")
    row = re.findall(r'name="row" value="(\d+)"', plan.text)[-1]
    officer.go(f"{batch}leave-out/", {"row": row})
    return batch


def _ask(officer: Visitor, batch: str) -> dict[str, Any]:
    """Confirm what is not filled in and what is, stop, continue, and send all of it."""
    officer.go(f"{batch}change/", filled_in(expected="12", note=""))
    progress = officer.go(f"{batch}change/", filled_in(expected="12", note="Ετήσιος έλεγχος"))
    stopped = officer.go(f"{batch}pause/", {})
    officer.go(f"{batch}continue/", {})
    report = officer.go(f"{batch}send/", {})
    return {
        "pages": ["progress-bar" in progress.text, "ik-state-stopped" in stopped.text, "ik-outcomes" in report.text]
    }


def _withdraw(officer: Visitor, batch: str) -> None:
    """Show one link and withdraw it; then withdraw all the others."""
    one = InformationRequest.objects.filter(state="issued").latest("pk")
    officer.go(reverse("admin:idenfy_kyc_informationrequest_show_link", args=[one.pk]), {})
    withdraw = reverse("admin:idenfy_kyc_informationrequest_withdraw", args=[one.pk])
    officer.go(withdraw)
    officer.go(withdraw, {"_withdraw": "1", "note": "λάθος", "expected": "1"})
    officer.go(f"{batch}withdraw/", {})
    officer.go(f"{batch}withdraw/", {"_withdraw": "1", "note": "λάθος", "expected": "11"})
