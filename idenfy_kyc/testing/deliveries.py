"""Deliveries as iDenfy sends them: for a test that says “iDenfy now reports …”.

With pytest the fixture ``idenfy_reports`` says it shortest, see :mod:`idenfy_kyc.testing.plugin`. Without::

    from idenfy_kyc.testing import deliver, identification, questionnaire

    payload = identification(scan_ref, questionnaire=questionnaire("Source of funds", {"Where from?": "Salary"}))
    answer = deliver(client, "/idenfy/webhook/", "IDENTIFICATION_RESUBMITTED", payload)

``WEBHOOK_SIGNING_KEYS`` of the settings signs it; ``key`` signs it with another one. ``signed_headers`` is for whoever
posts in a way of his own. The fake builds all that it tells here, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idenfy_kyc.api.deliveries import sign
from idenfy_kyc.conf import get_settings

FINISHED = 1_764_000_000
"""When these verifications were finished, in seconds since 1970."""
FILES = "https://files.idenfy.test/"
"""Where the files of these deliveries would be."""


def identification(
    scan_ref: str,
    *,
    status: str = "APPROVED",
    final: bool = True,
    client_id: str = "C-1",
    first_name: str = "RASA",
    last_name: str = "EXAMPLE",
    mismatch_tags: list[str] | None = None,
    additional_step: str | None = None,
    questionnaire: Mapping[str, Any] | None = None,
    risk: Mapping[str, Any] | None = None,
    links: str = "1",
    **changes: Any,
) -> dict[str, Any]:
    """The body of any ``IDENTIFICATION`` event.

    ``status`` is iDenfy's word; ``final`` is False while a review follows. An answer holds what was asked for:
    ``questionnaire`` (see :func:`questionnaire`), ``risk`` (``{"riskScore": 12, "riskLevel": "LOW"}``),
    ``additional_step`` (the verdict on an upload: VALID, INVALID, NOT_FOUND) with ``mismatch_tags``. ``links`` makes
    the links to files differ, as they do each time the same is told; ``changes`` are further keys of the body, in
    iDenfy's names.
    """
    body = {
        "final": final,
        "platform": "PC",
        "status": {
            "overall": status,
            "fraudTags": [],
            "mismatchTags": mismatch_tags or [],
            "autoFace": "FACE_MATCH",
            "manualFace": "FACE_MATCH" if final else "",
            "autoDocument": "DOC_VALIDATED",
            "manualDocument": "DOC_VALIDATED" if final else "",
            "additionalSteps": additional_step,
        },
        "data": {
            "docFirstName": first_name,
            "docLastName": last_name,
            "docNumber": "AB1234567",
            "docExpiry": "2031-05-01",
        },
        "fileUrls": {"FRONT": f"{FILES}{scan_ref}/FRONT.png?Signature={links}"},
        "additionalStepPdfUrls": {},
        "scanRef": scan_ref,
        "externalRef": None,
        "clientId": client_id,
        "companyId": "",
        "beneficiaryId": "",
        "startTime": FINISHED - 60,
        "finishTime": FINISHED,
        "clientIp": None,
        "clientIpCountry": None,
        "clientLocation": None,
        "questionnaireAnswers": questionnaire,
        "riskAssessment": risk,
        "bankCardVerification": None,
        "additionalSteps": None,
    }
    return body | changes


def questionnaire(title: str, answers: Mapping[str, Any], *, section: str = "Questions") -> dict[str, Any]:
    """``questionnaireAnswers`` of one section: questions with their answers, which are text, or a list of texts, or
    yes or no, or None for one that was left out."""
    questions = [
        {"key": f"q{number}", "title": question, "type": _type_of(value), "value": value}
        for number, (question, value) in enumerate(answers.items(), start=1)
    ]
    return {"title": title, "sections": [{"title": section, "questions": questions}]}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "CHECKBOX"
    return "SELECT_MULTI" if isinstance(value, list) else "TEXT"


def fresh_links(value: Any, links: str) -> Any:
    """The same with other links to files, as iDenfy tells it when it tells it again."""
    if isinstance(value, Mapping):
        return {name: fresh_links(item, links) for name, item in value.items()}
    if isinstance(value, list):
        return [fresh_links(item, links) for item in value]
    if isinstance(value, str) and value.startswith(FILES):
        return f"{value.partition('?')[0]}?Signature={links}"
    return value


def document_expiration(
    scan_ref: str, *, threshold: str = "DOCUMENT_EXPIRED", day: str = "2026-12-01"
) -> dict[str, Any]:
    """The body of ``DOCUMENT_EXPIRATION``."""
    return {"scanRef": scan_ref, "clientId": "C-1", "expirationThreshold": threshold, "documentExpiration": day}


def signed_headers(event_type: str, body: bytes, *, key: str | None = None) -> dict[str, str]:
    """The headers of a delivery; signed with the first of ``WEBHOOK_SIGNING_KEYS`` unless ``key`` says otherwise."""
    key = get_settings().WEBHOOK_SIGNING_KEYS[0] if key is None else key
    return {"Idenfy-Event-Type": event_type, "Idenfy-Signature": sign(body, key)}


def deliver(
    client: Any, url: str, event_type: str, payload: Mapping[str, Any] | bytes, *, key: str | None = None
) -> Any:
    """Post a signed delivery with Django's test client to ``url``, the project's ``idenfy_kyc:webhook``."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = signed_headers(event_type, body, key=key)
    return client.post(url, body, content_type="application/json", headers=headers)
