from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest
from tests.factories import make_batch, make_request, make_verification

pytestmark = pytest.mark.django_db

VERIFICATIONS = reverse("admin:idenfy_kyc_verification_changelist")
REQUESTS = reverse("admin:idenfy_kyc_informationrequest_changelist")


def ago(**span: float) -> Any:
    return timezone.now() - timedelta(**span)


def names(client: Client, url: str, **query: str) -> set[str]:
    """Who is in the list."""
    response = client.get(url, query)
    assert response.status_code == 200
    return {getattr(row, "verification", row).name for row in response.context["cl"].result_list}


class TestStatusFilter:
    def test_offers_the_statuses_that_there_are_in_words(self, alice_client: Client) -> None:
        for status in ("APPROVED", "EXPIRED", "EXPIRED-DELETED", "", "FROZEN"):
            make_verification(status=status)

        page = alice_client.get(VERIFICATIONS).context["cl"]

        labels = [choice["display"] for choice in page.filter_specs[0].choices(page)]
        assert labels == ["All", "Approved", "Expired", "FROZEN (iDenfy’s new word)", "Not known yet"]

    def test_offers_no_more_than_one_can_choose_from(
        self, alice_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("idenfy_kyc.admin.filters.MOST_CHOICES", 3)
        for status in "abcd":
            make_verification(status=status)

        page = alice_client.get(VERIFICATIONS).context["cl"]

        assert len(list(page.filter_specs[0].choices(page))) == 1 + 3

    @pytest.mark.parametrize(
        ("value", "expected"),
        [("APPROVED", {"fine"}), ("EXPIRED", {"old", "older"}), ("-", {"new"}), ("NEVER-SEEN", set())],
    )
    def test_takes_statuses_of_one_word_together(self, alice_client: Client, value: str, expected: set[str]) -> None:
        make_verification(name="fine", status="APPROVED")
        make_verification(name="old", status="EXPIRED")
        make_verification(name="older", status="EXPIRED-DELETED")
        make_verification(name="new", status="")

        assert names(alice_client, VERIFICATIONS, status=value) == expected


class TestRequestStateFilter:
    @pytest.fixture(autouse=True)
    def _requests(self, db: None) -> None:
        make_verification(name="untouched")
        make_request(State.SKIPPED, verification=make_verification(name="planned"))
        make_request(State.ISSUED, verification=make_verification(name="waiting"))
        make_request(State.ISSUED, verification=make_verification(name="overdue"), expires_at=ago(seconds=1))
        again = make_verification(name="asked again")
        make_request(State.REFUSED, verification=again)
        make_request(State.ISSUED, verification=again)
        overdue = make_verification(name="overdue, though refused since")
        make_request(State.ISSUED, verification=overdue, expires_at=ago(seconds=1))
        make_request(State.REFUSED, verification=overdue)
        late = make_verification(name="confirmed late")
        make_request(State.UNKNOWN, verification=late)
        make_request(State.REFUSED, verification=late)
        ended = make_verification(name="ended")
        make_request(State.CANCELLED, verification=ended)
        make_request(State.COMPLETED, verification=ended)

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("none", {"untouched", "planned"}),
            ("open", {"waiting", "asked again", "confirmed late"}),
            ("issued", {"waiting", "asked again"}),
            ("unknown", {"confirmed late"}),
            ("expired", {"overdue", "overdue, though refused since"}),
            ("refused", set()),
            ("cancelled", set()),
            ("completed", {"ended"}),
            (
                "nonsense",
                {
                    *("untouched", "planned", "waiting", "overdue", "overdue, though refused since"),
                    *("asked again", "confirmed late", "ended"),
                },
            ),
        ],
    )
    def test_goes_by_the_newest_request_as_it_is_now(
        self, alice_client: Client, value: str, expected: set[str]
    ) -> None:
        assert names(alice_client, VERIFICATIONS, request=value) == expected

    def test_finds_what_has_ended_also_once_that_is_written_down(self, alice_client: Client) -> None:
        services.write_down_time()

        assert names(alice_client, VERIFICATIONS, request="expired") == {"overdue"}


