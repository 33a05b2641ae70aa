from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc import dates, services
from idenfy_kyc.admin import history
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification
from idenfy_kyc.services.record import line_about, note_requests
from tests.admin.pages import queries, url
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


def page_of(verification: Verification) -> str:
    return reverse("admin:idenfy_kyc_verification_change", args=[verification.pk])


@pytest.fixture
def request_() -> InformationRequest:
    """One with sixty lines."""
    request = make_request(State.ISSUED)
    note_requests(EventKind.REVEALED, [request] * 60)
    return request


class TestALongHistory:
    def test_says_which_lines_are_on_the_page(self, bob_client: Client, request_: InformationRequest) -> None:
        first = bob_client.get(page_of(request_.verification))
        second = bob_client.get(page_of(request_.verification), {"history": "2"})

        assert "Lines 1 to 50 of 60." in first.text
        assert "Lines 51 to 60 of 60." in second.text

    @pytest.mark.parametrize("model", ["verification", "informationrequest"])
    def test_is_whole_on_one_page_to_print(self, bob_client: Client, request_: InformationRequest, model: str) -> None:
        key = request_.pk if model == "informationrequest" else request_.verification_id
        address = reverse(f"admin:idenfy_kyc_{model}_change", args=[key])
        link = '<a href="?history=all#ik-history">Print everything</a>'

        page = bob_client.get(address, {"history": "all"})

        assert link in bob_client.get(address).text
        assert link not in page.text
        assert len(page.context["history"].lines) == 60
        assert "Lines 1 to 60 of 60." in page.text
        assert "Print this page with your browser." in page.text

    def test_is_cut_where_a_browser_would_choke(
        self, bob_client: Client, request_: InformationRequest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "LINES_TO_PRINT", 55)

        first = bob_client.get(page_of(request_.verification), {"history": "all"})
        second = bob_client.get(page_of(request_.verification), {"history": "all-2"})

        assert len(first.context["history"].lines) == 55
        assert '<a href="?history=all-2#ik-history">Older</a>' in first.text
        assert len(second.context["history"].lines) == 5
        assert '<a href="?history=all-1#ik-history">Newer</a>' in second.text

    @pytest.mark.parametrize("page", ["", "0", "nothing", "all-", "all-x", "-5", "99"])
    def test_makes_the_best_of_any_address(self, bob_client: Client, request_: InformationRequest, page: str) -> None:
        answer = bob_client.get(page_of(request_.verification), {"history": page})

        assert answer.context["history"].lines


class TestALine:
    def test_says_who_acted_also_where_it_was_nobody_here(self, bob_client: Client) -> None:
        request = make_request(State.ISSUED)
        for kind in (EventKind.ISSUED, EventKind.OPENED, EventKind.EXPIRED):
            note_requests(kind, [request])

        page = bob_client.get(page_of(request.verification))

        assert [line.who for line in page.context["history"].lines] == ["", "The client", "iDenfy"]

    def test_of_no_request_is_for_everybody_who_sees_the_verification(self, dora_client: Client) -> None:
        verification = make_verification()
        line_about(verification, EventKind.TOLD, status="DENIED", is_final=True).save()

        page = dora_client.get(page_of(verification))

        lines = [(line.what, line.who, line.batch) for line in page.context["history"].lines]
        assert lines == [("iDenfy reports: Denied", "iDenfy", "")]
        assert "<td>–</td>" in page.text

    def test_has_its_year_and_its_time_zone(self, bob_client: Client) -> None:
        request = make_request(State.ISSUED)
        note_requests(EventKind.ISSUED, [request])

        line = bob_client.get(page_of(request.verification)).context["history"].lines[0]

        assert str(timezone.localtime().year) in line.when
        assert line.when.rpartition(" ")[2] in {"EET", "EEST"}


