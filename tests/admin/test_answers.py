from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from idenfy_kyc import services, told
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import Answer, InformationRequest, RequestEvent, Verification
from idenfy_kyc.models.fields import Unreadable
from idenfy_kyc.testing import identification, signed_headers
from tests.factories import make_request, make_verification
from tests.personas import VIEW, MakeUser, logged_in

pytestmark = pytest.mark.django_db

LIST = reverse("admin:idenfy_kyc_informationrequest_changelist")
QUESTIONS = {
    "title": "Source of funds",
    "sections": [
        {
            "title": "Your money",
            "questions": [
                {"key": "a", "title": "Where from?", "type": "TEXT_AREA", "value": "Salary\nand <b>savings</b>"},
                {"key": "b", "title": "Which countries?", "type": "COUNTRY_MULTI", "value": ["LT", "LV"]},
                {"key": "c", "title": "Proof", "type": "FILE", "value": "https://files.idenfy.test/a?s=1"},
                {"key": "d", "title": "Anything else?", "type": "TEXT", "value": ""},
            ],
        }
    ],
}


def tell(event: str, scan_ref: str = "scan-1", **changes: Any) -> None:
    body = json.dumps(identification(scan_ref, **changes)).encode()
    signature = signed_headers(event, body)["Idenfy-Signature"]
    services.receive(event_type=event, body=body, signature=signature)


def page_of(row: InformationRequest | Verification, page: str = "change") -> str:
    return reverse(f"admin:idenfy_kyc_{row._meta.model_name}_{page}", args=[row.pk])


@pytest.fixture
def reader(make_person: MakeUser) -> Client:
    """Somebody who may read what clients answered."""
    return logged_in(make_person("frieda", *VIEW, "view_answers"))


@pytest.fixture
def answered() -> InformationRequest:
    """A request whose client has answered, with a review that follows."""
    verification = make_verification(scan_ref="scan-1", status="APPROVED", is_final=True)
    request = make_request(State.ISSUED, verification=verification)
    tell(
        "IDENTIFICATION_RESUBMITTED",
        final=False,
        questionnaire=QUESTIONS,
        risk={"riskScore": 42, "riskLevel": "MEDIUM"},
        bankCardVerification={"status": "MATCH"},
    )
    return request


