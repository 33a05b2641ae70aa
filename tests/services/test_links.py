from __future__ import annotations

from typing import Any

import pytest
import time_machine

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import InformationRequest, RequestEvent
from tests.factories import LINK, make_request

OVER = sorted(set(State) - {State.ISSUED})


@pytest.mark.django_db
class TestReveal:
    def test_leaves_a_line_in_the_record(self, officer: Any) -> None:
        request = make_request(State.ISSUED)

        assert services.reveal(request, by=officer)
        line = RequestEvent.objects.get()
        assert (line.kind, line.actor_name, line.request) == (EventKind.REVEALED, "Rasa Kazlauskienė", request)
        assert "s3cret" not in str(line.params)

    @pytest.mark.parametrize("state", OVER)
    def test_has_nothing_to_show_otherwise(self, officer: Any, state: State) -> None:
        assert not services.reveal(make_request(state), by=officer)
        assert not RequestEvent.objects.exists()


@pytest.mark.django_db
class TestRecordDownload:
    def test_leaves_a_line_for_each_link(self, officer: Any) -> None:
        requests = [make_request(State.ISSUED) for _ in range(3)]

        services.record_download(requests, by=officer)

        lines = RequestEvent.objects.filter(kind=EventKind.DOWNLOADED, actor=officer)
        assert {line.request for line in lines} == set(requests)


@pytest.mark.django_db
class TestOpenLink:
    def test_leads_on_and_records_each_opening_but_keeps_the_first_time(self) -> None:
        request = make_request(State.ISSUED)

        where = services.open_link(request)
        first = InformationRequest.objects.get().opened_at
        services.open_link(request)

        assert where == LINK
        assert first is not None
        assert InformationRequest.objects.get().opened_at == first
        assert RequestEvent.objects.filter(kind=EventKind.OPENED, actor=None).count() == 2

    @pytest.mark.parametrize("state", OVER)
    def test_leads_nowhere_when_the_request_is_over(self, state: State) -> None:
        assert services.open_link(make_request(state)) is None
        assert not RequestEvent.objects.exists()

    def test_leads_nowhere_at_the_moment_it_ends(self) -> None:
        request = make_request(State.ISSUED)

        with time_machine.travel(request.expires_at, tick=False):
            assert services.open_link(request) is None

    def test_leads_nowhere_when_it_was_withdrawn_a_moment_ago(self) -> None:
        request = make_request(State.ISSUED)
        services.withdraw([InformationRequest.objects.get()], by=None, note="n")

        assert services.open_link(request) is None
        assert InformationRequest.objects.get().opened_at is None

    @pytest.mark.parametrize("url", ["", "javascript:alert(1)"])
    def test_leads_nowhere_unsafe(self, url: str) -> None:
        assert services.open_link(make_request(State.ISSUED, session_url=url)) is None


class TestIsWebAddress:
    @pytest.mark.parametrize(
        "url", ["https://ivs.idenfy.com/s?a=b", "http://127.0.0.1:8001/", "https://kyc.klientas.lt/ą", "HTTPS://x.test"]
    )
    def test_is_so(self, url: str) -> None:
        assert services.is_web_address(url)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "JavaScript://x.test/%0aalert(1)",
            "data:text/html,x",
            "ftp://x.test/",
            "//x.test/",
            "/relative",
            "https:///path",
            "https://",
            "http://[::1",
            "https://x.test/\r\nSet-Cookie: a=b",
            " https://x.test/",
            "https://x.test/\x00",
        ],
    )
    def test_is_not(self, url: str) -> None:
        assert not services.is_web_address(url)