class TestAPrintedPage:
    def test_says_when_it_was_printed_and_by_whom(self, bob_client: Client) -> None:
        page = bob_client.get(page_of(make_verification()))

        today = dates.record_text(timezone.now()).partition(",")[0]
        assert f'<p class="ik-print-only">Printed on {today}, ' in page.text
        assert " by Bob Example</p>" in page.text

    def test_bears_a_name_by_which_a_file_can_be_told(self, bob_client: Client) -> None:
        page = bob_client.get(page_of(make_verification(name="Jonas Jonaitis", scan_ref="scan-1")))

        assert "<title>scan-1 | Verification of Jonas Jonaitis | Django site admin</title>" in page.text

    @pytest.mark.parametrize("model", ["verification", "informationrequest", "requestbatch", "webhookdelivery"])
    def test_has_its_style_on_paper_only(self, bob_client: Client, model: str) -> None:
        page = bob_client.get(reverse(f"admin:idenfy_kyc_{model}_changelist"))

        assert '<link href="/static/idenfy_kyc/print.css" media="print" rel="stylesheet">' in page.text


class TestTheHistoryOfABatch:
    @pytest.fixture
    def batch(self) -> RequestBatch:
        return make_batch(confirmed=True)

    def lines(self, client: Client, batch: RequestBatch) -> list[tuple[str, str]]:
        return [(line.what, line.who) for line in client.get(url(batch)).context["history"].lines]

    def test_is_one_line_for_what_somebody_did_with_many(
        self, alice_client: Client, alice: Any, batch: RequestBatch
    ) -> None:
        requests = [make_request(State.ISSUED, batch=batch) for _ in range(4)]
        services.withdraw(batch.requests.filter(pk__in=[row.pk for row in requests[:3]]), by=alice, note="Wrong list")
        services.withdraw(batch.requests.filter(pk=requests[3].pk), by=alice, note="He moved")

        assert self.lines(alice_client, batch) == [
            ("Withdrawn: “He moved” (1 client)", "Alice Example"),
            ("Withdrawn: “Wrong list” (3 clients)", "Alice Example"),
        ]

    def test_is_one_line_for_those_who_could_no_longer_be_asked(self, alice_client: Client) -> None:
        chosen = make_verifications(4)
        plan = services.plan(chosen, planned_by=None, note="n", questionnaire="q")
        services.confirm(services.plan(chosen[:3], planned_by=None, note="n", questionnaire="q"), by=None)

        services.confirm(plan, by=None)
        services.stop(plan, by=None)

        assert self.lines(alice_client, plan)[1:] == [
            ("Confirmed: 1 client to be asked", ""),
            ("Not asked: Has an open request already (3 clients)", ""),
            ("Planned: 4 clients to be asked", ""),
        ]

    def test_says_who_stopped_and_continued_it(self, alice_client: Client, alice: Any, batch: RequestBatch) -> None:
        make_request(State.QUEUED, batch=batch)
        services.stop(batch, by=alice)
        services.resume(batch, by=alice)
        services.withdraw(batch.requests.all(), by=alice, note="Enough")

        said = [what for what, _who in self.lines(alice_client, batch)]

        assert said == ["Withdrawn: “Enough” (1 client)", "Sending continued", "Sending stopped"]

    def test_stands_on_the_page_of_a_batch_that_has_stopped_too(
        self, alice_client: Client, alice: Any, batch: RequestBatch
    ) -> None:
        make_request(State.QUEUED, batch=batch)
        services.stop(batch, by=alice)

        assert self.lines(alice_client, batch) == [("Sending stopped", "Alice Example")]

    def test_counts_a_client_once(self, alice_client: Client, alice: Any, batch: RequestBatch) -> None:
        note_requests(EventKind.REVEALED, [make_request(State.ISSUED, batch=batch)] * 3, by=alice)

        assert self.lines(alice_client, batch) == [("The link was shown (1 client)", "Alice Example")]

    def test_leaves_to_the_report_what_became_of_each(self, alice_client: Client, batch: RequestBatch) -> None:
        note_requests(EventKind.ISSUED, [make_request(State.ISSUED, batch=batch)])

        assert self.lines(alice_client, batch) == []

    def test_takes_as_many_queries_for_1_client_as_for_40(self, alice_client: Client, alice: Any) -> None:
        few, many = make_batch(confirmed=True), make_batch(confirmed=True)
        for batch, count in ((few, 1), (many, 40)):
            rows = [make_request(State.ISSUED, batch=batch) for _ in range(count)]
            note_requests(EventKind.REVEALED, rows, by=alice)

        assert queries(alice_client, url(few)) == queries(alice_client, url(many))
