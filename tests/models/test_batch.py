from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from idenfy_kyc.choices import PauseReason
from idenfy_kyc.models import RequestBatch
from tests.factories import make_batch

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def batch_with(**fields: Any) -> RequestBatch:
    return RequestBatch(**({"note": "annual review", "questionnaire": "source-of-funds"} | fields))


class TestClean:
    @pytest.mark.parametrize(
        "asks",
        [
            {"questionnaire": "source-of-funds"},
            {"questionnaire": "", "additional_step_upload_required": True},
            {"questionnaire": "", "bank_card_verification": True},
            {"questionnaire": "", "risk_assessment_profile": "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7"},
            {"lifetime": timedelta(hours=1)},
            {"lifetime": timedelta(days=30)},
        ],
    )
    def test_takes_what_may_be_asked(self, asks: dict[str, Any]) -> None:
        batch_with(**asks).clean()

    @pytest.mark.parametrize(
        ("fields", "where"),
        [
            ({"questionnaire": ""}, "additional_step_upload_required"),
            ({"questionnaire": "  \t "}, "additional_step_upload_required"),
            ({"lifetime": timedelta()}, "lifetime"),
            ({"lifetime": timedelta(minutes=5)}, "lifetime"),
            ({"lifetime": timedelta(days=31)}, "lifetime"),
            ({"lifetime": timedelta(days=-1)}, "lifetime"),
            ({"note": ""}, "note"),
            ({"note": " \n "}, "note"),
        ],
    )
    def test_refuses_at_the_field(self, fields: dict[str, Any], where: str) -> None:
        with pytest.raises(ValidationError) as refused:
            batch_with(**fields).clean()

        assert set(refused.value.message_dict) == {where}

    def test_says_everything_that_is_wrong_at_once(self) -> None:
        with pytest.raises(ValidationError) as refused:
            batch_with(note="", questionnaire="", lifetime=timedelta()).clean()

        assert set(refused.value.message_dict) == {"additional_step_upload_required", "lifetime", "note"}

    def test_strips_what_was_typed(self) -> None:
        batch = batch_with(note=" annual review ", questionnaire=" source-of-funds\n")

        batch.clean()

        assert (batch.note, batch.questionnaire) == ("annual review", "source-of-funds")


class TestPause:
    def test_waits_until_the_moment_and_not_longer(self) -> None:
        batch = RequestBatch(paused_at=NOON, paused_until=NOON + MINUTE)

        assert batch.is_waiting(NOON + MINUTE - timedelta(microseconds=1))
        assert not batch.is_waiting(NOON + MINUTE)
        assert not batch.is_stopped()

    def test_without_an_end_is_a_stop(self) -> None:
        batch = RequestBatch(paused_at=NOON)

        assert batch.is_stopped()
        assert not batch.is_waiting(NOON)

    @pytest.mark.parametrize(
        ("fields", "started"),
        [
            ({}, None),
            ({"confirmed_at": NOON}, NOON),
            ({"confirmed_at": NOON, "continued_at": NOON + MINUTE}, NOON + MINUTE),
            ({"confirmed_at": NOON, "paused_until": NOON + MINUTE}, NOON + MINUTE),
            ({"confirmed_at": NOON, "paused_until": NOON, "continued_at": NOON + MINUTE}, NOON + MINUTE),
        ],
    )
    def test_begins_a_new_run_when_it_ends(self, fields: dict[str, datetime], started: datetime | None) -> None:
        assert RequestBatch(**fields).run_started_at == started

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "fields",
        [{"paused_at": NOON}, {"paused_until": NOON, "pause_reason": "quota"}, {"pause_reason": PauseReason.PERSON}],
    )
    def test_is_refused_by_the_database_without_its_reason_or_its_start(self, fields: dict[str, Any]) -> None:
        batch = make_batch(confirmed=True)

        with pytest.raises(IntegrityError), transaction.atomic():
            RequestBatch.objects.filter(pk=batch.pk).update(**fields)
