"""Searching in a plan, and moving its rows out and back, as an officer does it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import RequestBatch, RequestEvent
from tests.admin.pages import make_plan, messages_of, plan_for, url
from tests.factories import make_verification, make_verifications

pytestmark = pytest.mark.django_db


def names(page: Any) -> set[str]:
    return {line.request.verification.name for line in page.context["rows"].lines()}


@pytest.fixture
def batch() -> RequestBatch:
    """A plan with people of whom one can tell who was found."""
    return plan_for(
        make_verification(name="Rasa Kazlauskienė", client_id="C-1042", scan_ref="aaa-1"),
        make_verification(name="Jonas Jonaitis", client_id="C-1043", scan_ref="aaa-2"),
        make_verification(name="Rasa C-10", client_id="D-1", scan_ref="bbb-3"),
        make_verification(name="Ona", client_id="D-2", scan_ref="ccc-4", status="DENIED"),
        make_verification(name="Petras", client_id="D-3", scan_ref="ddd-5", status="DELETED"),
    )


class TestSearch:
    @pytest.mark.parametrize(
        ("words", "who"),
        [
            ("C-10", {"Rasa Kazlauskienė", "Jonas Jonaitis"}),
            ("c-1042", {"Rasa Kazlauskienė"}),
            ("AAA-", {"Rasa Kazlauskienė", "Jonas Jonaitis"}),
            (" D-3 ", {"Petras"}),
            ("rasa", {"Rasa Kazlauskienė", "Rasa C-10"}),
            ("kazlausk rasa", {"Rasa Kazlauskienė"}),
            ("1042", set()),
            ("nobody", set()),
            ("\0", {"Rasa Kazlauskienė", "Jonas Jonaitis", "Rasa C-10", "Ona", "Petras"}),
        ],
    )
    def test_finds_by_the_beginning_of_a_reference_or_else_by_name(
        self, alice_client: Client, batch: RequestBatch, words: str, who: set[str]
    ) -> None:
        page = alice_client.get(url(batch), {"q": words})

        assert names(page) == who

    def test_says_how_many_and_leads_back(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.get(url(batch), {"q": "rasa", "show": "asked"})

        assert "<p>2 found.</p>" in page.text
        assert 'href="?show=asked#rows">Show all again</a>' in page.text

    def test_is_within_the_group_that_is_shown(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.get(url(batch), {"q": "d-", "show": "doubtful"})

        assert names(page) == {"Ona"}

    def test_is_kept_while_switching_groups_and_pages(self, alice_client: Client) -> None:
        batch = make_plan(130, name="Ona & Co")

        page = alice_client.get(url(batch), {"q": "ona &", "show": "asked"})

        assert 'href="?q=ona%20%26&amp;show=asked#rows"' in page.text
        assert 'href="?q=ona%20%26#rows"' in page.text
        assert 'href="?q=ona%20%26&amp;show=asked&amp;p=2#rows"' in page.text

    def test_is_kept_while_leaving_out(self, alice_client: Client, batch: RequestBatch) -> None:
        row = batch.requests.get(verification__name="Ona")

        ticked = alice_client.post(url(batch, "leave_out"), {"row": row.pk, "q": "ona", "show": "asked", "p": "1"})
        group = alice_client.post(url(batch, "take_back"), {"group": "left_out", "q": "ona"})

        assert ticked["Location"] == url(batch) + "?at=rows&q=ona&show=asked&p=1#rows"
        assert group["Location"] == url(batch) + "?q=ona"

    def test_is_offered_in_the_forms_that_keep_it(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.get(url(batch), {"q": '"><script>'})

        assert page.text.count('<input type="hidden" name="q" value="&quot;&gt;&lt;script&gt;">') == 2
        assert "<script>" not in page.text.replace("<script src", "")


class TestTakingBack:
    def left_out(self, batch: RequestBatch, by: Any) -> list[int]:
        keys = list(batch.rows_in(State.DRAFT).order_by("pk").values_list("pk", flat=True)[:2])
        services.leave_out(batch, keys, by=by)
        return keys

    def test_takes_the_ticked_ones_back(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(3)
        first, _second = self.left_out(batch, alice)

        page = alice_client.post(url(batch, "take_back"), {"row": first}, follow=True)

        assert messages_of(page) == ["1 client was taken back."]
        assert "2 clients will be asked." in page.text
        assert RequestEvent.objects.get(kind=EventKind.TAKEN_BACK).actor == alice

    def test_takes_all_of_them_back(self, alice_client: Client, alice: Any) -> None:
        batch = plan_for(*make_verifications(3), make_verification(status="DELETED"))
        self.left_out(batch, alice)

        page = alice_client.get(url(batch))
        done = alice_client.post(url(batch, "take_back"), {"group": "left_out"}, follow=True)

        assert "Take back 2" in page.text
        assert messages_of(done) == ["2 clients were taken back."]
        assert batch.rows_in(State.SKIPPED).get().reason == Reason.INELIGIBLE

    def test_is_offered_where_there_is_somebody_to_take_back(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(3)

        before = alice_client.get(url(batch))
        self.left_out(batch, alice)
        after = alice_client.get(url(batch), {"show": "left_out"})

        button = f'<button class="ik-button ik-button-quiet" formaction="{url(batch, "take_back")}">'
        assert button not in before.text
        assert button in after.text
        assert after.text.count('name="row"') == 2
        assert "Left out by Alice Example" in after.text

    def test_is_possible_when_everybody_was_left_out(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(2)
        self.left_out(batch, alice)

        page = alice_client.get(url(batch))

        assert "None of the 2 can be asked." in page.text
        assert "Take back 2" in page.text
        assert "Leave out the ticked ones" not in page.text

    def test_says_so_when_nobody_was_ticked(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(3)
        draft = batch.rows_in(State.DRAFT).last()

        page = alice_client.post(url(batch, "take_back"), {"row": draft and draft.pk}, follow=True)

        assert messages_of(page) == ["Nobody was taken back: first tick clients who were left out."]

    def test_takes_back_nothing_but_what_a_person_left_out(self, alice_client: Client) -> None:
        batch = plan_for(make_verification(), make_verification(status="DELETED"))

        page = alice_client.get(url(batch))
        alice_client.post(url(batch, "take_back"), {"group": Reason.INELIGIBLE})
        alice_client.post(url(batch, "take_back"), {"row": batch.rows_in(State.SKIPPED).get().pk})

        assert batch.rows_in(State.DRAFT).count() == 1
        assert page.text.count('name="row"') == 1
        assert "Take back" not in page.text

    def test_comes_too_late_after_the_confirmation(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(3, by=alice)
        keys = self.left_out(batch, alice)
        batch.note, batch.questionnaire = "review", "q"
        services.confirm(batch, by=alice)

        page = alice_client.post(url(batch, "take_back"), {"row": keys}, follow=True)

        assert messages_of(page) == ["This plan was confirmed in the meantime: it cannot be changed."]
        assert batch.rows_in(State.SKIPPED).count() == 2
