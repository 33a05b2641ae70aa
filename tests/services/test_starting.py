from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind
from idenfy_kyc.exceptions import IdenfyConnectionError, IdenfyResponseError, IdenfyStatusError
from idenfy_kyc.models import RequestEvent, Verification
from idenfy_kyc.testing import Fault
from idenfy_kyc.testing.plugin import RunningFake

pytestmark = pytest.mark.django_db


class TestStartVerification:
    def test_keeps_the_verification_and_says_where_the_client_goes(self, fake_idenfy: RunningFake) -> None:
        started = services.start_verification("C-1042", first_name="Rasa", last_name="Kazlauskienė", locale="lt")

        verification = Verification.objects.get()
        assert started.verification == verification
        assert (verification.client_id, verification.name) == ("C-1042", "Rasa Kazlauskienė")
        assert (verification.status, verification.is_final, verification.verified_at) == ("ACTIVE", False, None)
        assert started.redirect_url == f"{fake_idenfy.url}/api/v2/redirect?authToken={started.token}"
        session = fake_idenfy.fake.session(started.token)
        assert session is not None
        assert session.scan_ref == verification.scan_ref
        assert session.asks == {
            "clientId": "C-1042",
            "tokenType": "IDENTIFICATION",
            "firstName": "Rasa",
            "lastName": "Kazlauskienė",
            "locale": "lt",
        }

    @pytest.mark.usefixtures("fake_idenfy")
    def test_leaves_a_line_in_the_record_without_a_name_or_a_secret(self) -> None:
        started = services.start_verification("C-1042", first_name="Rasa")

        line = RequestEvent.objects.get()
        assert (line.kind, line.verification, line.batch, line.params) == (
            EventKind.STARTED,
            started.verification,
            None,
            {},
        )

    @pytest.mark.usefixtures("fake_idenfy")
    def test_shows_its_secrets_to_nobody(self, caplog: pytest.LogCaptureFixture) -> None:
        started = services.start_verification("C-1042")

        assert started.token not in repr(started) + caplog.text
        assert started.token not in repr(started.redirect_url) + repr(started.token)
        assert parse_qs(urlsplit(started.redirect_url).query) == {"authToken": [started.token]}

    def test_begins_another_one_each_time(self, fake_idenfy: RunningFake) -> None:
        scan_refs = {services.start_verification("C-1042").verification.scan_ref for _ in range(2)}

        assert len(scan_refs) == Verification.objects.count() == 2
        assert fake_idenfy.fake.count_issued() == {}

    @pytest.mark.usefixtures("fake_idenfy")
    def test_takes_the_verification_that_is_there_already(self, monkeypatch: pytest.MonkeyPatch) -> None:
        known = Verification.objects.create(scan_ref="scan-1", client_id="C-1042", status="APPROVED")
        monkeypatch.setattr("idenfy_kyc.testing.fake.uuid.uuid4", lambda: "scan-1")

        started = services.start_verification("C-1042")

        known.refresh_from_db()
        assert started.verification == known
        assert known.status == "APPROVED"

    @pytest.mark.usefixtures("fake_idenfy")
    def test_may_run_inside_a_transaction(self) -> None:
        with transaction.atomic():
            services.start_verification("C-1042")

        assert Verification.objects.count() == 1

    @pytest.mark.parametrize(
        ("asks", "field"),
        [
            ({"client_id": ""}, "client_id"),
            ({"client_id": " "}, "client_id"),
            ({"client_id": "Č-1"}, "client_id"),
            ({"client_id": "C\n1"}, "client_id"),
            ({"client_id": "C" * 101}, "client_id"),
            ({"first_name": "R" * 101}, "first_name"),
            ({"last_name": "Kazlauskienė!"}, "last_name"),
            ({"external_ref": "x" * 41}, "external_ref"),
            ({"locale": "lt-LT-xx"}, "locale"),
            ({"country": "LTU"}, "country"),
            ({"country": "1T"}, "country"),
            ({"success_url": "/done/"}, "success_url"),
            ({"success_url": "a://"}, "success_url"),
            ({"error_url": "https://example.com/" + "x" * 2048}, "error_url"),
            ({"unverified_url": "https://exa mple.com/"}, "unverified_url"),
            ({"callback_url": "https://[::1/"}, "callback_url"),
            ({"expiry_time": timedelta()}, "expiry_time"),
            ({"expiry_time": timedelta(days=31)}, "expiry_time"),
            ({"session_length": timedelta(seconds=59)}, "session_length"),
            ({"session_length": timedelta(minutes=61)}, "session_length"),
        ],
        ids=str,
    )
    def test_refuses_what_idenfy_would_and_sends_nothing(
        self, fake_idenfy: RunningFake, asks: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(ValidationError) as caught:
            services.start_verification(**{"client_id": "C-1042"} | asks)

        assert list(caught.value.message_dict) == [field]
        assert fake_idenfy.fake.posts() == []
        assert not Verification.objects.exists()

    @pytest.mark.parametrize(
        "asks",
        [
            {"success_url": "bankapp://verified"},
            {"country": "lt", "locale": "lt"},
            {"expiry_time": timedelta(days=30), "session_length": timedelta(hours=1)},
            {"first_name": "Ó Briain", "last_name": "Wiśniewski-O'Neil"},
        ],
        ids=str,
    )
    @pytest.mark.usefixtures("fake_idenfy")
    def test_takes_what_idenfy_takes(self, asks: dict[str, Any]) -> None:
        assert services.start_verification("C-1042", **asks).redirect_url

    def test_knows_no_other_asks(self, fake_idenfy: RunningFake) -> None:
        with pytest.raises(TypeError, match="first_nme"):
            services.start_verification("C-1042", first_nme="Rasa")

        assert fake_idenfy.fake.posts() == []

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault.UNAUTHORIZED, IdenfyStatusError),
            (Fault.SERVER_ERROR_HTML, IdenfyStatusError),
            (Fault.NO_TOKEN, IdenfyResponseError),
            (Fault.NONSENSE, IdenfyResponseError),
            (Fault.CUT_AFTER, IdenfyConnectionError),
        ],
    )
    def test_says_what_went_wrong_and_can_be_called_again(
        self, fake_idenfy: RunningFake, fault: Fault, error: type[Exception]
    ) -> None:
        fake_idenfy.fake.misbehave(fault, times=1)
        with pytest.raises(error):
            services.start_verification("C-1042")
        left = Verification.objects.count()

        services.start_verification("C-1042")

        assert (left, Verification.objects.count()) == (0, 1)

    def test_builds_the_address_if_idenfy_sent_none(self, fake_idenfy: RunningFake) -> None:
        fake_idenfy.fake.misbehave(Fault.NO_SESSION_URL)

        started = services.start_verification("C-1042")

        assert started.redirect_url == f"{fake_idenfy.url}/api/v2/redirect?authToken={started.token}"

    def test_needs_credentials(self, settings: Any) -> None:
        settings.IDENFY_KYC = {}

        with pytest.raises(ImproperlyConfigured, match="API_KEY"):
            services.start_verification("C-1042")
