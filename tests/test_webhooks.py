from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idenfy_kyc import signals, webhooks
from idenfy_kyc.choices import DeliveryProblem
from idenfy_kyc.models import Verification, WebhookDelivery, WebhookRejection
from idenfy_kyc.services import receiving
from idenfy_kyc.testing import deliver, identification, signed_headers

pytestmark = pytest.mark.django_db

BODY = json.dumps(identification("scan-1")).encode()


@pytest.fixture
def url() -> str:
    return reverse("idenfy_kyc:webhook")


@pytest.fixture
def idenfy() -> Client:
    """iDenfy has no session and no CSRF token."""
    return Client(enforce_csrf_checks=True)


class TestWebhook:
    def test_takes_a_signed_delivery(self, idenfy: Client, url: str) -> None:
        answer = deliver(idenfy, url, "IDENTIFICATION_AUTO_FINISHED", identification("scan-1"))

        assert answer.status_code == 200
        assert Verification.objects.get().status == "APPROVED"

    def test_takes_one_at_the_address_without_its_slash(self, idenfy: Client, url: str) -> None:
        """iDenfy follows no redirect, and what it could not deliver is lost."""
        assert deliver(idenfy, url.rstrip("/"), "IDENTIFICATION", BODY).status_code == 200

    def test_answers_200_whatever_becomes_of_it(self, idenfy: Client, url: str) -> None:
        answer = deliver(idenfy, url, "IDENTIFICATION_AUTO_FINISHED", b"signed nonsense")

        assert answer.status_code == 200
        assert WebhookDelivery.objects.failed().count() == 1

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Idenfy-Event-Type": "IDENTIFICATION"},
            {"Idenfy-Event-Type": "IDENTIFICATION", "Idenfy-Signature": "forged"},
            {"Idenfy-Event-Type": "IDENTIFICATION", "Idenfy-Signature": "ą" * 64},
            signed_headers("IDENTIFICATION", BODY, key="another key"),
            signed_headers("IDENTIFICATION", BODY + b" "),
        ],
    )
    def test_answers_400_to_what_is_not_signed_and_keeps_nothing(
        self, idenfy: Client, url: str, headers: dict[str, str]
    ) -> None:
        answer = idenfy.post(url, BODY, content_type="application/json", headers=headers)

        assert answer.status_code == 400
        assert not WebhookDelivery.objects.exists()
        assert not Verification.objects.exists()

    def test_reads_no_more_than_it_takes(self, idenfy: Client, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(webhooks, "MAX_BODY", len(BODY) - 1)

        answer = deliver(idenfy, url, "IDENTIFICATION", BODY)

        assert answer.status_code == 413
        assert not WebhookDelivery.objects.exists()

    @pytest.mark.parametrize(("size", "status"), [(0, 200), (webhooks.MAX_BODY, 413)])
    def test_reads_a_body_that_comes_in_chunks_without_its_length(
        self, idenfy: Client, url: str, size: int, status: int
    ) -> None:
        """Django reads none of it: it would take such a delivery for a forged one."""
        body = BODY + b" " * size
        server: dict[str, Any] = {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}

        answer = idenfy.post(
            url, b"", content_type="application/json", headers=signed_headers("IDENTIFICATION", body), **server
        )

        assert answer.status_code == status
        assert WebhookDelivery.objects.count() == (1 if status == 200 else 0)

    def test_answers_400_to_chunks_that_are_none(self, idenfy: Client, url: str) -> None:
        class Chunks(BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                raise ValueError("an error of the server's own")

        server: dict[str, Any] = {"wsgi.input": Chunks(), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}

        assert idenfy.post(url, b"", content_type="application/json", **server).status_code == 400

    def test_is_not_bound_by_what_the_project_allows_its_forms(self, idenfy: Client, url: str, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

        assert deliver(idenfy, url, "IDENTIFICATION", BODY).status_code == 200

    @pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
    def test_takes_nothing_but_a_post(self, idenfy: Client, url: str, method: str) -> None:
        assert getattr(idenfy, method)(url).status_code == 405

    def test_answers_500_if_it_could_not_be_kept(
        self, idenfy: Client, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse(*args: Any, **kwargs: Any) -> None:
            raise DatabaseError("scan-1 is in here")

        monkeypatch.setattr(WebhookDelivery.objects, "create", refuse)

        answer = deliver(idenfy, url, "IDENTIFICATION", BODY)

        assert answer.status_code == 500
        assert "DatabaseError" in caplog.text
        assert "scan-1" not in caplog.text

    def test_says_nothing_of_a_client_in_a_log(
        self, idenfy: Client, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            deliver(idenfy, url, "IDENTIFICATION", BODY)
            deliver(idenfy, url, "IDENTIFICATION", BODY, key="another key")

        assert not any(word in caplog.text for word in ("scan-1", "RASA", "AB1234567"))

    @given(
        body=st.binary(max_size=300), event=st.text(st.characters(codec="latin-1", categories=["L", "N"]), max_size=200)
    )
    @hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_takes_any_signed_bytes_and_any_event(self, idenfy: Client, url: str, body: bytes, event: str) -> None:
        assert deliver(idenfy, url, event, body).status_code == 200


@pytest.mark.django_db(transaction=True)
class TestWhereEveryRequestIsATransaction:
    """As it is in these tests: ``ATOMIC_REQUESTS``."""

    @pytest.fixture(autouse=True)
    def _is_so(self) -> None:
        assert connection.settings_dict["ATOMIC_REQUESTS"]

    def test_keeps_a_delivery_whose_handling_breaks_in_the_database(self, idenfy: Client, url: str) -> None:
        with broken(Verification), transaction_of_its_own(WebhookDelivery) as seen:
            answer = deliver(idenfy, url, "IDENTIFICATION", BODY)

        assert (answer.status_code, seen) == (200, [False])
        delivery = WebhookDelivery.objects.get()
        assert (delivery.raw, delivery.is_handled, delivery.problem) == (BODY, False, DeliveryProblem.BROKE_OFF)

    def test_answers_200_though_those_that_wait_cannot_be_looked_up(self, idenfy: Client, url: str) -> None:
        waiting = WebhookDelivery.objects.create(digest="d", scan_ref="scan-1", body="{}")

        with broken(WebhookDelivery, f"SELECT {connection.ops.quote_name(WebhookDelivery._meta.db_table)}"):
            answer = deliver(idenfy, url, "IDENTIFICATION", BODY)

        assert answer.status_code == 200
        assert list(WebhookDelivery.objects.failed()) == [waiting]

    def test_keeps_a_delivery_whose_signals_break(self, idenfy: Client, url: str) -> None:
        def breaks(**kwargs: Any) -> None:
            raise RuntimeError("a receiver of the project's")

        signals.verification_updated.connect(breaks)

        answer = deliver(idenfy, url, "IDENTIFICATION", BODY)

        signals.verification_updated.disconnect(breaks)
        assert answer.status_code == 200
        assert WebhookDelivery.objects.get().is_handled

    def test_answers_500_and_keeps_nothing_if_the_database_does_not_take_it(
        self, idenfy: Client, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receiving, "PATIENCE", 0.0)

        with broken(WebhookDelivery):
            assert deliver(idenfy, url, "IDENTIFICATION", BODY).status_code == 500

        assert not WebhookDelivery.objects.exists()

    def test_counts_what_is_not_signed(self, idenfy: Client, url: str) -> None:
        assert deliver(idenfy, url, "IDENTIFICATION", BODY, key="another key").status_code == 400

        assert WebhookRejection.objects.get().count == 1


@contextmanager
def broken(model: type[Model], verb: str = "") -> Iterator[None]:
    """No statement about ``model`` works, or none that begins so; on PostgreSQL that spoils the transaction, too."""

    def refuse(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        is_meant = sql.startswith(verb) and model._meta.db_table in sql
        return execute(f"nonsense {sql}" if is_meant else sql, *args)

    with connection.execute_wrapper(refuse):
        yield


@contextmanager
def transaction_of_its_own(model: type[Model]) -> Iterator[list[bool]]:
    """Whether a row of ``model`` is inserted in a transaction that somebody else has begun."""
    found: list[bool] = []

    def look(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        if sql.startswith("INSERT") and model._meta.db_table in sql:
            found.append(len(connection.savepoint_ids) > 0)
        return execute(sql, *args)

    with connection.execute_wrapper(look):
        yield found
