"""What iDenfy answered, in words, on the page of the batch and on that of the request: for every way it can answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from idenfy_kyc import services
from idenfy_kyc.choices import BatchState, PauseReason, Reason, State
from idenfy_kyc.testing import Fault
from tests.admin.pages import url, words_of
from tests.factories import make_queue
from tests.services.test_sending import ANSWERS

pytestmark = pytest.mark.django_db

WORDS: dict[str, str] = {
    Reason.NO_ANSWER: "iDenfy’s answer did not arrive",
    Reason.UNREADABLE: "iDenfy’s answer could not be read",
    Reason.SERVER_ERROR: "iDenfy answered that something went wrong there",
    Reason.NOT_IDENFY: "Something other than iDenfy seems to have answered",
    Reason.REDIRECTED: "The answer pointed to another address, which was not followed",
    PauseReason.UNAUTHORIZED: "iDenfy does not accept the API key",
    PauseReason.CONTRACT: "iDenfy says that the contract does not allow it",
    PauseReason.PERMISSION: "iDenfy says that the API key may not do this",
    PauseReason.RATE_LIMITED: "iDenfy asks us to slow down",
}


@pytest.mark.parametrize("row", ANSWERS, ids=[row[0] for row in ANSWERS])
class TestAnAnswer:
    def test_stands_on_the_pages_in_words(
        self, alice_client: Client, fake_idenfy: Any, settings: Any, row: tuple[Fault, State, BatchState, str]
    ) -> None:
        fault, state, _, why = row
        if fault is Fault.DRIP:  # the others answer at once, and a busy machine may be slow
            settings.IDENFY_KYC = settings.IDENFY_KYC | {"CONNECT_TIMEOUT": 0.2, "READ_TIMEOUT": 0.3}
        fake_idenfy.fake.misbehave(fault)
        batch = make_queue(1)
        services.send(batch)
        request = batch.requests.get()

        of_batch = words_of(alice_client.get(url(batch)))
        of_request = words_of(
            alice_client.get(reverse("admin:idenfy_kyc_informationrequest_change", args=[request.pk]))
        )

        said = WORDS[why] if why else escape(request.message) or "There is no link to give"
        assert said in of_batch
        assert said in of_request or state is State.ISSUED
        assert f"ik-state-{state}" in of_request
