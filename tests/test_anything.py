"""Whatever comes, from whomever: no error of ours, and nothing stored that nobody signed. Hypothesis invents it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idenfy_kyc import api
from idenfy_kyc.api.deliveries import Event
from idenfy_kyc.choices import State
from idenfy_kyc.exceptions import IdenfyApiError
from idenfy_kyc.models import Answer, Verification, WebhookDelivery
from idenfy_kyc.testing import deliver, identification, questionnaire
from tests.admin.pages import make_plan
from tests.factories import make_queue, make_request
from tests.test_access import LINES, forms, things

__all__ = ["forms", "things"]  # fixtures of the table of access

pytestmark = [pytest.mark.django_db, pytest.mark.no_cover]


def tried(examples: int) -> hypothesis_settings:
    """So many examples; the rows of one are there for the next, as they would be in life."""
    return hypothesis_settings(
        max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
NASTY = st.sampled_from(
    ["", "0", "-1", "1", "9" * 30, "\0", "\u202e", "1e9", "None", "[]", "{}", "%00", "'", "../..", "on"]
)
VALUE = NASTY | TEXT
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


SENTENCES = {
    "The answer is not a JSON object",
    *(f"The answer has no {what}" for what in ("tokenString", "authToken", "scanRef", "status")),
    *(f"The answer has no {what} of verifications" for what in ("count", "list")),
    "The answer is about another verification",
}


def with_changes(given: Mapping[str, Any], changes: Mapping[int, Any]) -> dict[str, Any]:
    """``given`` with some of its values, chosen by number, replaced by others."""
    names = sorted(given)
    return {**given, **{names[number % len(names)]: value for number, value in changes.items()}}


class TestWebhook:
    URL = reverse("idenfy_kyc:webhook")
    ANSWERED = identification(
        "scan-1",
        questionnaire=questionnaire("Funds", {"Where from?": "Salary", "Which?": ["a", "b"], "Sure?": True}),
        risk={"riskScore": 12, "riskLevel": "LOW"},
    )

    @given(
        event=st.sampled_from([*Event]),
        changes=st.dictionaries(st.sampled_from(sorted(ANSWERED)), JSON, max_size=6),
        inner=st.dictionaries(st.sampled_from(sorted(ANSWERED["status"])), JSON, max_size=4),
    )
    @tried(50)
    def test_takes_every_signed_delivery_of_any_shape(
        self, event: str, changes: dict[str, Any], inner: dict[str, Any]
    ) -> None:
        payload = self.ANSWERED | {"status": self.ANSWERED["status"] | inner} | changes

        answer = deliver(Client(), self.URL, event, payload)

        assert answer.status_code == 200
        assert not WebhookDelivery.objects.filter(problem="broke_off").exists()

    @given(said=JSON)
    @tried(30)
    def test_takes_a_questionnaire_of_any_shape_and_shows_it(self, root_client: Client, said: Any) -> None:
        question = {"title": said, "type": said, "value": said}
        payload = self.ANSWERED | {
            "questionnaireAnswers": {"title": said, "sections": [said, {"title": said, "questions": [said, question]}]}
        }

        deliver(Client(), self.URL, Event.RESUBMITTED, payload)

        assert not WebhookDelivery.objects.filter(problem="broke_off").exists()
        verification = Verification.objects.get(scan_ref="scan-1")
        page = root_client.get(reverse("admin:idenfy_kyc_verification_change", args=[verification.pk]))
        assert page.status_code == 200

    @given(
        body=st.binary(max_size=200) | st.just(b'{"scanRef": "scan-1"}'),
        signature=st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=80),
        event=st.sampled_from([*Event, "", "x" * 300]),
        kind=st.sampled_from(
            ["application/json", "multipart/form-data; boundary=x", "text/plain; charset=nonsense", ""]
        ),
    )
    @tried(50)
    def test_keeps_nothing_that_nobody_signed(self, body: bytes, signature: str, event: str, kind: str) -> None:
        headers = {"Idenfy-Signature": signature, "Idenfy-Event-Type": event}

        answer = Client().generic("POST", self.URL, body, content_type=kind, headers=headers)

        assert answer.status_code == 400
        assert not any(model.objects.exists() for model in (WebhookDelivery, Verification, Answer))


class TestAnAnswer:
    KEYS = (
        *("tokenString", "sessionUrl", "authToken", "scanRef", "redirectUrl", "count", "results", "status", "next"),
        *("identifier", "message", "errors", "detail", "clientId", "fraudTags"),
    )
    OBJECT = st.dictionaries(st.sampled_from(KEYS), JSON)

    @given(
        status=st.sampled_from([200, 201, 204, 302, 400, 403, 404, 429, 500]),
        data=OBJECT | JSON | st.builds(lambda lines: {"count": 1, "results": lines}, st.lists(OBJECT, max_size=3)),
    )
    @pytest.mark.parametrize(
        "decipher",
        [
            api.decipher_identifications,
            api.decipher_page,
            api.decipher_request_information,
            api.decipher_start_verification,
            partial(api.decipher_status, "scan-1"),
        ],
    )
    def test_is_a_value_or_an_error_of_ours_without_its_words(
        self, decipher: Callable[..., Any], status: int, data: Any
    ) -> None:
        said, found = "", None
        try:
            found = decipher(status, {}, json.dumps(data).encode())
        except IdenfyApiError as error:
            said = str(error)

        assert said in {"", f"iDenfy answered {status}", *SENTENCES}
        assert (found is None) == bool(said)
        assert said or 200 <= status < 300


LISTS = {
    "verification": ("status", "request", "verified", "asked"),
    "informationrequest": ("state", "decision", "answer", "ends", "opened", "by", "asked", "batch__exact"),
    "requestbatch": ("state", "by", "confirmed"),
    "webhookdelivery": ("state", "event_type", "received"),
}
EVERY_LIST = ("q", "o", "p", "all", "e", "_popup", "_to_field", "_facets", "pk__in", "id__exact", "token__startswith")
WORDS = st.sampled_from(
    [*State, "none", "open", "never", "APPROVED", "failed", "yes", "24h", "over12m", "verified", "-"]
)


class TestAddresses:
    @pytest.mark.parametrize("model", LISTS)
    def test_of_lists_may_ask_for_anything(self, model: str, root_client: Client) -> None:
        make_request(State.ISSUED)
        page = reverse(f"admin:idenfy_kyc_{model}_changelist")
        names = st.sampled_from(LISTS[model] + EVERY_LIST) | TEXT

        @given(query=st.dictionaries(names, WORDS | VALUE, max_size=4))
        @example(query={"q": "\0"})
        @example(query={"pk__in": "9" * 30})
        @tried(40)
        def look(query: dict[str, str]) -> None:
            assert root_client.get(f"{page}?{urlencode(query)}").status_code in {200, 302, 400}

        look()

    @pytest.mark.parametrize("name", ["show", "q", "p", "history", "_changelist_filters"])
    def test_of_pages_may_ask_for_anything(self, name: str, root_client: Client) -> None:
        request = make_request(State.ISSUED)
        pages = [
            reverse("admin:idenfy_kyc_verification_change", args=[request.verification_id]),
            reverse("admin:idenfy_kyc_informationrequest_change", args=[request.pk]),
            *(
                reverse("admin:idenfy_kyc_requestbatch_change", args=[batch.pk])
                for batch in (request.batch, make_plan(2), make_queue(1))
            ),
        ]

        @given(value=WORDS.map(str.encode) | VALUE.map(str.encode) | st.binary(max_size=20))
        @tried(6)
        def look(value: bytes) -> None:
            for page in pages:
                assert root_client.get(f"{page}?{name}={quote(value)}").status_code == 200

        look()

    @given(key=VALUE | st.integers().map(str))
    @tried(25)
    def test_of_objects_may_name_anything(self, root_client: Client, key: str) -> None:
        for model in LISTS:
            address = reverse(f"admin:idenfy_kyc_{model}_change", args=[key or "-"])
            assert root_client.get(address).status_code < 500


ACTS = sorted(
    {(line.address, line.sends) for line in LINES if line.method == "POST" and not line.address.startswith("i")}
)


class TestForms:
    @pytest.mark.parametrize(("address", "sends"), ACTS)
    def test_may_hold_anything(
        self, root_client: Client, things: dict[str, Any], forms: dict[str, Any], address: str, sends: str
    ) -> None:
        path = re.sub("<(.*?)>", lambda thing: str(things[thing[1]]), address)
        path = f"/{path}" if path.startswith("admin/") else f"/admin/idenfy_kyc/{path}"
        meant = forms[sends] | {"note": "", "row": ""}

        @given(changes=st.dictionaries(st.integers(0, 20), VALUE | st.lists(VALUE, max_size=2), max_size=4))
        @example(changes={0: "\0"})
        @example(changes={0: "9" * 30})
        @example(changes={0: ["1", "x"]})
        @tried(5)
        def send(changes: dict[int, Any]) -> None:
            answer = root_client.post(path, with_changes(meant, changes))
            assert answer.status_code < 500

        send()


class TestAList:
    PAGE = reverse("admin:idenfy_kyc_verification_ask_from_list")
    CELL = (
        st.sampled_from(["scan_ref", "client_id", "name", "status", "scan-1", "C-1", '"', "'", "", "=1+1", "\ufeff"])
        | TEXT
    )
    LINES = st.lists(st.lists(CELL, max_size=4).map("\t".join) | st.lists(CELL, max_size=4).map(";".join), max_size=6)

    @given(lines=LINES, act=st.sampled_from(["", "_add", "_plan"]))
    @tried(50)
    def test_may_be_pasted_whatever_stands_in_it(self, root_client: Client, lines: list[str], act: str) -> None:
        answer = root_client.post(self.PAGE, {"text": "\n".join(lines), act or "_look": "1"})

        assert answer.status_code in {200, 302}
        assert all(re.fullmatch("[A-Za-z0-9-]{1,40}", v.scan_ref) for v in Verification.objects.all())

    @given(data=st.binary(max_size=300) | LINES.map(lambda lines: "\r\n".join(lines).encode("utf-16")), name=TEXT)
    @tried(30)
    def test_may_be_a_file_of_any_bytes(self, root_client: Client, data: bytes, name: str) -> None:
        file = BytesIO(data)
        file.name = f"a{re.sub('[^a-z]', '', name)}.csv"

        assert root_client.post(self.PAGE, {"file": file, "_add": "1"}).status_code == 200
