"""The fixtures that other projects use."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from django.urls import reverse

from idenfy_kyc import signals
from idenfy_kyc.choices import State
from idenfy_kyc.conf import get_settings
from idenfy_kyc.models import Verification
from idenfy_kyc.testing import SIGNING_KEY, FakeIdenfy, Fault, questionnaire
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_request
from tests.testing.calls import connect, post

pytest_plugins = ["idenfy_kyc.testing.plugin"]


@pytest.fixture
def seven_at_a_time(settings: Any) -> None:
    settings.IDENFY_KYC = {"CONCURRENCY": 7}


class TestFakeIdenfyFixture:
    def test_answers_at_a_socket(self, fake_idenfy: RunningFake) -> None:
        with closing(connect(fake_idenfy.url)) as connection:
            status, _ = post(connection)

        assert status == 200
        assert fake_idenfy.fake.count_issued() == {"scan-1": 1}

    def test_is_where_the_settings_point(self, fake_idenfy: RunningFake) -> None:
        own = get_settings()

        assert own.BASE_URL == fake_idenfy.url
        assert own.is_configured
        assert own.call_deadline < 10

    @pytest.mark.usefixtures("seven_at_a_time", "fake_idenfy")
    def test_leaves_the_other_settings_alone(self) -> None:
        assert get_settings().CONCURRENCY == 7

    def test_can_be_steered_through_its_file(self, fake_idenfy: RunningFake) -> None:
        with FakeIdenfy(fake_idenfy.path) as elsewhere:
            elsewhere.misbehave(Fault.UNAVAILABLE)

        with closing(connect(fake_idenfy.url)) as connection:
            assert post(connection)[0] == 503

    @pytest.mark.usefixtures("seven_at_a_time")
    def test_gives_a_key_to_a_project_without_one(self, request: pytest.FixtureRequest) -> None:
        request.getfixturevalue("fake_idenfy")

        assert get_settings().WEBHOOK_SIGNING_KEYS == (SIGNING_KEY,)

    @pytest.mark.django_db(transaction=True)
    def test_tells_a_project_that_runs(self, fake_idenfy: RunningFake, live_server: Any) -> None:
        fake_idenfy.fake.webhook_url = live_server.url + reverse("idenfy_kyc:webhook")

        fake_idenfy.fake.people.decide("scan-1", status="DENIED")

        give_up_at = time.monotonic() + 10
        while not fake_idenfy.fake.told()[0].is_accepted:
            assert time.monotonic() < give_up_at
            time.sleep(0.02)
        assert Verification.objects.get().status == "DENIED"


class TestIdenfyReportsFixture:
    @pytest.mark.django_db
    def test_says_what_idenfy_now_reports(self, idenfy_reports: Callable[..., Any]) -> None:
        heard: list[int] = []

        def listen(sender: object, *, request_id: int, **kwargs: object) -> None:
            heard.append(request_id)

        signals.information_received.connect(listen)
        request = make_request(State.ISSUED)
        answers = questionnaire("Source of funds", {"Where does your money come from?": "My salary"})

        response = idenfy_reports(
            "IDENTIFICATION_RESUBMITTED", request.verification.scan_ref, questionnaire=answers, final=False
        )

        signals.information_received.disconnect(listen)
        request.refresh_from_db()
        assert response.status_code == 200
        assert request.state == State.COMPLETED
        assert heard == [request.pk]

    @pytest.mark.django_db
    def test_knows_the_event_that_has_another_body(self, idenfy_reports: Callable[..., Any]) -> None:
        idenfy_reports("DOCUMENT_EXPIRATION", "scan-1", day="2027-01-01")

        assert Verification.objects.get().document_expires == "2027-01-01"

    @pytest.mark.django_db
    def test_gives_a_key_to_a_project_without_one(self, settings: Any, request: pytest.FixtureRequest) -> None:
        settings.IDENFY_KYC = {}
        idenfy_reports = request.getfixturevalue("idenfy_reports")

        assert idenfy_reports("IDENTIFICATION_AUTO_FINISHED", "scan-1").status_code == 200
