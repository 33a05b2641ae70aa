from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from idenfy_kyc import services
from idenfy_kyc.choices import Reason, State
from idenfy_kyc.models import RequestBatch
from idenfy_kyc.testing.faults import Fault
from idenfy_kyc.testing.plugin import RunningFake
from tests.admin.pages import filled_in, make_plan, messages_of, plan_for, url
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


class TestLeavingOut:
    def test_takes_the_ticked_ones_out_of_the_plan(self, alice_client: Client) -> None:
        batch = make_plan(3)
        ticked = batch.requests.order_by("pk")[:2]

        answer = alice_client.post(
            url(batch, "leave_out"), {"row": [row.pk for row in ticked], "show": "asked", "p": "1"}
        )

        assert answer.status_code == 302
        assert answer["Location"] == url(batch) + "?at=rows&show=asked&p=1#rows"
        assert [row.reason for row in batch.rows_in(State.SKIPPED)] == [Reason.LEFT_OUT] * 2

    def test_says_what_was_done_above_the_rows_to_which_it_leads(self, alice_client: Client) -> None:
        batch = make_plan(3)
        row = batch.requests.earliest("pk")

        of_rows = alice_client.post(url(batch, "leave_out"), {"row": row.pk}, follow=True).text
        of_group = alice_client.post(url(batch, "take_back"), {"group": "left_out"}, follow=True).text

        assert of_rows.index("Who was chosen") < of_rows.index("1 client was left out.")
        assert of_group.index("1 client was taken back.") < of_group.index("Who was chosen")
        assert of_rows.count("1 client was left out.") == of_group.count("1 client was taken back.") == 1

    def test_takes_a_whole_group_of_doubtful_ones_out(self, alice_client: Client) -> None:
        batch = plan_for(make_verification(), *make_verifications(120, status="DENIED"))

        page = alice_client.post(url(batch, "leave_out"), {"group": "doubtful"}, follow=True)

        assert messages_of(page) == ["120 clients were left out."]
        assert batch.rows_in(State.DRAFT).count() == 1

    @pytest.mark.parametrize("row", ["", "abc", "-1", "9" * 40, "²", "999999"])
    def test_says_so_when_nobody_was_ticked(self, alice_client: Client, row: str) -> None:
        batch = make_plan(2)

        page = alice_client.post(url(batch, "leave_out"), {"row": row}, follow=True)

        assert messages_of(page) == ["Nobody was left out: tick the clients first."]
        assert batch.rows_in(State.DRAFT).count() == 2

    def test_touches_no_other_plan(self, alice_client: Client) -> None:
        batch, other = make_plan(1), make_plan(1)

        alice_client.post(url(batch, "leave_out"), {"row": other.requests.get().pk})

        assert other.rows_in(State.DRAFT).count() == 1

    def test_comes_too_late_after_the_confirmation(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(1, by=alice)
        batch.note, batch.questionnaire = "review", "q"
        services.confirm(batch, by=alice)

        page = alice_client.post(url(batch, "leave_out"), {"row": batch.requests.get().pk}, follow=True)

        assert messages_of(page) == ["This plan was confirmed in the meantime: it cannot be changed."]
        assert batch.rows_in(State.QUEUED).count() == 1


class TestDiscarding:
    def test_deletes_the_plan_and_goes_back_to_the_list(self, alice_client: Client) -> None:
        batch = make_plan(2)

        page = alice_client.post(url(batch, "discard"), follow=True)

        assert page.redirect_chain == [(reverse("admin:idenfy_kyc_verification_changelist"), 302)]
        assert messages_of(page) == ["The plan was discarded. Nobody was asked."]
        assert not RequestBatch.objects.exists()

    def test_is_refused_once_somebody_has_confirmed_it(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        make_request(State.ISSUED, batch=batch)

        page = alice_client.post(url(batch, "discard"), follow=True)

        assert messages_of(page) == ["This plan was confirmed in the meantime: it cannot be discarded."]
        assert RequestBatch.objects.filter(pk=batch.pk).exists()


class TestConfirming:
    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"additional_step_upload_required": ""}, "Choose at least one thing to ask for."),
            ({"lifetime_0": "0"}, "Choose between 1 hour and 30 days."),
            ({"lifetime_0": "31"}, "Choose between 1 hour and 30 days."),
            ({"risk_assessment_profile": "nope"}, "A profile ID looks like"),
            ({"note": " "}, "Give a reason."),
        ],
    )
    def test_says_at_the_field_what_is_wrong_and_queues_nothing(
        self, alice_client: Client, fields: dict[str, str], error: str
    ) -> None:
        batch = make_plan(2)

        page = alice_client.post(url(batch), filled_in(questionnaire="", **fields))

        assert page.status_code == 200
        assert error in page.text
        assert page.text.index("<title>Error:") < page.text.index("</title>")
        assert "autofocus" in page.text
        assert batch.rows_in(State.DRAFT).count() == 2
        assert RequestBatch.objects.get(pk=batch.pk).is_plan

    def test_keeps_what_was_typed(self, alice_client: Client) -> None:
        batch = make_plan(2)

        page = alice_client.post(url(batch), filled_in(note="", questionnaire="source-of-funds", lifetime_0="7"))

        assert 'value="source-of-funds"' in page.text
        assert 'name="lifetime_0" value="7"' in page.text

    def test_queues_a_large_plan_and_leaves_the_sending_to_its_page(
        self, alice_client: Client, alice: Any, fake_idenfy: RunningFake
    ) -> None:
        batch = make_plan(20, by=alice)

        answer = alice_client.post(url(batch), filled_in(expected="20", lifetime_0="3"))

        batch.refresh_from_db()
        assert (answer.status_code, answer["Location"]) == (302, url(batch))
        assert batch.rows_in(State.QUEUED).count() == 20
        assert (batch.note, batch.lifetime) == ("Annual review 2026", timedelta(days=3))
        assert batch.confirmed_by == alice
        assert fake_idenfy.fake.posts() == []

    def test_sends_what_fits_into_one_step_at_once(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        batch = plan_for(make_verification(client_id="C-1042"))
        fields = filled_in(bank_card_verification="on", bank_card_expected_last_four="4242", expected="1")

        page = alice_client.post(url(batch), fields, follow=True)

        assert "<strong>Waiting for the client.</strong>" in page.text
        assert [json.loads(post.body)["bankCardExpectedLastFour"] for post in fake_idenfy.fake.posts()] == ["4242"]

    def test_shows_the_way_on_when_the_first_step_fails(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        fake_idenfy.fake.misbehave(Fault.UNAUTHORIZED)
        batch = make_plan(2)

        page = alice_client.post(url(batch), filled_in(expected="2"), follow=True)

        assert "iDenfy does not accept the API key" in page.text
        assert batch.rows_in(State.QUEUED).count() == 2

    def test_asks_nobody_twice_when_pressed_twice(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        batch = make_plan(2)

        alice_client.post(url(batch), filled_in(expected="2"))
        page = alice_client.post(url(batch), filled_in(expected="2"), follow=True)

        assert "This plan was confirmed already. Nobody is asked twice." in messages_of(page)
        assert set(fake_idenfy.fake.count_posts().values()) == {1}

    def test_comes_back_once_with_the_difference(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        batch = make_plan(3)
        taken = batch.requests.order_by("pk")[0].verification
        make_request(State.ISSUED, verification=taken)

        page = alice_client.post(url(batch), filled_in(expected="3", questionnaire="kept"))

        assert messages_of(page) == [
            "1 of these clients was asked by somebody else in the meantime. 2 are left: check and press again."
        ]
        assert 'name="expected" value="2"' in page.text
        assert 'value="kept"' in page.text
        assert batch.rows_in(State.QUEUED).count() == 0

        alice_client.post(url(batch), filled_in(expected="2"))

        assert batch.rows_in(State.ISSUED).count() == 2

    def test_says_when_clients_may_no_longer_be_asked(self, alice_client: Client) -> None:
        batch = make_plan(3)
        gone = batch.requests.order_by("pk")[0].verification
        gone.status = "DELETED"
        gone.save()

        page = alice_client.post(url(batch), filled_in(expected="3"))

        assert messages_of(page) == ["1 of these clients can no longer be asked. 2 are left: check and press again."]

    def test_says_when_the_plan_was_changed_in_another_tab(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(3)
        services.leave_out(batch, [batch.requests.order_by("pk")[0].pk], by=alice)

        page = alice_client.post(url(batch), filled_in(expected="3"))

        assert messages_of(page) == ["This plan has changed in the meantime. 2 are left: check and press again."]

    def test_asks_nobody_else_than_was_shown_though_they_are_as_many(
        self, alice_client: Client, fake_idenfy: RunningFake
    ) -> None:
        batch = make_plan(2)
        first, second = batch.requests.order_by("pk").values_list("pk", flat=True)
        services.leave_out(batch, [second], by=None)
        page = alice_client.get(url(batch))
        services.leave_out(batch, [first], by=None)
        services.take_back(batch, [second], by=None)

        fields = filled_in(expected="1", drafts_shown=page.context["drafts_shown"])
        fields |= {"bank_card_verification": "on", "bank_card_expected_last_four": "4242"}
        page = alice_client.post(url(batch), fields)

        assert messages_of(page) == ["This plan has changed in the meantime. 1 is left: check and press again."]
        assert fake_idenfy.fake.posts() == []

        alice_client.post(url(batch), fields | {"drafts_shown": page.context["drafts_shown"]})

        assert len(fake_idenfy.fake.posts()) == 1

    def test_shows_the_end_when_nobody_is_left(self, alice_client: Client) -> None:
        batch = make_plan(1)
        make_request(State.ISSUED, verification=batch.requests.get().verification)

        page = alice_client.post(url(batch), filled_in(expected="1"))

        assert "The one chosen cannot be asked." in page.text
        assert "_confirm" not in page.text

    def test_does_nothing_without_credentials(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = {}
        batch = make_plan(1)

        page = alice_client.post(url(batch), filled_in(expected="1"))

        assert "<code>API_KEY</code>" in page.text
        assert batch.rows_in(State.DRAFT).count() == 1

    def test_queues_nobody_unless_a_large_number_is_typed(self, alice_client: Client) -> None:
        batch = make_plan(101)

        page = alice_client.post(url(batch), filled_in(expected="101", typed_count="100", questionnaire="kept"))

        assert "Type 101 to confirm" in page.text
        assert "Type 101 here: this is how many clients will be asked." in page.text
        assert 'value="kept"' in page.text
        assert page.text.count("autofocus") == 1
        assert batch.rows_in(State.DRAFT).count() == 101

        alice_client.post(url(batch), filled_in(expected="101", typed_count="101"))

        assert batch.rows_in(State.QUEUED).count() == 101

    def test_asks_for_the_new_number_when_it_has_changed(self, alice_client: Client) -> None:
        batch = make_plan(103)
        make_request(State.ISSUED, verification=batch.requests.order_by("pk")[0].verification)

        page = alice_client.post(url(batch), filled_in(expected="103", questionnaire="kept"))

        assert messages_of(page) == [
            "1 of these clients was asked by somebody else in the meantime. 102 are left: check and press again."
        ]
        assert "Type 102 to confirm" in page.text
        assert 'value="103"' not in page.text
        assert 'value="kept"' in page.text

    def test_asks_no_more_than_were_counted_when_the_form_came_without_a_number(
        self, alice_client: Client, fake_idenfy: RunningFake
    ) -> None:
        batch = make_plan(2)

        alice_client.post(url(batch), filled_in())

        assert batch.rows_in(State.ISSUED).count() == 2

    def test_needs_its_button(self, alice_client: Client) -> None:
        batch = make_plan(1)
        fields = filled_in()
        del fields["_confirm"]

        answer = alice_client.post(url(batch), fields)

        assert answer.status_code == 302
        assert batch.rows_in(State.DRAFT).count() == 1
