from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc.admin.links import neutral
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import InformationRequest, RequestEvent
from tests.admin.pages import BROWSER
from tests.factories import LINK, TOKEN, make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_informationrequest_changelist")


def act(client: Client, action: str, *rows: InformationRequest, across: bool = False, **more: str) -> Any:
    """Run an action of the list on these rows, or on all that it shows."""
    data = {
        "action": action,
        "_selected_action": [str(row.pk) for row in rows],
        "select_across": "1" if across else "0",
    }
    return client.post(LIST, data | ({} if more else {"index": "0"}) | more)


def lines_of(response: Any) -> list[list[str]]:
    return list(csv.reader(response.content.decode("utf-8-sig").splitlines()))


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


class TestDownload:
    def test_has_the_client_our_link_and_until_when_it_works(self, carol_client: Client) -> None:
        verification = make_verification(name="Μαρία", client_id="C-7")
        until = datetime(2990, 3, 17, 12, 5, tzinfo=UTC)
        row = make_request(State.ISSUED, verification=verification, expires_at=until)

        response = act(carol_client, "download_links", row)

        assert lines_of(response) == [
            ["Client ID", "Name", "Link", "Works until (Europe/Vilnius)"],
            ["C-7", "Μαρία", f"http://testserver/idenfy/r/{row.public_id}/", "2990-03-17 14:05"],
        ]

    def test_is_a_file_that_nobody_keeps_and_every_spreadsheet_reads(self, carol_client: Client) -> None:
        response = act(carol_client, "download_links", make_request(State.ISSUED))

        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert response["Content-Disposition"].startswith('attachment; filename="links-')
        assert "no-store" in response["Cache-Control"]
        assert response.content.startswith(b"\xef\xbb\xbf")

    def test_never_has_the_address_or_the_token_of_idenfy(self, carol_client: Client) -> None:
        response = act(carol_client, "download_links", make_request(State.ISSUED))

        assert LINK not in response.text
        assert TOKEN not in response.text

    def test_leaves_out_what_has_no_link_that_works(self, carol_client: Client) -> None:
        rows = [
            make_request(State.ISSUED),
            make_request(State.ISSUED, expires_at=timezone.now() - timedelta(seconds=1)),
            make_request(State.ISSUED, session_url=""),
            make_request(State.ISSUED, session_url="javascript:alert(1)"),
            make_request(State.REFUSED),
            make_request(State.COMPLETED),
        ]

        response = act(carol_client, "download_links", *rows)

        assert [line[0] for line in lines_of(response)[1:]] == [rows[0].verification.client_id]
        assert [event.request for event in RequestEvent.objects.all()] == [rows[0]]

    def test_goes_on_record_for_each_client(self, carol_client: Client, carol: Any) -> None:
        rows = [make_request(State.ISSUED) for _ in range(3)]

        act(carol_client, "download_links", rows[0], across=True)

        events = RequestEvent.objects.all()
        assert {(event.kind, event.actor, event.request) for event in events} == {
            (EventKind.DOWNLOADED, carol, row) for row in rows
        }
        assert not LogEntry.objects.exists()

    def test_says_so_when_there_is_nothing_to_download(self, carol_client: Client) -> None:
        answer = act(carol_client, "download_links", make_request(State.REFUSED))

        assert messages_of(carol_client.get(answer.url)) == ["None of these has a link that works."]

    @pytest.mark.urls("tests.admin.urls_without_ours")
    def test_says_what_the_administrator_must_do_without_our_urls(self, carol_client: Client) -> None:
        answer = act(carol_client, "download_links", make_request(State.ISSUED))

        assert messages_of(carol_client.get(answer.url))[0].startswith("There is no address for clients yet.")
        assert not RequestEvent.objects.exists()

    @pytest.mark.parametrize("persona", ["alice_client", "bob_client"])
    def test_gives_nothing_to_whoever_may_not_see_links(self, persona: str, request: pytest.FixtureRequest) -> None:
        row = make_request(State.ISSUED)

        answer = act(request.getfixturevalue(persona), "download_links", row)

        assert str(row.public_id) not in answer.text
        assert not RequestEvent.objects.exists()


class TestNeutral:
    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
    def test_disarms_what_a_spreadsheet_would_run(self, start: str) -> None:
        assert neutral(f"{start}HYPERLINK()") == f"'{start}HYPERLINK()"

    @pytest.mark.parametrize("cell", ["", "Jonas", "C-1042", "2990-03-17 14:05", "http://testserver/"])
    def test_leaves_everything_else_alone(self, cell: str) -> None:
        assert neutral(cell) == cell

    def test_is_what_the_file_is_made_of(self, carol_client: Client) -> None:
        row = make_request(State.ISSUED, verification=make_verification(name="=1+1", client_id="@SUM(1)"))

        response = act(carol_client, "download_links", row)

        assert lines_of(response)[1][:2] == ["'@SUM(1)", "'=1+1"]


