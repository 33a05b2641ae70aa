"""A project that is set up otherwise, in a process of its own: for what Django decides once, when it starts.

``run_in(journey, path, USE_TZ=False)`` starts a Python with the settings of the tests, changed so, and with a new
SQLite file at ``path``; it does the task, and what the task returns comes back as JSON. ``None`` takes a setting away.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.utils.module_loading import import_string

ROOT = Path(__file__).parents[1]
ADDRESS = re.compile(r'="(/[^"]*)"')
"""An address of this site in any attribute of a page: a link, a form, a script, or what a script is told."""


def run_in(task: Callable[[], dict[str, Any]], database: Path, **changes: Any) -> dict[str, Any]:
    """What ``task`` returns in a project with ``changes``; any warning there is an error."""
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}"}
    name = f"{task.__module__}.{task.__qualname__}"
    command = [sys.executable, "-W", "error", "-m", "tests.environments", name, json.dumps(changes)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


class Visitor:
    """A browser of sorts: goes where it is redirected, and remembers every address of this site that it was given."""

    def __init__(self, user: Any = None) -> None:
        from django.test import Client

        from tests.admin.pages import BROWSER

        self.client = Client(headers={"Accept": BROWSER})
        self.addresses: set[str] = set()
        self.at = ""
        if user is not None:
            self.client.force_login(user)

    def go(self, address: str, form: dict[str, Any] | None = None) -> Any:
        """Open a page, or post ``form`` to it; the answer at the end of the way."""
        self.at = address
        answer = self._ask(address, form)
        self.addresses |= set(ADDRESS.findall(answer.text))
        if answer.status_code != 302:
            return answer
        self.addresses.add(answer["Location"])
        return self.go(answer["Location"])

    def _ask(self, address: str, form: dict[str, Any] | None) -> Any:
        """As the server in front of Django does, which takes the prefix of the project off the path."""
        from django.conf import settings

        path = address.removeprefix(settings.FORCE_SCRIPT_NAME or "")
        return self.client.get(path) if form is None else self.client.post(path, form)


def journey() -> dict[str, Any]:
    """All the way: choose twelve, plan, confirm, send, download, open one link as the client."""
    from django.conf import settings
    from django.urls import reverse

    from idenfy_kyc.models import InformationRequest, RequestEvent
    from idenfy_kyc.testing import CREDENTIALS, FakeIdenfy
    from idenfy_kyc.testing.server import FakeServer
    from tests.admin.pages import filled_in

    officer, client = Visitor(_officer()), Visitor()
    verifications = _record(12)
    with FakeIdenfy() as fake, FakeServer(fake) as server:
        settings.IDENFY_KYC = {"API_KEY": CREDENTIALS[0], "API_SECRET": CREDENTIALS[1], "BASE_URL": server.url}
        a_list = reverse("admin:idenfy_kyc_verification_changelist")
        officer.go(a_list, {"action": "request_information", "_selected_action": verifications})
        batch = officer.at
        progress = officer.go(batch, filled_in(expected="12"))
        report = officer.go(batch.replace("/change/", "/send/"), {})
        download = officer.go(batch.replace("/change/", "/download/"), {})
        posts = len(fake.posts())
    lines = list(csv.reader(download.content.decode("utf-8-sig").splitlines()))[1:]
    path = lines[0][2].removeprefix("http://testserver")
    client.go(path)
    opened = client.go(path, {})
    return {
        "progress": "0 done" in progress.text,
        "report": "Download links (12)" in report.text,
        "states": Counter(InformationRequest.objects.values_list("state", flat=True)),
        "actors": sorted(set(RequestEvent.objects.values_list("actor_name", flat=True))),
        "posts": posts,
        "links": [line[2] for line in lines],
        "works_until": lines[0][3],
        "opened": opened.status_code,
        "addresses": sorted(officer.addresses | client.addresses),
    }


def pages() -> dict[str, Any]:
    """The status of every page that a superuser can open; what the checks have to say; the answer to *Request*."""
    from django.core import checks
    from django.urls import reverse

    from idenfy_kyc.models import InformationRequest, RequestBatch
    from tests.factories import make_request

    officer = Visitor(_officer())
    request = make_request()
    keys = {"verification": request.verification_id, "requestbatch": request.batch_id, "informationrequest": request.pk}
    seen = {"index": officer.go(reverse("admin:index")).status_code}
    for model, key in keys.items():
        for page, args in {"changelist": [], "change": [key], "history": [key]}.items():
            seen[f"{model} {page}"] = officer.go(reverse(f"admin:idenfy_kyc_{model}_{page}", args=args)).status_code
    seen["verification add"] = officer.go(reverse("admin:idenfy_kyc_verification_add")).status_code
    request.delete()
    RequestBatch.objects.all().delete()
    asked = officer.go(reverse("admin:idenfy_kyc_verification_request_information", args=[request.verification_id]), {})
    return {
        "pages": seen,
        "checks": [message.id for message in checks.run_checks()],
        "answer": asked.text,
        "made": RequestBatch.objects.count() + InformationRequest.objects.count(),
    }


def migrations() -> dict[str, Any]:
    """What ``makemigrations --check`` says of this app."""
    from io import StringIO

    from django.core.management import call_command

    said = StringIO()
    call_command("makemigrations", "idenfy_kyc", check_changes=True, stdout=said)
    return {"said": said.getvalue().strip()}


def _officer() -> Any:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    model = get_user_model()
    fields = {model.USERNAME_FIELD: "rasa@example.com", "is_staff": True, "is_superuser": True}
    return model._default_manager.create(**fields)


def _record(count: int) -> list[int]:
    from idenfy_kyc import services
    from idenfy_kyc.models import Verification

    services.record_verifications(
        {"scan_ref": f"scan-{number}", "client_id": f"C-{number}", "status": "APPROVED"} for number in range(count)
    )
    return list(Verification.objects.values_list("pk", flat=True))


def set_up(changes: dict[str, Any]) -> None:
    """Django with the settings of the tests, changed so."""
    import django
    from django.conf import settings

    from tests import settings as usual

    values = {name: value for name, value in vars(usual).items() if name.isupper()} | changes
    settings.configure(**{name: value for name, value in values.items() if value is not None})
    django.setup()


def main() -> None:
    """One process: Django with these settings, the task, its result."""
    set_up(json.loads(sys.argv[2]))
    sys.stdout.write(json.dumps(import_string(sys.argv[1])()) + "\n")


if __name__ == "__main__":
    main()
