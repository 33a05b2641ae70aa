"""Above ``SECOND_PERSON_ABOVE`` whoever planned fills in, and somebody else confirms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import RequestBatch, RequestEvent
from idenfy_kyc.testing.plugin import RunningFake
from tests.admin.pages import filled_in, make_plan, messages_of, plan_for, url, words_of
from tests.factories import make_verification
from tests.services.test_meanwhile import just_before

pytestmark = pytest.mark.django_db

TYPED = {"questionnaire": "source-of-funds", "lifetime_0": "3", "note": "Annual review"}


@pytest.fixture(autouse=True)
def two_people(settings: Any) -> None:
    settings.IDENFY_KYC = settings.IDENFY_KYC | {"SECOND_PERSON_ABOVE": 2, "TYPE_COUNT_ABOVE": 2}


class TestThePlanner:
    def test_is_told_and_can_save_instead_of_ask(self, alice_client: Client, alice: Any) -> None:
        page = alice_client.get(url(make_plan(3, by=alice)))

        assert "You planned this, and it asks more than 2 clients: a second person must confirm it." in page.text
        assert 'name="_save"' in page.text
        for name in ("_confirm", "typed_count"):
            assert f'name="{name}"' not in page.text

    def test_keeps_what_he_typed_for_the_second_person(
        self, alice_client: Client, root_client: Client, alice: Any
    ) -> None:
        batch = make_plan(3, by=alice)

        saved = alice_client.post(url(batch), filled_in(_save="", **TYPED), follow=True)
        page = root_client.get(url(batch))

        assert "Nobody was asked." in messages_of(saved)[0]
        batch.refresh_from_db()
        assert (batch.questionnaire, batch.lifetime, batch.note) == (
            "source-of-funds",
            timedelta(days=3),
            "Annual review",
        )
        assert batch.is_plan
        assert 'value="source-of-funds"' in page.text
        assert 'value="Annual review"' in page.text
        assert 'name="_confirm"' in page.text
        assert "Planned by Alice Example on " in page.text

    def test_keeps_the_digits_of_the_only_client_too(
        self, alice_client: Client, root_client: Client, alice: Any, settings: Any, fake_idenfy: RunningFake
    ) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"SECOND_PERSON_ABOVE": 0}
        batch = plan_for(make_verification(), by=alice)
        typed = filled_in(_save="", bank_card_verification="on", bank_card_expected_last_four="4242")

        alice_client.post(url(batch), typed)
        page = root_client.get(url(batch))
        root_client.post(url(batch), filled_in(expected="1", bank_card_expected_last_four=""))

        assert 'value="4242"' in page.text
        assert batch.requests.get().bank_card_expected_last_four == ""

    @pytest.mark.parametrize("field", ["note", "lifetime_0"])
    def test_is_shown_what_is_wrong_before_it_is_saved(self, alice_client: Client, alice: Any, field: str) -> None:
        batch = make_plan(3, by=alice)

        page = alice_client.post(url(batch), filled_in(_save="", questionnaire="kept") | {field: ""})

        assert "autofocus" in page.text
        assert 'value="kept"' in page.text
        assert 'name="_save"' in page.text
        assert RequestBatch.objects.get(pk=batch.pk).questionnaire == ""

    def test_is_refused_and_recorded_when_he_posts_it_by_hand(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(3, by=alice)

        page = alice_client.post(url(batch), filled_in(expected="3", **TYPED))

        assert messages_of(page) == [
            "A second person must confirm this plan. Nobody was asked; that you tried is on record."
        ]
        assert 'value="source-of-funds"' in page.text
        assert batch.rows_in(State.DRAFT).count() == 3
        line = RequestEvent.objects.get(kind=EventKind.NOT_ALLOWED)
        assert (line.actor, line.actor_name, line.params) == (alice, "Alice Example", {"clients": 3})

    def test_may_confirm_once_few_enough_are_left(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(3, by=alice)
        services.leave_out(batch, [batch.requests.order_by("pk")[0].pk], by=alice)

        page = alice_client.get(url(batch))

        assert 'name="_confirm"' in page.text
        assert "second person" not in page.text


class TestTheSecondPerson:
    def test_confirms_with_the_number_typed(
        self, root_client: Client, root: Any, alice: Any, fake_idenfy: RunningFake
    ) -> None:
        batch = make_plan(3, by=alice)

        page = root_client.post(url(batch), filled_in(expected="3"), follow=True)

        assert "Of 3 clients <strong>3 have a link</strong>." in words_of(page)
        assert RequestBatch.objects.get(pk=batch.pk).confirmed_by == root

    def test_is_anybody_where_the_setting_is_off(self, alice_client: Client, alice: Any, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"SECOND_PERSON_ABOVE": None}

        page = alice_client.get(url(make_plan(3, by=alice)))

        assert 'name="_confirm"' in page.text

    def test_finds_the_refusal_in_the_history_of_the_request(
        self, alice_client: Client, root_client: Client, alice: Any, fake_idenfy: RunningFake
    ) -> None:
        batch = make_plan(3, by=alice)
        alice_client.post(url(batch), filled_in(expected="3"))
        root_client.post(url(batch), filled_in(expected="3"))
        request = batch.requests.order_by("pk")[0]

        page = root_client.get(f"/admin/idenfy_kyc/informationrequest/{request.pk}/change/")

        assert "Not confirmed: a second person must confirm this plan" in page.text


class TestSaving:
    def test_comes_too_late_after_the_confirmation(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(2, by=alice)
        batch.note, batch.questionnaire = "review", "q"
        services.confirm(batch, by=alice)

        page = alice_client.post(url(batch), filled_in(_save=""), follow=True)

        assert messages_of(page) == ["This plan was confirmed already. Nobody is asked twice."]
        assert RequestBatch.objects.get(pk=batch.pk).note == "review"

    def test_says_so_when_somebody_confirms_in_that_very_moment(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(2, by=alice, status="DENIED")
        other_tab = RequestBatch.objects.get(pk=batch.pk)
        other_tab.note, other_tab.questionnaire = "review", "q"

        with just_before(RequestBatch._meta.db_table, lambda: services.confirm(other_tab, by=alice)):
            page = alice_client.post(url(batch), filled_in(_save=""), follow=True)

        assert messages_of(page) == ["This plan was confirmed in the meantime: it cannot be changed."]
        assert RequestBatch.objects.get(pk=batch.pk).note == "review"
