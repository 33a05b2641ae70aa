"""``idenfy_doctor --webhook``: one line that is ok, or what to do. Each server here is a real one."""

from __future__ import annotations

from typing import Any

import pytest
import trustme
from django.urls import reverse
from pytest_httpserver import HTTPServer

from idenfy_kyc.api.deliveries import TEST_EVENT, sign
from idenfy_kyc.choices import DeliveryProblem
from idenfy_kyc.management import knocking
from idenfy_kyc.management.advice import ToDo
from idenfy_kyc.management.knocking import BODY, knock
from idenfy_kyc.models import RequestEvent, Verification, WebhookDelivery
from tests.api.servers import answer, answering, dripping, full_port, reset, serving, serving_tls, silent
from tests.management.test_idenfy_doctor import doctor


@pytest.fixture
def own_webhook(live_server: Any) -> str:
    return f"{live_server.url}{reverse('idenfy_kyc:webhook')}"


def advice(url: str) -> str:
    with pytest.raises(ToDo) as caught:
        knock(url)
    [sentence] = caught.value.args
    return str(sentence)


@pytest.mark.django_db(transaction=True)
class TestTheProjectsOwnWebhook:
    def test_takes_the_delivery_and_does_nothing(self, own_webhook: str) -> None:
        assert knock(own_webhook).startswith("the delivery came in, after 0.")

        delivery = WebhookDelivery.objects.get()
        assert (delivery.event_type, delivery.is_handled, delivery.problem) == (
            TEST_EVENT,
            True,
            DeliveryProblem.NOT_OURS,
        )
        assert not Verification.objects.exists()
        assert not RequestEvent.objects.exists()

    def test_keeps_one_row_however_often(self, own_webhook: str) -> None:
        for _number in range(3):
            knock(own_webhook)

        assert WebhookDelivery.objects.get().receipts == 3

    def test_is_a_line_of_the_doctors(self, own_webhook: str) -> None:
        _code, lines = doctor("--offline", "--webhook", own_webhook)

        assert lines[-1][0] == "Webhook"
        assert lines[-1][1].startswith("ok: the delivery came in")

    def test_with_other_keys_refuses_it(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/").respond_with_data("The signature fits none of our keys.", status=400)

        assert advice(httpserver.url_for("/")).startswith("It refuses the signature (400): it runs with other")


@pytest.mark.django_db
class TestWhatElseAnswers:
    def test_is_told_what_iDenfy_would_tell(self, httpserver: HTTPServer) -> None:  # noqa: N802
        httpserver.expect_request("/hook/").respond_with_data("Kept.")

        advice(httpserver.url_for("/hook/"))

        [(request, _answer)] = httpserver.log
        assert (request.method, request.data) == ("POST", BODY)
        assert request.headers["Idenfy-Event-Type"] == TEST_EVENT
        assert request.headers["Idenfy-Signature"] == sign(BODY, "signing-key")
        assert "Authorization" not in request.headers

    @pytest.mark.parametrize(
        ("status", "what"),
        [
            (200, "It answered 200, and nothing came in here: it is not this project’s webhook"),
            (302, "It points to another address (302), which is not followed"),
            (401, "It wants a login (401)"),
            (403, "It lets nobody in (403): look at the firewall"),
            (404, "There is no such page (404): correct the address"),
            (405, "Something else has this address (405)"),
            (413, "It does not take the delivery (413)"),
            (500, "It has a fault of its own (500): look at its log."),
        ],
    )
    def test_says_what_to_do(self, httpserver: HTTPServer, status: int, what: str) -> None:
        httpserver.expect_request("/").respond_with_data("", status=status, headers={"Location": "/elsewhere/"})

        assert advice(httpserver.url_for("/")).startswith(what)
        assert len(httpserver.log) == 1

    def test_is_not_waited_for_longer_than_iDenfy_would(self, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: N802
        monkeypatch.setattr(knocking, "DEADLINE", 0.5)

        with serving(silent) as server:
            assert advice(server.url).startswith("It takes more than 10 seconds to answer")
        with serving(dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")) as server:
            assert advice(server.url).startswith("It takes more than 10 seconds to answer")

    def test_may_be_nobody(self) -> None:
        with serving(reset) as server:
            assert advice(server.url).startswith("Nothing answers there")
        assert advice(server.url).startswith("Nothing answers there")

    def test_may_be_too_far_away_to_connect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(knocking, "CONNECT_TIMEOUT", 0.2)

        with full_port() as port:
            assert advice(f"http://127.0.0.1:{port}").startswith("Nothing answers there")

    def test_needs_a_certificate_that_holds(self, certificate: trustme.LeafCert) -> None:
        with serving_tls(answering(answer(200)), certificate) as server:
            assert advice(server.url).startswith("Its certificate is not accepted")


class TestAnAddress:
    @pytest.mark.parametrize(
        ("url", "what"),
        [
            ("http://example.com/idenfy/webhook/", "This address must begin with https://"),
            ("ftp://127.0.0.1/", "This address must begin with https://"),
            ("https://user:secret@example.com/", "This address must not contain a user or a password."),
            ("idenfy/webhook/", "This address is no URL that can be read."),
        ],
    )
    def test_that_may_not_be_called_is_not(self, url: str, what: str) -> None:
        said = advice(url)

        assert said.startswith(what)
        assert "secret" not in said

    def test_is_not_called_without_a_key(self, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"WEBHOOK_SIGNING_KEYS": []}

        assert advice("http://127.0.0.1:1/").startswith("Set WEBHOOK_SIGNING_KEYS first")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the proxies nor the certificates of whoever runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def certificate() -> trustme.LeafCert:
    return trustme.CA().issue_cert("127.0.0.1")
