from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils.translation import gettext_lazy

from idenfy_kyc.conf import Settings, get_settings
from idenfy_kyc.contrib.tasks import PACKAGE

KEYS = {"API_KEY": "key", "API_SECRET": "secret", "WEBHOOK_SIGNING_KEYS": ["signing"]}


def check(given: dict[Any, Any], *, deploy: bool = False) -> list[CheckMessage]:
    return check_value(KEYS | given, deploy=deploy)


def check_value(value: Any, *, deploy: bool = False) -> list[CheckMessage]:
    with override_settings(IDENFY_KYC=value):
        messages = run_checks(include_deployment_checks=deploy, databases=[])
        get_settings()
    return [message for message in messages if str(message.id).startswith("idenfy_kyc.")]


def ids(messages: list[CheckMessage]) -> list[str]:
    return [str(message.id).removeprefix("idenfy_kyc.") for message in messages]


class TestWebhook:
    @pytest.mark.parametrize("keys", [[], (), None])
    def test_without_a_key_is_a_warning_that_says_what_to_do(self, keys: Any) -> None:
        given = {"API_KEY": "key", "API_SECRET": "secret"} | ({} if keys is None else {"WEBHOOK_SIGNING_KEYS": keys})

        (message,) = check_value(given)

        assert message.id == "idenfy_kyc.W002"
        assert "every delivery from iDenfy is refused" in message.msg
        assert "dashboard" in str(message.hint)

    def test_without_an_address_needs_no_key(self) -> None:
        with override_settings(ROOT_URLCONF="tests.admin.urls_without_ours"):
            assert check_value({"API_KEY": "key", "API_SECRET": "secret"}) == []


class TestCredentials:
    @pytest.mark.parametrize(
        ("given", "missing"),
        [
            ({}, "API_KEY and API_SECRET"),
            ({"API_KEY": "key"}, "API_SECRET"),
            ({"API_KEY": "", "API_SECRET": "secret"}, "API_KEY"),
            ({"API_KEY": None, "API_SECRET": None}, "API_KEY and API_SECRET"),
        ],
    )
    def test_are_missed_with_a_warning_and_deployed_with_an_error(self, given: dict[str, Any], missing: str) -> None:
        messages = check_value(given, deploy=True)

        assert sorted(ids(messages)) == ["E011", "W001"]
        assert {message.msg for message in messages} == {
            f"IDENFY_KYC has no {missing}: nobody can be asked for information."
        }

    def test_are_only_a_warning_while_developing(self) -> None:
        assert ids(check_value({})) == ["W001"]

    def test_are_all_it_takes(self) -> None:
        assert check({}, deploy=True) == []

    def test_belong_to_the_security_checks_of_a_deployment(self) -> None:
        with override_settings(IDENFY_KYC={}), pytest.raises(CommandError, match=r"idenfy_kyc\.E011"):
            call_command("check", deploy=True, tags=["security"], stdout=StringIO(), stderr=StringIO())


class TestTheDict:
    @pytest.mark.parametrize("value", [None, "key", ["API_KEY"], 5])
    def test_must_be_one(self, value: Any) -> None:
        messages = check_value(value, deploy=True)

        assert ids(messages) == ["E001"]
        assert messages[0].hint == 'Write IDENFY_KYC = {"API_KEY": "…", "API_SECRET": "…"}.'

    @pytest.mark.parametrize(
        ("name", "nearest"),
        [
            ("CONCURENCY", "CONCURRENCY"),
            ("base_url", "BASE_URL"),
            ("WEBHOOK_SIGNING_KEY", "WEBHOOK_SIGNING_KEYS"),
            ("TIMEOUT", "READ_TIMEOUT"),
        ],
    )
    def test_says_the_nearest_right_name_of_a_misspelt_one(self, name: str, nearest: str) -> None:
        (message,) = check({name: "x"})

        assert message.id == "idenfy_kyc.E002"
        assert message.msg == f"IDENFY_KYC has no setting '{name}'."
        assert message.hint == f'Write "{nearest}" instead.'

    @pytest.mark.parametrize("name", ["COLOUR", 7, ("a", "tuple")])
    def test_lists_the_names_when_none_is_near(self, name: Any) -> None:
        (message,) = check({name: "x"})

        assert message.id == "idenfy_kyc.E002"
        assert "BASE_URL, WEBHOOK_SIGNING_KEYS, CREATE_FROM_WEBHOOK" in str(message.hint)

    def test_names_each_fault_once(self) -> None:
        messages = check({"CONCURRENCY": "8", "HOURLY_QUOTA": 0, "BASE_URL": 5, "COLOUR": "red", "READ_TIMEOUT": None})

        assert sorted(ids(messages)) == ["E002", "E003", "E003", "E003", "E006"]


