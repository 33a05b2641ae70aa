from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import State
from idenfy_kyc.exceptions import AlreadyOpen, NotEligible
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent, Verification
from idenfy_kyc.testing import Fault
from tests.factories import make_batch, make_request, make_verification

pytestmark = pytest.mark.django_db(transaction=True)


def ask(verification: Verification, **asks: Any) -> InformationRequest:
    """One request with everything it needs, and what the test changes."""
    asks = {"note": "annual review", "questionnaire": "source-of-funds", "requested_by": None} | asks
    return services.request_information(verification, **asks)


class TestRequestInformation:
    @pytest.mark.parametrize("name", ["confirmed_at", "fingerprint", "paused_at", "questionaire"])
    def test_takes_nothing_but_what_can_be_asked(self, name: str) -> None:
        with pytest.raises(TypeError, match=name):
            ask(make_verification(), **{name: "x"})

        assert not RequestBatch.objects.exists()

    def test_is_not_kept_from_asking_by_a_request_of_another_verification_that_is_over(self, fake_idenfy: Any) -> None:
        past = timezone.now() - timedelta(days=1)
        batch = make_batch(confirmed=True, per_verification=True)
        earlier = make_request(State.ISSUED, batch=batch, expires_at=past)

        request = ask(make_verification(client_id=earlier.verification.client_id))

        assert request.shown_state is State.ISSUED

    def test_leaves_everybody_elses_rows_alone_inside_a_transaction(self) -> None:
        past = timezone.now() - timedelta(days=1)
        stranger, own = make_request(State.ISSUED, expires_at=past), make_request(State.ISSUED, expires_at=past)

        with transaction.atomic():
            ask(make_verification(client_id=own.verification.client_id), send=False)

        stranger.refresh_from_db()
        own.refresh_from_db()
        assert (stranger.state, own.state) == (State.ISSUED, State.EXPIRED)

    def test_asks_at_once_and_returns_the_link(self, fake_idenfy: Any, officer: Any) -> None:
        verification = make_verification()

        request = ask(verification, requested_by=officer, lifetime=timedelta(days=2))

        post = fake_idenfy.fake.posts()[0]
        assert request.shown_state is State.ISSUED
        assert request.token == post.token
        assert post.token in request.session_url
        assert request.expires_at is not None
        assert request.sent_at is not None
        assert request.expires_at - request.sent_at == timedelta(days=2)
        assert (request.batch.confirmed_by, request.batch.planned_by) == (officer, officer)

    def test_sends_all_that_was_asked_and_nothing_else(self, fake_idenfy: Any) -> None:
        ask(
            make_verification(),
            questionnaire="",
            additional_step_upload_required=True,
            bank_card_verification=True,
            bank_card_expected_last_four="0042",
            lifetime=timedelta(hours=1),
        )

        body = fake_idenfy.fake.posts()[0].body
        assert (
            body == '{"lifetime": 3600, "additionalStepUploadRequired": true,'
            ' "bankCardVerification": true, "bankCardExpectedLastFour": "0042"}'
        )

    @pytest.mark.parametrize(
        ("fault", "state"),
        [
            (Fault.BAD_VALUE, State.REFUSED),
            (Fault.CUT_AFTER, State.UNKNOWN),
            (Fault.BAD_GATEWAY, State.UNKNOWN),
            (Fault.RATE_LIMITED, State.QUEUED),
            (Fault.UNAUTHORIZED, State.QUEUED),
        ],
    )
    def test_returns_the_request_as_the_call_left_it(self, fake_idenfy: Any, fault: Fault, state: State) -> None:
        fake_idenfy.fake.misbehave(fault)

        request = ask(make_verification())

        assert request.state == state
        assert not request.has_link

    def test_only_queues_inside_a_transaction_if_told_so(self, fake_idenfy: Any) -> None:
        with transaction.atomic():
            request = ask(make_verification(), send=False)

        assert request.state == State.QUEUED
        assert fake_idenfy.fake.posts() == []
        services.send(request.batch)
        request.refresh_from_db()
        assert request.state == State.ISSUED

    def test_leaves_nothing_behind_when_the_callers_transaction_is_taken_back(self, fake_idenfy: Any) -> None:
        verification = make_verification()

        with transaction.atomic():
            ask(verification, send=False)
            transaction.set_rollback(True)

        assert not RequestBatch.objects.exists()

    def test_refuses_to_send_inside_a_transaction(self, fake_idenfy: Any) -> None:
        verification = make_verification()

        with pytest.raises(RuntimeError), transaction.atomic():
            ask(verification)

        assert not RequestBatch.objects.exists()
        assert fake_idenfy.fake.posts() == []


class TestRefusals:
    """Nothing is made, and nothing is sent."""

    @pytest.fixture(autouse=True)
    def _nothing_happens(self, fake_idenfy: Any) -> Any:
        yield
        assert fake_idenfy.fake.posts() == []
        assert not InformationRequest.objects.exclude(state=State.ISSUED).exists()
        assert RequestBatch.objects.count() <= 1
        assert not RequestEvent.objects.exists()

    @pytest.mark.parametrize("send", [True, False])
    def test_name_an_open_request_of_the_verification(self, send: bool) -> None:
        verification = make_request(State.ISSUED).verification

        with pytest.raises(AlreadyOpen):
            ask(verification, send=send)

    def test_name_an_open_request_of_the_client(self) -> None:
        client_id = make_request(State.ISSUED).verification.client_id

        with pytest.raises(AlreadyOpen):
            ask(make_verification(client_id=client_id))

    def test_name_a_status_that_rules_it_out(self) -> None:
        with pytest.raises(NotEligible):
            ask(make_verification(status="DELETED"))

    def test_look_at_the_status_as_it_is_and_not_as_the_caller_remembers_it(self) -> None:
        verification = make_verification()
        Verification.objects.update(status="DELETED")

        with pytest.raises(NotEligible):
            ask(verification)

    def test_look_at_the_client_as_he_is_and_not_as_the_caller_remembers_him(self) -> None:
        earlier, verification = make_request(State.ISSUED), make_verification()
        Verification.objects.filter(pk=verification.pk).update(client_id=earlier.verification.client_id)

        with pytest.raises(AlreadyOpen):
            ask(verification)

    @pytest.mark.parametrize(
        ("asks", "field"),
        [
            ({"questionnaire": ""}, "additional_step_upload_required"),
            ({"questionnaire": "  "}, "additional_step_upload_required"),
            ({"note": ""}, "note"),
            ({"lifetime": timedelta(0)}, "lifetime"),
            ({"lifetime": timedelta(minutes=5)}, "lifetime"),
            ({"lifetime": timedelta(days=31)}, "lifetime"),
            ({"lifetime": None}, "lifetime"),
            ({"risk_assessment_profile": "no-uuid"}, "risk_assessment_profile"),
            ({"bank_card_expected_last_four": "42"}, "bank_card_expected_last_four"),
        ],
    )
    def test_stand_at_the_field(self, asks: dict[str, Any], field: str) -> None:
        with pytest.raises(ValidationError) as refused:
            ask(make_verification(), **asks)

        assert list(refused.value.message_dict) == [field]

    def test_name_the_settings_that_are_missing(self, settings: Any) -> None:
        verification = make_verification()
        settings.IDENFY_KYC = {}

        with pytest.raises(ImproperlyConfigured):
            ask(verification)

    def test_name_an_argument_that_nobody_knows(self) -> None:
        with pytest.raises(TypeError):
            ask(make_verification(), questionaire="typo")
