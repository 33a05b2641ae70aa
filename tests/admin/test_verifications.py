from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc.admin import InformationRequestAdmin, VerificationAdmin
from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_verification_changelist")
ADD = reverse("admin:idenfy_kyc_verification_add")


def choose(client: Client, *verifications: Verification, query: str = "", across: bool = False) -> Any:
    """Tick these, or all that match, and run the action."""
    data = {
        "action": "request_information",
        "_selected_action": [str(v.pk) for v in verifications],
        "select_across": "1" if across else "0",
        "index": "0",
    }
    return client.post(LIST + query, data)


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


class TestTheList:
    def test_shows_the_client_the_status_and_the_open_request(self, alice_client: Client) -> None:
        verification = make_verification(name="Jonas Jonaitis", client_id="C-1042", status="REVIEWING")
        make_request(State.ISSUED, verification=verification, expires_at=timezone.now() + timedelta(days=3))

        page = alice_client.get(LIST)

        assert "Jonas Jonaitis" in page.text
        assert "C-1042" in page.text
        assert "In review" in page.text
        assert "Waiting for the client, 3 days left" in page.text
        assert "ik-state-issued" in page.text

    def test_shows_what_became_of_the_newest_request_when_none_is_open(self, alice_client: Client) -> None:
        verification = make_verification()
        make_request(State.REFUSED, verification=verification)
        make_request(State.COMPLETED, verification=verification)
        make_request(State.SKIPPED, verification=verification)

        page = alice_client.get(LIST)

        assert "ik-state-completed" in page.text
        assert "ik-state-refused" not in page.text
        assert "ik-state-skipped" not in page.text

    def test_shows_the_open_request_of_a_plan_that_was_confirmed_after_a_newer_one(self, alice_client: Client) -> None:
        verification = make_verification()
        make_request(State.ISSUED, verification=verification)
        make_request(State.REFUSED, verification=verification)

        page = alice_client.get(LIST)

        assert "ik-state-issued" in page.text
        assert "ik-state-refused" not in page.text

    def test_calls_an_overdue_link_over(self, alice_client: Client) -> None:
        make_request(State.ISSUED, expires_at=timezone.now() - timedelta(seconds=1))

        page = alice_client.get(LIST)

        assert "ik-state-expired" in page.text
        assert "ik-state-issued" not in page.text

    def test_knows_a_client_without_a_name_by_the_client_id(self, alice_client: Client) -> None:
        make_verification(name="", client_id="C-7", verified_at=None)

        assert '<bdi class="ik-client">C-7</bdi>' in alice_client.get(LIST).text

    def test_escapes_names(self, alice_client: Client) -> None:
        make_verification(name="<script>alert(1)</script>")

        assert "<script>alert(1)" not in alice_client.get(LIST).text

    def test_sorts_by_the_last_request(self, alice_client: Client) -> None:
        for name, days in (("first", 9), ("last", 1), ("middle", 5)):
            sent_at = timezone.now() - timedelta(days=days)
            make_request(State.REFUSED, verification=make_verification(name=name), sent_at=sent_at)

        make_verification(name="never")

        latest_first, never_first = (alice_client.get(LIST, {"o": order}) for order in ("-6", "6"))

        assert [row.name for row in latest_first.context["cl"].result_list] == ["last", "middle", "first", "never"]
        assert [row.name for row in never_first.context["cl"].result_list] == ["never", "first", "middle", "last"]

    def test_takes_the_same_queries_for_1_row_and_for_100(
        self, alice_client: Client, django_assert_num_queries: Any
    ) -> None:
        make_request(State.ISSUED)
        alice_client.get(LIST)
        with CaptureQueriesContext(connection) as few:
            alice_client.get(LIST)
        batch = make_batch(confirmed=True)
        for verification in make_verifications(99):
            make_request(State.ISSUED, verification=verification, batch=batch)

        with django_assert_num_queries(len(few)):
            page = alice_client.get(LIST)

        assert len(page.context["cl"].result_list) == 100

    def test_says_what_to_do_when_it_is_empty(self, alice_client: Client, dora_client: Client) -> None:
        assert "No verifications yet." in alice_client.get(LIST).text
        assert ADD not in alice_client.get(LIST).text
        assert ADD in dora_client.get(LIST).text

    def test_offers_to_clear_the_filters_when_nothing_matches(self, alice_client: Client) -> None:
        make_verification()

        page = alice_client.get(LIST, {"q": "nobody"})

        assert "Nothing matches." in page.text
        assert "No verifications yet." not in page.text

    def test_shows_no_request_to_whoever_may_not_see_requests(self, dora_client: Client) -> None:
        make_request(State.ISSUED, sent_at=datetime(2020, 3, 3, tzinfo=UTC))

        page = dora_client.get(LIST)

        assert "ik-state" not in page.text
        assert "3 Mar 2020" not in page.text

    @pytest.mark.parametrize("query", ["?asked=never", "?request=none", "?request=issued", "?o=6", "?o=-6"])
    def test_tells_nothing_of_requests_by_filter_or_order(self, dora_client: Client, query: str) -> None:
        make_request(State.ISSUED, sent_at=timezone.now() - timedelta(days=500))
        newest = make_verification()

        page = dora_client.get(LIST + query)

        rows = list(page.context["cl"].result_list)
        assert (len(rows), rows[0]) == (2, newest)
        assert not {"request", "asked"} & {spec.parameter_name for spec in page.context["cl"].filter_specs}

    @pytest.mark.parametrize("persona", ["eve_client", "mallory_client", "anonymous"])
    def test_is_closed_to_outsiders(self, persona: str, request: pytest.FixtureRequest) -> None:
        answer = request.getfixturevalue(persona).get(LIST)

        assert answer.status_code in {302, 403}


