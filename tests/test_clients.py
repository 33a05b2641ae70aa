"""What the host project says of its clients: taken, cleaned, and never trusted to work."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils.translation import gettext_lazy

from idenfy_kyc import clients
from idenfy_kyc.clients import Client, ask_host, client_of, describe, introduce, is_link
from idenfy_kyc.models import Verification
from tests.accounts.clients import DESCRIBE
from tests.accounts.models import Customer
from tests.factories import make_request, make_verification, make_verifications
from tests.test_checks import check, ids

pytestmark = pytest.mark.django_db

HERE = "tests.test_clients.speak"
NAME = "Rasa Kazlauskienė"

_answers: list[Callable[[Sequence[Verification]], Any]] = []
_asked: list[int] = []


def speak(*, verifications: Sequence[Verification]) -> Any:
    """The host's function: does what the test has told it to, and remembers how many it was asked for."""
    _asked.append(len(verifications))
    return _answers[0](verifications)


@pytest.fixture
def host(settings: Any) -> Callable[[Callable[[Sequence[Verification]], Any]], list[int]]:
    """Sets ``CLIENTS`` to a function that answers so; returns how many it is asked for, call by call."""

    def answer_with(answer: Callable[[Sequence[Verification]], Any]) -> list[int]:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLIENTS": HERE}
        _answers[:], _asked[:] = [answer], []
        return _asked

    return answer_with


Host = Callable[[Callable[[Sequence[Verification]], Any]], list[int]]


def everybody(**fields: Any) -> Callable[[Sequence[Verification]], Mapping[int, Client]]:
    return lambda verifications: {v.pk: Client(**fields) for v in verifications}


def raising(error: Exception) -> Callable[[Sequence[Verification]], Any]:
    def answer(verifications: Sequence[Verification]) -> Any:
        raise error

    return answer


class TestTheSetting:
    def test_may_be_a_function_of_the_project_or_none(self) -> None:
        assert check({"CLIENTS": "tests.accounts.clients.describe"}) == []
        assert check({"CLIENTS": ""}) == []

    @pytest.mark.parametrize(
        ("path", "fault"),
        [
            ("tests.nowhere.describe", "cannot be imported: ModuleNotFoundError"),
            ("tests.accounts.clients.nothing", "cannot be imported: ImportError"),
            ("describe", "cannot be imported: ImportError"),
            ("tests.accounts.clients.DESCRIBE", "is no function; it is of type str"),
            ("tests.test_clients.ids", "cannot be called with verifications=…"),
        ],
    )
    def test_must_be_there_and_take_verifications(self, path: str, fault: str) -> None:
        (message,) = check({"CLIENTS": path})

        assert message.id == "idenfy_kyc.E012"
        assert message.msg == f'IDENFY_KYC["CLIENTS"] {fault}.'
        assert message.hint == (
            'Write the dotted path of a function, for example "CLIENTS": "myproject.clients.describe".'
        )

    def test_may_be_something_that_does_not_tell_what_it_takes(self) -> None:
        assert check({"CLIENTS": "builtins.dict"}) == []

    def test_is_no_function_itself(self) -> None:
        assert ids(check({"CLIENTS": ids})) == ["E003"]


class TestDescribe:
    def test_asks_for_all_at_once_and_gives_what_the_project_knows(
        self, settings: Any, django_assert_num_queries: Any
    ) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLIENTS": DESCRIBE}
        known, unknown = make_verification(client_id="C-7"), make_verification(client_id="C-8")
        Customer.objects.create(number="C-7", name=NAME, email="rasa@example.com", language="lt")

        with django_assert_num_queries(3):  # theirs, between a savepoint and its release
            described = describe([known, unknown])

        expected = Client(name=NAME, url="/customers/C-7/", email="rasa@example.com", language="lt")
        assert described == {known.pk: expected}

    def test_knows_nobody_without_the_setting(self, django_assert_num_queries: Any) -> None:
        verification = make_verification()

        with django_assert_num_queries(0):
            assert describe([verification]) == {}

    def test_asks_once_for_a_client_who_stands_in_several_rows(self, host: Host) -> None:
        asked = host(everybody(name=NAME))
        verification = make_verification()
        rows = [make_request(verification=verification).verification for _ in range(3)]

        describe(rows)

        assert asked == [1]

    def test_asks_for_few_enough_at_once(self, host: Host) -> None:
        asked = host(everybody(name=NAME))

        described = describe(make_verifications(501))

        assert asked == [500, 1]
        assert len(described) == 501

    def test_takes_lazy_texts_and_spaces(self, host: Host) -> None:
        host(everybody(name=gettext_lazy("Home"), email="  rasa@example.com\n", url="", language=" "))
        verification = make_verification()

        assert describe([verification])[verification.pk] == Client(name="Home", email="rasa@example.com")