class TestTypes:
    @pytest.mark.parametrize(
        ("name", "value", "expected", "hint"),
        [
            ("API_KEY", 5, "a string; it is of type int", '"API_KEY": "…"'),
            ("API_SECRET", b"secret", "a string; it is of type bytes", '"API_SECRET": "…"'),
            ("BASE_URL", None, "a string; it is None", '"BASE_URL": "https://ivs.idenfy.com"'),
            ("CONCURRENCY", "8", "a whole number; it is of type str", '"CONCURRENCY": 8'),
            ("CONCURRENCY", True, "a whole number; it is of type bool", '"CONCURRENCY": 8'),
            ("CONCURRENCY", 8.0, "a whole number; it is of type float", '"CONCURRENCY": 8'),
            ("READ_TIMEOUT", True, "a number; it is of type bool", '"READ_TIMEOUT": 15.0'),
            ("READ_TIMEOUT", timedelta(seconds=15), "a number; it is of type timedelta", '"READ_TIMEOUT": 15.0'),
            ("TYPE_COUNT_ABOVE", "100", "a whole number or None; it is of type str", '"TYPE_COUNT_ABOVE": 100'),
            ("DEFAULT_LIFETIME", 86400, "a timedelta; it is of type int", '"DEFAULT_LIFETIME": timedelta(days=14)'),
            ("WEBHOOK_SIGNING_KEYS", "key", "a list of strings; it is of type str", '"WEBHOOK_SIGNING_KEYS": ["…"]'),
            (
                "WEBHOOK_SIGNING_KEYS",
                ["key", None, 5],
                "a list of strings; it is a list of NoneType and int and str",
                '"WEBHOOK_SIGNING_KEYS": ["…"]',
            ),
            (
                "INELIGIBLE_STATUSES",
                {"DELETED"},
                "a list of strings; it is of type set",
                '"INELIGIBLE_STATUSES": ["DELETED", "ARCHIVED", "EXPIRED", "EXPIRED-DELETED", "ACTIVE"]',
            ),
            (
                "RETRY_WAITS",
                (60, 120),
                "a list of timedeltas; it is a tuple of int",
                '"RETRY_WAITS": [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5), '
                "timedelta(minutes=10)]",
            ),
            ("CREATE_FROM_WEBHOOK", "yes", "True or False; it is of type str", '"CREATE_FROM_WEBHOOK": True'),
            ("CLAIM_TIMEOUT", 900, "a timedelta; it is of type int", '"CLAIM_TIMEOUT": timedelta(minutes=15)'),
        ],
    )
    def test_wrong_ones_are_named_with_what_to_write(self, name: str, value: Any, expected: str, hint: str) -> None:
        (message,) = check({name: value})

        assert message.id == "idenfy_kyc.E003"
        assert message.msg == f'IDENFY_KYC["{name}"] must be {expected}.'
        assert message.hint == f"Write, for example, {hint}."

    @pytest.mark.parametrize(
        "given",
        [
            {"WEBHOOK_SIGNING_KEYS": ["key", "older key"]},
            {"WEBHOOK_SIGNING_KEYS": ("key",)},
            {"RETRY_WAITS": [timedelta(seconds=1)]},
            {"INELIGIBLE_STATUSES": []},
            {"CONNECT_TIMEOUT": 5},
            {"PROJECT_NAME": gettext_lazy("Home")},
        ],
    )
    def test_lists_whole_seconds_and_lazy_texts_are_right(self, given: dict[str, Any]) -> None:
        assert check(given) == []

    @pytest.mark.parametrize("default", [{}, {name: getattr(Settings(), name) for name in Settings.__slots__}])
    def test_the_defaults_are_right(self, default: dict[str, Any]) -> None:
        assert ids(check_value(default)) == ["W001"]


class TestSecrets:
    @pytest.mark.parametrize(
        "given",
        [
            {"API_KEY": ["s3cret"]},
            {"API_SECRET": b"s3cret"},
            {"WEBHOOK_SIGNING_KEYS": "s3cret"},
            {"WEBHOOK_SIGNING_KEYS": ["s3cret", 5]},
            {"WEBHOOK_SIGNING_KEYS": ["s3cret", ""]},
            {"BASE_URL": "https://user:s3cret@ivs.idenfy.com"},
            {"BASE_URL": "https://ivs.idenfy.com/?key=s3cret"},
        ],
    )
    def test_are_never_shown(self, given: dict[str, Any]) -> None:
        messages = check(given, deploy=True)

        assert messages
        assert "s3cret" not in " ".join(f"{message} {message!r}" for message in messages)

    def test_an_empty_signing_key_is_refused(self) -> None:
        (message,) = check({"WEBHOOK_SIGNING_KEYS": ["key", ""]})

        assert message.id == "idenfy_kyc.E004"


class TestBaseUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://ivs.idenfy.com",
            "https://ivs.idenfy.com/",
            "HTTPS://kyc.example.com:8443",
            "http://localhost:8001",
            "http://127.0.0.1:8001/",
            "http://127.8.9.10",
            "http://[::1]:8001",
        ],
    )
    def test_is_https_or_this_machine(self, url: str) -> None:
        assert check({"BASE_URL": url}) == []

    @pytest.mark.parametrize(
        ("url", "fault"),
        [
            ("http://ivs.idenfy.com", "must begin with https://"),
            ("http://localhost.example.com", "must begin with https://"),
            ("http://192.168.0.7:8001", "must begin with https://"),
            ("ftp://localhost", "must begin with https://"),
            ("", "is no URL"),
            ("ivs.idenfy.com", "is no URL"),
            ("https://", "is no URL"),
            ("https://[::1", "is no URL"),
            ("https://ivs.idenfy.com:https", "is no URL"),
            ("https://ivs.idenfy.com\n", "is no URL"),
            ("https://ivs. idenfy.com", "is no URL"),
            ("https://key@ivs.idenfy.com", "must not contain a user"),
            ("https://ivs.idenfy.com/kyc/", "must end after the host"),
            ("https://ivs.idenfy.com?", "must end after the host"),
            ("https://ivs.idenfy.com/?a=b", "must end after the host"),
            ("https://ivs.idenfy.com#top", "must end after the host"),
        ],
    )
    def test_is_refused_otherwise(self, url: str, fault: str) -> None:
        (message,) = check({"BASE_URL": url})

        assert message.id == "idenfy_kyc.E005"
        assert message.msg.startswith(f'IDENFY_KYC["BASE_URL"] {fault}')
        assert message.hint == 'Write, for example, "BASE_URL": "https://ivs.idenfy.com".'


class TestLimits:
    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("CONCURRENCY", 0, "is 0; it must be from 1 to 32."),
            ("CONCURRENCY", 33, "is 33; it must be from 1 to 32."),
            ("HOURLY_QUOTA", 0, "is 0; it must be 1 or more."),
            ("MAX_BATCH_SIZE", -5, "is -5; it must be from 1 to 50000."),
            ("MAX_BATCH_SIZE", 50_001, "is 50001; it must be from 1 to 50000."),
            ("TYPE_COUNT_ABOVE", -1, "is -1; it must be 0 or more, or None."),
            ("SECOND_PERSON_ABOVE", -1, "is -1; it must be 0 or more, or None."),
            ("WEBHOOK_SILENCE", timedelta(minutes=59), "is timedelta(minutes=59); it must be 1 hour or more, or None."),
            ("WEBHOOK_RETENTION_DAYS", 0, "is 0; it must be 1 or more."),
            ("ANSWER_RETENTION_DAYS", 0, "is 0; it must be 1 or more, or None."),
            ("PLAN_RETENTION_DAYS", 0, "is 0; it must be 1 or more."),
            (
                "DEFAULT_LIFETIME",
                timedelta(minutes=59),
                "is timedelta(minutes=59); it must be from 1 hour to 30 days.",
            ),
            ("DEFAULT_LIFETIME", timedelta(days=31), "is timedelta(days=31); it must be from 1 hour to 30 days."),
        ],
    )
    def test_are_said_when_left(self, name: str, value: Any, said: str) -> None:
        (message,) = check({name: value})

        assert message.id == "idenfy_kyc.E006"
        assert message.msg == f'IDENFY_KYC["{name}"] {said}'
        assert str(message.hint).startswith(f'Write, for example, "{name}": ')

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("CONCURRENCY", 1),
            ("CONCURRENCY", 32),
            ("HOURLY_QUOTA", 1),
            ("HOURLY_QUOTA", 10**30),
            ("MAX_BATCH_SIZE", 1),
            ("MAX_BATCH_SIZE", 50_000),
            ("TYPE_COUNT_ABOVE", 0),
            ("TYPE_COUNT_ABOVE", None),
            ("SECOND_PERSON_ABOVE", 0),
            ("SECOND_PERSON_ABOVE", None),
            ("DEFAULT_LIFETIME", timedelta(hours=1)),
            ("DEFAULT_LIFETIME", timedelta(days=30)),
        ],
    )
    def test_may_be_reached(self, name: str, value: Any) -> None:
        assert check({name: value}) == []