class TestChoosing:
    def test_makes_a_plan_of_one_and_goes_there(self, alice_client: Client, alice: Any) -> None:
        verification = make_verification()

        answer = choose(alice_client, verification)

        batch = RequestBatch.objects.get()
        assert answer.url == reverse("admin:idenfy_kyc_requestbatch_change", args=[batch.pk])
        assert batch.planned_by == alice
        assert batch.selection == "1 chosen by hand"
        assert [row.verification for row in batch.requests.all()] == [verification]

    @pytest.mark.no_cover
    @pytest.mark.parametrize("count", [1_200, 5_000])
    def test_takes_all_that_match(self, alice_client: Client, count: int) -> None:
        make_verification(status="DENIED")
        verifications = make_verifications(count)

        choose(alice_client, verifications[0], query="?status=APPROVED", across=True)

        batch = RequestBatch.objects.get()
        assert batch.requests.count() == count
        assert batch.selection == f"All {count:,} that match: status: Approved"

    def test_says_in_words_which_filters_and_which_search_chose_them(self, alice_client: Client) -> None:
        verification = make_verification(verified_at=timezone.now() - timedelta(days=500), name="Jonas X")

        choose(alice_client, verification, query="?status=APPROVED&verified=over12m&q=jonas&_facets=True", across=True)

        assert RequestBatch.objects.get().selection == (
            "All 1 that match: status: Approved; verified: Over 12 months ago; found by a search"
        )

    def test_says_that_nothing_was_left_out(self, alice_client: Client) -> None:
        choose(alice_client, *make_verifications(2), across=True)

        assert RequestBatch.objects.get().selection == "All 2 verifications"

    def test_refuses_more_than_a_batch_may_hold_before_anything_is_made(
        self, alice_client: Client, settings: Any
    ) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"MAX_BATCH_SIZE": 3}
        verifications = make_verifications(4)

        answer = choose(alice_client, *verifications)

        assert messages_of(alice_client.get(answer.url)) == [
            "You chose more than 3, and no more go at once. Choose fewer, for example with the filters. "
            "Nothing was done."
        ]
        assert not RequestBatch.objects.exists()

    def test_says_what_the_administrator_must_set(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = {}

        answer = choose(alice_client, make_verification())

        (message,) = messages_of(alice_client.get(answer.url))
        assert "API_KEY" in message
        assert not RequestBatch.objects.exists()

    @pytest.mark.parametrize("persona", ["bob_client", "carol_client", "dora_client"])
    def test_makes_nothing_for_whoever_may_not_ask(self, persona: str, request: pytest.FixtureRequest) -> None:
        choose(request.getfixturevalue(persona), make_verification())

        assert not RequestBatch.objects.exists()

    def test_is_closed_to_outsiders(self, eve_client: Client) -> None:
        answer = choose(eve_client, make_verification())

        assert answer.status_code == 403
        assert not RequestBatch.objects.exists()


class SomeRequests(InformationRequestAdmin):
    """Shows the requests of one kind of batch, whoever looks."""

    def get_queryset(self, request: HttpRequest) -> Any:
        return QuerySet(InformationRequest).exclude(batch__note="secret")


class OwnVerifications(VerificationAdmin):
    """What a host project may do to ours, all at once."""

    fields = None
    fieldsets = [(None, {"fields": ["scan_ref", ("name", "status"), "created_at"]})]
    readonly_fields = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return QuerySet(Verification).exclude(name="hidden")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList


@pytest.fixture
def own_site() -> admin.AdminSite:
    site = admin.AdminSite(name="admin")
    site.register(Verification, OwnVerifications)
    site.register(InformationRequest, SomeRequests)
    return site


class TestSubclass:
    @pytest.fixture
    def ours(self, own_site: admin.AdminSite) -> VerificationAdmin:
        return own_site.get_model_admin(Verification)  # type: ignore[return-value]

    @pytest.fixture
    def looking(self, rf: RequestFactory, alice: Any) -> HttpRequest:
        request = rf.get("/")
        request.user = alice
        return request

    def test_may_have_a_queryset_and_a_list_of_its_own(self, ours: VerificationAdmin, looking: HttpRequest) -> None:
        make_request(State.ISSUED, verification=make_verification(name="shown"))
        make_verification(name="hidden")

        page: Any = ours.changelist_view(looking)

        assert [row.name for row in page.context_data["cl"].result_list] == ["shown"]
        assert "ik-state-issued" in page.render().text
        assert "?o=1" in page.text
        assert "?o=6" not in page.text

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", {"of a secret batch", "asked openly"}),
            ("request=none", {"of a secret batch"}),
            ("request=issued", {"asked openly"}),
            ("request=refused", set()),
            ("asked=never", {"of a secret batch"}),
            ("asked=over30d", set()),
        ],
    )
    def test_of_requests_narrows_columns_and_filters_too(
        self, rf: RequestFactory, alice: Any, own_site: admin.AdminSite, query: str, expected: set[str]
    ) -> None:
        both = make_verification(name="asked openly")
        make_request(State.ISSUED, verification=both)
        secret = make_batch(confirmed=True, note="secret")
        for verification in (both, make_verification(name="of a secret batch")):
            make_request(
                State.REFUSED, verification=verification, batch=secret, sent_at=datetime(2020, 3, 3, tzinfo=UTC)
            )
        request = rf.get(f"/?{query}")
        request.user = alice

        page: Any = VerificationAdmin(Verification, own_site).changelist_view(request)

        assert {row.name for row in page.context_data["cl"].result_list} == expected
        text = page.render().text
        assert "ik-state-refused" not in text
        assert "3 Mar 2020" not in text

    def test_may_have_fields_of_its_own(self, ours: VerificationAdmin, looking: HttpRequest, dora: Any) -> None:
        verification = make_verification(status="REVIEWING")

        for_alice = ours.get_fieldsets(looking, verification)
        looking.user = dora
        for_dora = ours.get_fieldsets(looking, verification)

        assert for_alice[0][1]["fields"] == ["scan_ref", ["name", "status_in_words"], "created_at"]
        assert for_dora == OwnVerifications.fieldsets
        read_only = {"created_at", "scan_ref", "status_in_words", "verified_at_in_words"}
        assert set(ours.get_readonly_fields(looking, verification)) == read_only
