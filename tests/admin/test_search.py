from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from idenfy_kyc.choices import State
from tests.factories import make_batch, make_request, make_verification

pytestmark = pytest.mark.django_db

VERIFICATIONS = reverse("admin:idenfy_kyc_verification_changelist")
REQUESTS = reverse("admin:idenfy_kyc_informationrequest_changelist")
BY_NAME = re.compile(r"(name_folded|note)\W+ (LIKE|ILIKE)|UPPER\(", re.IGNORECASE)


def found(client: Client, term: str, url: str = VERIFICATIONS, **query: str) -> set[str]:
    """Whom a search finds, by name."""
    page = client.get(url, {"q": term} | query)
    assert page.status_code == 200
    return {getattr(row, "verification", row).name for row in page.context["cl"].result_list}


@pytest.fixture(params=[VERIFICATIONS, REQUESTS], ids=["verifications", "requests"])
def url(request: pytest.FixtureRequest) -> str:
    """Either list: both search alike."""
    return str(request.param)


def make_clients(*clients: dict[str, Any]) -> None:
    """A verification and a request for each."""
    for fields in clients:
        make_request(State.REFUSED, verification=make_verification(**fields))


class TestById:
    @pytest.fixture(autouse=True)
    def _clients(self, db: None) -> None:
        make_clients(
            {"name": "ten", "client_id": "C-10", "scan_ref": "abc01234-5"},
            {"name": "more", "client_id": "C-1042", "scan_ref": "0abc0"},
            {"name": "C-10 Ltd", "client_id": "D-C-10", "scan_ref": "fff"},
            {"name": "small letters", "client_id": "e-7%_\\", "scan_ref": "ABC-99"},
        )

    @pytest.mark.parametrize(
        ("term", "expected"),
        [
            ("C-10", {"ten"}),
            ("c-10", {"ten"}),
            (" C-10 ", {"ten"}),
            ("C-1", {"ten", "more"}),
            ("c-104", {"more"}),
            ("abc01234-5", {"ten"}),
            ("abc0", {"ten"}),
            ("ABC-9", {"small letters"}),
            ("E-7%_\\", {"small letters"}),
            ("e-7%", {"small letters"}),
            ("C-10 L", {"C-10 Ltd"}),
            ("a_c", set()),
            ("%", set()),
        ],
    )
    def test_finds_the_id_or_else_its_beginning(
        self, alice_client: Client, url: str, term: str, expected: set[str]
    ) -> None:
        assert found(alice_client, term, url) == expected

    @pytest.mark.parametrize("term", ["C-10", "C-1", "abc0"])
    def test_looks_at_no_name(self, alice_client: Client, url: str, term: str) -> None:
        with CaptureQueriesContext(connection) as queries:
            found(alice_client, term, url)

        assert not [query["sql"] for query in queries if BY_NAME.search(query["sql"])]

    def test_looks_only_among_what_the_filters_leave(self, alice_client: Client) -> None:
        assert found(alice_client, "C-10", status="DENIED") == set()

    def test_is_not_tried_without_a_term(self, alice_client: Client, url: str) -> None:
        assert len(found(alice_client, "  ", url)) == 4


class TestByName:
    @pytest.fixture(autouse=True)
    def _clients(self, db: None) -> None:
        make_clients(
            *(
                {"name": name}
                for name in (
                    "Šarūnas Petrauskas",
                    "Šarūnas Kazlauskas",
                    "Łukasz Wiśniewski",
                    "Jürgen Müller",
                    "MUELLER HANS",
                    "Weiß",
                    "Γιώργος Παπαδόπουλος",
                    "ЩЕРБАКОВА АННА",
                    "Seán O’Brien",
                )
            )
        )

    @pytest.mark.parametrize(
        ("term", "expected"),
        [
            ("sarunas", {"Šarūnas Petrauskas", "Šarūnas Kazlauskas"}),
            ("SARUNAS petrauskas", {"Šarūnas Petrauskas"}),
            ("petrauskas sarunas", {"Šarūnas Petrauskas"}),
            ("Petrauskas, Šarūnas", {"Šarūnas Petrauskas"}),
            ("ausk", {"Šarūnas Petrauskas", "Šarūnas Kazlauskas"}),
            ("lukasz", {"Łukasz Wiśniewski"}),
            ("muller", {"Jürgen Müller"}),
            ("mueller", {"Jürgen Müller", "MUELLER HANS"}),
            ("Müller", {"Jürgen Müller", "MUELLER HANS"}),
            ("weiss", {"Weiß"}),
            ("WEIß", {"Weiß"}),
            ("παπαδοπουλοσ γιωργος", {"Γιώργος Παπαδόπουλος"}),
            ("щербакова", {"ЩЕРБАКОВА АННА"}),
            ("obrien", {"Seán O’Brien"}),
            ("O'Brien", {"Seán O’Brien"}),
            ("sarunas wisniewski", set()),
            ("!!!", set()),
            ("nobody", set()),
            ("x " * 5_000, set()),
        ],
    )
    def test_finds_every_word_in_any_order_without_accents(
        self, alice_client: Client, url: str, term: str, expected: set[str]
    ) -> None:
        assert found(alice_client, term, url) == expected


class TestByReason:
    def test_finds_requests_if_no_client_is_called_so(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True, note="Annual review 2026")
        make_request(State.REFUSED, batch=batch, verification=make_verification(name="Ona"))
        make_request(State.REFUSED, verification=make_verification(name="Jonas"), batch=make_batch(note="once"))

        assert found(alice_client, "annual Review", REQUESTS) == {"Ona"}

    def test_is_the_last_thing_to_be_tried(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True, note="about Annual Ltd")
        make_request(State.REFUSED, batch=batch, verification=make_verification(name="Ona"))
        make_request(State.REFUSED, verification=make_verification(name="Annual Ltd"))

        assert found(alice_client, "annual", REQUESTS) == {"Annual Ltd"}
