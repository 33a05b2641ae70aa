from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.admin import VerificationAdmin
from idenfy_kyc.admin import erase as erase_module
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import Answer, InformationRequest, RequestBatch, RequestEvent, Verification, WebhookDelivery
from idenfy_kyc.services.record import note_requests
from tests.admin.pages import messages_of, queries, url, words_of
from tests.factories import make_batch, make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_verification_changelist")


def page_of(verification: Verification) -> str:
    return reverse("admin:idenfy_kyc_verification_change", args=[verification.pk])


def erase_url(verification: Verification) -> str:
    return reverse("admin:idenfy_kyc_verification_erase", args=[verification.pk])


def typed(text: str, expected: int = 1) -> dict[str, str]:
    return {"_erase": "1", "typed": text, "expected": str(expected)}


def erased() -> int:
    return Verification.objects.filter(erased_at__isnull=False).count()


@pytest.fixture
def jonas() -> Verification:
    return make_verification(client_id="C-1042", name="Jonas Jonaitis", scan_ref="scan-1")


class TestThePage:
    def test_names_the_client_and_lists_his_verifications(self, erin_client: Client, jonas: Verification) -> None:
        other = make_verification(client_id="C-1042", name="Jonas J.")
        stranger = make_verification(client_id="c-1042")

        page = erin_client.get(erase_url(other))

        assert "Erase the personal data of Jonas Jonaitis" in page.text
        assert page_of(jonas) in page.text
        assert page_of(other) in page.text
        assert page_of(stranger) not in page.text
        assert "To go on, type C-1042" in page.text
        assert "Erase the personal data of 2 verifications" in page.text

    def test_is_for_those_who_may_erase(self, alice_client: Client, jonas: Verification) -> None:
        answers = [alice_client.get(erase_url(jonas)), alice_client.post(erase_url(jonas), typed("C-1042"))]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert not erased()

    def test_can_be_looked_at_and_sent_and_nothing_else(self, erin_client: Client, jonas: Verification) -> None:
        answer = erin_client.delete(erase_url(jonas))

        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, POST")

    def test_of_a_verification_that_is_not_there_leads_back_and_says_so(
        self, erin_client: Client, jonas: Verification
    ) -> None:
        address = erase_url(jonas).replace(f"/{jonas.pk}/", "/999/")

        page = erin_client.get(address, follow=True)

        assert messages_of(page) == ["What you were looking for is not there. Perhaps it was deleted."]

    def test_says_what_goes_and_what_stays_with_numbers(self, erin_client: Client, jonas: Verification) -> None:
        request = make_request(State.ISSUED, verification=jonas, bank_card_expected_last_four="4242")
        make_request(State.DRAFT, verification=jonas, batch=make_batch(selection="The client C-1042"))
        Answer.objects.create(verification=jonas, identity="a")
        WebhookDelivery.objects.create(digest="d", scan_ref="scan-1", body="{}")
        note_requests(EventKind.ISSUED, [request])

        page = erin_client.get(erase_url(jonas))

        assert page.context["goes"] == [
            "1 name",
            "1 client ID",
            "1 answer: what was written, risk scores, what did not match",
            "the content of 1 delivery from iDenfy",
            "the last four digits of a bank card, with 1 request",
            "1 link",
            "the client ID or the name, in the words by which the clients of 1 batch were chosen",
        ]
        assert page.context["stays"] == [
            "1 scan reference, with its status and dates",
            "a one-way hash of the client ID: whoever knows the ID can find that it was erased",
            "1 request: who asked, when, for what kind of thing, and how it ended",
            "1 line of the history",
        ]
        assert "the reasons that staff have typed: their form told them to write nothing personal" in page.text
        assert [line.partition(";")[0] for line in page.context["ends"]] == [
            "1 open request is withdrawn",
            "1 planned request is left out of its plan.",
        ]
        assert "Neither iDenfy nor your own project is told." in page.text
        assert "This cannot be undone." in page.text

    def test_says_so_when_there_is_nothing_personal(self, erin_client: Client) -> None:
        page = erin_client.get(erase_url(make_verification(client_id="", name="")))

        assert "Nothing: there is no personal data here." in page.text

    def test_writes_nothing_when_it_is_looked_at(self, erin_client: Client, jonas: Verification) -> None:
        erin_client.get(erase_url(jonas))

        assert erased() == 0

    def test_takes_the_same_queries_for_1_verification_and_for_40(
        self, erin_client: Client, jonas: Verification
    ) -> None:
        few = queries(erin_client, erase_url(jonas))
        make_verifications(39, client_id="C-1042")

        assert queries(erin_client, erase_url(jonas)) == few

    def test_says_how_many_more_there_are_that_one_may_not_see(
        self, erin_client: Client, jonas: Verification, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hidden = make_verification(client_id="C-1042", status="DENIED")

        def narrowed(self: VerificationAdmin, request: HttpRequest) -> Any:
            return Verification.objects.exclude(status="DENIED")

        monkeypatch.setattr(VerificationAdmin, "get_queryset", narrowed)

        page = erin_client.get(erase_url(jonas))
        erin_client.post(erase_url(jonas), typed("C-1042"))

        assert "There is 1 more verification of these clients, which you may not see." in words_of(page)
        assert hidden.scan_ref not in page.text
        hidden.refresh_from_db()
        assert (hidden.client_id, hidden.erased_at) == ("C-1042", None)
        assert erased() == 1


class TestErasing:
    def test_needs_the_client_id_typed_and_leads_back(
        self, erin_client: Client, erin: Any, jonas: Verification
    ) -> None:
        answer = erin_client.post(erase_url(jonas), typed(" C-1042 "), follow=True)

        assert answer.redirect_chain == [(page_of(jonas), 302)]
        assert messages_of(answer) == ["The personal data of 1 verification was erased."]
        assert RequestEvent.objects.get(kind=EventKind.ERASED).actor == erin
        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize("text", ["", "c-1042", "C-104", "ERASE"])
    def test_does_nothing_for_anything_else(self, erin_client: Client, jonas: Verification, text: str) -> None:
        page = erin_client.post(erase_url(jonas), typed(text))

        assert "That is not it. Type C-1042, letter by letter." in page.text
        assert "Nothing was erased." in page.text
        assert "<title>Error:" in words_of(page)
        assert erased() == 0

    def test_needs_a_word_where_there_is_no_client_id(self, erin_client: Client) -> None:
        verification = make_verification(client_id="")
        assert "To go on, type ERASE" in erin_client.get(erase_url(verification)).text

        erin_client.post(erase_url(verification), typed("ERASE"))

        assert erased() == 1

    def test_erases_no_more_than_the_person_was_shown(self, erin_client: Client, jonas: Verification) -> None:
        make_verification(client_id="C-1042")

        page = erin_client.post(erase_url(jonas), typed("C-1042", expected=1))

        assert messages_of(page) == ["Something changed in the meantime. Look at the numbers, and type it again."]
        assert "Erase the personal data of 2 verifications" in page.text
        assert erased() == 0

    def test_waits_for_a_call_that_is_under_way(self, erin_client: Client, jonas: Verification) -> None:
        make_request(State.SENDING, verification=jonas)

        page = erin_client.post(erase_url(jonas), typed("C-1042"))

        assert messages_of(page) == ["A client is being asked at this moment: wait a minute, and type it again."]
        assert erased() == 0

    def test_that_was_done_before_says_so(self, erin_client: Client, jonas: Verification) -> None:
        services.erase([jonas], by=None)

        answer = erin_client.post(erase_url(jonas), typed("C-1042"), follow=True)

        assert messages_of(answer) == ["There is nothing left to erase: it was erased before."]

    def test_never_runs_within_a_transaction_of_the_request(self) -> None:
        assert resolve("/admin/idenfy_kyc/verification/1/erase/").func._non_atomic_requests == {"default"}  # type: ignore[attr-defined]


class TestTheAction:
    def act(self, client: Client, chosen: list[Verification], **data: Any) -> Any:
        rows = {"action": "erase_personal_data", "_selected_action": [row.pk for row in chosen]}
        return client.post(LIST, rows | data, follow=True)

    def test_is_for_the_clients_of_the_ticked_ones(self, erin_client: Client, jonas: Verification) -> None:
        make_verification(client_id="C-1042")
        other = make_verification()

        page = self.act(erin_client, [jonas, other])
        answer = self.act(erin_client, [jonas, other], **typed("ERASE", expected=3))

        assert "Erase the personal data of 2 clients" in page.text
        assert f'<input type="hidden" name="_selected_action" value="{jonas.pk}">' in page.text
        assert answer.redirect_chain == [(LIST, 302)]
        assert erased() == 3

    def test_sends_one_field_for_all_that_match(self, erin_client: Client) -> None:
        chosen = make_verifications(3)

        page = self.act(erin_client, chosen, select_across="1")

        assert page.text.count('name="_selected_action"') == 1
        assert "Erase the personal data of 3 clients" in page.text
        self.act(erin_client, chosen[:1], select_across="1", **typed("ERASE", expected=3))
        assert erased() == 3

    def test_takes_so_many_at_once_and_no_more(self, erin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(erase_module, "AT_ONCE", 2)

        answer = self.act(erin_client, make_verifications(3), **typed("ERASE", expected=3))

        assert messages_of(answer) == ["2 verifications can be erased at once. Choose fewer. Nothing was erased."]
        assert erased() == 0

    def test_is_offered_to_whoever_may(self, erin_client: Client, alice_client: Client, jonas: Verification) -> None:
        assert "Erase personal data…" in erin_client.get(LIST).text
        assert "Erase personal data…" not in alice_client.get(LIST).text


class TestAfterwards:
    """Every page of a client who was erased reads well, and knows nobody."""

    @pytest.fixture
    def request_(self, jonas: Verification) -> InformationRequest:
        return make_request(State.ISSUED, verification=jonas, batch=make_batch(confirmed=True))

    @pytest.fixture(autouse=True)
    def erased(self, request_: InformationRequest, jonas: Verification, erin: Any) -> None:
        services.erase([jonas], by=erin)

    def test_the_verification_says_when_and_by_whom(self, erin_client: Client, jonas: Verification) -> None:
        page = erin_client.get(page_of(jonas))

        day = f"{timezone.localtime().day} {timezone.localtime():%B}"
        assert f"Personal data erased on {day} by Erin Example." in page.text
        assert "<h1>Verification of an erased client</h1>" in page.text
        assert erase_url(jonas) not in page.text
        assert "rules it out" not in page.text
        assert [(line.what, line.who) for line in page.context["history"].lines] == [
            ("Personal data erased", "Erin Example"),
            ("Withdrawn: The client’s personal data was erased", "Erin Example"),
        ]

    def test_nobody_is_named_where_a_command_did_it(self, erin_client: Client) -> None:
        other = make_verification()
        services.erase([other], by=None)

        assert "Personal data erased on " in erin_client.get(page_of(other)).text
        assert " by ." not in erin_client.get(page_of(other)).text

    def test_nothing_can_be_changed_by_hand(self, root_client: Client, jonas: Verification) -> None:
        page = root_client.get(page_of(jonas))

        assert 'name="client_id"' not in page.text
        assert "_save" not in page.text

    def test_a_form_that_was_sent_in_that_very_moment_writes_nothing(self, root_client: Client) -> None:
        verification = make_verification(client_id="C-1043", name="Rasa Rasaitė")
        form = {"client_id": "C-1043", "name": "Rasa Rasaite", "status": "APPROVED"}
        began: list[str] = []

        def meanwhile(execute: Any, sql: str, *args: Any) -> Any:
            if sql.startswith("UPDATE") and Verification._meta.db_table in sql and not began:
                began.append(sql)
                services.erase([verification], by=None)
            return execute(sql, *args)

        with connection.execute_wrapper(meanwhile):
            answer = root_client.post(page_of(verification), form)

        verification.refresh_from_db()
        assert (answer.status_code, bool(began)) == (403, True)
        assert verification.name == "Rasa Rasaitė"  # the erasure stood in the same transaction here, and went with it

    def test_lists_say_that_he_is_erased_with_the_scan_reference(self, erin_client: Client) -> None:
        for model in ("verification", "informationrequest"):
            page = erin_client.get(reverse(f"admin:idenfy_kyc_{model}_changelist"))

            assert '<bdi class="ik-client">Erased client</bdi> <span class="ik-beneath">scan-1</span>' in page.text

    def test_the_request_says_why_it_was_withdrawn(self, erin_client: Client, request_: InformationRequest) -> None:
        page = erin_client.get(reverse("admin:idenfy_kyc_informationrequest_change", args=[request_.pk]))

        assert "Request to Erased client" in page.text
        assert "The client’s personal data was erased" in page.text
        assert "scan-1" in page.text
        assert "C-1042" not in page.text

    def test_the_report_reads_on(self, erin_client: Client, request_: InformationRequest) -> None:
        page = erin_client.get(url(request_.batch))

        assert "Erased client" in page.text
        assert "The client’s personal data was erased" in page.text

    def test_a_plan_says_why_he_is_not_asked(self, erin_client: Client, alice: Any, jonas: Verification) -> None:
        make_verification()
        batch = services.plan(Verification.objects.all(), planned_by=alice)

        page = erin_client.get(url(batch))

        assert batch.requests.get(verification=jonas).reason == Reason.ERASED
        assert "Will not be asked: The client’s personal data was erased" in words_of(page)

    def test_the_clients_own_page_says_that_it_is_over(self, request_: InformationRequest) -> None:
        page = Client().get(reverse("idenfy_kyc:client_link", args=[request_.public_id]))

        assert page.status_code == 410
        assert "withdrawn" in page.text

    @pytest.mark.parametrize(("term", "found"), [("C-1042", 1), ("c-1042", 0), ("C-104", 0), ("scan-1", 1)])
    def test_whoever_knows_the_client_id_finds_that_it_was_erased(
        self, erin_client: Client, term: str, found: int
    ) -> None:
        page = erin_client.get(LIST, {"q": term})

        assert page.context["cl"].result_count == found

    def test_the_host_project_is_not_asked_who_he_was(self, erin_client: Client, settings: Any) -> None:
        """Which knows him by the scan reference, perhaps."""
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLIENTS": "tests.admin.test_erase.knows_everybody"}
        make_verification()

        page = erin_client.get(LIST)

        assert page.text.count("Known To The Host") == 1
        assert "Erased client" in page.text

    def test_nothing_of_him_is_on_any_page(
        self, root_client: Client, jonas: Verification, request_: InformationRequest
    ) -> None:
        batch = RequestBatch.objects.get()
        addresses = [LIST, page_of(jonas), url(batch), reverse("admin:idenfy_kyc_informationrequest_changelist")]

        pages = [root_client.get(address).text for address in addresses]

        assert [word for word in ("Jonas", "C-1042") if word in "".join(pages)] == []


def knows_everybody(*, verifications: Any) -> Any:
    from idenfy_kyc.clients import Client as KnownClient

    return {verification.pk: KnownClient(name="Known To The Host") for verification in verifications}
