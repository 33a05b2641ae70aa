"""The fingerprint of the account that a batch was confirmed with: what it holds to, and what it lets go."""

from __future__ import annotations

import re
from typing import Any

import pytest

from idenfy_kyc import services
from idenfy_kyc.choices import PauseReason, State
from idenfy_kyc.models import RequestBatch
from idenfy_kyc.services.account import fingerprint
from idenfy_kyc.testing import CREDENTIALS
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_queue, make_verifications

pytestmark = pytest.mark.django_db

URL = "https://ivs.idenfy.com"


class TestFingerprint:
    def test_shows_neither_the_key_nor_the_address(self, configure: Any) -> None:
        configure(API_KEY="the-key", BASE_URL=URL)

        assert re.fullmatch("[0-9a-f]{64}", fingerprint())

    @pytest.mark.parametrize(
        ("change", "is_another"),
        [
            ({"API_KEY": "another"}, True),
            ({"BASE_URL": "https://example.com"}, True),
            ({"BASE_URL": f"{URL}/"}, False),
            ({"API_SECRET": "another"}, False),
            ({"CONCURRENCY": 1, "ENVIRONMENT": "TEST"}, False),
        ],
    )
    def test_is_of_the_address_and_the_key(self, configure: Any, change: dict[str, Any], is_another: bool) -> None:
        configure(API_KEY="the-key", BASE_URL=URL)
        before = fingerprint()

        configure(**change)

        assert (fingerprint() != before) is is_another


class TestABatch:
    def test_belongs_to_the_account_that_it_was_confirmed_with_not_planned(
        self, fake_idenfy: RunningFake, configure: Any
    ) -> None:
        configure(API_KEY="when it was planned")
        plan = services.plan(make_verifications(1), planned_by=None, note="n", questionnaire="q")
        planned_with = plan.fingerprint
        configure(API_KEY=CREDENTIALS[0])

        services.confirm(plan, by=None, expected=1)
        services.send(plan)

        assert planned_with == ""
        assert RequestBatch.objects.get().fingerprint == fingerprint()
        assert plan.rows_in(State.ISSUED).count() == 1

    def test_goes_on_with_its_own_account_only(self, fake_idenfy: RunningFake, configure: Any) -> None:
        batch = make_queue(2)
        configure(API_KEY="of a test machine")
        services.send(batch)

        batch.refresh_from_db()
        resumed_with_another = services.resume(batch, by=None)
        configure(API_KEY=CREDENTIALS[0])
        resumed_with_its_own = services.resume(batch, by=None)
        services.send(batch)

        assert batch.pause_reason == PauseReason.OTHER_ACCOUNT
        assert (resumed_with_another, resumed_with_its_own) == (False, True)
        assert batch.rows_in(State.ISSUED).count() == 2
        assert set(fake_idenfy.fake.count_posts().values()) == {1}

    def test_of_another_account_can_still_be_withdrawn(self, fake_idenfy: RunningFake, configure: Any) -> None:
        batch = make_queue(2)
        configure(API_KEY="of a test machine")
        services.send(batch)

        assert services.withdraw(batch.requests.all(), by=None, note="wrong machine") == 2
        assert fake_idenfy.fake.posts() == []
