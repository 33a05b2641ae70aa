"""What the host project is told, as its documentation says it is."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from unittest.mock import Mock, create_autospec

import pytest
from django.db import connection

from idenfy_kyc import services, signals
from idenfy_kyc.choices import State
from idenfy_kyc.models import InformationRequest
from idenfy_kyc.signals import information_requested
from idenfy_kyc.testing import Fault
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_queue


def receiver(sender: type[InformationRequest], *, request_id: int, **kwargs: object) -> None: ...


@pytest.fixture
def told() -> Iterator[Mock]:
    """A receiver that takes what the documented one takes, and nothing else."""
    spy: Mock = create_autospec(receiver, return_value=None)
    information_requested.connect(spy, weak=False)
    yield spy
    information_requested.disconnect(spy)


class TestInformationRequested:
    def test_is_documented_with_the_receiver_that_these_tests_take(self) -> None:
        assert signals.__doc__ is not None
        assert f"def receiver{inspect.signature(receiver)}: ...".replace("'", "") in signals.__doc__

    @pytest.mark.django_db
    def test_tells_of_each_link_and_of_nothing_else(self, fake_idenfy: RunningFake, told: Mock) -> None:
        batch = make_queue(3)
        fake_idenfy.fake.misbehave(Fault.BAD_VALUE, times=1)

        services.send(batch)

        issued = set(batch.rows_in(State.ISSUED).values_list("pk", flat=True))
        assert {call.kwargs["request_id"] for call in told.call_args_list} == issued
        assert len(told.call_args_list) == len(issued) == 2
        assert {call.kwargs["sender"] for call in told.call_args_list} == {InformationRequest}

    @pytest.mark.django_db(transaction=True)
    def test_comes_after_the_commit(self, fake_idenfy: RunningFake, told: Mock) -> None:
        batch = make_queue(2)
        told.side_effect = lambda sender, *, request_id, **kwargs: seen.append(
            (connection.in_atomic_block, InformationRequest.objects.get(pk=request_id).state)
        )
        seen: list[tuple[bool, str]] = []

        services.send(batch)

        assert seen == [(False, State.ISSUED)] * 2

    @pytest.mark.django_db
    def test_goes_on_when_a_receiver_breaks_and_django_says_which(
        self, fake_idenfy: RunningFake, told: Mock, caplog: pytest.LogCaptureFixture
    ) -> None:
        batch = make_queue(2)
        told.side_effect = LookupError("no such customer")

        services.send(batch)

        assert batch.rows_in(State.ISSUED).count() == 2
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert [record.name for record in errors] == ["django.dispatch"] * 2
        assert [row.pk for row in batch.requests.all() if row.token in caplog.text] == []
