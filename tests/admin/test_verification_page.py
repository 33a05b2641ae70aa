from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse

from idenfy_kyc.admin import VerificationAdmin
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import InformationRequest, RequestBatch, Verification
from idenfy_kyc.services.record import note_batch, note_requests
from tests.admin.pages import BROWSER, messages_of
from tests.factories import make_batch, make_request, make_verification

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_verification_changelist")
ADD = reverse("admin:idenfy_kyc_verification_add")
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def page_of(verification: Verification) -> str:
    return reverse("admin:idenfy_kyc_verification_change", args=[verification.pk])


def ask_url(verification: Verification) -> str:
    return reverse("admin:idenfy_kyc_verification_request_information", args=[verification.pk])


class TestThePage:
    def test_shows_the_requests_and_what_happened(self, alice_client: Client, alice: Any) -> None:
        verification = make_verification(name="Jonas Jonaitis")
        request = make_request(State.ISSUED, verification=verification)
        note_batch(EventKind.CONFIRMED, request.batch, by=alice, clients=1)
        note_requests(EventKind.ISSUED, [request])
        note_batch(EventKind.PLANNED, request.batch, by=alice, clients=1)

        page = alice_client.get(page_of(verification))

        assert [line.what for line in page.context["history"].lines] == [
            "iDenfy issued a link",
            "Confirmed: 1 client to be asked",
        ]
        assert "Jonas Jonaitis" in page.text
        assert reverse("admin:idenfy_kyc_informationrequest_change", args=[request.pk]) in page.text
        assert "annual review" in page.text

    def test_leaves_other_clients_out(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        mine, other = (make_request(State.ISSUED, batch=batch) for _ in range(2))
        note_requests(EventKind.REVEALED, [other])
        note_requests(EventKind.ISSUED, [mine])

        page = alice_client.get(page_of(mine.verification))

        assert [line.what for line in page.context["history"].lines] == ["iDenfy issued a link"]

    def test_pages_a_long_history(self, alice_client: Client) -> None:
        request = make_request(State.ISSUED)
        note_requests(EventKind.REVEALED, [request] * 60)

        first = alice_client.get(page_of(request.verification))
        second = alice_client.get(page_of(request.verification), {"history": "2"})

        assert len(first.context["history"].lines) == 50
        assert "?history=2" in first.text
        assert len(second.context["history"].lines) == 10
        assert "?history=1" in second.text

    def test_takes_the_same_queries_for_1_request_and_for_40(
        self, alice_client: Client, django_assert_num_queries: Any
    ) -> None:
        verification = make_verification()
        note_requests(EventKind.ISSUED, [make_request(State.REFUSED, verification=verification)])
        alice_client.get(page_of(verification))
        with CaptureQueriesContext(connection) as few:
            alice_client.get(page_of(verification))
        for _ in range(39):
            note_requests(EventKind.ISSUED, [make_request(State.REFUSED, verification=verification)])

        with django_assert_num_queries(len(few)):
            alice_client.get(page_of(verification))

    def test_says_so_when_nobody_was_asked(self, bob_client: Client) -> None:
        page = bob_client.get(page_of(make_verification()))

        assert "This client has not been asked yet." in page.text
        assert "Request information…" not in page.text

    def test_shows_the_status_in_words_to_whoever_may_only_look(self, bob_client: Client) -> None:
        page = bob_client.get(page_of(make_verification(status="REVIEWING")))

        assert "In review" in page.text
        assert "REVIEWING" not in page.text

    def test_shows_the_time_with_its_zone_to_whoever_may_only_look(self, bob_client: Client) -> None:
        verified_at = datetime(2025, 1, 1, 12, tzinfo=UTC)

        page = bob_client.get(page_of(make_verification(verified_at=verified_at)))
        other = bob_client.get(page_of(make_verification(verified_at=None)))

        assert "1 January 2025, 14:00 EET" in page.text
        assert "EET" not in other.text.partition("Verified on")[2]

    def test_lets_whoever_may_change_it_change_what_a_project_has_not_made_read_only(
        self, dora_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(VerificationAdmin, "readonly_fields", ("status",))

        page = dora_client.get(page_of(make_verification(status="REVIEWING")))

        assert 'name="verified_at_0"' in page.text
        assert "REVIEWING" not in page.text

    def test_has_a_button_that_asks(self, alice_client: Client, alice: Any) -> None:
        verification = make_verification()
        assert ask_url(verification) in alice_client.get(page_of(verification)).text

        answer = alice_client.post(ask_url(verification))

        batch = RequestBatch.objects.get()
        assert answer["Location"] == reverse("admin:idenfy_kyc_requestbatch_change", args=[batch.pk])
        assert batch.selection == "1 chosen on its page"

    def test_has_no_button_where_asking_is_ruled_out(self, alice_client: Client) -> None:
        verification = make_verification(status="DELETED")

        page = alice_client.get(page_of(verification))

        assert ask_url(verification) not in page.text
        assert "its status at iDenfy rules it out" in page.text

    def test_comes_back_with_a_message_when_nothing_is_configured(self, alice_client: Client, settings: Any) -> None:
        settings.IDENFY_KYC = {}
        verification = make_verification()

        answer = alice_client.post(ask_url(verification), follow=True)

        assert answer.redirect_chain == [(page_of(verification), 302)]
        assert "API_KEY" in messages_of(answer)[0]

    @pytest.mark.parametrize("persona", ["bob_client", "carol_client", "dora_client", "eve_client"])
    def test_asks_for_nobody_who_may_not(self, persona: str, request: pytest.FixtureRequest) -> None:
        answer = request.getfixturevalue(persona).post(ask_url(make_verification()))

        assert answer.status_code == 403
        assert not RequestBatch.objects.exists()

    def test_asks_by_post_only(self, alice_client: Client) -> None:
        assert alice_client.get(ask_url(make_verification())).status_code == 405

    def test_leads_back_when_the_verification_is_gone(self, alice_client: Client) -> None:
        nowhere = reverse("admin:idenfy_kyc_verification_request_information", args=["999"])

        assert alice_client.post(nowhere, headers={"Accept": BROWSER}).status_code == 302
        assert alice_client.get(reverse("admin:idenfy_kyc_verification_change", args=["999"])).status_code == 302

    def test_hides_the_record_from_whoever_may_not_see_requests(self, dora_client: Client) -> None:
        request = make_request(State.ISSUED)
        note_requests(EventKind.ISSUED, [request])

        page = dora_client.get(page_of(request.verification))

        assert page.context["client_requests"] == []
        assert page.context["history"].lines == []


class TestByHand:
    FORM = {"client_id": "C-9", "name": "Ona", "status": "APPROVED", "verified_at_0": "", "verified_at_1": ""}

    def test_adds_a_verification(self, dora_client: Client) -> None:
        answer = dora_client.post(ADD, self.FORM | {"scan_ref": "abc-1"})

        assert answer.status_code == 302
        assert Verification.objects.get().scan_ref == "abc-1"
        assert "Ona" not in str(LogEntry.objects.get())

    def test_refuses_a_reference_that_is_none(self, dora_client: Client) -> None:
        answer = dora_client.post(ADD, self.FORM | {"scan_ref": "not a reference!"})

        assert "A scan reference has 1 to 40 letters" in answer.text
        assert not Verification.objects.exists()

    def test_changes_everything_but_the_reference(self, dora_client: Client) -> None:
        verification = make_verification(scan_ref="abc-1")

        dora_client.post(page_of(verification), self.FORM | {"scan_ref": "abc-2"})

        verification.refresh_from_db()
        assert (verification.scan_ref, verification.name, verification.client_id) == ("abc-1", "Ona", "C-9")

    def test_keeps_a_status_that_is_new_to_us(self, dora_client: Client) -> None:
        verification = make_verification(status="FROZEN")
        assert "FROZEN (iDenfy’s new word)" in dora_client.get(page_of(verification)).text

        dora_client.post(page_of(verification), self.FORM | {"status": "FROZEN"})

        verification.refresh_from_db()
        assert verification.status == "FROZEN"
        assert verification.name == "Ona"

    def test_tells_statuses_of_one_word_apart(self, dora_client: Client) -> None:
        assert "Expired (EXPIRED-DELETED)" in dora_client.get(ADD).text

    @pytest.mark.parametrize("persona", ["alice_client", "bob_client", "carol_client"])
    def test_is_for_those_with_the_permission(self, persona: str, request: pytest.FixtureRequest) -> None:
        client: Client = request.getfixturevalue(persona)
        verification = make_verification(name="Before")

        assert client.post(ADD, self.FORM | {"scan_ref": "abc-1"}).status_code == 403
        assert client.post(page_of(verification), self.FORM).status_code == 403
        verification.refresh_from_db()
        assert verification.name == "Before"

    def test_deletes_only_what_has_no_requests(self, dora_client: Client) -> None:
        alone, asked = make_verification(), make_request(State.ISSUED).verification
        delete = [reverse("admin:idenfy_kyc_verification_delete", args=[v.pk]) for v in (alone, asked)]

        answers = [dora_client.post(url, {"post": "yes"}).status_code for url in delete]

        assert answers == [302, 403]
        assert list(Verification.objects.all()) == [asked]

    def test_deletes_nothing_of_the_record_with_the_action_of_the_list(self, root_client: Client) -> None:
        asked = make_request(State.ISSUED).verification

        root_client.post(LIST, {"action": "delete_selected", "_selected_action": [asked.pk], "post": "yes"})

        assert Verification.objects.exists()
        assert InformationRequest.objects.exists()


class TestAFormThatWasOpen:
    """iDenfy tells on while somebody types: what he did not touch stays as it is by then."""

    def opened(self, client: Client, verification: Verification) -> dict[str, str]:
        """What a browser sends back."""
        page = client.get(page_of(verification)).text
        fields = re.findall(r'<input type="(?:text|hidden)" name="([^"]+)"(?: value="([^"]*)")?', page)
        return {name: value for name, value in fields if name.startswith("initial-")}

    def test_does_not_undo_what_iDenfy_has_told_since(self, dora_client: Client) -> None:  # noqa: N802
        verification = make_verification(client_id="C-9", status="REVIEWING", verified_at=None)
        form = self.opened(dora_client, verification)
        Verification.objects.update(status="APPROVED", is_final=True, verified_at=NOON)

        answer = dora_client.post(page_of(verification), TestByHand.FORM | {"status": "REVIEWING"} | form)

        verification.refresh_from_db()
        assert (answer.status_code, verification.name, verification.name_folded) == (302, "Ona", "ona")
        assert (verification.status, verification.is_final, verification.verified_at) == ("APPROVED", True, NOON)

    def test_writes_the_status_that_somebody_chose(self, dora_client: Client) -> None:
        verification = make_verification(status="REVIEWING")
        form = self.opened(dora_client, verification)

        dora_client.post(page_of(verification), TestByHand.FORM | {"status": "DENIED"} | form)

        verification.refresh_from_db()
        assert verification.status == "DENIED"


class TestViewsThatAct:
    @pytest.mark.parametrize("url", [LIST, reverse("admin:idenfy_kyc_verification_request_information", args=["1"])])
    def test_are_never_wrapped_in_a_transaction(self, url: str) -> None:
        assert resolve(url).func._non_atomic_requests == {"default"}  # type: ignore[attr-defined]