class TestWithdrawingOne:
    @pytest.fixture
    def row(self, db: None) -> InformationRequest:
        return make_request(State.ISSUED, expires_at=datetime(2990, 3, 17, 12, tzinfo=UTC))

    @pytest.fixture
    def url(self, row: InformationRequest) -> str:
        return reverse("admin:idenfy_kyc_informationrequest_withdraw", args=[row.pk])

    def test_asks_why_and_says_what_idenfy_still_holds(self, alice_client: Client, url: str) -> None:
        page = alice_client.get(url)

        assert "Withdraw 1 request" in page.text
        assert "1 client has a link. It stops working here at once." in page.text
        assert "at the latest on 17 March 2990" in page.text
        assert not RequestEvent.objects.exists()

    def test_withdraws_and_keeps_the_reason(self, alice_client: Client, row: InformationRequest, url: str) -> None:
        answer = alice_client.post(url, {"_withdraw": "1", "note": "The client left", "expected": "1"}, follow=True)

        row.refresh_from_db()
        assert (row.state, row.reason, row.session_url) == (State.CANCELLED, Reason.WITHDRAWN, "")
        assert RequestEvent.objects.get().params["note"] == "The client left"
        assert messages_of(answer) == ["1 request was withdrawn."]
        assert "Withdrawn: “The client left”" in answer.text

    def test_insists_on_a_reason(self, alice_client: Client, row: InformationRequest, url: str) -> None:
        page = alice_client.post(url, {"_withdraw": "1", "note": "  ", "expected": "1"})

        assert "Give a reason." in page.text
        assert '<p class="errornote">' in page.text
        assert 'class="required" for="id_note"' in page.text
        assert 'aria-describedby="id_note_helptext' in page.text
        assert "<title>Error:" in page.text
        assert "autofocus" in page.text
        row.refresh_from_db()
        assert row.state == State.ISSUED

    def test_comes_back_when_another_number_would_be_withdrawn(
        self, alice_client: Client, row: InformationRequest, url: str
    ) -> None:
        page = alice_client.post(url, {"_withdraw": "1", "note": "The client left", "expected": "2"})

        assert messages_of(page) == ["Something changed in the meantime. Look at the numbers, and press again."]
        assert 'value="The client left"' in page.text
        row.refresh_from_db()
        assert row.state == State.ISSUED

    def test_says_so_when_it_is_over_already(self, alice_client: Client) -> None:
        row = make_request(State.COMPLETED)
        page = reverse("admin:idenfy_kyc_informationrequest_change", args=[row.pk])
        url = reverse("admin:idenfy_kyc_informationrequest_withdraw", args=[row.pk])

        answer = alice_client.get(url, follow=True)

        assert answer.redirect_chain == [(page, 302)]
        assert messages_of(answer)[0].startswith("There is nothing to withdraw")
        assert url not in answer.text

    def test_of_a_request_that_is_gone_leads_back(self, alice_client: Client) -> None:
        nowhere = reverse("admin:idenfy_kyc_informationrequest_withdraw", args=["999"])

        assert alice_client.get(nowhere, headers={"Accept": BROWSER}).status_code == 302

    @pytest.mark.parametrize("persona", ["bob_client", "carol_client", "dora_client", "eve_client"])
    def test_is_for_those_who_may_ask(
        self, persona: str, row: InformationRequest, url: str, request: pytest.FixtureRequest
    ) -> None:
        client: Client = request.getfixturevalue(persona)

        assert client.get(url).status_code == 403
        assert client.post(url, {"_withdraw": "1", "note": "x", "expected": "1"}).status_code == 403
        row.refresh_from_db()
        assert row.state == State.ISSUED


class TestWithdrawingTheTicked:
    def test_says_how_many_of_each_kind_there_are(self, alice_client: Client) -> None:
        states = (State.ISSUED, State.ISSUED, State.UNKNOWN, State.QUEUED, State.SENDING, State.REFUSED)
        rows = [make_request(state) for state in states]

        page = act(alice_client, "withdraw", *rows)

        assert "Withdraw 4 requests" in page.text
        assert "2 clients have a link." in page.text
        assert "1 is uncertain" in page.text
        assert "1 has not been asked yet, and will not be." in page.text
        assert "2 of those you chose are left alone" in page.text

    def test_groups_thousands(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        InformationRequest.objects.bulk_create(
            InformationRequest(batch=batch, verification=v, open_verification=v, state=State.QUEUED)
            for v in make_verifications(1_200)
        )

        page = act(alice_client, "withdraw", InformationRequest.objects.all()[0], across=True)

        assert page.text.count("Withdraw 1,200 requests") == 3
        assert "1,200 have not been asked yet, and will not be." in page.text

    def test_says_nothing_of_idenfy_where_it_holds_nothing(self, alice_client: Client) -> None:
        page = act(alice_client, "withdraw", make_request(State.QUEUED))

        assert "What iDenfy still holds" not in page.text

    def test_withdraws_what_was_ticked_and_comes_back_to_the_list(self, alice_client: Client) -> None:
        ticked = [make_request(State.ISSUED) for _ in range(2)]
        other = make_request(State.ISSUED)
        page = act(alice_client, "withdraw", *ticked)

        sent = dict(page.context["hidden"][:2])
        answer = act(alice_client, "withdraw", *ticked, _withdraw="1", note="x", expected="2")

        assert sent == {"action": "withdraw", "select_across": "0"}
        assert answer.url == LIST
        assert set(InformationRequest.objects.filter(state=State.CANCELLED)) == set(ticked)
        other.refresh_from_db()
        assert other.state == State.ISSUED

    def test_withdraws_all_that_match_without_a_field_for_each(self, alice_client: Client) -> None:
        rows = [make_request(State.ISSUED) for _ in range(105)]
        page = act(alice_client, "withdraw", *rows[:100], across=True)

        answer = act(alice_client, "withdraw", rows[0], across=True, _withdraw="1", note="x", expected="105")

        assert len(page.context["hidden"]) == 3
        assert answer.status_code == 302
        assert InformationRequest.objects.filter(state=State.CANCELLED).count() == 105

    @pytest.mark.parametrize("persona", ["bob_client", "carol_client"])
    def test_is_for_those_who_may_ask(self, persona: str, request: pytest.FixtureRequest) -> None:
        row = make_request(State.ISSUED)

        act(request.getfixturevalue(persona), "withdraw", row, _withdraw="1", note="x", expected="1")

        row.refresh_from_db()
        assert row.state == State.ISSUED
