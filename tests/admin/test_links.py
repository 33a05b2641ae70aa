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
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import InformationRequest, RequestEvent
from tests.factories import LINK, TOKEN, make_request, make_verification

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