class TestNonsense:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", 5),
            ("name", b"Rasa"),
            ("name", "R" * 201),
            ("name", "half \ud83d of a smile"),
            ("name", "a bell \x07"),
            ("url", "javascript:alert(1)"),
            ("url", "//evil.example.com/"),
            ("url", "https://"),
            ("url", "https://example.com/" + "x" * 2000),
            ("url", ["/clients/1/"]),
            ("email", "rasa"),
            ("email", "rasa@example.com, other@example.com"),
            ("language", "Lithuanian, mostly"),
            ("language", object()),
        ],
    )
    def test_in_one_field_costs_that_field(
        self, host: Host, caplog: pytest.LogCaptureFixture, field: str, value: Any
    ) -> None:
        host(everybody(**{"name": NAME, "email": "rasa@example.com"} | {field: value}))
        verification = make_verification()

        client = describe([verification])[verification.pk]

        assert getattr(client, field) is None
        assert client.name or client.email
        assert caplog.messages == [f"CLIENTS ({HERE}) gave what cannot be used ({field} 1): left away."]

    @pytest.mark.parametrize("given", ["Rasa", {"name": "Rasa"}, ("Rasa", None, None, None), 0])
    def test_in_place_of_a_client_costs_that_client(
        self, host: Host, caplog: pytest.LogCaptureFixture, given: Any
    ) -> None:
        good, bad = make_verifications(2)
        host(lambda verifications: {good.pk: Client(name="Ona"), bad.pk: given})

        assert describe([good, bad]) == {good.pk: Client(name="Ona")}
        assert caplog.messages == [f"CLIENTS ({HERE}) gave what cannot be used (no Client 1): left away."]

    def test_about_nobody_on_the_page_is_not_looked_at(self, host: Host, caplog: pytest.LogCaptureFixture) -> None:
        host(lambda verifications: {verifications[0].pk: None, "C-7": Client(name="Ona"), 987654: "Petras"})

        assert describe([make_verification()]) == {}
        assert caplog.messages == []

    @pytest.mark.parametrize("answer", [None, [Client(name=NAME)], NAME, Client(name=NAME)])
    def test_in_place_of_everything_leaves_no_names(
        self, host: Host, caplog: pytest.LogCaptureFixture, answer: Any
    ) -> None:
        host(lambda verifications: answer)

        assert describe([make_verification()]) == {}
        assert caplog.messages == [f"CLIENTS ({HERE}) raised NotAMapping: the page shows no names of it."]


class TestAFunctionThatFails:
    def test_leaves_no_names_and_says_its_class_and_no_more(self, host: Host, caplog: pytest.LogCaptureFixture) -> None:
        host(raising(LookupError(f"no customer {NAME}, rasa@example.com")))

        assert describe([make_verification()]) == {}
        assert caplog.messages == [f"CLIENTS ({HERE}) raised LookupError: the page shows no names of it."]
        assert [record.exc_info for record in caplog.records] == [None]

    @pytest.mark.parametrize(
        ("path", "error"),
        [
            ("tests.nowhere.describe", "ModuleNotFoundError"),
            ("tests.test_clients.nothing", "ImportError"),
            ("describe", "ImportError"),
            ("tests.test_clients.NAME", "TypeError"),
            ("tests.test_clients.everybody", "NotAMapping"),
        ],
    )
    def test_includes_one_that_cannot_be_had(self, settings: Any, path: str, error: str) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CLIENTS": path}

        said = ask_host([make_verification()])

        assert (said.known, said.error) == ({}, error)

    def test_spoils_no_transaction(self, host: Host) -> None:
        def broken(verifications: Sequence[Verification]) -> Any:
            Customer.objects.create(number="C-1", name=NAME)
            with connection.cursor() as cursor:
                cursor.execute("SELECT * FROM there_is_no_such_table")

        host(broken)

        with transaction.atomic():
            described = describe([make_verification()])
            written = Verification.objects.count(), Customer.objects.count()

        assert described == {}
        assert written == (1, 0)

    @pytest.mark.django_db(transaction=True)
    def test_is_asked_without_a_savepoint_where_there_is_no_transaction(
        self, host: Host, django_assert_num_queries: Any
    ) -> None:
        host(everybody(name=NAME))
        verification = make_verification()

        with django_assert_num_queries(0):
            described = describe([verification])

        assert described[verification.pk].name == NAME

    def test_that_is_slow_is_a_warning(
        self, host: Host, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slow(verifications: Sequence[Verification]) -> Any:
            time.sleep(0.06)
            return everybody(name=NAME)(verifications)

        monkeypatch.setattr(clients, "SLOW_SECONDS", 0.05)
        host(slow)

        describe(make_verifications(2))

        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert re.fullmatch(
            rf"CLIENTS \({re.escape(HERE)}\) took \d+\.\d s for 2 clients; the page waited\.", record.getMessage()
        )


class TestIntroduce:
    def test_asks_when_the_first_is_drawn_and_then_no_more(self, host: Host) -> None:
        asked = host(everybody(name=NAME))
        rows = make_verifications(3)

        introduce(rows)
        before = list(asked)
        names = [client_of(row).name for row in rows]

        assert before == []
        assert names == [NAME] * 3
        assert asked == [3]

    def test_is_not_needed_for_one(self, host: Host) -> None:
        asked = host(everybody(name=NAME))
        verification = make_verification()

        assert client_of(verification).name == client_of(verification).name == NAME
        assert asked == [1]

    def test_knows_nothing_of_whom_the_project_does_not_know(self, host: Host) -> None:
        host(lambda verifications: {})

        assert client_of(make_verification()) == Client()


class TestClient:
    def test_shows_nothing_in_an_error_report(self) -> None:
        assert "Rasa" not in repr(Client(name=NAME, email="rasa@example.com"))


class TestIsLink:
    @pytest.mark.parametrize(
        "url", ["/clients/7/", "/clients/?number=7#top", "http://crm.example.com/7", "https://crm.example.com:8443/7"]
    )
    def test_is_the_web_or_this_site(self, url: str) -> None:
        assert is_link(url)

    @pytest.mark.parametrize(
        "url",
        [
            "clients/7/",
            "//evil.example.com",
            "/\\evil.example.com",
            "///evil.example.com",
            "/a b",
            "/a\u202eb",
            "javascript:alert(1)",
            "data:text/html,x",
            "mailto:rasa@example.com",
            "ftp://example.com/",
            "https:///path",
        ],
    )
    def test_is_nothing_else(self, url: str) -> None:
        assert not is_link(url)