class TestThePageOfARequest:
    def test_tells_apart_a_rejected_document_and_the_status(self, reader: Client, answered: InformationRequest) -> None:
        tell("IDENTIFICATION_MANUAL_FINISHED", additional_step="INVALID", mismatch_tags=["EXPIRED_UTILITY_BILL"])

        page = reader.get(page_of(answered)).text

        assert "<dd>Rejected: expired utility bill</dd>" in page
        assert 'Approved <span class="ik-beneath">The status is about the whole verification, the verdict about' in page
        assert "<dd>Uploaded, to be seen in iDenfy’s dashboard</dd>" in page
        assert "files.idenfy.test" not in page

    def test_says_so_where_no_key_can_read_the_answer(
        self, reader: Client, answered: InformationRequest, settings: Any
    ) -> None:
        """Not that nothing was answered."""
        unreadable = "was answered in writing, and no key can read it"
        assert unreadable not in reader.get(page_of(answered)).text
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "newer"
        assert unreadable not in reader.get(page_of(answered)).text
        Answer.objects.update(questionnaire_json=Unreadable("what another key has written"))

        page = reader.get(page_of(answered))

        assert unreadable in page.text
        assert "42 of 100, medium" in page.text

    def test_lays_out_what_was_answered(self, reader: Client, answered: InformationRequest) -> None:
        page = reader.get(page_of(answered)).text

        for words in (
            "The client’s answer",
            "In review at iDenfy",
            "42 of 100, medium",
            "The bank card is the one expected.",
            "Source of funds",
            "Your money",
            "Where from?",
            "1 file, to be read in iDenfy’s dashboard",
            "Not answered",
        ):
            assert words in page

    def test_says_what_to_do_about_a_review_that_is_over_elsewhere_until_it_is_here(
        self, reader: Client, answered: InformationRequest
    ) -> None:
        hint = "If iDenfy’s dashboard says that the review is over, press “Refresh from iDenfy”"
        assert hint in reader.get(page_of(answered)).text

        tell("IDENTIFICATION_MANUAL_FINISHED", additional_step="VALID")

        assert hint not in reader.get(page_of(answered)).text

    def test_is_where_a_report_sends_its_readers(self, reader: Client, answered: InformationRequest) -> None:
        page = reader.get(reverse("admin:idenfy_kyc_requestbatch_change", args=[answered.batch_id]))

        assert "Read the answers: press their number." in page.text

    def test_takes_nothing_that_a_client_wrote_for_html(self, reader: Client, answered: InformationRequest) -> None:
        page = reader.get(page_of(answered)).text

        assert "Salary<br>and &lt;b&gt;savings&lt;/b&gt;" in page

    def test_shows_only_the_verdict_to_who_may_not_read(self, bob_client: Client, answered: InformationRequest) -> None:
        page = bob_client.get(page_of(answered)).text

        assert "In review at iDenfy" in page
        assert "A colleague who may read answers can tell you what was answered." in page
        assert not any(words in page for words in ("Where from?", "Salary", "42 of 100", "Your money"))

    def test_says_what_a_review_decided(self, reader: Client, answered: InformationRequest) -> None:
        tell(
            "IDENTIFICATION_MANUAL_FINISHED",
            status="SUSPECTED",
            additional_step="INVALID",
            mismatch_tags=["EXPIRED_UTILITY_BILL"],
        )

        page = reader.get(page_of(answered)).text

        assert "Rejected: expired utility bill" in page
        assert "iDenfy’s review of the answer is over" in page

    def test_says_when_what_was_answered_was_erased(self, reader: Client, answered: InformationRequest) -> None:
        services.erase([answered.verification], by=None)

        page = reader.get(page_of(answered)).text

        assert "What was answered was erased on" in page
        assert "Where from?" not in page

    @pytest.mark.parametrize(
        ("state", "fields", "words"),
        [
            (State.CANCELLED, {"reason": Reason.WITHDRAWN}, "after the link had been withdrawn"),
            (State.CANCELLED, {"reason": Reason.GIVEN_UP}, "after the link had been withdrawn"),
            (State.EXPIRED, {"expires_at": timezone.now() - timedelta(hours=1)}, "after the time was over"),
        ],
    )
    def test_says_that_an_answer_came_after_the_end(
        self, bob_client: Client, state: State, fields: dict[str, Any], words: str
    ) -> None:
        request = make_request(state, verification=make_verification(scan_ref="scan-1"), **fields)
        tell("IDENTIFICATION_RESUBMITTED")

        assert words in bob_client.get(page_of(request)).text


class TestLookingAtIt:
    def test_is_on_record(self, reader: Client, answered: InformationRequest) -> None:
        page = reader.post(page_of(answered, "look_at"), follow=True).text

        answer = Answer.objects.get()
        assert (answer.looked_by_name, answer.looked_at is None) == ("Frieda Example", False)
        assert "Frieda Example has looked at this on" in page
        assert "I have looked at this</button>" not in page
        line = RequestEvent.objects.get(kind=EventKind.LOOKED_AT)
        assert (line.request, line.actor_name) == (answered, "Frieda Example")

    def test_counts_once(self, reader: Client, answered: InformationRequest, make_person: MakeUser) -> None:
        reader.post(page_of(answered, "look_at"))
        other = logged_in(make_person("gita", *VIEW, "view_answers"))

        page = other.post(page_of(answered, "look_at"), follow=True).text

        assert "nobody had looked at before" in page
        assert Answer.objects.get().looked_by_name == "Frieda Example"
        assert RequestEvent.objects.filter(kind=EventKind.LOOKED_AT).count() == 1

    def test_of_what_nobody_has_answered_says_so(self, reader: Client) -> None:
        page = reader.post(page_of(make_request(State.ISSUED), "look_at"), follow=True).text

        assert "nobody had looked at before" in page

    def test_can_be_said_of_many(self, reader: Client, answered: InformationRequest) -> None:
        other = make_request(State.ISSUED, verification=make_verification(scan_ref="scan-2"))
        tell("IDENTIFICATION_RESUBMITTED", "scan-2")
        waiting = make_request(State.ISSUED)

        page = reader.post(
            LIST, {"action": "look_at", "_selected_action": [answered.pk, other.pk, waiting.pk]}, follow=True
        ).text

        assert "you have looked at 2 answers" in page
        assert not Answer.objects.not_looked_at().exists()

    def test_is_not_for_who_may_not_read(self, alice_client: Client, answered: InformationRequest) -> None:
        answers = [
            alice_client.post(page_of(answered, "look_at")),
            alice_client.post(LIST, {"action": "look_at", "_selected_action": answered.pk}),
        ]

        assert {answer.status_code for answer in answers} == {403}
        assert Answer.objects.not_looked_at().exists()


class TestTheList:
    def test_says_that_answered_is_not_fine(self, bob_client: Client, answered: InformationRequest) -> None:
        tell("IDENTIFICATION_MANUAL_FINISHED", status="DENIED")

        page = bob_client.get(LIST).text

        assert "Answered" in page
        assert "Rejected" in page

    @pytest.mark.parametrize(("choice", "shown"), [("unread", 1), ("review", 1), ("", 3)])
    def test_can_be_narrowed_by_what_came_back(
        self, reader: Client, answered: InformationRequest, choice: str, shown: int
    ) -> None:
        looked_at = make_request(State.ISSUED, verification=make_verification(scan_ref="scan-2"))
        tell("IDENTIFICATION_RESUBMITTED", "scan-2")
        reader.post(page_of(looked_at, "look_at"))
        make_request(State.ISSUED)

        page = reader.get(LIST, {"answer": choice} if choice else {})

        assert len(page.context["cl"].result_list) == shown


class TestThePageOfAVerification:
    def test_shows_an_answer_that_nobody_here_had_asked_for(self, reader: Client) -> None:
        verification = make_verification(scan_ref="scan-1")
        tell("IDENTIFICATION_RESUBMITTED", questionnaire=QUESTIONS)

        page = reader.get(page_of(verification)).text
        after = reader.post(page_of(verification, "look_at"), follow=True).text

        assert "An answer to a request that was not made here" in page
        assert "Where from?" in page
        assert "Frieda Example has looked at this on" in after
        assert RequestEvent.objects.get(kind=EventKind.LOOKED_AT).verification == verification

    def test_says_what_idenfy_says(self, bob_client: Client) -> None:
        tell("IDENTIFICATION_AUTO_FINISHED", mismatch_tags=["UTILITY_NAME"])
        tell("IDENTIFICATION_MANUAL_FINISHED", status="DENIED", mismatch_tags=["UTILITY_NAME", "A_NEW_TAG"])

        page = bob_client.get(page_of(Verification.objects.get())).text

        for words in (
            "iDenfy changed its decision on",
            "Another name on the utility bill",
            "UTILITY_NAME",
            "A_NEW_TAG",
            "Document, checked by a person",
            "DOC_VALIDATED",
            "Approved before, Denied now",
        ):
            assert words in page

    def test_says_beside_answered_what_the_verdict_is(self, bob_client: Client, answered: InformationRequest) -> None:
        tell("IDENTIFICATION_MANUAL_FINISHED", additional_step="INVALID", mismatch_tags=["EXPIRED_UTILITY_BILL"])

        page = bob_client.get(page_of(answered.verification)).text

        assert 'Answered</span> <span class="ik-beneath">Rejected: expired utility bill</span>' in page
        assert "The status is about the whole verification, this about the document that was asked for." in page

    def test_says_nothing_of_what_nobody_told(self, bob_client: Client) -> None:
        assert "What iDenfy says" not in bob_client.get(page_of(make_verification())).text


class TestTheReport:
    def test_says_beside_answered_what_the_verdict_is(self, bob_client: Client, answered: InformationRequest) -> None:
        page = bob_client.get(reverse("admin:idenfy_kyc_requestbatch_change", args=[answered.batch_id]))

        answered.refresh_from_db()
        verdict = told.verdict_text(answered.answer)
        assert f'<td role="cell" class="ik-note">{verdict}</td>' in page.text
