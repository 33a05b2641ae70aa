"""Deliveries as iDenfy sends them: for a test that says “iDenfy now reports …”.

::

    from idenfy_kyc.testing import deliver, identification

    answer = deliver(client, "/idenfy/webhook/", "IDENTIFICATION_RESUBMITTED", identification(scan_ref, final=True))

``WEBHOOK_SIGNING_KEYS`` of the settings signs it; ``key`` signs it with another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idenfy_kyc.api.deliveries import sign
from idenfy_kyc.conf import get_settings

FINISHED = 1_764_000_000
"""When these verifications were finished, in seconds since 1970."""


def identification(
    scan_ref: str,
    *,
    status: str = "APPROVED",
    final: bool = True,
    client_id: str = "C-1",
    mismatch_tags: list[str] | None = None,
    additional_step: str | None = None,
    questionnaire: Mapping[str, Any] | None = None,
    risk: Mapping[str, Any] | None = None,
    links: str = "1",
    **changes: Any,
) -> dict[str, Any]:
    """The body of any ``IDENTIFICATION`` event. ``links`` makes the links to files differ, as they do each time the
    same is told; ``changes`` are further keys of the body, in iDenfy's names."""
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
        "data": {"docFirstName": "RASA", "docLastName": "EXAMPLE", "docNumber": "AB1234567", "docExpiry": "2031-05-01"},
        "fileUrls": {"FRONT": f"https://files.idenfy.test/{scan_ref}/FRONT.png?Signature={links}"},
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
