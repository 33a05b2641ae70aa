from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin import AdminSite, ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse

from idenfy_kyc.admin import InformationRequestAdmin, VerificationAdmin
from idenfy_kyc.admin.lists import Counted, counted
from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification
from tests.admin.pages import LIST as BATCHES
from tests.admin.pages import messages_of, words_of
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

VERIFICATIONS = reverse("admin:idenfy_kyc_verification_changelist")
REQUESTS = reverse("admin:idenfy_kyc_informationrequest_changelist")


@pytest.fixture
def three_at_once(settings: Any) -> None:
    settings.IDENFY_KYC = settings.IDENFY_KYC | {"MAX_BATCH_SIZE": 3}


def names(page: Any) -> list[str]:
    return [row.name for row in page.context["cl"].result_list]


class TestCounted:
    @pytest.mark.parametrize(
        ("number", "words"),
        [(Counted(0), "0"), (Counted(9_999), "9,999"), (Counted(10_000, more_than=10_000), "more than 10,000")],
    )
    def test_is_a_number_that_says_how_far_it_was_counted(self, number: Counted, words: str) -> None:
        assert f"{number}" == words
        assert number + 1 == int(number) + 1

    def test_reads_one_row_more_than_may_be_asked_at_once(self, three_at_once: None) -> None:
        make_verifications(5)

        with CaptureQueriesContext(connection) as queries:
            found = counted(Verification.objects.order_by("-pk"))

        assert str(found) == "more than 3"
        (query,) = queries
        assert "LIMIT 4" in query["sql"]


class TestTheNumberOfRows:
    @pytest.mark.parametrize("grouped", [True, False])
    @pytest.mark.parametrize(
        ("rows", "words"), [(1, "1 verification"), (3, "3 verifications"), (4, "more than 3 verifications")]
    )
    def test_is_said_beneath_the_list(
        self, alice_client: Client, three_at_once: None, *, settings: Any, rows: int, words: str, grouped: bool
    ) -> None:
        settings.USE_THOUSAND_SEPARATOR = grouped
        make_verifications(rows)

        page = alice_client.get(VERIFICATIONS)

        assert f"> {words} <" in words_of(page).replace("</ul>", ">")

    def test_is_said_beside_the_search(self, alice_client: Client, three_at_once: None) -> None:
        make_verifications(4, name="Ona")

        page = alice_client.get(VERIFICATIONS, {"q": "ona"})

        assert "more than 3 results" in page.text
        assert "3 results" not in alice_client.get(VERIFICATIONS).text

    def test_is_said_of_requests_and_batches_too(self, alice_client: Client, three_at_once: None) -> None:
        for _number in range(4):
            make_request(State.ISSUED)

        assert "more than 3 requests" in words_of(alice_client.get(REQUESTS))
        assert "more than 3 request batches" in words_of(alice_client.get(BATCHES))

    @pytest.mark.parametrize("url", [VERIFICATIONS, REQUESTS, BATCHES])
    @pytest.mark.parametrize("query", ["", "?o=1", "?q=ona", "?all=", "?_facets=True", "?p=1"])
    def test_is_never_counted_to_its_end(self, root_client: Client, url: str, query: str) -> None:
        make_request(State.ISSUED, verification=make_verification(name="Ona"))

        with CaptureQueriesContext(connection) as queries:
            page = root_client.get(url + query)

        counts = [query["sql"] for query in queries if re.match(r"SELECT COUNT\(\*\)", query["sql"])]
        assert page.status_code == 200
        assert len(counts) == 1
        assert "LIMIT 10001" in counts[0]
        assert not [query for query in queries if query["sql"].startswith("SELECT DISTINCT")]


