"""The examples of the README and the documentation that are whole, run as they stand there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import path

from idenfy_kyc import signals
from idenfy_kyc.choices import State
from idenfy_kyc.models import RequestBatch, Verification
from idenfy_kyc.testing import deliver, identification
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_queue, make_request, make_user, make_verification, make_verifications
from tests.pages import example

pytestmark = pytest.mark.django_db


def run(page: str, containing: str, *, without: str = "", **names: Any) -> dict[str, Any]:
    """Run one example with these names given, but without a line of it; return the names it leaves behind."""
    code = example(page, containing).replace(without, "")
    exec(compile(code, page, "exec"), names)  # noqa: S102 (what our own pages tell people to run)
    return names


class TestTheReadme:
    def test_brings_the_verifications_of_a_project(self, capsys: pytest.CaptureFixture[str]) -> None:
        customers = [
            SimpleNamespace(pk=7, idenfy_scan_ref="scan-7", full_name="Zoë", idenfy_status="APPROVED", verified_at=None)
        ]
        of_a_project = SimpleNamespace(objects=SimpleNamespace(exclude=lambda **_: customers))

        run("README.md", "record_verifications", Customer=of_a_project)

        assert Verification.objects.get().name == "Zoë"
        assert capsys.readouterr().out == "1 0 0\n"

    def test_asks_one_client(self, fake_idenfy: RunningFake) -> None:
        verification = make_verification()

        after = run("README.md", "services.request_information", verification=verification, officer=make_user())

        assert after["request"].shown_state is State.ISSUED
        assert fake_idenfy.fake.count_issued() == {verification.scan_ref: 1}


class TestThePageOfExtending:
    def test_asks_many_without_a_person(self, fake_idenfy: RunningFake) -> None:
        make_verifications(3)

        after = run("docs/extending.md", "the nightly review")

        assert after["batch"].requests.filter(state=State.ISSUED).count() == 3
        assert len(fake_idenfy.fake.issued()) == 3

    def test_plans_and_confirms_inside_a_transaction_too(self, fake_idenfy: RunningFake) -> None:
        make_verifications(3)

        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            run("docs/extending.md", "the nightly review")

        assert RequestBatch.objects.get().requests.filter(state=State.QUEUED).count() == 3

    def test_marks_what_a_project_has_seen_answered(self, fake_idenfy: RunningFake) -> None:
        answered, other = make_verifications(2)
        run("docs/extending.md", "the nightly review")

        run("docs/extending.md", "services.mark_answered", client_id=answered.client_id)

        assert answered.requests.get().shown_state is State.COMPLETED
        assert other.requests.get().shown_state is State.ISSUED

    def test_queues_a_letter_with_the_link(self, fake_idenfy: RunningFake) -> None:
        queued: list[int] = []
        tasks = {"send_letter": SimpleNamespace(delay=queued.append)}
        receiver = run("docs/extending.md", "def link_of", without="from .tasks import send_letter", **tasks)
        verification = make_verification()

        run("docs/extending.md", "the nightly review")

        request = verification.requests.get()
        assert queued == [request.pk]
        assert receiver["link_of"](request.pk) == f"https://bank.example/idenfy/r/{request.public_id}/"


class TestThePageOfWebhooks:
    def test_hands_on_what_comes_to_an_address_of_the_project(self, settings: Any) -> None:
        view = run("docs/webhooks.md", "def idenfy_webhook", __name__="project.webhooks")["idenfy_webhook"]
        settings.ROOT_URLCONF = (path("old/", view),)
        idenfy = Client(enforce_csrf_checks=True)

        told = ("IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))
        answers = [deliver(idenfy, "/old/", *told, key=key).status_code for key in (None, "another")]

        assert answers == [200, 400]
        assert Verification.objects.get().status == "APPROVED"

    def test_thanks_a_client(self, idenfy_reports: Any) -> None:
        thanked: list[str] = []
        tasks = {"thank": SimpleNamespace(delay=thanked.append)}
        of_a_project = run("docs/webhooks.md", "def thank_the_client", without="from .tasks import thank", **tasks)
        verification = make_request(State.ISSUED).verification

        idenfy_reports("IDENTIFICATION_RESUBMITTED", verification.scan_ref)

        signals.information_received.disconnect(of_a_project["thank_the_client"])
        assert thanked == [verification.client_id]


class TestThePageOfTheTerminal:
    def test_sends_a_batch_from_a_worker(self, fake_idenfy: RunningFake) -> None:
        batch = make_queue(2)

        run("docs/terminal.md", "def send_batch")["send_batch"](batch.pk)

        assert batch.requests.filter(state=State.ISSUED).count() == 2


class TestThePageOfTesting:
    def test_has_tests_that_pass(self, fake_idenfy: RunningFake) -> None:
        tests = run("docs/testing.md", "def test_the_client_gets_a_link")

        tests["test_the_client_gets_a_link"](fake_idenfy)

    def test_has_a_test_of_a_fault_that_passes(self, fake_idenfy: RunningFake) -> None:
        tests = run("docs/testing.md", "def test_a_lost_answer_is_uncertain")

        tests["test_a_lost_answer_is_uncertain"](fake_idenfy)
