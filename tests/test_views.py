from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from idenfy_kyc import views
from idenfy_kyc.choices import EventKind, Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent
from tests.factories import make_batch, make_request, make_user, make_verification

SESSION_URL = "https://ui.idenfy.example/?authToken=a-secret-token"

pytestmark = pytest.mark.django_db


def a_request(state: State = State.ISSUED, *, session_url: str = SESSION_URL, **fields: Any) -> InformationRequest:
    batch = make_batch(confirmed=True, additional_step_upload_required=True)
    fields.setdefault("expires_at", timezone.now() + timedelta(days=3))
    return make_request(
        state,
        batch=batch,
        verification=make_verification(client_id="C-1042", name="Rasa Kazlauskienė"),
        session_url=session_url,
        token="a-token",
        **fields,
    )


def address(request: InformationRequest) -> str:
    return reverse("idenfy_kyc:client_link", args=[request.public_id])


def words(response: Any) -> str:
    """What one reads: the page's text without tags."""
    assert isinstance(response, HttpResponse)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


class TestLookingAtTheLink:
    def test_says_who_asks_for_what_and_until_when(self, client: Client) -> None:
        until = datetime(2031, 3, 17, 12, 30, tzinfo=timezone.get_default_timezone())
        request = a_request(expires_at=until)

        with override_settings(IDENFY_KYC={"PROJECT_NAME": "Amber Bank"}):
            response = client.get(address(request))

        assert response.status_code == 200
        text = words(response)
        assert "Amber Bank asks you to:" in text
        assert "Upload a document, for example a proof of your address." in text
        assert "Answer a few questions." in text
        assert "bank card" not in text
        assert "This link works until 17 March 2031, 12:30 (EET)." in text
        assert "Continue" in text

    def test_calls_the_project_by_its_host_without_a_name(self, client: Client) -> None:
        request = a_request()

        response = client.get(address(request), headers={"host": "localhost"})

        assert "localhost asks you to:" in words(response)

    def test_names_every_thing_that_can_be_asked_for(self) -> None:
        batch = RequestBatch(
            additional_step_upload_required=True,
            questionnaire="source-of-funds",
            risk_assessment_profile=uuid.uuid4(),
            bank_card_verification=True,
        )

        asks = views.asks_for_clients(batch)

        assert len(asks) == len(RequestBatch.ASKS)

    def test_shows_nothing_of_the_client_and_nothing_of_where_it_leads(self, client: Client) -> None:
        request = a_request()

        page = client.get(address(request)).content.decode()

        for secret in ("Kazlauskien", "C-1042", request.verification.scan_ref, "idenfy.example", "a-token", "annual"):
            assert secret not in page

    def test_writes_nothing(self, client: Client) -> None:
        request = a_request()

        with CaptureQueriesContext(connection) as queries:
            client.get(address(request))
            client.head(address(request))

        assert queries.captured_queries
        assert all(query["sql"].startswith("SELECT") for query in queries.captured_queries)
        request.refresh_from_db()
        assert request.opened_at is None
        assert not RequestEvent.objects.exists()

    def test_answers_head_like_get_without_a_body(self, client: Client) -> None:
        response = client.head(address(a_request()))

        assert response.status_code == 200
        assert response.content == b""

    @pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
    def test_only_shows_itself_to_other_methods_and_its_address_to_no_log(
        self, client: Client, method: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        request = a_request()

        response = getattr(client, method)(address(request))

        assert response.status_code == 200
        assert not RequestEvent.objects.exists()
        assert caplog.text == ""

    @pytest.mark.parametrize("method", ["get", "post", "put"])
    def test_is_kept_out_of_caches_frames_and_search_engines(self, client: Client, method: str) -> None:
        response = getattr(client, method)(address(a_request()))

        assert {"no-store", "private"} <= set(response["Cache-Control"].split(", "))
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert response["X-Frame-Options"] == "DENY"

    def test_bears_no_script_no_inline_style_and_loads_nothing_from_elsewhere(self, client: Client) -> None:
        page = client.get(address(a_request())).content.decode()

        assert "<script" not in page
        assert "<style" not in page
        assert not re.search(r"\s(style|on[a-z]+)=", page)
        assert re.findall(r"(?:src|href)=\"([^\"]*)\"", page) == ["/static/idenfy_kyc/client_link.css"]

    def test_needs_no_login_where_everything_else_does(self, client: Client) -> None:
        request = a_request()
        middleware = [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]

        with override_settings(MIDDLEWARE=middleware):
            looked = client.get(address(request))
            went_on = client.post(address(request))

        assert looked.status_code == 200
        assert went_on.status_code == 303

    def test_works_in_a_project_without_sessions(self, client: Client) -> None:
        with override_settings(MIDDLEWARE=[]):
            response = client.get(address(a_request()))

        assert response.status_code == 200

    def test_says_in_which_language_and_direction_it_is_written(self, client: Client) -> None:
        request = a_request()

        english = client.get(address(request)).content.decode()
        with translation.override("ar"):
            arabic = client.get(address(request), headers={"accept-language": "ar"}).content.decode()

        assert '<html lang="en" dir="ltr">' in english
        assert '<html lang="ar" dir="rtl">' in arabic

    def test_escapes_the_name_of_the_project(self, client: Client) -> None:
        with override_settings(IDENFY_KYC={"PROJECT_NAME": "Ham & <b>Eggs</b>"}):
            page = client.get(address(a_request())).content.decode()

        assert "Ham &amp; &lt;b&gt;Eggs" in page
        assert "<b>Eggs" not in page


class TestGoingOn:
    def test_records_the_opening_and_leads_to_idenfy(self, client: Client) -> None:
        request = a_request()

        response = client.post(address(request))

        assert response.status_code == 303
        assert response["Location"] == SESSION_URL
        assert response.content == b""
        request.refresh_from_db()
        assert request.opened_at is not None
        event = RequestEvent.objects.get()
        assert (event.kind, event.request_id, event.actor_name) == (EventKind.OPENED, request.pk, "")

    def test_may_happen_again_and_keeps_the_first_time(self, client: Client) -> None:
        request = a_request()
        client.post(address(request))
        request.refresh_from_db()
        first = request.opened_at

        response = client.post(address(request))

        assert response.status_code == 303
        request.refresh_from_db()
        assert request.opened_at == first
        assert RequestEvent.objects.filter(kind=EventKind.OPENED).count() == 2

    def test_asks_for_patience_when_the_database_is_busy(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        request = a_request()

        def busy(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith("UPDATE"):
                raise OperationalError("database is locked")
            return run(sql, params, many, context)

        with connection.execute_wrapper(busy):
            response = client.post(address(request))

        assert response.status_code == 200
        assert "Please ask" in response.content.decode()
        assert caplog.text == ""

    def test_needs_no_cookie_and_no_token(self, caplog: pytest.LogCaptureFixture) -> None:
        request = a_request()

        response = Client(enforce_csrf_checks=True).post(address(request))

        assert response.status_code == 303
        assert not response.cookies
        assert str(request.public_id) not in caplog.text

    def test_follows_an_address_of_any_length_and_in_any_script(self, client: Client) -> None:
        long_one = f"https://ui.idenfy.example/ąž?authToken={'x' * 5000}"
        request = a_request(session_url=long_one)

        response = client.post(address(request))

        assert response["Location"] == f"https://ui.idenfy.example/%C4%85%C5%BE?authToken={'x' * 5000}"

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_ends_here_for_staff_and_leaves_no_trace_of_the_link_in_a_log(
        self, client: Client, method: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        request = a_request()
        client.force_login(make_user(is_staff=True))

        response = getattr(client, method)(address(request))

        assert response.status_code == 200
        assert not caplog.records
        assert "You are signed in as staff" in words(response)
        assert "<form" not in response.content.decode()
        assert not RequestEvent.objects.exists()

    def test_goes_on_for_a_signed_in_client(self, client: Client) -> None:
        request = a_request()
        client.force_login(make_user())

        response = client.post(address(request))

        assert response.status_code == 303


@pytest.mark.parametrize("method", ["get", "post"])
class TestALinkThatLeadsNowhere:
    def look(self, client: Client, method: str, request: InformationRequest) -> HttpResponse:
        response: HttpResponse = getattr(client, method)(address(request))
        assert "<form" not in response.content.decode()
        assert not RequestEvent.objects.exists()
        return response

    def test_ended_by_the_clock_before_anybody_wrote_it_down(self, client: Client, method: str) -> None:
        ended_at = datetime(2025, 3, 17, 9, 0, tzinfo=timezone.get_default_timezone())

        response = self.look(client, method, a_request(expires_at=ended_at))

        assert response.status_code == 410
        assert "This link ended on 17 March 2025. Please ask testserver for a new one." in words(response)

    def test_ended(self, client: Client, method: str) -> None:
        ended_at = datetime(2025, 3, 17, 9, 0, tzinfo=timezone.get_default_timezone())
        request = a_request(State.EXPIRED, session_url="", expires_at=ended_at, ended_at=timezone.now())

        response = self.look(client, method, request)

        assert response.status_code == 410
        assert "This link ended on 17 March 2025." in words(response)

    def test_answered(self, client: Client, method: str) -> None:
        answered_at = datetime(2025, 3, 4, 9, 0, tzinfo=timezone.get_default_timezone())
        request = a_request(State.COMPLETED, session_url="", ended_at=answered_at)

        response = self.look(client, method, request)

        assert response.status_code == 410
        assert "Thank you. We received your answer on 4 March 2025." in words(response)

    @pytest.mark.parametrize("fields", [{"ended_at": None}, {"ended_at": timezone.now(), "reason": Reason.MARKED}])
    def test_answered_who_knows_when(self, client: Client, method: str, fields: dict[str, Any]) -> None:
        response = self.look(client, method, a_request(State.COMPLETED, session_url="", **fields))

        assert "Thank you. We received your answer." in words(response)

    def test_withdrawn(self, client: Client, method: str) -> None:
        request = a_request(State.CANCELLED, session_url="", ended_at=timezone.now())

        response = self.look(client, method, request)

        assert response.status_code == 410
        assert "This request was withdrawn. You need do nothing." in words(response)

    def test_withdrawn_although_a_late_link_was_kept(self, client: Client, method: str) -> None:
        response = self.look(client, method, a_request(State.CANCELLED))

        assert response.status_code == 410
        assert "This request was withdrawn." in words(response)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://[",
            "//elsewhere.example/",
            "https://ui.idenfy.example/\r\nSet-Cookie: a=b",
        ],
    )
    def test_has_no_address_that_may_be_opened(self, client: Client, method: str, url: str) -> None:
        response = self.look(client, method, a_request(session_url=url))

        assert response.status_code == 200
        assert "Please ask testserver for help." in words(response)

    def test_cannot_be_decrypted_any_more(self, client: Client, method: str) -> None:
        request = a_request()

        with override_settings(SECRET_KEY="another key", SECRET_KEY_FALLBACKS=[]):
            response = self.look(client, method, request)

        assert "Please ask testserver for help." in words(response)

    @pytest.mark.parametrize(
        "state", [State.DRAFT, State.SKIPPED, State.QUEUED, State.SENDING, State.UNKNOWN, State.REFUSED]
    )
    def test_was_never_given_to_anybody(self, client: Client, method: str, state: State) -> None:
        response = self.look(client, method, a_request(state, session_url=""))

        assert response.status_code == 404
        assert "We do not know this link" in words(response)

    def test_is_not_known(self, client: Client, method: str) -> None:
        response = getattr(client, method)(reverse("idenfy_kyc:client_link", args=[uuid.uuid4()]))

        assert response.status_code == 404
        assert "We do not know this link" in words(response)


class TestALinkThatEndsInBetween:
    def test_asks_for_help_rather_than_going_on(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        now = timezone.now()
        request = a_request(expires_at=now + timedelta(seconds=60))
        moments = chain([now], repeat(now + timedelta(seconds=61)))
        monkeypatch.setattr("idenfy_kyc.models.request.timezone.now", lambda: next(moments))

        response = client.post(address(request))

        assert "Please ask testserver for help." in words(response)
        assert not RequestEvent.objects.exists()
