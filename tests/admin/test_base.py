from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import include, path, reverse

from idenfy_kyc.admin.endings import MARK_ANSWERED, WITHDRAW
from idenfy_kyc.admin.links import links_csv_response
from idenfy_kyc.admin.requests import InformationRequestAdmin
from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest, RequestBatch
from tests.admin.pages import BROWSER, messages_of
from tests.factories import make_request, make_verification
from tests.personas import logged_in

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_verification_changelist")


class TestTheHeadingOfAList:
    @pytest.mark.parametrize(
        ("model", "heading"),
        [
            ("verification", "Verifications"),
            ("informationrequest", "Requests"),
            ("requestbatch", "Request batches"),
            ("webhookdelivery", "Deliveries from iDenfy"),
        ],
    )
    def test_is_its_name(self, bob_client: Client, model: str, heading: str) -> None:
        page = bob_client.get(reverse(f"admin:idenfy_kyc_{model}_changelist"))

        assert page.context["title"] == heading
        assert f"<title>{heading} |" in page.text

    def test_is_djangos_where_one_does_select(self, alice_client: Client) -> None:
        page = alice_client.get(reverse("admin:idenfy_kyc_verification_changelist"), {"_popup": "1"})

        assert page.context["title"] == "Select verification"


@pytest.mark.urls("tests.admin.urls_two_sites")
class TestOnAnotherSite:
    def test_every_link_stays_on_the_site(self, alice_client: Client) -> None:
        row = make_request(State.ISSUED)

        pages = [
            alice_client.get(f"/everything/idenfy_kyc/verification/{row.verification_id}/change/"),
            alice_client.get(f"/everything/idenfy_kyc/informationrequest/{row.pk}/change/"),
        ]

        for page in pages:
            assert "/everything/idenfy_kyc/" in page.text
            assert 'href="/admin/' not in page.text
            assert 'action="/admin/' not in page.text

    def test_a_site_without_requests_shows_none(self, alice_client: Client) -> None:
        row = make_request(State.ISSUED)

        page = alice_client.get(f"/compliance/idenfy_kyc/verification/{row.verification_id}/change/")
        a_list = alice_client.get("/compliance/idenfy_kyc/verification/")

        assert page.context["client_requests"] == []
        assert "ik-state" not in a_list.text

    def test_a_site_without_batches_offers_no_way_to_ask(self, alice_client: Client) -> None:
        row = make_request(State.REFUSED)

        page = alice_client.get(f"/compliance/idenfy_kyc/verification/{row.verification_id}/change/")
        asked = alice_client.post(f"/compliance/idenfy_kyc/verification/{row.verification_id}/request-information/")

        assert "Request information…" not in page.text
        assert asked.status_code == 403

    def test_a_site_with_requests_only_links_to_nothing_else(self, alice_client: Client) -> None:
        row = make_request(State.ISSUED)

        a_list = alice_client.get("/requests-only/idenfy_kyc/informationrequest/")
        page = alice_client.get(f"/requests-only/idenfy_kyc/informationrequest/{row.pk}/change/")

        assert "<bdi>annual review</bdi>" in a_list.text
        assert "<bdi>annual review</bdi>" in page.text


class TestWhatActsOnLinks:
    def test_checks_the_permission_itself(self, rf: RequestFactory, bob: Any) -> None:
        request = rf.post("/")
        request.user = bob
        rows = InformationRequest.objects.all()

        with pytest.raises(PermissionDenied):
            links_csv_response(request, rows, "links.csv")
        for ending in (WITHDRAW, MARK_ANSWERED):
            with pytest.raises(PermissionDenied):
                ending.page(_admin(), request, rows, back="/")


class OwnRequests(InformationRequestAdmin):
    """A host's own admin, with rows that owe nothing to ours."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[InformationRequest]:
        return QuerySet(InformationRequest).exclude(verification__name="Hidden")


own_site = AdminSite(name="own")
own_site.register(InformationRequest, OwnRequests)
urlpatterns = [path("own/", own_site.urls), path("", include("tests.urls"))]


@pytest.mark.urls("tests.admin.test_base")
class TestSubclass:
    def test_may_have_a_queryset_of_its_own(self, alice_client: Client) -> None:
        row = make_request(State.ISSUED)
        hidden = make_request(State.ISSUED, verification=make_verification(name="Hidden"))
        base = "/own/idenfy_kyc/informationrequest"

        shown = alice_client.get(f"{base}/")
        withdraw = alice_client.get(f"{base}/{row.pk}/withdraw/")
        browser = {"Accept": BROWSER}
        others = [alice_client.get(f"{base}/{hidden.pk}/{page}/", headers=browser) for page in ("change", "withdraw")]

        assert [found.pk for found in shown.context["cl"].result_list] == [row.pk]
        assert "Withdraw 1 request" in withdraw.text
        assert [answer.status_code for answer in others] == [302, 302]


class TestWhatIsNotThere:
    def test_leads_back_to_the_index_of_the_site_and_says_so(self, alice_client: Client) -> None:
        page = alice_client.get(reverse("admin:idenfy_kyc_informationrequest_change", args=["999"]), follow=True)

        assert page.redirect_chain == [(reverse("admin:index"), 302)]
        assert messages_of(page) == ["What you were looking for is not there. Perhaps it was deleted."]


class TestATickedRow:
    @pytest.mark.parametrize("key", ["abc", "", "1e9"])
    def test_whose_key_is_none_is_refused(self, alice_client: Client, key: str) -> None:
        answer = alice_client.post(LIST, {"action": "request_information", "_selected_action": [key]})

        assert answer.status_code == 400
        assert not RequestBatch.objects.exists()


class TestWhoeverMaySeeLinks:
    def test_may_look_at_requests_and_batches_and_not_at_verifications(self, make_person: Any) -> None:
        client, row = logged_in(make_person("only_reveals", "reveal_link")), make_request(State.ISSUED)
        keys = {"informationrequest": row.pk, "requestbatch": row.batch_id, "verification": row.verification_id}

        found = {
            name: {
                client.get(reverse(f"admin:idenfy_kyc_{name}_changelist")).status_code,
                client.get(reverse(f"admin:idenfy_kyc_{name}_change", args=[key])).status_code,
            }
            for name, key in keys.items()
        }
        link = client.post(reverse("admin:idenfy_kyc_informationrequest_show_link", args=[row.pk]))

        assert found == {"informationrequest": {200}, "requestbatch": {200}, "verification": {403}}
        assert str(row.public_id) in link.text


def _admin() -> InformationRequestAdmin:
    return InformationRequestAdmin(InformationRequest, admin.site)
