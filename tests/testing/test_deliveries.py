"""The builder of deliveries, for the tests of other projects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from idenfy_kyc.api.deliveries import Event, read_delivery
from idenfy_kyc.models import Answer, Verification
from idenfy_kyc.testing import deliver, document_expiration, identification, questionnaire
from idenfy_kyc.testing.deliveries import fresh_links


def read(event: str, payload: dict[str, Any]) -> Any:
    return read_delivery(event, json.dumps(payload).encode())


class TestIdentification:
    @pytest.mark.parametrize("event", [event for event in Event if event.startswith("IDENTIFICATION")])
    def test_is_what_each_event_may_say(self, event: Event) -> None:
        report = read(event, identification("scan-1", client_id="C-7", first_name="Ona", last_name="Kazlauskienė"))

        assert (report.scan_ref, report.client_id, report.name) == ("scan-1", "C-7", "Ona Kazlauskienė")
        assert (report.status, report.is_final) == ("APPROVED", True)

    def test_holds_an_answer(self) -> None:
        answers = questionnaire("Funds", {"From?": "Salary", "Sure?": True, "Banks?": ["A", "B"], "More?": None})

        report = read(Event.RESUBMITTED, identification("scan-1", questionnaire=answers))

        (section,) = report.answer.questionnaire["sections"]
        assert [(q["title"], q["type"], q["answers"]) for q in section["questions"]] == [
            ("From?", "TEXT", ["Salary"]),
            ("Sure?", "CHECKBOX", [True]),
            ("Banks?", "SELECT_MULTI", ["A", "B"]),
            ("More?", "TEXT", []),
        ]

    def test_takes_any_key_of_idenfys(self) -> None:
        assert identification("scan-1", platform="MOBILE", novelty=1)["platform"] == "MOBILE"


class TestFreshLinks:
    def test_change_the_links_to_files_and_nothing_else(self) -> None:
        payload = identification(
            "scan-1", links="a", questionnaire={"x": ["https://files.idenfy.test/1.pdf?Signature=a"]}
        )

        fresh = fresh_links(payload, "b")

        assert fresh["fileUrls"] == {"FRONT": "https://files.idenfy.test/scan-1/FRONT.png?Signature=b"}
        assert fresh["questionnaireAnswers"] == {"x": ["https://files.idenfy.test/1.pdf?Signature=b"]}
        assert read(Event.RESUBMITTED, fresh).answer.identity == read(Event.RESUBMITTED, payload).answer.identity
        assert fresh | {"fileUrls": 0, "questionnaireAnswers": 0} == payload | {
            "fileUrls": 0,
            "questionnaireAnswers": 0,
        }


class TestDeliver:
    @pytest.mark.django_db
    def test_posts_it_signed(self) -> None:
        url = reverse("idenfy_kyc:webhook")

        taken = deliver(Client(), url, "IDENTIFICATION_RESUBMITTED", identification("scan-1"))
        raw = deliver(Client(), url, "DOCUMENT_EXPIRATION", json.dumps(document_expiration("scan-1")).encode())
        forged = deliver(Client(), url, "IDENTIFICATION_RESUBMITTED", identification("scan-2"), key="another")

        assert (taken.status_code, raw.status_code, forged.status_code) == (200, 200, 400)
        assert Answer.objects.get().verification == Verification.objects.get()
