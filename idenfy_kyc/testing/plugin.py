"""pytest fixtures: ``pytest_plugins = ["idenfy_kyc.testing.plugin"]`` in the ``conftest.py`` of the tests' root.

They need pytest-django. ``fake_idenfy`` answers where iDenfy would; ``idenfy_reports`` tells what iDenfy would tell::

    def test_thanks_for_the_answer(db, idenfy_reports, mailoutbox):
        verification = Verification.objects.create(scan_ref="scan-1", client_id="C-1042", status="APPROVED")

        answers = questionnaire("Source of funds", {"Where does your money come from?": "My salary"})
        idenfy_reports("IDENTIFICATION_RESUBMITTED", "scan-1", questionnaire=answers)

        assert mailoutbox[0].subject == "Thank you"

A fake that runs can do both. What its people do, it tells the project by a real webhook, if it knows where::

    def test_of_the_whole_loop(live_server, fake_idenfy):
        fake_idenfy.fake.webhook_url = live_server.url + reverse("idenfy_kyc:webhook")
        ...  # your code asks the client of scan-1 for something
        fake_idenfy.fake.people.answer("scan-1")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from idenfy_kyc.conf import get_settings
from idenfy_kyc.testing.deliveries import deliver, document_expiration, identification
from idenfy_kyc.testing.fake import CREDENTIALS, SIGNING_KEY, FakeIdenfy
from idenfy_kyc.testing.server import FakeServer


@dataclass(frozen=True, slots=True)
class RunningFake:
    """A fake that answers at ``url``; ``fake`` steers it and knows what it has seen; ``path`` is its memory."""

    url: str
    fake: FakeIdenfy
    path: Path


@pytest.fixture
def fake_idenfy(settings: Any, tmp_path: Path) -> Iterator[RunningFake]:
    """A running fake iDenfy, to which ``settings.IDENFY_KYC`` points until the test ends.

    Its deliveries are signed with the first of your ``WEBHOOK_SIGNING_KEYS``; they wait while ``fake.webhook_url`` is
    empty.
    """
    keys = get_settings().WEBHOOK_SIGNING_KEYS or (SIGNING_KEY,)
    path = tmp_path / "fake-idenfy.sqlite3"
    with FakeIdenfy(path, signing_key=keys[0]) as fake, FakeServer(fake) as server:
        settings.IDENFY_KYC = {
            **getattr(settings, "IDENFY_KYC", {}),
            "BASE_URL": server.url,
            "API_KEY": CREDENTIALS[0],
            "API_SECRET": CREDENTIALS[1],
            "CONNECT_TIMEOUT": 2.0,
            "READ_TIMEOUT": 3.0,
            "WEBHOOK_SIGNING_KEYS": keys,
        }
        yield RunningFake(server.url, fake, path)


@pytest.fixture
def idenfy_reports(
    settings: Any, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]]
) -> Callable[..., Any]:
    """iDenfy now reports this of that verification: ``idenfy_reports(event, scan_ref, **what)``.

    ``what`` are the arguments of :func:`~idenfy_kyc.testing.deliveries.identification`, or for the event
    ``DOCUMENT_EXPIRATION`` those of :func:`~idenfy_kyc.testing.deliveries.document_expiration`. It is signed and posted
    to the project's ``idenfy_kyc:webhook``, and what follows the commit has followed when this returns the response.
    The test needs the database.
    """
    from idenfy_kyc.services import database  # has models, and this file is read before Django is ready

    if not get_settings().WEBHOOK_SIGNING_KEYS:
        settings.IDENFY_KYC = {**getattr(settings, "IDENFY_KYC", {}), "WEBHOOK_SIGNING_KEYS": [SIGNING_KEY]}

    def report(event: str, scan_ref: str, **what: Any) -> Any:
        build = document_expiration if event == "DOCUMENT_EXPIRATION" else identification
        with django_capture_on_commit_callbacks(using=database.alias(), execute=True):
            return deliver(Client(), reverse("idenfy_kyc:webhook"), event, build(scan_ref, **what))

    return report
