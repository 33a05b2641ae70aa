from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from idenfy_kyc import services
from idenfy_kyc.exceptions import TooMany
from idenfy_kyc.models import Verification
from idenfy_kyc.services import Addable, Found
from tests.factories import make_verification, make_verifications

pytestmark = pytest.mark.django_db

REFERENCE = "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7"


def find(text: str, verifications: Any = None) -> Found:
    rows = Verification.objects.all() if verifications is None else verifications
    return services.find_listed(services.list_from_text(text, most=10_000), rows)


def addable(text: str) -> Addable:
    return services.addable(find(text))


def counts(found: Found) -> tuple[int, int, int, int]:
    return found.lines, found.clients, found.double, len(found.missing)


def problems(missing: list[services.Missing]) -> list[tuple[int, str]]:
    return [(each.line.number, each.problem) for each in missing]


class TestFindListed:
    def test_counts_every_line_once(self) -> None:
        for client_id in ("C-1", "C-2", "C-3"):
            make_verification(client_id=client_id)

        found = find("client_id\nC-1\nC-2\nC-1\nC-9\nC-9\nC-8\nC-3\nC-3")

        assert counts(found) == (8, 3, 3, 2)
        assert [missing.line.identifier for missing in found.missing] == ["C-9", "C-8"]

    def test_finds_all_verifications_of_a_client_id_and_the_one_of_a_scan_reference(self) -> None:
        two = make_verifications(2, client_id="C-1")
        one, _other = make_verifications(2, client_id="C-2")

        found = find(f"C-1\n{one.scan_ref}")

        assert counts(found) == (2, 2, 0, 0)
        assert {v.pk for v in found.verifications} == {two[0].pk, two[1].pk, one.pk}

    def test_finds_one_client_under_two_references(self) -> None:
        first, second = make_verifications(2, client_id="C-1")

        found = find(f"scan_ref\n{first.scan_ref}\n{second.scan_ref}")

        assert counts(found) == (2, 1, 1, 0)
        assert len(found.verifications) == 2

    def test_takes_verifications_without_a_client_id_for_a_client_each(self) -> None:
        first, second = make_verifications(2, client_id="")

        assert counts(find(f"{first.scan_ref}\n{second.scan_ref}")) == (2, 2, 0, 0)

    def test_looks_only_where_a_named_column_says(self) -> None:
        verification = make_verification(client_id="C-1")

        assert find(f"client_id\n{verification.scan_ref}").clients == 0
        assert find("scan_ref\nC-1").clients == 0

    def test_takes_a_bare_reference_for_a_client_id_first(self) -> None:
        client = make_verification(client_id="both")
        make_verification(scan_ref="both")

        assert find("both").verifications == [client]

    @pytest.mark.parametrize(
        "text", ["c-1042", "client_id\nc-1042", f"scan_ref\n{REFERENCE.upper()}", REFERENCE.upper()]
    )
    def test_finds_what_is_written_in_the_other_case(self, text: str) -> None:
        verification = make_verification(client_id="C-1042", scan_ref=REFERENCE)

        assert find(text).verifications == [verification]

    def test_prefers_what_is_written_the_same(self) -> None:
        capitals, small = make_verification(client_id="AB-1"), make_verification(client_id="ab-1")

        assert find("AB-1").verifications == [capitals]
        assert find("ab-1").verifications == [small]

    @pytest.mark.parametrize("text", ["Ab-1", "client_id\nAB-1\nAb-1"])
    def test_does_not_choose_between_two_that_differ_in_capitals_only(self, text: str) -> None:
        make_verification(client_id="AB-1")
        make_verification(client_id="ab-1")

        found = find(text)

        assert problems(found.missing) == [
            (found.lines + text.count("client_id"), "Two differ from it in capitals only. Write it as one of them is.")
        ]

    def test_counts_what_is_double_in_the_other_case(self) -> None:
        make_verification(client_id="C-1")

        assert counts(find("C-1\nc-1\nX-1\nx-1")) == (4, 1, 2, 1)

    def test_says_why_a_line_leads_to_nobody(self) -> None:
        found = services.find_listed(
            services.list_from_text(f"client_id,name\n,Ona\nC-\ufffd,x\nC-9,x\n{'x' * 101},", most=9),
            Verification.objects.all(),
        )

        assert problems(found.missing) == [
            (2, "There is no client ID or scan reference in it."),
            (3, "Some letters cannot be read. Save the list as “CSV UTF-8”, and look again."),
            (4, ""),
            (5, ""),
        ]

    def test_finds_only_what_is_seen(self) -> None:
        make_verification(client_id="C-1", name="hidden")
        make_verification(client_id="C-2")

        found = find("C-1\nC-2", Verification.objects.exclude(name="hidden"))

        assert counts(found) == (2, 1, 0, 1)

    def test_refuses_clients_with_more_verifications_than_a_batch_may_hold(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"MAX_BATCH_SIZE": 3}
        make_verifications(2, client_id="C-1")
        make_verifications(2, client_id="C-2")

        assert find("C-1").clients == 1
        with pytest.raises(TooMany):
            find("C-1\nC-2")

    def test_asks_the_indexes_in_portions(self) -> None:
        make_verifications(3)
        text = "\n".join(f"x-{number}" for number in range(1200))

        with CaptureQueriesContext(connection) as queries:
            find(text)

        assert len(queries) == 4 * 3  # two columns, as written and in capitals
        assert not [query for query in queries if re.search("LIKE|UPPER|LOWER", query["sql"])]