class TestAnAddress:
    @pytest.mark.parametrize("query", ["status=%00", "request=%00", "name=a%00b", "by=%00", "note=%00"])
    @pytest.mark.parametrize("url", [VERIFICATIONS, REQUESTS, BATCHES])
    def test_that_no_database_can_be_asked_about_leads_to_the_plain_list(
        self, alice_client: Client, url: str, query: str
    ) -> None:
        answer = alice_client.get(f"{url}?{query}")

        assert (answer.status_code, answer.headers["Location"]) == (302, f"{url}?e=1")

    @pytest.mark.parametrize("url", [VERIFICATIONS, REQUESTS, BATCHES])
    def test_with_a_number_that_no_row_can_have_leads_to_a_list(self, alice_client: Client, url: str) -> None:
        page = alice_client.get(f"{url}?pk__in={'9' * 30}", follow=True)

        assert (page.status_code, page.request["PATH_INFO"]) == (200, url)


class TestPages:
    def test_can_be_turned_as_far_as_rows_are_counted(
        self, alice_client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(VerificationAdmin, "list_per_page", 2)
        monkeypatch.setattr("idenfy_kyc.admin.lists.PAGES", 1)
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"MAX_BATCH_SIZE": 5}
        rows = make_verifications(9)

        last, beyond = alice_client.get(VERIFICATIONS, {"p": 3}), alice_client.get(VERIFICATIONS, {"p": 4})

        assert [row.pk for row in last.context["cl"].result_list] == [rows[4].pk]
        assert (beyond.status_code, beyond["Location"]) == (302, f"{VERIFICATIONS}?e=1")

    def test_can_be_turned_also_where_few_may_be_asked_at_once(
        self, alice_client: Client, three_at_once: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(VerificationAdmin, "list_per_page", 2)
        rows = make_verifications(9)

        last = alice_client.get(VERIFICATIONS, {"p": 5})

        assert [row.pk for row in last.context["cl"].result_list] == [rows[0].pk]
        assert "more than 3 verifications" in words_of(last)


class TestSelectAll:
    @pytest.fixture(autouse=True)
    def _two_on_a_page(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(VerificationAdmin, "list_per_page", 2)

    def test_is_offered_for_as_many_as_may_be_asked_at_once(self, alice_client: Client, three_at_once: None) -> None:
        make_verifications(3)

        page = alice_client.get(VERIFICATIONS)

        assert "Select all 3 verifications" in page.text
        assert "to select all of them" not in page.text

    def test_is_not_offered_for_more_and_says_what_to_do(self, alice_client: Client, three_at_once: None) -> None:
        make_verifications(4)

        page = alice_client.get(VERIFICATIONS)

        assert "Select all" not in page.text.replace("Select all objects on this page", "")
        assert "There are more than 3: choose fewer with the filters to select all of them." in page.text
        assert 'data-actions-icnt="2"' in page.text

    @pytest.mark.parametrize(
        ("url", "action"),
        [(VERIFICATIONS, "request_information"), (REQUESTS, "withdraw"), (REQUESTS, "download_links")],
    )
    def test_is_refused_for_more_whoever_posts_it(
        self, root_client: Client, three_at_once: None, url: str, action: str
    ) -> None:
        rows = [make_request(State.ISSUED) for _number in range(4)]
        form = {"action": action, "select_across": "1", "index": "0", "_selected_action": [str(rows[0].pk)]}

        with CaptureQueriesContext(connection) as queries:
            answer = root_client.post(url, form, follow=True)

        assert messages_of(answer) == [
            "You chose more than 3, and no more go at once. Choose fewer, for example with the filters. "
            "Nothing was done."
        ]
        assert not RequestBatch.objects.filter(confirmed_at=None).exists()
        assert InformationRequest.objects.filter(state=State.ISSUED).count() == 4
        assert not [q for q in queries if q["sql"].startswith("SELECT COUNT(*)") and "LIMIT" not in q["sql"]]


class TestSorting:
    def test_goes_by_the_column_clicked_on(self, alice_client: Client) -> None:
        for name in ("Šarūnas", "Tomas", "rasa"):
            make_verification(name=name)

        page = alice_client.get(VERIFICATIONS, {"o": "1"})

        assert names(page) == ["rasa", "Šarūnas", "Tomas"]

    def test_goes_on_over_the_pages(self, alice_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(VerificationAdmin, "list_per_page", 2)
        for name in "cadbe":
            make_verification(name=name)

        pages = [alice_client.get(VERIFICATIONS, {"o": "-1", "p": number}) for number in (1, 2, 3)]

        assert [names(page) for page in pages] == [["e", "d"], ["c", "b"], ["a"]]
        assert [re.findall(r"Th(?:is|ese).*a page of the list", page.text) for page in pages] == [
            ["These are 2 rows, of 5: a page of the list"],
            ["These are 2 rows, of 5: a page of the list"],
            ["This is 1 row, of 5: a page of the list"],
        ]

    def test_is_not_offered_for_more_than_were_counted(self, alice_client: Client, three_at_once: None) -> None:
        for name in "cadb":
            make_verification(name=name)

        page = alice_client.get(VERIFICATIONS, {"o": "1"})

        assert names(page) == ["b", "d", "a", "c"]
        assert "?o=" not in page.text

    def test_prevails_over_the_order_of_a_filter(self, alice_client: Client) -> None:
        for name, year in (("a", 2020), ("b", 2021)):
            make_verification(name=name, verified_at=datetime(year, 1, 1, tzinfo=UTC))

        by_filter = alice_client.get(VERIFICATIONS, {"verified": "over24m"})
        by_name = alice_client.get(VERIFICATIONS, {"verified": "over24m", "o": "1"})

        assert (names(by_filter), names(by_name)) == (["b", "a"], ["a", "b"])


class BentVerifications(VerificationAdmin):
    """As a host may write one: a paginator, a search, filters and counts of its own."""

    paginator = Paginator
    search_fields = ("name__startswith", "scan_ref")
    list_filter = ("status",)
    show_full_result_count = True
    show_facets = ShowFacets.ALWAYS


class PlainList(VerificationAdmin):
    """With Django's own change list and a search that asks nobody."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return queryset.filter(name=search_term) if search_term else queryset, True


class OwnSearch(InformationRequestAdmin):
    search_fields = ("identifier",)


bent, plain = AdminSite(name="bent"), AdminSite(name="plain")
bent.register(Verification, BentVerifications)
bent.register(InformationRequest, OwnSearch)
plain.register(Verification, PlainList)
urlpatterns = [path("bent/", bent.urls), path("plain/", plain.urls), path("", include("tests.urls"))]


@pytest.mark.urls("tests.admin.test_lists")
class TestSubclass:
    @pytest.fixture(autouse=True)
    def _rows(self, three_at_once: None) -> None:
        for name in ("Ona", "Jonas", "Petras", "On"):
            make_verification(name=name, verified_at=datetime(2020, 3, 3, tzinfo=UTC))

    def test_may_have_a_paginator_search_and_filters_of_its_own(self, alice_client: Client) -> None:
        page = alice_client.get("/bent/idenfy_kyc/verification/", {"status__exact": "APPROVED", "o": "-1"})
        found = alice_client.get("/bent/idenfy_kyc/verification/", {"q": "On"})

        assert names(page) == ["Petras", "Ona", "On", "Jonas"]
        assert "4 verifications" in words_of(page)
        assert "(4)" in page.text
        assert set(names(found)) == {"Ona", "On"}
        assert "2 results" in words_of(found)

    def test_may_have_a_change_list_and_a_search_of_its_own(self, alice_client: Client) -> None:
        page = alice_client.get("/plain/idenfy_kyc/verification/", {"o": "1"})
        found = alice_client.get("/plain/idenfy_kyc/verification/", {"q": "On"})

        assert names(page) == ["Jonas", "On", "Ona", "Petras"]
        assert "more than 3 verifications" in words_of(page)
        assert names(found) == ["On"]

    def test_of_requests_may_have_a_search_of_its_own(self, alice_client: Client) -> None:
        row = make_request(State.REFUSED, batch=make_batch(confirmed=True), identifier="VALIDATION_ERROR")
        make_request(State.REFUSED, identifier="OTHER")

        found = alice_client.get("/bent/idenfy_kyc/informationrequest/", {"q": "validation"})

        assert list(found.context["cl"].result_list) == [row]
