"""What the page of a plan says is to be looked at first, and what its buttons do with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.admin.doubts import things_asked_lately
from idenfy_kyc.choices import Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification
from tests.admin.pages import filled_in, make_plan, messages_of, plan_for, queries, url, words_of
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

NOTHING = {"questionnaire": ""}
THINGS: dict[str, dict[str, Any]] = {
    "lately.additional_step_upload_required": {"additional_step_upload_required": True},
    "lately.questionnaire.source-of-funds": {"questionnaire": "source-of-funds"},
    "lately.questionnaire.v1.2 & more": {"questionnaire": "v1.2 & more"},
    f"lately.questionnaire.{'k' * 200}": {"questionnaire": "k" * 200},
    "lately.risk_assessment_profile": {"risk_assessment_profile": "3f2d0e6a-0a37-11ec-a45b-025ad99a18e7"},
    "lately.bank_card_verification": {"bank_card_verification": True},
}


def asked_before(*verifications: Verification, state: State = State.EXPIRED, days: int = 30, **asks: Any) -> None:
    """Each of them was asked so many days ago, in one batch."""
    batch = make_batch(confirmed=True, **(NOTHING | asks))
    for verification in verifications:
        request = make_request(state, batch=batch, verification=verification)
        InformationRequest.objects.filter(pk=request.pk).update(sent_at=timezone.now() - timedelta(days=days))


def groups(page: Any) -> dict[str, int]:
    return {group.key: group.count for group in page.context["overview"].doubts}


class TestAskedLately:
    @pytest.mark.parametrize(
        ("key", "sentence"),
        [
            ("lately.additional_step_upload_required", "2 were asked for a document upload in the last 90 days."),
            (
                "lately.questionnaire.source-of-funds",
                "2 were asked for the questionnaire “source-of-funds” in the last 90 days.",
            ),
            ("lately.risk_assessment_profile", "2 were asked for a risk assessment in the last 90 days."),
            ("lately.bank_card_verification", "2 were asked for a bank card check in the last 90 days."),
        ],
    )
    def test_is_said_of_each_thing(self, alice_client: Client, key: str, sentence: str) -> None:
        lately = make_verifications(2)
        asked_before(*lately, **THINGS[key])

        page = alice_client.get(url(plan_for(*lately, make_verification())))

        assert groups(page) == {key: 2}
        assert sentence in page.text
        assert "Leave out 2" in page.text

    def test_counts_a_client_once_for_each_thing(self, alice_client: Client) -> None:
        first, second = make_verifications(2)
        asked_before(first, second, additional_step_upload_required=True, questionnaire="a")
        asked_before(first, additional_step_upload_required=True, questionnaire="b", days=60)

        page = alice_client.get(url(plan_for(first, second)))

        assert groups(page) == {
            "lately.additional_step_upload_required": 2,
            "lately.questionnaire.a": 2,
            "lately.questionnaire.b": 1,
        }

    def test_is_true_of_a_client_who_was_asked_by_another_verification(self, alice_client: Client) -> None:
        asked_before(make_verification(client_id="C-same"), additional_step_upload_required=True)

        page = alice_client.get(url(plan_for(make_verification(client_id="C-same"))))

        assert groups(page) == {"lately.additional_step_upload_required": 1}

    def test_takes_those_without_a_client_id_one_by_one(self, alice_client: Client) -> None:
        asked, other = make_verifications(2, client_id="")
        asked_before(asked, additional_step_upload_required=True)

        page = alice_client.get(url(plan_for(asked, other)))

        assert groups(page) == {"lately.additional_step_upload_required": 1}

    def test_is_counted_by_row_where_a_plan_asks_once_for_each_verification(self, alice_client: Client) -> None:
        several = make_verifications(3, client_id="C-same")
        asked_before(several[0], additional_step_upload_required=True)
        batch = services.plan(several, planned_by=None, per_verification=True)

        page = alice_client.get(url(batch))

        assert groups(page) == {"lately.additional_step_upload_required": 3}

    @pytest.mark.parametrize(("state", "days"), [(State.REFUSED, 30), (State.EXPIRED, 91)])
    def test_is_not_true_of_what_was_refused_or_is_long_ago(
        self, alice_client: Client, state: State, days: int
    ) -> None:
        verification = make_verification()
        asked_before(verification, state=state, days=days, additional_step_upload_required=True)

        page = alice_client.get(url(plan_for(verification)))

        assert "lately.additional_step_upload_required" not in groups(page)

    def test_is_not_true_of_plans(self, alice_client: Client) -> None:
        verification = make_verification()
        services.plan([verification], planned_by=None, additional_step_upload_required=True)

        assert groups(alice_client.get(url(plan_for(verification)))) == {}

    @pytest.mark.parametrize(
        ("asks", "keys"),
        [
            ({"questionnaire": "a"}, ["lately.questionnaire.a"]),
            ({"questionnaire": "never"}, []),
            ({"additional_step_upload_required": True}, ["lately.additional_step_upload_required"]),
        ],
    )
    def test_is_said_of_what_the_plan_asks_for_once_it_is_known(
        self, alice_client: Client, asks: dict[str, Any], keys: list[str]
    ) -> None:
        verification = make_verification()
        asked_before(verification, additional_step_upload_required=True, questionnaire="a")

        page = alice_client.get(url(services.plan([verification], planned_by=None, **asks)))

        assert list(groups(page)) == keys

    def test_goes_by_what_was_typed_when_the_form_is_shown_again(self, alice_client: Client) -> None:
        verification = make_verification()
        asked_before(verification, additional_step_upload_required=True, questionnaire="a")
        typed = filled_in(additional_step_upload_required="", questionnaire="a", note="")

        page = alice_client.post(url(plan_for(verification)), typed)

        assert list(groups(page)) == ["lately.questionnaire.a"]

    @pytest.mark.parametrize("key", list(THINGS))
    def test_is_a_group_to_look_at_and_to_leave_out(self, alice_client: Client, key: str) -> None:
        lately, others = make_verifications(120), make_verifications(2)
        asked_before(*lately, **THINGS[key])
        asked_before(others[0], questionnaire="another", bank_card_verification="bank" not in key)
        batch = plan_for(*lately, *others)

        shown = alice_client.get(url(batch), {"show": key})
        done = alice_client.post(url(batch, "leave_out"), {"group": key}, follow=True)

        assert shown.context["rows"].page.paginator.count == 120
        assert messages_of(done) == ["120 clients were left out."]
        assert set(batch.rows_in(State.DRAFT).values_list("verification", flat=True)) == {v.pk for v in others}

    @pytest.mark.parametrize(
        "key",
        ["lately", "lately.note", "lately.questionnaire", "lately.bank_card_verification.x", "late.questionnaire.a"],
    )
    def test_knows_no_other_group(self, alice_client: Client, key: str) -> None:
        batch = make_plan(2)

        alice_client.post(url(batch, "leave_out"), {"group": key})

        assert batch.rows_in(State.DRAFT).count() == 2

    def test_is_found_in_one_query(self, django_assert_num_queries: Any) -> None:
        lately = make_verifications(3)
        asked_before(*lately, questionnaire="b", bank_card_verification=True)
        batch = plan_for(*lately)

        with django_assert_num_queries(1):
            things = things_asked_lately(batch.rows_in(State.DRAFT), InformationRequest.objects.all(), timezone.now())

        assert [thing.ask for thing in things] == ["bank_card_verification", "questionnaire"]


class TestPending:
    @pytest.mark.parametrize("state", [State.CANCELLED, State.UNKNOWN])
    def test_are_those_that_were_withdrawn_or_are_uncertain(self, alice_client: Client, state: State) -> None:
        verification = make_verification()
        batch = plan_for(verification, make_verification())
        make_request(state, verification=verification, batch=make_batch(confirmed=True, **NOTHING))

        page = alice_client.get(url(batch))

        assert groups(page)["pending"] == 1
        assert "1 had a request that was withdrawn or is uncertain: iDenfy will probably refuse a new one" in page.text

    def test_are_told_without_the_uncertain_ones_that_are_given_up(self, alice_client: Client) -> None:
        uncertain, refused = make_request(State.UNKNOWN), make_request(State.REFUSED)
        make_request(State.CANCELLED, verification=refused.verification)
        batch = services.ask_again([uncertain, refused], planned_by=None)

        page = alice_client.get(url(batch))

        assert groups(page)["pending"] == 1
        assert "1 had a request that was withdrawn or is uncertain: iDenfy will probably refuse a new one" in page.text


class TestRefusedLately:
    def test_are_those_whom_idenfy_refused(self, alice_client: Client) -> None:
        now, verification, another = timezone.now(), make_verification(), make_verification()
        batch = plan_for(verification, another)
        make_request(
            State.REFUSED, verification=verification, batch=make_batch(confirmed=True, **NOTHING), ended_at=now
        )
        long_ago = now - timedelta(days=91)
        make_request(
            State.REFUSED, verification=another, batch=make_batch(confirmed=True, **NOTHING), ended_at=long_ago
        )

        page = alice_client.get(url(batch))

        assert groups(page)["refused"] == 1
        assert "1 was refused by iDenfy in the last 90 days, and may be again." in page.text

    def test_are_told_without_those_after_whom_the_plan_asks_again(self, alice_client: Client) -> None:
        batch = services.ask_again([make_request(State.REFUSED, ended_at=timezone.now())], planned_by=None)

        page = alice_client.get(url(batch))

        assert "refused" not in groups(page)


class TestNoLongerPossible:
    """A GET looks it up as of now; writing it down is for whoever confirms."""

    def test_is_said_with_what_changed_since(self, alice_client: Client, alice: Any) -> None:
        with time_machine.travel(timezone.now() - timedelta(days=8, hours=1)):
            batch = make_plan(6, by=alice)
        rows = list(batch.requests.order_by("pk"))
        make_request(State.ISSUED, verification=rows[0].verification, batch=make_batch(confirmed=True, **NOTHING))
        make_request(State.QUEUED, verification=make_verification(client_id=rows[1].verification.client_id))
        for row, status in zip(rows[2:5], ["DELETED", "ARCHIVED", "DENIED"], strict=True):
            Verification.objects.filter(pk=row.verification_id).update(status=status)
        before = list(InformationRequest.objects.order_by("pk").values_list())

        page = alice_client.get(url(batch))

        assert "This plan is 8 days old." in page.text
        assert "Planned by Alice Example on " in page.text
        assert groups(page) == {"now-open": 2, "now-ineligible": 2, "doubtful": 1}
        assert "2 have an open request by now and can no longer be asked." in page.text
        assert "2 can no longer be asked because of their status at iDenfy: " in page.text
        assert "Can no longer be asked" in page.text
        assert list(InformationRequest.objects.order_by("pk").values_list()) == before

    def test_is_looked_at_again_at_confirm_and_the_difference_is_shown(self, alice_client: Client) -> None:
        with time_machine.travel(timezone.now() - timedelta(days=8)):
            batch = make_plan(3)
        Verification.objects.filter(pk=batch.requests.order_by("pk")[0].verification_id).update(status="DELETED")

        page = alice_client.post(url(batch), filled_in(expected="3"))

        assert messages_of(page) == ["1 of these clients can no longer be asked. 2 are left: check and press again."]
        assert 'value="Ask 2 clients"' in page.text

    @pytest.mark.parametrize("group", ["now-open", "now-ineligible"])
    def test_is_a_group_to_leave_out(self, alice_client: Client, group: str) -> None:
        batch = make_plan(3)
        asked, erased, other = batch.requests.order_by("pk")
        make_request(State.ISSUED, verification=asked.verification)
        Verification.objects.filter(pk=erased.verification_id).update(status="DELETED")

        alice_client.post(url(batch, "leave_out"), {"group": group})

        left_out = batch.rows_in(State.SKIPPED).get()
        assert left_out == (asked if group == "now-open" else erased)
        assert left_out.reason == Reason.LEFT_OUT
        assert other in batch.rows_in(State.DRAFT)

    @pytest.mark.parametrize(("hours", "words"), [(23, ""), (25, "This plan is 1 day old."), (49, "2 days old.")])
    def test_says_how_old_a_plan_is_after_a_day(self, alice_client: Client, hours: int, words: str) -> None:
        with time_machine.travel(timezone.now() - timedelta(hours=hours)):
            batch = make_plan(1)

        page = alice_client.get(url(batch))

        assert (words in page.text) if words else ("This plan is" not in page.text)


class TestAllOfThem:
    def worst(self, count: int) -> RequestBatch:
        """A plan in which everything is doubtful."""
        verifications = make_verifications(count, status="DENIED")
        asked_before(*verifications, state=State.CANCELLED, questionnaire="a", bank_card_verification=True)
        batch = plan_for(*verifications)
        make_request(State.ISSUED, verification=verifications[0])
        Verification.objects.filter(pk=verifications[1].pk).update(status="DELETED")
        services.leave_out(batch, [batch.requests.order_by("pk")[2].pk], by=None)
        return batch

    @pytest.mark.no_cover
    def test_take_the_same_number_of_queries_in_a_large_plan(self, alice_client: Client) -> None:
        small, large = self.worst(5), self.worst(150)

        alice_client.get(url(small))

        assert queries(alice_client, url(small)) == queries(alice_client, url(large))

    def test_are_told_to_a_viewer_without_buttons(self, bob_client: Client) -> None:
        page = bob_client.get(url(self.worst(5)))

        assert "4 were asked" in words_of(page)
        for word in ("Leave out", "Take back", "_save"):
            assert word not in page.text