class TestVerifiedFilter:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("30d", {"new"}),
            ("12m", {"new", "older"}),
            ("over12m", {"old", "ancient"}),
            ("over24m", {"ancient"}),
            ("none", {"unknown"}),
            ("nonsense", {"new", "older", "old", "ancient", "unknown"}),
        ],
    )
    def test_goes_by_the_time_since(self, alice_client: Client, value: str, expected: set[str]) -> None:
        for name, days in (("new", 3), ("older", 90), ("old", 500), ("ancient", 900)):
            make_verification(name=name, verified_at=ago(days=days))
        make_verification(name="unknown", verified_at=None)

        assert names(alice_client, VERIFICATIONS, verified=value) == expected


class TestLastAskedFilter:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("never", {"never", "queued"}),
            ("verified", {"never", "queued", "long ago"}),
            ("over30d", {"in spring", "long ago"}),
            ("over12m", {"long ago"}),
            ("nonsense", {"never", "queued", "lately", "in spring", "long ago", "unknown"}),
        ],
    )
    def test_goes_by_the_last_time(self, alice_client: Client, value: str, expected: set[str]) -> None:
        verified_at = ago(days=400)
        make_verification(name="never", verified_at=verified_at)
        make_request(State.QUEUED, verification=make_verification(name="queued", verified_at=verified_at))
        for name, *days in (("lately", 500, 2), ("in spring", 90), ("long ago", 500)):
            verification = make_verification(name=name, verified_at=verified_at)
            for day in days:
                make_request(State.REFUSED, verification=verification, sent_at=ago(days=day))
        unknown = make_verification(name="unknown", verified_at=None)
        make_request(State.REFUSED, verification=unknown, sent_at=ago(days=3))

        assert names(alice_client, VERIFICATIONS, asked=value) == expected

    def test_finds_in_two_clicks_who_is_due(self, alice_client: Client) -> None:
        due, asked = (make_verification(name=name, verified_at=ago(days=400)) for name in ("due", "asked"))
        make_verification(name="new", verified_at=ago(days=30))
        make_request(State.EXPIRED, verification=due, sent_at=ago(days=401))
        make_request(State.EXPIRED, verification=asked, sent_at=ago(days=399))

        assert names(alice_client, VERIFICATIONS, verified="over12m", asked="verified") == {"due"}


class TestStateFilter:
    def test_hides_the_rows_of_plans_unless_asked_for_them(self, alice_client: Client) -> None:
        make_request(State.DRAFT, verification=make_verification(name="planned"))
        make_request(State.SKIPPED, verification=make_verification(name="left out"))
        make_request(State.QUEUED, verification=make_verification(name="queued"))

        assert names(alice_client, REQUESTS) == {"queued"}
        assert names(alice_client, REQUESTS, state="draft") == {"planned"}
        assert names(alice_client, REQUESTS, state="skipped") == {"left out"}

    def test_goes_by_the_state_as_it_is_now(self, alice_client: Client) -> None:
        make_request(State.ISSUED, verification=make_verification(name="waiting"))
        make_request(State.ISSUED, verification=make_verification(name="overdue"), expires_at=ago(seconds=1))
        make_request(State.UNKNOWN, verification=make_verification(name="forgotten"), expires_at=ago(days=1))

        assert names(alice_client, REQUESTS, state="issued") == {"waiting"}
        assert names(alice_client, REQUESTS, state="unknown") == set()
        assert names(alice_client, REQUESTS, state="expired") == {"overdue", "forgotten"}


class TestDecisionFilter:
    def test_says_so_when_nothing_waits(self, alice_client: Client) -> None:
        make_request(State.REFUSED)

        assert "Nothing waits for a decision." in alice_client.get(REQUESTS, {"decision": "needed"}).text

    @pytest.mark.parametrize("query", [{"q": "C-404"}, {"opened": "yes"}])
    def test_says_only_that_nothing_matches_where_more_is_asked(
        self, alice_client: Client, query: dict[str, str]
    ) -> None:
        make_request(State.UNKNOWN)

        page = alice_client.get(REQUESTS, {"decision": "needed"} | query)

        assert "Nothing matches." in page.text
        assert "Nothing waits" not in page.text


