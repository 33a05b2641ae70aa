from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from idenfy_kyc.choices import State
from idenfy_kyc.models import Verification
from idenfy_kyc.models.verification import erased_digests
from tests.factories import make_request, make_verification

INELIGIBLE = ("DELETED", "ARCHIVED", "EXPIRED", "EXPIRED-DELETED", "ACTIVE")


class TestVerification:
    @pytest.mark.parametrize("scan_ref", ["3f2d0e6a-0a37-11ec-a45b-025ad99a18e7", "a", "A-9" * 13])
    def test_takes_a_scan_reference_of_idenfys_kind(self, scan_ref: str) -> None:
        Verification(scan_ref=scan_ref).clean_fields()

    @pytest.mark.parametrize("scan_ref", ["", "..", "a/b", "a?b", "a b", "ä", "a\n", "x" * 41, "%2e%2e"])
    def test_refuses_a_scan_reference_that_is_none(self, scan_ref: str) -> None:
        with pytest.raises(ValidationError):
            Verification(scan_ref=scan_ref).clean_fields()

    @pytest.mark.django_db
    def test_is_there_once(self) -> None:
        verification = make_verification()

        with pytest.raises(IntegrityError), transaction.atomic():
            make_verification(scan_ref=verification.scan_ref)

    @pytest.mark.django_db
    def test_is_kept_while_a_request_refers_to_it(self) -> None:
        request = make_request(State.REFUSED)

        with pytest.raises(ProtectedError):
            request.verification.delete()

    @pytest.mark.parametrize(
        ("fields", "label"),
        [
            ({"name": "Ona", "client_id": "C-1"}, "Ona"),
            ({"client_id": "C-1"}, "C-1"),
            ({}, "scan-1"),
        ],
    )
    def test_is_called_by_what_staff_know_best(self, fields: dict[str, str], label: str) -> None:
        assert Verification(scan_ref="scan-1", **fields).label == label

    @pytest.mark.parametrize(
        ("status", "label"),
        [("APPROVED", "Approved"), ("", "Not known yet"), ("WAITING", "WAITING (iDenfy’s new word)")],
    )
    def test_has_its_status_in_words(self, status: str, label: str) -> None:
        assert str(Verification(status=status).status_label) == label


class TestEligible:
    @pytest.mark.parametrize("status", [*INELIGIBLE, "APPROVED", "DENIED", "SUSPECTED", "REVIEWING", "", "NEW-WORD"])
    def test_is_all_but_what_is_over_or_not_finished(self, status: str) -> None:
        assert Verification(status=status).is_eligible is (status not in INELIGIBLE)

    def test_follows_the_setting(self, settings: Any) -> None:
        settings.IDENFY_KYC = {"INELIGIBLE_STATUSES": ["DENIED"]}

        assert [Verification(status=status).is_eligible for status in ("DENIED", "DELETED")] == [False, True]


@pytest.mark.django_db
class TestOfClients:
    def test_finds_every_verification_and_takes_a_blank_for_nobody(self) -> None:
        first, second = make_verification(client_id="C-1"), make_verification(client_id="C-1")
        make_verification(client_id="")
        make_verification(client_id="C-2")

        assert set(Verification.objects.of_clients(["C-1", ""])) == {first, second}


class TestErasedDigests:
    def test_begin_with_the_one_that_is_stored(self, settings: Any) -> None:
        assert len(erased_digests("C-1")) == 1

        settings.IDENFY_KYC = settings.IDENFY_KYC | {"ERASURE_KEY": "a key that never changes"}
        assert len(erased_digests("C-1")) == 2

    def test_are_of_every_key_that_secret_key_had(self, settings: Any) -> None:
        (older,) = erased_digests("C-1")

        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "newer", [settings.SECRET_KEY]

        newer, *others = erased_digests("C-1")
        assert others == [older]
        assert newer != older

    def test_outlive_secret_key_with_a_key_of_their_own(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"ERASURE_KEY": "a key that never changes"}
        stored = erased_digests("C-1")[0]

        settings.SECRET_KEY = "newer"

        assert erased_digests("C-1")[0] == stored

    def test_tell_one_client_from_another(self) -> None:
        assert len({erased_digests(client_id)[0] for client_id in ("a", "A", "ä", "a ")}) == 4

    def test_are_none_without_a_client_id(self) -> None:
        assert erased_digests("") == []
