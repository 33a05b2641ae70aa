from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import Reason, State
from idenfy_kyc.dates import day_text
from idenfy_kyc.models import InformationRequest
from tests.admin.pages import filled_in, make_plan, plan_for, queries, url, words_of
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


class TestThePlan:
    def test_says_how_many_will_be_asked_and_how_many_not_and_why(self, alice_client: Client) -> None:
        make_request(State.ISSUED, verification=(pending := make_verification()))
        chosen = [
            *make_verifications(3),
            *make_verifications(2, client_id="C-twice"),
            make_verification(status="DELETED"),
            make_verification(status="ARCHIVED"),
            pending,
        ]
        batch = plan_for(*chosen)

        page = alice_client.get(url(batch))

        assert "You chose 8 verifications of 7 clients: <em>chosen by hand</em>." in words_of(page)
        assert (
            "4 clients will be asked, each through one verification. "
            "4 verifications will not: 1 of the same client, 3 of 3 other clients."
        ) in page.text
        assert "Nothing has been sent yet." in page.text
        assert "1 has an open request." in page.text
        assert "1 is a further verification of a client who is asked through another one." in page.text
        assert "2 cannot be asked because of their status at iDenfy: " in page.text
        assert "Archived (1)" in page.text
        assert 'value="Ask 4 clients"' in page.text

    def test_adds_up_where_each_verification_is_of_a_client_of_its_own(self, alice_client: Client) -> None:
        batch = plan_for(
            *make_verifications(2), *make_verifications(2, client_id=""), make_verification(status="DELETED")
        )

        page = alice_client.get(url(batch))

        assert "You chose 5 verifications: " in words_of(page)
        assert "4 clients will be asked. 1 verification will not." in page.text

    @pytest.mark.parametrize(
        ("statuses", "words"),
        [
            ({"C-1": ["APPROVED", "DENIED"]}, "1 verification will not: 1 of the same client."),
            (
                {"C-1": ["APPROVED", "DENIED", "DENIED"], "C-2": ["DELETED", "DELETED"]},
                "4 verifications will not: 2 of the same clients, 2 of 1 other client.",
            ),
            ({"C-1": ["APPROVED"], "C-2": ["DELETED", "DELETED"]}, "2 verifications will not."),
            ({"C-1": ["APPROVED"], "": ["DELETED"]}, "1 verification will not."),
        ],
        ids=["same", "both", "others", "unknown"],
    )
    def test_says_of_whom_those_are_that_will_not(
        self, alice_client: Client, statuses: dict[str, list[str]], words: str
    ) -> None:
        batch = plan_for(
            *(make_verification(client_id=key, status=status) for key, of in statuses.items() for status in of)
        )

        assert words in words_of(alice_client.get(url(batch)))

    def test_says_that_its_groups_overlap_where_there_are_several(self, alice_client: Client) -> None:
        denied = make_verifications(2, status="DENIED")
        make_request(State.CANCELLED, verification=denied[0], expires_at=timezone.now() + timedelta(days=3))

        one, two = (alice_client.get(url(plan_for(*chosen))).text for chosen in (denied[1:], denied))

        assert "A client can be in several of these groups." not in one
        assert "A client can be in several of these groups." in two

    def test_warns_of_those_that_are_not_approved(self, alice_client: Client) -> None:
        batch = plan_for(
            make_verification(),
            *make_verifications(2, status="DENIED"),
            make_verification(status=""),
            make_verification(status="SHINY"),
        )

        page = alice_client.get(url(batch))

        assert "4 are not approved: Denied (2), " in page.text
        assert "Not known yet (1)" in page.text
        assert "SHINY (iDenfy’s new word) (1)" in page.text
        assert "Leave out 4" in page.text

    def test_warns_of_those_whose_withdrawn_request_idenfy_may_still_hold(self, alice_client: Client) -> None:
        held, over = make_verifications(2)
        until = timezone.now() + timedelta(days=3)
        make_request(State.CANCELLED, verification=held, expires_at=until)
        make_request(State.CANCELLED, verification=over, expires_at=timezone.now() - timedelta(days=1))
        batch = plan_for(held, over)

        page = alice_client.get(url(batch))

        day = day_text(until)
        assert (
            "1 had a request that was withdrawn or is uncertain: "
            f"iDenfy will probably refuse a new one until {day}." in page.text
        )
        assert "Leave out 1" in page.text

    def test_calls_a_single_client_by_name(self, alice_client: Client) -> None:
        batch = plan_for(make_verification(client_id="C-1042"))

        page = alice_client.get(url(batch))

        assert 'value="Ask C-1042"' in page.text
        assert "bank_card_expected_last_four" in page.text

    def test_says_how_long_it_takes_and_what_is_left_of_the_hour(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"HOURLY_QUOTA": 5000}
        make_request(State.REFUSED)
        batch = make_plan(3)

        page = alice_client.get(url(batch))

        assert "3 requests, less than a minute; 1 of the 5,000 of this hour is used." in page.text

    def test_says_when_the_hour_is_too_short(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"HOURLY_QUOTA": 2}
        batch = make_plan(3)

        page = alice_client.get(url(batch))

        assert "3 requests; 0 of the 2 of this hour are used: 2 can go now, the rest in the hours after." in page.text

    def test_says_how_many_were_chosen_when_nobody_said_how(self, alice_client: Client) -> None:
        batch = services.plan([make_verification()], planned_by=None)

        page = alice_client.get(url(batch))

        assert "You chose 1 verification. <br><strong>1 client will be asked. </strong>" in words_of(page)

    def test_names_a_reason_that_a_newer_version_wrote(self, alice_client: Client) -> None:
        batch = make_plan(1)
        make_request(State.SKIPPED, batch=batch, reason="a_newer_reason")

        page = alice_client.get(url(batch))

        assert "1: a_newer_reason." in page.text

    def test_offers_no_form_when_nobody_can_be_asked(self, alice_client: Client) -> None:
        batch = plan_for(*make_verifications(2, status="DELETED"))

        page = alice_client.get(url(batch))

        assert "None of the 2 can be asked." in page.text
        assert reverse("admin:idenfy_kyc_verification_changelist") in page.text
        assert "_confirm" not in page.text
        assert "Discard plan" in page.text

    def test_says_what_the_administrator_must_set(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = {}
        batch = make_plan(2)

        page = alice_client.get(url(batch))

        assert "<code>API_SECRET</code>" in page.text
        assert "_confirm" not in page.text

    def test_shows_a_viewer_the_plan_and_no_button(self, bob_client: Client) -> None:
        batch = plan_for(make_verification(name="Ona"), make_verification(status="DENIED"))

        page = bob_client.get(url(batch))

        assert "Ona" in page.text
        assert "2 clients will be asked." in page.text
        for word in ("_confirm", "Leave out", "Discard"):
            assert word not in page.text

    def test_suggests_questionnaires_that_worked(self, alice_client: Client) -> None:
        make_request(State.ISSUED, batch=make_batch(confirmed=True, questionnaire="source-of-funds"))

        page = alice_client.get(url(make_plan(1)))

        assert '<option value="source-of-funds">' in page.text
        assert 'list="questionnaire-known"' in page.text

    def test_marks_a_questionnaire_that_was_never_used_when_it_is_shown_again(self, alice_client: Client) -> None:
        page = alice_client.post(url(make_plan(1)), filled_in(questionnaire="source-of-fnds", note=""))

        assert ">never used here yet</span>" in page.text

    def test_says_who_planned_it(self, alice_client: Client, alice: Any) -> None:
        page = alice_client.get(url(make_plan(1, by=alice)))

        assert "Planned by Alice Example on " in page.text


class TestTheRows:
    def test_come_a_hundred_at_a_time(self, alice_client: Client) -> None:
        batch = make_plan(230)

        first, last = alice_client.get(url(batch)), alice_client.get(url(batch) + "?p=3")

        assert first.text.count('name="row"') == 100
        assert last.text.count('name="row"') == 30
        assert "?p=2#rows" in first.text

    def test_leave_out_the_pages_in_between(self, alice_client: Client) -> None:
        batch = make_plan(1)
        InformationRequest.objects.bulk_create(
            InformationRequest(batch=batch, verification=verification) for verification in make_verifications(1400)
        )

        page = alice_client.get(url(batch))

        assert "…" in page.text
        assert "?p=15#rows" in page.text

    def test_stand_under_the_reason_of_their_group(self, alice_client: Client) -> None:
        batch = plan_for(make_verification(), make_verification(status="DENIED"), make_verification(status="DELETED"))

        page = alice_client.get(url(batch))

        headings = ["Will be asked, though not approved", ">Will be asked<", "Will not be asked: "]
        places = [page.text.index(heading, page.text.index('<table role="table">')) for heading in headings]
        assert places == sorted(places)
        assert page.text.count('name="row"') == 2

    @pytest.mark.parametrize(
        ("show", "rows"),
        [
            ("", 6),
            ("asked", 4),
            ("doubtful", 2),
            ("pending", 1),
            (Reason.INELIGIBLE, 1),
            (Reason.LEFT_OUT, 1),
            ("x", 0),
        ],
    )
    def test_can_be_one_group_only(self, alice_client: Client, alice: Any, show: str, rows: int) -> None:
        chosen = [
            *make_verifications(3),
            *make_verifications(2, status="DENIED"),
            make_verification(status="DELETED"),
        ]
        make_request(State.CANCELLED, verification=chosen[1])
        batch = plan_for(*chosen)
        services.leave_out(batch, [batch.requests.get(verification=chosen[0]).pk], by=alice)

        page = alice_client.get(url(batch) + f"?show={show}")

        assert len(page.context["rows"].lines()) == rows

    def test_can_be_reached_and_heard_on_every_screen(self, alice_client: Client) -> None:
        page = alice_client.get(url(make_plan(2)))

        table = page.text[page.text.index('<div class="ik-table" tabindex="0" role="group" aria-labelledby="rows-') :]
        table = table[: table.index("</table>")]
        assert table.count('<th scope="row" role="rowheader" class="ik-who">') == 2
        assert table.count("<tr>") == table.count("<td>") == table.count("<tbody>") == 0

    def test_escape_what_clients_are_called(self, alice_client: Client) -> None:
        batch = plan_for(make_verification(name="<script>alert(1)</script>", client_id='"><b>'))

        page = alice_client.get(url(batch))

        assert "<script>alert" not in page.text
        assert '"><b>' not in page.text

    def test_take_the_same_number_of_queries_in_a_large_plan(self, alice_client: Client) -> None:
        small, large = make_plan(5, status="DENIED"), make_plan(300, status="DENIED")

        alice_client.get(url(small))

        assert queries(alice_client, url(small)) == queries(alice_client, url(large))