class TestEndsFilter:
    @pytest.mark.parametrize(("value", "expected"), [("24h", {"today"}), ("3d", {"today", "soon"})])
    def test_finds_links_that_are_about_to_end(self, alice_client: Client, value: str, expected: set[str]) -> None:
        for name, hours in (("over", -1), ("today", 5), ("soon", 60), ("later", 100)):
            verification = make_verification(name=name)
            make_request(State.ISSUED, verification=verification, expires_at=ago(hours=-hours))

        assert names(alice_client, REQUESTS, ends=value) == expected

    def test_lists_first_what_ends_first(self, alice_client: Client) -> None:
        rows = [make_request(State.ISSUED, expires_at=ago(hours=-hours)) for hours in (5, 1, 3)]

        page = alice_client.get(REQUESTS, {"ends": "24h"})

        assert list(page.context["cl"].result_list) == [rows[1], rows[2], rows[0]]


class TestOpenedFilter:
    @pytest.mark.parametrize(("value", "expected"), [("yes", {"opened"}), ("never", {"unopened"})])
    def test_finds_clients_who_have_not_answered(self, alice_client: Client, value: str, expected: set[str]) -> None:
        make_request(State.ISSUED, verification=make_verification(name="opened"), opened_at=ago(hours=1))
        make_request(State.ISSUED, verification=make_verification(name="unopened"))
        make_request(
            State.COMPLETED,
            verification=make_verification(name="answered"),
            opened_at=ago(days=1),
            issued_at=ago(days=2),
        )
        make_request(State.REFUSED, verification=make_verification(name="refused"))

        assert names(alice_client, REQUESTS, opened=value) == expected


class TestAskedByFilter:
    def test_goes_by_the_name_as_it_was(self, alice_client: Client) -> None:
        for name in ("Rasa", "Tomas"):
            batch = make_batch(confirmed=True, confirmed_by_name=name)
            make_request(State.ISSUED, batch=batch, verification=make_verification(name=f"of {name}"))

        page = alice_client.get(REQUESTS).context["cl"]

        assert [choice["display"] for choice in page.filter_specs[6].choices(page)] == ["All", "Rasa", "Tomas"]
        assert names(alice_client, REQUESTS, by="Tomas") == {"of Tomas"}

    def test_offers_no_name_of_whom_one_does_not_see(self, alice_client: Client) -> None:
        make_request(State.ISSUED)
        make_batch(confirmed=True, confirmed_by_name="of an empty batch")
        make_request(State.DRAFT)

        page = alice_client.get(REQUESTS).context["cl"]

        assert [choice["display"] for choice in page.filter_specs[6].choices(page)] == ["All", "Rasa Kazlauskienė"]

    def test_lists_batch_by_batch(self, alice_client: Client) -> None:
        first, second = (make_batch(confirmed=True) for _ in range(2))
        rows = [make_request(State.REFUSED, batch=batch) for batch in (first, second, first)]

        page = alice_client.get(REQUESTS, {"by": "Rasa Kazlauskienė"})

        assert list(page.context["cl"].result_list) == [rows[1], rows[2], rows[0]]


class TestAskedOnFilter:
    def test_is_by_the_day_of_asking(self, alice_client: Client) -> None:
        make_request(State.ISSUED, verification=make_verification(name="now"))
        make_request(State.REFUSED, verification=make_verification(name="before"), sent_at=ago(days=40))

        page = alice_client.get(REQUESTS).context["cl"]

        past_week = list(page.filter_specs[5].choices(page))[2]["query_string"]
        assert names(alice_client, REQUESTS + past_week) == {"now"}


class TestBatchInTheAddress:
    def test_narrows_the_list_to_the_requests_of_a_batch(self, alice_client: Client) -> None:
        request = make_request(State.REFUSED)
        make_request(State.REFUSED)

        found = alice_client.get(REQUESTS, {"batch__id__exact": str(request.batch_id), "state": "refused"})

        assert [row.pk for row in found.context["cl"].result_list] == [request.pk]
        assert InformationRequest.objects.count() == 2