class TestAddable:
    def test_is_what_has_a_scan_reference_and_is_not_here(self) -> None:
        here = make_verification(client_id="C-1")

        new = addable(f"client_id,scan_ref\nC-7,S-1\nC-1,{here.scan_ref}\nC-8,\nC-1,S-2")

        assert [row["scan_ref"] for row in new.rows()] == ["S-1", "S-2"]

    def test_is_taken_over_as_idenfy_writes_it(self) -> None:
        new = addable(
            f"scan_ref,client_id,name,status\nS-1,C-7,Rasa,approved\n{REFERENCE.upper()},,,\ns-1,C-7,Rasa,approved"
        )

        assert new.rows() == [
            {"scan_ref": "S-1", "client_id": "C-7", "name": "Rasa", "status": "APPROVED"},
            {"scan_ref": REFERENCE, "client_id": "", "name": "", "status": ""},
        ]

    def test_is_of_a_list_without_names_of_columns_what_looks_like_a_reference_of_idenfy(self) -> None:
        new = addable(f"C-1042\n{REFERENCE}\nabc-def")

        assert [row["scan_ref"] for row in new.rows()] == [REFERENCE]

    def test_is_not_what_somebody_else_sees(self) -> None:
        make_verification(scan_ref="S-1")

        found = find("scan_ref\nS-1\nS-2", Verification.objects.none())

        assert [row["scan_ref"] for row in services.addable(found).rows()] == ["S-2"]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("a/b,,,", "scan_ref: A scan reference has 1 to 40 letters"),
            (f"{'x' * 41},,,", "scan_ref: A scan reference has 1 to 40 letters"),
            (f"S-2,{'x' * 101},,", "client_id: "),
            (f"S-2,,{'x' * 201},", "name: "),
            (f"S-2,,,{'x' * 41}", "status: "),
            ("S-2,,\ufffdar\ufffdnas,", "Some letters cannot be read. Save the list as “CSV UTF-8”"),
            ("S-\ufffd,,,", "Some letters cannot be read. Save the list as “CSV UTF-8”"),
            ("S-1,C-9,,", "A line above says something else"),
        ],
    )
    def test_is_nothing_while_one_line_has_a_fault(self, line: str, words: str) -> None:
        new = addable(f"scan_ref,client_id,name,status\nS-1,C-1,Rasa,\n{line}\n,C-77,,")

        assert new.lines == []
        ((number, problem),) = problems(new.problems)
        assert number == 3
        assert words in problem
