"""The whole journey on an admin site of the host's own, beside Django's: no link, form or redirect leaves it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification
from idenfy_kyc.testing import Fault
from idenfy_kyc.testing.plugin import RunningFake
from tests.accounts.models import Customer
from tests.admin.pages import filled_in, messages_of, shown
from tests.factories import make_request, make_verifications
from tests.journey import Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.urls_two_sites")]

OURS = "/everything/"
VIEW_SITE = "/"
"""Django's own link to the project's front page."""


def page_of(model: type[Any], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:idenfy_kyc_{model._meta.model_name}_{page}", args=args, current_app="everything")


def elsewhere(visitor: Visitor) -> list[str]:
    """The addresses of other sites that somebody was given on the way."""
    others = visitor.addresses - {VIEW_SITE}
    return [address for address in sorted(others) if not address.startswith((OURS, "/static/"))]


class TestTheJourney:
    def test_stays_on_its_site(self, root: Any, fake_idenfy: RunningFake) -> None:
        visitor = Visitor(root)
        chosen = [verification.pk for verification in make_verifications(10)]
        fake_idenfy.fake.misbehave(Fault.BAD_VALUE, times=1)

        visitor.go(page_of(Verification), {"action": "request_information", "_selected_action": chosen})
        batch = visitor.at
        draft = InformationRequest.objects.all()[0].pk
        visitor.go(batch.replace("/change/", "/leave-out/"), {"row": draft})
        visitor.go(batch, filled_in())
        visitor.go(batch, filled_in(expected="9"))
        for act in ("send", "pause", "continue", "send"):
            visitor.go(batch.replace("/change/", f"/{act}/"), {})
        report = visitor.go(batch)
        row = InformationRequest.objects.filter(state=State.ISSUED)[0]
        request = page_of(InformationRequest, "change", row.pk)
        visitor.go(request)
        visitor.go(request.replace("/change/", "/show-link/"), {})
        visitor.go(request.replace("/change/", "/withdraw/"))
        visitor.go(
            request.replace("/change/", "/withdraw/"), {"_withdraw": "1", "note": "mistake", "shown": shown(row)}
        )
        visitor.go(page_of(Verification, "change", row.verification_id))
        visitor.go(batch.replace("/change/", "/withdraw/"), {})

        assert batch.startswith(OURS)
        assert "Download links (8)" in report.text
        assert elsewhere(visitor) == []

    def test_begins_again_from_one_verification_and_ends_with_a_discarded_plan(self, root: Any) -> None:
        visitor = Visitor(root)
        verification = make_verifications(1)[0]

        visitor.go(page_of(Verification, "request_information", verification.pk), {})
        visitor.go(visitor.at.replace("/change/", "/discard/"), {})

        assert visitor.at == page_of(Verification)
        assert elsewhere(visitor) == []

    def test_has_lists_that_stay_on_it(self, root: Any) -> None:
        visitor = Visitor(root)
        make_request(State.ISSUED)
        make_request(State.QUEUED)

        for model in (Verification, InformationRequest, RequestBatch):
            visitor.go(page_of(model))
            visitor.go(f"{page_of(model)}?q=nobody-at-all")
        visitor.go(page_of(Verification, "add"))
        for model in (Verification, InformationRequest, RequestBatch):
            visitor.go(page_of(model, "change", 987654))

        assert visitor.at == OURS
        assert page_of(RequestBatch, "change", RequestBatch.objects.latest("pk").pk) in visitor.addresses
        assert elsewhere(visitor) == []


class TestTheHostsOwnAdmin:
    """``tests/accounts/admin.py``: an action of the host's that plans with ``services.plan``."""

    @pytest.fixture
    def customers(self) -> list[Customer]:
        clients = make_verifications(3)
        return [Customer.objects.create(number=client.client_id, name=client.name) for client in clients[:2]]

    def act(self, client: Client, customers: list[Customer]) -> Any:
        data = {"action": "ask_for_documents", "_selected_action": [customer.pk for customer in customers]}
        return client.post("/everything/accounts/customer/", data, follow=True)

    def test_leads_to_the_page_of_a_plan_that_is_filled_in(
        self, root_client: Client, root: Any, customers: list[Customer]
    ) -> None:
        page = self.act(root_client, customers)

        batch = RequestBatch.objects.get()
        assert page.redirect_chain == [(page_of(RequestBatch, "change", batch.pk), 302)]
        assert (batch.planned_by, batch.selection, batch.note) == (root, "2 customers", "Annual review")
        assert "2 clients will be asked." in page.text
        assert 'value="Annual review"' in page.text
        assert batch.rows_in(State.DRAFT).count() == 2

    def test_goes_on_as_ever_from_there(
        self, root_client: Client, fake_idenfy: RunningFake, customers: list[Customer]
    ) -> None:
        self.act(root_client, customers)
        batch = RequestBatch.objects.get()

        root_client.post(page_of(RequestBatch, "change", batch.pk), filled_in(expected="2"))

        assert services.progress_of(batch).counts == {State.ISSUED: 2}

    def test_says_so_when_there_are_too_many(
        self, root_client: Client, customers: list[Customer], settings: Any
    ) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"MAX_BATCH_SIZE": 1}

        page = self.act(root_client, customers)

        assert messages_of(page) == ["Choose fewer: 1 can be asked at once."]
        assert not RequestBatch.objects.exists()
