"""A project that is set up otherwise, in a process of its own: for what Django decides once, when it starts.

``run_in(journey, path, USE_TZ=False)`` starts a Python with the settings of the tests, changed so, and with a new
SQLite file at ``path``; it does the task, and what the task returns comes back as JSON. ``None`` takes a setting away.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.utils.module_loading import import_string

ROOT = Path(__file__).parents[1]
SHOWCASE: dict[str, Any] = {
    "ROOT_URLCONF": "tests.showcase_urls",
    "IDENFY_KYC": {
        **{"API_KEY": "key", "API_SECRET": "secret", "BASE_URL": "http://127.0.0.1:9"},  # where nobody answers
        **{"PROJECT_NAME": "Τράπεζα", "ENVIRONMENT": "ΔΟΚΙΜΗ", "TYPE_COUNT_ABOVE": 10, "SECOND_PERSON_ABOVE": 15},
        **{"MAX_BATCH_SIZE": 60, "WEBHOOK_SIGNING_KEYS": ["signing-key"]},
    },
}
"""The project that ``tests/showcase.py`` is made for: there a plan of sixteen has every obstacle that there is,
and a list of a hundred is one that nobody counts to its end."""


class Elsewhere:
    """A router for a project whose tables are all in another database than the default one, which is none."""

    ALIAS = "elsewhere"

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return self.ALIAS

    db_for_write = db_for_read


def run_in(task: Callable[[], dict[str, Any]], database: Path, **changes: Any) -> dict[str, Any]:
    """What ``task`` returns in a project with ``changes``; any warning there is an error."""
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}"}
    name = f"{task.__module__}.{task.__qualname__}"
    command = [sys.executable, "-W", "error", "-m", "tests.environments", name, json.dumps(changes)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def pages() -> dict[str, Any]:
    """The status of every page that a superuser can open; what the checks have to say; the answer to *Request*."""
    from django.core import checks
    from django.test import Client
    from django.urls import reverse

    from idenfy_kyc.choices import State
    from idenfy_kyc.models import InformationRequest, RequestBatch
    from tests.factories import make_request
    from tests.journey import Visitor

    officer = Visitor(officer_of_a_new_project())
    request = make_request(State.ISSUED)
    keys = {"verification": request.verification_id, "requestbatch": request.batch_id, "informationrequest": request.pk}
    seen = {"index": officer.go(reverse("admin:index")).status_code}
    for model, key in keys.items():
        for page, args in {"changelist": [], "change": [key], "history": [key]}.items():
            seen[f"{model} {page}"] = officer.go(reverse(f"admin:idenfy_kyc_{model}_{page}", args=args)).status_code
    erase = reverse("admin:idenfy_kyc_verification_erase", args=[request.verification_id])
    further = [
        *(reverse(f"admin:idenfy_kyc_{page}") for page in ("verification_add", "verification_ask_from_list")),
        *(reverse("admin:idenfy_kyc_webhookdelivery_changelist"), erase),
    ]
    seen |= {page: officer.go(page).status_code for page in further}
    seen["client"] = Client().get(reverse("idenfy_kyc:client_link", args=[request.public_id])).status_code
    request.delete()
    RequestBatch.objects.all().delete()
    asked = officer.go(reverse("admin:idenfy_kyc_verification_request_information", args=[request.verification_id]), {})
    return {
        "pages": seen,
        "checks": [message.id for message in checks.run_checks()],
        "answer": asked.text,
        "made": RequestBatch.objects.count() + InformationRequest.objects.count(),
    }


def deliveries() -> dict[str, Any]:
    """What comes of every sample of a delivery, told twice, and of the pages that tell of them."""
    from django.test import Client
    from django.urls import reverse

    from idenfy_kyc import services
    from idenfy_kyc.models import Verification, WebhookDelivery
    from idenfy_kyc.testing import deliver
    from tests.journey import Visitor

    officer = Visitor(officer_of_a_new_project())
    samples = sorted((ROOT / "tests" / "samples" / "webhooks").glob("*.json"))
    told = [(path.name.partition(".")[0], path.read_bytes()) for path in samples] * 2
    answers = [deliver(Client(), reverse("idenfy_kyc:webhook"), event, body).status_code for event, body in told]
    verification = Verification.objects.latest("pk")
    pages = [reverse("admin:idenfy_kyc_webhookdelivery_changelist")]
    pages += [reverse("admin:idenfy_kyc_verification_change", args=[verification.pk])]
    verified_at = verification.verified_at and verification.verified_at.isoformat()
    services.prune()
    return {
        "answers": sorted(set(answers)),
        "pages": [officer.go(page).status_code for page in pages],
        "verified_at": verified_at,
        "problems": sorted(WebhookDelivery.objects.exclude(problem="").values_list("event_type", "problem")),
        "erased": services.erase(Verification.objects.all(), by=None),
    }


def migrations() -> dict[str, Any]:
    """What ``makemigrations --check`` says of this app."""
    from io import StringIO

    from django.core.management import call_command

    said = StringIO()
    call_command("makemigrations", "idenfy_kyc", check_changes=True, stdout=said)
    return {"said": said.getvalue().strip()}


def officer_of_a_new_project() -> Any:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import router

    model = get_user_model()
    call_command("migrate", verbosity=0, database=router.db_for_write(model))
    fields = {model.USERNAME_FIELD: "rasa@example.com", "is_staff": True, "is_superuser": True}
    return model._default_manager.create(**fields)


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
