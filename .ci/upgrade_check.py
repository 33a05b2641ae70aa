"""Whether what ``upgrade_fill.py`` noted is still so: ``python upgrade_check.py FACTS``, by the code of today."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import IntegrityError, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402

from idenfy_kyc import services  # noqa: E402
from idenfy_kyc.choices import State  # noqa: E402
from idenfy_kyc.exceptions import AlreadyOpen  # noqa: E402
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent, Verification  # noqa: E402

setup_test_environment()  # so that a response says what its page was made of
logging.disable(logging.WARNING)  # links that are over are as they should be
then = json.loads(Path(sys.argv[1]).read_text())
client = Client()


def same(what: str, now: Any, before: Any) -> None:
    if now != before:
        sys.exit(f"{what}: {now!r}, and was {before!r}")


def kept(before: dict[str, Any]) -> None:
    """A request is as it was, its link leads where it led, and whoever has an open one cannot be asked again."""
    request = InformationRequest.objects.get(pk=before["pk"])
    who = f"request {request.pk}, {request.state}"
    same(f"The state of {who}", request.state, before["state"])
    same(f"The link of {who}", [str(request.session_url), str(request.token)], [before["session_url"], before["token"]])
    same(f"Whether {who} is open", request.open_verification_id is not None, before["is_open"])
    follow(who, reverse("idenfy_kyc:client_link", args=[before["public_id"]]), request)
    if before["is_open"]:
        guarded(who, request)


def follow(who: str, address: str, request: InformationRequest) -> None:
    """Open the client's page as the client, and go on."""
    leads_on = request.state == State.ISSUED
    same(f"The page of {who}", client.get(address).status_code in {200, 404, 410}, True)
    answer = client.post(address)
    same(f"Whether the link of {who} leads on", answer.status_code == 303, leads_on)
    if leads_on:
        same(f"Where the link of {who} leads", answer["Location"], str(request.session_url))


def guarded(who: str, request: InformationRequest) -> None:
    """By the services, and by the database itself."""
    try:
        services.request_information(
            request.verification, requested_by=None, note="again", questionnaire="q", send=False
        )
    except AlreadyOpen:
        pass
    else:
        sys.exit(f"Whoever has the open {who} could be asked again")
    try:
        with transaction.atomic():
            InformationRequest.objects.create(
                batch=request.batch,
                verification=request.verification,
                state=State.QUEUED,
                open_verification=request.verification,
            )
    except IntegrityError:
        return
    sys.exit(f"The database takes a second open request beside {who}")


same("Verifications", Verification.objects.count(), then["verifications"])
same("Batches", {str(pk): note for pk, note in RequestBatch.objects.values_list("pk", "note")}, then["batches"])
record = RequestEvent.objects.order_by("pk").values_list("kind", "actor_name")
same("The record", [list(line) for line in record], then["record"])
for each in then["requests"]:
    kept(each)
client.force_login(get_user_model().objects.get(username="admin"))
found = client.get(reverse("admin:idenfy_kyc_verification_changelist"), {"q": "zydrune"})
same("Found by a name without accents", found.context["cl"].result_count, then["named"])
print(f"  {len(then['requests'])} requests, {len(then['record'])} lines of the record: all as they were")
