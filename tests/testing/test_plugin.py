"""The fixture that other projects use."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from idenfy_kyc.conf import get_settings
from idenfy_kyc.testing import FakeIdenfy, Fault
from idenfy_kyc.testing.plugin import RunningFake
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
