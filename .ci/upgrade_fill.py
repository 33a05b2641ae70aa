"""Fill a database by the code of an earlier commit, and note in a file what must be found there by today's.

``python upgrade_fill.py FACTS`` runs in the tree of that commit, with its wheel installed. Some requests are made as
that code makes them, from plan to link; beside them one in each state, so that a migration meets them all.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402

from example_project import demo  # noqa: E402
from idenfy_kyc import services  # noqa: E402
from idenfy_kyc.choices import State  # noqa: E402
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent, Verification  # noqa: E402
from idenfy_kyc.testing import FakeIdenfy  # noqa: E402
from idenfy_kyc.testing.server import FakeServer  # noqa: E402
from tests.factories import make_batch, make_request, make_verification, make_verifications  # noqa: E402

NAME = "Žydrūnė Černiauskaitė"


def ask() -> None:
    """Plan, leave one out, confirm, send; withdraw one, reveal one; and a second plan that waits."""
    officer = get_user_model().objects.get(username="officer")
    with (
        tempfile.TemporaryDirectory() as folder,
        FakeIdenfy(Path(folder, "fake.sqlite3")) as fake,
        FakeServer(fake) as server,
    ):
        settings.IDENFY_KYC["BASE_URL"] = server.url
        plan = services.plan(make_verifications(6), planned_by=officer, selection="six", questionnaire="funds")
        services.leave_out(plan, [plan.requests.order_by("pk")[0].pk], by=officer)
        plan.note = "annual review"
        services.confirm(plan, by=officer)
        services.send(plan)
    first, second, *_ = plan.rows_in(State.ISSUED).order_by("pk")
    services.withdraw([first], by=officer, note="wrong client")
    services.reveal(second, by=officer)
    services.plan(make_verifications(3), planned_by=officer, selection="three")


def one_in_each_state() -> None:
    """In two batches of each: alone, and among others; some with links that nobody else has."""
    many = make_batch(confirmed=True, note="all of them")
    for state in State:
        link = {"session_url": f"https://ivs.idenfy.test/{state}?authToken=1", "token": f"token-{state}"}
        for batch in ({}, {} if state in {State.DRAFT, State.SKIPPED} else {"batch": many}):
            verification = make_verification(name=f"{NAME} {state}")
            make_request(state, verification=verification, **batch, **(link if state is State.ISSUED else {}))


def facts() -> dict[str, Any]:
    """What must be as it is now."""
    return {
        "verifications": Verification.objects.count(),
        "batches": dict(RequestBatch.objects.values_list("pk", "note")),
        "record": [list(line) for line in RequestEvent.objects.order_by("pk").values_list("kind", "actor_name")],
        "name": NAME,
        "named": Verification.objects.filter(name__startswith=NAME).count(),
        "requests": [
            {
                "pk": request.pk,
                "state": request.state,
                "is_open": request.open_verification_id is not None,
                "public_id": str(request.public_id),
                "session_url": str(request.session_url),
                "token": str(request.token),
            }
            for request in InformationRequest.objects.order_by("pk")
        ],
    }


demo.fill(60)
ask()
one_in_each_state()
Path(sys.argv[1]).write_text(json.dumps(facts()))
states = set(InformationRequest.objects.values_list("state"))
print(f"  {InformationRequest.objects.count()} requests in {len(states)} states")
