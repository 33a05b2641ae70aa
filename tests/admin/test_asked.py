from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc.admin.asked import any_of_client, last_sent_of, verified_again
from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest, Verification
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_verification_changelist")


def ago(days: float) -> Any:
    return timezone.now() - timedelta(days=days)


def refs(client: Client, **query: str) -> set[str]:
    """Which verifications are in the list."""
    return {row.scan_ref for row in client.get(LIST, query).context["cl"].result_list}


def ask(days: float, *, scan_ref: str, client_id: str) -> None:
    """A verification whose client was asked through it, so many days ago."""
    verification = make_verification(scan_ref=scan_ref, client_id=client_id, verified_at=ago(400))
    make_request(State.REFUSED, verification=verification, sent_at=ago(days))


class TestAClientWithTwoVerifications:
    @pytest.fixture(autouse=True)
    def _two(self, db: None) -> None:
        ask(40, scan_ref="asked", client_id="C-1")
        make_verification(scan_ref="other", client_id="C-1", verified_at=ago(400))
        make_verification(scan_ref="untouched", client_id="C-2", verified_at=ago(400))

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"asked": "never"}, {"untouched"}),
            ({"asked": "verified"}, {"untouched"}),
            ({"asked": "over30d"}, {"asked", "other"}),
            ({"asked": "over12m"}, set()),
            ({"request": "none"}, {"untouched"}),
        ],
    )
    def test_was_asked_when_he_was_asked_through_one_of_them(
        self, alice_client: Client, query: dict[str, str], expected: set[str]
    ) -> None:
        assert refs(alice_client, **query) == expected

    def test_was_asked_last_when_he_was_asked_last_through_any_of_them(self, alice_client: Client) -> None:
        make_request(State.REFUSED, verification=Verification.objects.get(scan_ref="other"), sent_at=ago(3))

        assert refs(alice_client, asked="over30d") == set()

    def test_is_said_to_have_been_asked_beside_both(self, alice_client: Client) -> None:
        rows = {row.scan_ref: row for row in alice_client.get(LIST).context["cl"].result_list}

        assert rows["other"].last_sent_at == rows["asked"].last_sent_at
        assert rows["untouched"].last_sent_at is None

    def test_has_no_state_beside_the_one_he_was_not_asked_through(self, alice_client: Client) -> None:
        assert alice_client.get(LIST, {"q": "other"}).text.count("Through another verification") == 1
        assert "Through another verification" not in alice_client.get(LIST, {"q": "asked"}).text
        assert "Through another verification" not in alice_client.get(LIST, {"q": "untouched"}).text

    def test_is_sorted_by_the_last_time_of_all(self, alice_client: Client) -> None:
        ask(60, scan_ref="earlier", client_id="C-3")

        page = alice_client.get(LIST, {"o": "6"})

        assert [row.scan_ref for row in page.context["cl"].result_list][:2] == ["untouched", "earlier"]


class TestAClientWhoWasVerifiedAgain:
    DUE = {"verified": "over12m", "asked": "verified"}

    def test_is_not_due_though_his_first_verification_is_old(self, alice_client: Client) -> None:
        make_verification(scan_ref="first", client_id="C-1", verified_at=ago(500))
        make_verification(scan_ref="again", client_id="C-1", verified_at=ago(30))
        make_verification(scan_ref="due", client_id="C-2", verified_at=ago(500))

        assert refs(alice_client, **self.DUE) == {"due"}
        assert refs(alice_client, verified="over12m") == {"first", "due"}

    def test_is_due_once_when_all_his_verifications_are_old(self, alice_client: Client) -> None:
        make_verification(scan_ref="first", client_id="C-1", verified_at=ago(800))
        make_verification(scan_ref="again", client_id="C-1", verified_at=ago(500))
        make_verification(scan_ref="unknown", client_id="C-1", verified_at=None)

        assert refs(alice_client, **self.DUE) == {"again"}

    def test_is_not_taken_for_another_one_or_for_nobody(self, alice_client: Client) -> None:
        for scan_ref, client_id in (("small", "c-1"), ("capital", "C-1"), ("nobody", ""), ("none", "")):
            days = 30 if scan_ref in {"capital", "none"} else 500
            make_verification(scan_ref=scan_ref, client_id=client_id, verified_at=ago(days))

        assert refs(alice_client, **self.DUE) == {"small", "nobody"}


class TestVerificationsWithoutAClientID:
    def test_stand_each_for_itself(self, alice_client: Client) -> None:
        ask(40, scan_ref="asked", client_id="")
        make_verification(scan_ref="other", client_id="")

        assert refs(alice_client, asked="never") == {"other"}
        assert refs(alice_client, request="none") == {"other"}
        assert refs(alice_client, asked="over30d") == {"asked"}
        assert "Through another verification" not in alice_client.get(LIST).text


class TestClientsWhoDifferInCapitalsOnly:
    def test_are_two(self, alice_client: Client) -> None:
        ask(40, scan_ref="asked", client_id="c-1")
        make_verification(scan_ref="capital", client_id="C-1")
        make_verification(scan_ref="longer", client_id="c-10")

        assert refs(alice_client, asked="never") == {"capital", "longer"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the plan of SQLite")
class TestTheLookUps:
    @pytest.fixture(autouse=True)
    def _many(self, db: None) -> None:
        """Some thousand rows, half of them without a client ID, and what the database knows of them."""
        batch = make_batch(confirmed=True)
        verifications = [*make_verifications(1500), *make_verifications(1500, client_id="")]
        InformationRequest.objects.bulk_create(
            InformationRequest(batch=batch, verification=each, state=State.REFUSED, sent_at=ago(40))
            for each in verifications[::2]
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def test_go_by_the_index_from_a_verification_to_the_others_of_its_client(self) -> None:
        found = verified_again(Verification.objects.all())
        rows: QuerySet[Verification] = Verification.objects.alias(found=found).filter(found=None).order_by("-pk")

        plan = rows[:100].explain()

        assert len(re.findall(r"SCAN", plan)) == 1, plan
        assert len(re.findall(r"SEARCH \w+ USING INDEX \w*client_id\w* \(client_id=\?\)", plan)) == 1, plan

    @pytest.mark.parametrize("expression", [last_sent_of, any_of_client])
    def test_go_by_indexes_from_the_client_to_his_requests(self, expression: Any) -> None:
        found = expression(InformationRequest.objects.made())
        rows: QuerySet[Verification] = Verification.objects.alias(found=found).filter(found=None).order_by("-pk")

        plan = rows[:100].explain()

        assert len(re.findall(r"SCAN", plan)) == 1, plan
        assert "SCAN idenfy_kyc_verification" in plan
        assert len(re.findall(r"SEARCH \w+ USING (COVERING )?INDEX \w*client_id\w* \(client_id=\?\)", plan)) == 1, plan
        assert "TEMP B-TREE" not in plan, plan
