"""What the host project knows of its clients, on every page that shows one."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from idenfy_kyc.choices import State
from idenfy_kyc.clients import Client
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification
from tests.accounts.clients import DESCRIBE
from tests.accounts.models import Customer
from tests.admin.pages import plan_for, url, words_of
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

COUNTED = "tests.admin.test_clients_on_pages.counted"
BROKEN = "tests.admin.test_clients_on_pages.broken"
STORED = "Name as iDenfy has it"
LINKED = '<a href="/customers/C-7/"><bdi class="ik-client">Rasa Kazlauskienė</bdi></a>'
FACTS = (
    "<div><dt>E-mail</dt><dd>rasa@example.com</dd></div> <div><dt>Language</dt><dd>Lithuanian</dd></div> "
    '<div><dt>Client’s page</dt><dd><a href="/customers/C-7/"><bdi>Page in Amber Bank</bdi></a></dd></div>'
)
UNLINKED = '<bdi class="ik-client">Rasa Kazlauskienė</bdi> <span class="ik-beneath">C-7</span>'

calls: list[int] = []


def counted(*, verifications: Sequence[Verification]) -> Mapping[int, Client]:
    calls.append(len(verifications))
    return {v.pk: Client(name=f"Host {v.pk}", email=f"{v.pk}@example.com", language="lt") for v in verifications}


def broken(*, verifications: Sequence[Verification]) -> Mapping[int, Client]:
    raise LookupError("Rasa Kazlauskienė")


def use(settings: Any, path: str, **others: Any) -> None:
    calls.clear()
    settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLIENTS": path} | others


@pytest.fixture
def rasa(settings: Any) -> Verification:
    """A client whom the project knows better than iDenfy does."""
    use(settings, DESCRIBE, PROJECT_NAME="Amber Bank")
    Customer.objects.create(number="C-7", name="Rasa Kazlauskienė", email="rasa@example.com", language="lt")
    return make_verification(client_id="C-7", name=STORED)


def page_of(model: type[Verification | InformationRequest], pk: int | None = None) -> str:
    name = f"admin:idenfy_kyc_{model._meta.model_name}_{'change' if pk else 'changelist'}"
    return reverse(name, args=[pk] if pk else [])


class TestAList:
    @pytest.mark.parametrize("model", [Verification, InformationRequest])
    def test_shows_the_projects_name_within_its_own_link(
        self, bob_client: Browser, rasa: Verification, model: type[Verification | InformationRequest]
    ) -> None:
        row = make_request(State.ISSUED, verification=rasa)

        page = bob_client.get(page_of(model))

        key = rasa.pk if model is Verification else row.pk
        assert re.search(f'<a href="[^"]*/{key}/change/">{UNLINKED}</a>', page.text)
        assert STORED not in page.text


class TestThePlan:
    def test_leads_to_the_projects_page(self, alice_client: Browser, rasa: Verification) -> None:
        page = alice_client.get(url(plan_for(rasa, make_verification(name="Ona"))))

        assert LINKED in page.text
        assert 'aria-label="Rasa Kazlauskienė"' in page.text
        assert '<bdi class="ik-client">Ona</bdi>' in page.text
        assert STORED not in page.text

    def test_names_the_only_client_on_the_button(self, alice_client: Browser, settings: Any) -> None:
        use(settings, COUNTED)
        verification = make_verification(client_id="")

        page = alice_client.get(url(plan_for(verification)))

        assert f'value="Ask Host {verification.pk}"' in page.text


class TestTheReport:
    def test_leads_to_the_projects_page(self, bob_client: Browser, rasa: Verification) -> None:
        row = make_request(State.REFUSED, verification=rasa)

        page = bob_client.get(url(row.batch))

        assert LINKED in page.text
        assert 'Details<span class="visually-hidden">: Rasa Kazlauskienė</span>' in page.text
        assert STORED not in page.text


class TestThePageOfARequest:
    def test_says_all_that_the_project_knows(self, bob_client: Browser, rasa: Verification) -> None:
        row = make_request(State.ISSUED, verification=rasa)

        page = bob_client.get(page_of(InformationRequest, row.pk))

        text = words_of(page)
        assert "<h1>Request to Rasa Kazlauskienė</h1>" in text
        assert '<span class="ik-beneath">C-7</span>' in text
        assert FACTS in text
        assert STORED not in text

    def test_is_as_ever_for_whom_the_project_does_not_know(self, bob_client: Browser, rasa: Verification) -> None:
        row = make_request(State.ISSUED, verification=make_verification(name="", client_id="C-8"))

        page = bob_client.get(page_of(InformationRequest, row.pk))

        assert "<h1>Request to C-8</h1>" in words_of(page)
        assert '<span class="ik-beneath">C-8</span>' not in page.text
        assert "E-mail" not in page.text


class TestThePageOfAVerification:
    def test_says_all_that_the_project_knows(self, bob_client: Browser, rasa: Verification) -> None:
        page = bob_client.get(page_of(Verification, rasa.pk))

        text = words_of(page)
        assert "<h1>Verification of Rasa Kazlauskienė</h1>" in text
        assert FACTS in text

    def test_names_the_project_as_well_as_it_can(self, bob_client: Browser, rasa: Verification, settings: Any) -> None:
        use(settings, DESCRIBE, PROJECT_NAME="")

        page = bob_client.get(page_of(Verification, rasa.pk))

        assert '<a href="/customers/C-7/"><bdi>Page in your project</bdi></a>' in page.text

    def test_is_as_ever_without_the_setting(self, bob_client: Browser) -> None:
        page = bob_client.get(page_of(Verification, make_verification().pk))

        assert 'id="ik-client"' not in page.text


class TestTheFileOfLinks:
    def test_has_address_and_language_for_a_letter(self, carol_client: Browser, rasa: Verification) -> None:
        batch = make_batch(confirmed=True)
        for verification in (rasa, make_verification(client_id="C-8", name="Ona")):
            make_request(State.ISSUED, batch=batch, verification=verification)

        answer = carol_client.post(url(batch, "download"))

        head, *lines = csv.reader(answer.content.decode("utf-8-sig").splitlines())
        assert head[:5] == ["Client ID", "Name", "E-mail", "Language", "Link"]
        assert [line[:4] for line in lines] == [
            ["C-7", "Rasa Kazlauskienė", "rasa@example.com", "lt"],
            ["C-8", "Ona", "", ""],
        ]

    def test_lets_no_spreadsheet_calculate_what_the_project_says(
        self, carol_client: Browser, rasa: Verification
    ) -> None:
        Customer.objects.update(name="=1+1", email="+x@example.com")
        row = make_request(State.ISSUED, verification=rasa)

        answer = carol_client.post(url(row.batch, "download"))

        assert answer.content.decode("utf-8-sig").splitlines()[1].startswith("C-7,'=1+1,'+x@example.com,lt,")


@pytest.fixture
def report() -> RequestBatch:
    """A hundred requests that are over."""
    batch = make_batch(confirmed=True)
    for verification in make_verifications(100):
        make_request(State.ISSUED, batch=batch, verification=verification)
    return batch


class TestTheHost:
    def test_is_asked_once_for_a_page_of_a_hundred(
        self, root_client: Browser, report: RequestBatch, settings: Any
    ) -> None:
        use(settings, COUNTED)
        plan = plan_for(*make_verifications(100))
        asked: dict[str, list[int]] = {}

        for name, address in {
            "verifications": page_of(Verification),
            "requests": page_of(InformationRequest),
            "plan": url(plan),
            "report": url(report),
            "verification": page_of(Verification, report.requests.all()[0].verification_id),
            "request": page_of(InformationRequest, report.requests.all()[0].pk),
        }.items():
            calls.clear()
            page = root_client.get(address)
            asked[name] = list(calls)
            assert "Host " in page.text
        calls.clear()
        root_client.post(url(report, "download"))

        assert asked == {
            "verifications": [100],
            "requests": [100],
            "plan": [100],
            "report": [100],
            "verification": [1],
            "request": [1],
        }
        assert calls == [100]

    def test_is_not_asked_by_an_act(self, alice_client: Browser, settings: Any) -> None:
        use(settings, COUNTED)
        chosen = [verification.pk for verification in make_verifications(3)]

        for across in ("0", "1"):
            alice_client.post(
                page_of(Verification),
                {"action": "request_information", "_selected_action": chosen, "select_across": across},
            )

        assert RequestBatch.objects.count() == 2
        assert calls == []

    def test_costs_the_names_when_it_fails_and_nothing_else(
        self, root_client: Browser, report: RequestBatch, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        use(settings, BROKEN)
        verification = report.requests.all()[0].verification

        pages = [
            root_client.get(address)
            for address in (
                page_of(Verification),
                page_of(InformationRequest),
                url(report),
                url(plan_for(verification)),
            )
        ]
        file = root_client.post(url(report, "download"))

        assert [page.status_code for page in pages] == [200] * 4
        assert all(verification.name in page.text for page in pages)
        assert len(file.text.splitlines()) == 101
        assert caplog.messages == [f"CLIENTS ({BROKEN}) raised LookupError: the page shows no names of it."] * 5
        assert "Rasa" not in caplog.text