class TestTimes:
    @pytest.mark.parametrize("name", ["CONNECT_TIMEOUT", "READ_TIMEOUT", "STEP_SECONDS"])
    @pytest.mark.parametrize("seconds", [0, -1, 0.0, 25, float("nan"), float("inf"), 10**400])
    def test_each_lies_between_nothing_and_a_web_servers_patience(self, name: str, seconds: float) -> None:
        (message,) = check({name: seconds})

        assert message.id == "idenfy_kyc.E007"
        assert message.msg == f'IDENFY_KYC["{name}"] must be above 0 and below 25 seconds.'

    def test_together_stay_below_a_web_servers_patience(self) -> None:
        (message,) = check({"CONNECT_TIMEOUT": 5, "READ_TIMEOUT": 17, "STEP_SECONDS": 3})

        assert message.id == "idenfy_kyc.E008"
        assert "together are 25 seconds; they must stay below 25" in message.msg
        assert message.hint == (
            'Write, for example, "CONNECT_TIMEOUT": 5.0, "READ_TIMEOUT": 15.0, "STEP_SECONDS": 3.0.'
        )

    def test_may_come_close(self) -> None:
        assert check({"CONNECT_TIMEOUT": 5, "READ_TIMEOUT": 16.9, "STEP_SECONDS": 3}) == []

    @pytest.mark.parametrize(("seconds", "found"), [(60, ["E009"]), (61, [])])
    def test_a_claim_outlives_every_call_that_is_under_way(self, seconds: int, found: list[str]) -> None:
        messages = check({"CLAIM_TIMEOUT": timedelta(seconds=seconds)})

        assert ids(messages) == found

    @pytest.mark.parametrize("waits", [[], [timedelta(0)], [timedelta(minutes=1), timedelta(minutes=-1)]])
    def test_waits_are_some_and_positive(self, waits: list[timedelta]) -> None:
        (message,) = check({"RETRY_WAITS": waits})

        assert message.id == "idenfy_kyc.E010"


class TestTheSender:
    def test_may_be_ours_or_one_of_the_project(self, settings: Any) -> None:
        settings.TASKS = {"default": {"BACKEND": "tests.contrib.test_tasks.AlsoLater"}}

        for path in ("", "idenfy_kyc.contrib.tasks.enqueue", "idenfy_kyc.contrib.celery.enqueue"):
            assert check({"SENDER": path}) == []
        assert check({"SENDER": "tests.services.test_workers.take"}) == []

    @pytest.mark.parametrize(
        ("path", "fault"),
        [
            ("tests.nowhere.enqueue", "cannot be imported: ModuleNotFoundError"),
            ("tests.factories.make_batch", "cannot be called with a number and run_after=…"),
        ],
    )
    def test_must_be_there_and_take_a_number_and_a_time(self, path: str, fault: str) -> None:
        (message,) = check({"SENDER": path})

        assert message.id == "idenfy_kyc.E013"
        assert message.msg == f'IDENFY_KYC["SENDER"] {fault}.'
        assert message.hint is not None
        assert "idenfy_kyc.contrib.tasks.enqueue" in message.hint

    @pytest.mark.parametrize(
        ("backend", "why"),
        [("immediate.ImmediateBackend", "runs tasks at once"), ("dummy.DummyBackend", "runs no tasks")],
    )
    def test_must_not_be_one_of_the_two_that_come_with_django(self, settings: Any, backend: str, why: str) -> None:
        settings.TASKS = {"default": {"BACKEND": f"{PACKAGE}.backends.{backend}"}}

        (message,) = check({"SENDER": "idenfy_kyc.contrib.tasks.enqueue"})

        assert message.id == "idenfy_kyc.E013"
        assert message.msg.startswith(f'The queue behind IDENFY_KYC["SENDER"] {why}')


class TestAProjectWithoutSettings:
    def test_passes_the_checks_and_migrates(self, tmp_path: Path) -> None:
        (tmp_path / "bare.py").write_text(
            "SECRET_KEY = 'bare'\n"
            "USE_TZ = True\n"
            "INSTALLED_APPS = ['django.contrib.auth', 'django.contrib.contenttypes', 'idenfy_kyc']\n"
            "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'bare.sqlite3'}}\n"
        )

        said = {command: self.manage(tmp_path, *command.split()) for command in ("check", "migrate", "showmigrations")}

        assert "idenfy_kyc.W001" in said["check"]
        assert "1 issue" in said["check"]
        assert "[X] 0001_initial" in said["showmigrations"].partition("idenfy_kyc")[2]

    def manage(self, folder: Path, *command: str) -> str:
        path = os.pathsep.join([str(folder), str(Path(__file__).parents[1])])
        done = subprocess.run(
            [sys.executable, "-m", "django", *command],
            cwd=folder,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "bare", "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr
