"""Projects that are set up otherwise than most: each must get as far as the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import RequestBatch
from idenfy_kyc.testing.plugin import RunningFake
from tests import environments, settings, unfold, walk
from tests.admin.pages import BROWSER, filled_in, make_plan, url
from tests.environments import SHOWCASE, run_in
from tests.factories import make_batch, make_queue, make_request
from tests.journey import ADDRESS, journey

STOCK_USERS = {
    "AUTH_USER_MODEL": "auth.User",
    "INSTALLED_APPS": [app for app in settings.INSTALLED_APPS if app != "tests.accounts"],
}
ACTS = {
    *(EventKind.PLANNED, EventKind.LEFT_OUT, EventKind.CONFIRMED, EventKind.PAUSED, EventKind.CONTINUED),
    *(EventKind.ISSUED, EventKind.REVEALED, EventKind.DOWNLOADED, EventKind.OPENED, EventKind.WITHDRAWN),
    *(EventKind.TAKEN_BACK, EventKind.ASKED_AGAIN, EventKind.MARKED),
    *(EventKind.ANSWERED, EventKind.LOOKED_AT, EventKind.ERASED),
}


def assert_arrived(found: dict[str, Any]) -> None:
    """Twelve were asked, each once, and each had a link that led on; every act on the way was done."""
    assert found["pages"] == [True, True, True]
    assert found["states"] == {State.ISSUED: 12}
    assert found["posts"] == len(set(found["links"])) == 12
    assert found["opened"] == 303
    assert found["ended"] == {State.SKIPPED: 1, State.CANCELLED: 11, State.COMPLETED: 1}
    assert ACTS <= {*found["acts"]}


class TestTheJourney:
    def test_shows_local_times_without_time_zones(self, tmp_path: Path) -> None:
        found = run_in(journey, tmp_path / "db.sqlite3", USE_TZ=False)

        assert_arrived(found)
        until = datetime.strptime(found["works_until"], "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
        assert abs(until - datetime.now(UTC) - timedelta(days=14)) < timedelta(minutes=65)  # an hour: summer time

    def test_stays_below_the_path_that_the_project_is_mounted_at(self, tmp_path: Path) -> None:
        found = run_in(journey, tmp_path / "db.sqlite3", FORCE_SCRIPT_NAME="/app")

        assert_arrived(found)
        assert {"/app/admin/idenfy_kyc/requestbatch/1/send/", "/app/static/idenfy_kyc/progress.js"} <= {
            *found["addresses"]
        }
        assert [address for address in found["addresses"] if not f"{address}/".startswith("/app/")] == []
        assert all(link.startswith("http://testserver/app/idenfy/r/") for link in found["links"])

    @pytest.mark.parametrize("field", ["AutoField", "BigAutoField"])
    def test_works_with_whatever_keys_the_project_prefers(self, tmp_path: Path, field: str) -> None:
        chosen = f"django.db.models.{field}"

        assert_arrived(run_in(journey, tmp_path / "db.sqlite3", DEFAULT_AUTO_FIELD=chosen))

    def test_is_recorded_with_the_users_of_django(self, tmp_path: Path) -> None:
        found = run_in(journey, tmp_path / "db.sqlite3", **STOCK_USERS)

        assert_arrived(found)
        assert found["actors"] == ["", "rasa@example.com"]


class TestAnotherDatabaseThanTheDefaultOne:
    def project(self, file: Path, *, atomic_requests: bool) -> dict[str, Any]:
        """Whatever went to the default one, a transaction even, would be told that there is none."""
        router = environments.Elsewhere
        there = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "ATOMIC_REQUESTS": atomic_requests}
        return {
            "DATABASES": {"default": {}, router.ALIAS: there},
            "DATABASE_ROUTERS": [f"{router.__module__}.{router.__qualname__}"],
        }

    @pytest.mark.parametrize("atomic_requests", [True, False])
    def test_is_the_only_one_that_is_asked(self, tmp_path: Path, atomic_requests: bool) -> None:
        file = tmp_path / "db.sqlite3"

        assert_arrived(run_in(journey, file, **self.project(file, atomic_requests=atomic_requests)))

    @pytest.mark.parametrize("atomic_requests", [True, False])
    def test_is_where_deliveries_go(self, tmp_path: Path, atomic_requests: bool) -> None:
        file = tmp_path / "db.sqlite3"

        found = run_in(environments.deliveries, file, **self.project(file, atomic_requests=atomic_requests))

        assert (found["answers"], found["problems"], found["pages"], found["erased"]) == ([200], [], [200, 200], 1)


class TestAStrictPolicy:
    def test_has_nothing_inline_to_forbid_on_any_page(self, tmp_path: Path) -> None:
        found = run_in(walk.inline, tmp_path / "db.sqlite3", **SHOWCASE)

        assert found["pages"] > 80
        assert found["inline"] == {}

    @pytest.mark.parametrize(
        "html",
        [
            "<style>",
            "<script>",
            '<script type="module">',
            '<p style="a">',
            "<a onclick='b'>",
            '<a href="javascript:c">',
        ],
    )
    def test_would_forbid_this(self, html: str) -> None:
        assert walk.inline_in(html)

    @pytest.mark.parametrize("html", ['<script src="a.js" defer>', '<p class="style">', "<p>on time, my style</p>"])
    def test_allows_this(self, html: str) -> None:
        assert walk.inline_in(html) == []


class TestUnfold:
    @pytest.mark.parametrize("urls", [unfold.AS_THEY_ARE, unfold.MIXED_IN])
    def test_leaves_every_page_and_act_as_usable(self, tmp_path: Path, urls: str) -> None:
        found = run_in(walk.pages, tmp_path / "db.sqlite3", **SHOWCASE | unfold.PROJECT | {"ROOT_URLCONF": urls})

        assert_arrived(found)
        assert {"plan", "stopped", "report", "request-issued", "verifications", "requests", "batches"} <= {
            *found["styled"]
        }


class TestWhatIdenfyTells:
    @pytest.mark.parametrize("use_tz", [True, False])
    def test_is_heard_with_and_without_time_zones(self, tmp_path: Path, use_tz: bool) -> None:
        found = run_in(environments.deliveries, tmp_path / "db.sqlite3", USE_TZ=use_tz)

        assert (found["answers"], found["problems"], found["pages"]) == ([200], [], [200, 200])
        assert found["erased"] == 1
        finished = datetime.fromtimestamp(1_764_000_042, tz=UTC)
        here = finished.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)
        assert found["verified_at"] == (finished if use_tz else here).isoformat()


class TestWithoutSettings:
    def test_a_project_migrates_passes_its_checks_and_opens_every_page(self, tmp_path: Path) -> None:
        found = run_in(environments.pages, tmp_path / "db.sqlite3", IDENFY_KYC=None)

        assert {page: status for page, status in found["pages"].items() if status != 200} == {}
        assert found["checks"] == ["idenfy_kyc.W001"]
        assert "Your administrator must set API_KEY and API_SECRET" in found["answer"]
        assert found["made"] == 0


class TestMigrations:
    @pytest.mark.parametrize("field", ["AutoField", "BigAutoField"])
    def test_are_complete_whatever_keys_the_project_prefers(self, tmp_path: Path, field: str) -> None:
        chosen = f"django.db.models.{field}"

        found = run_in(environments.migrations, tmp_path / "db.sqlite3", DEFAULT_AUTO_FIELD=chosen)

        assert found["said"] == "No changes detected in app 'idenfy_kyc'"


@pytest.mark.django_db(transaction=True)
class TestAtomicRequests:
    @pytest.fixture
    def other_thread(self) -> Iterator[ThreadPoolExecutor]:
        """A thread has connections of its own, so this one sees only what is committed there."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            yield pool
            pool.submit(connections.close_all).result()

    def test_a_claim_is_committed_before_idenfy_answers(
        self, alice_client: Client, fake_idenfy: RunningFake, other_thread: ThreadPoolExecutor
    ) -> None:
        fake_idenfy.fake.latency = 1.0
        batch = make_plan(1)

        pressed = other_thread.submit(alice_client.post, url(batch), filled_in(expected="1"))
        meanwhile = self._once_asked(1, fake_idenfy, batch)

        assert connection.settings_dict["ATOMIC_REQUESTS"]
        assert meanwhile == [State.SENDING]
        assert pressed.result()["Location"] == url(batch)
        assert batch.requests.get().state == State.ISSUED

    def test_a_step_commits_each_answer_before_it_ends(
        self, alice_client: Client, fake_idenfy: RunningFake, other_thread: ThreadPoolExecutor, settings: Any
    ) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"CONCURRENCY": 1}
        fake_idenfy.fake.latency = 0.5
        batch = make_queue(2)

        step = other_thread.submit(alice_client.post, url(batch, "send"))
        meanwhile = self._once_asked(2, fake_idenfy, batch)

        assert meanwhile == [State.ISSUED, State.SENDING]
        assert step.result().json()["state"] == "done"

    def _once_asked(self, count: int, fake: RunningFake, batch: RequestBatch) -> list[str]:
        """The states that others see once ``count`` have arrived at iDenfy, and the last has no answer yet."""
        until = time.monotonic() + 20
        while len(fake.fake.posts()) < count and time.monotonic() < until:
            time.sleep(0.02)
        states = list(batch.requests.order_by("pk").values_list("state", flat=True))
        assert fake.fake.posts()[-1].answered_at is None
        return states


@pytest.mark.django_db
@pytest.mark.urls("tests.admin.urls_two_sites")
class TestASecondSite:
    @pytest.mark.parametrize("state", [State.DRAFT, State.QUEUED, State.ISSUED])
    def test_has_batches_that_lead_nowhere_else(self, alice_client: Client, state: State) -> None:
        batch = make_request(state).batch

        answer = alice_client.get(f"/everything/idenfy_kyc/requestbatch/{batch.pk}/change/")

        ours = {address for address in ADDRESS.findall(answer.text) if "/idenfy_kyc/" in address}
        assert any(address.startswith(f"/everything/idenfy_kyc/requestbatch/{batch.pk}/") for address in ours)
        assert [address for address in ours if not address.startswith(("/everything/", "/static/"))] == []

    def test_is_where_its_acts_come_back_to(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        batch, home = make_plan(1), "/everything/idenfy_kyc"
        address = f"{home}/requestbatch/{batch.pk}"
        headers = {"Accept": BROWSER}

        came_back_to = [
            alice_client.post(f"{address}/change/", filled_in(expected="1"))["Location"],
            *(
                alice_client.post(f"{address}/{act}/", headers=headers)["Location"]
                for act in ("pause", "continue", "send")
            ),
            alice_client.post(f"{home}/requestbatch/{make_plan(1).pk}/discard/", headers=headers)["Location"],
        ]

        assert came_back_to == [*[f"{address}/change/"] * 4, f"{home}/verification/"]


@pytest.mark.django_db
class TestLanguages:
    @pytest.mark.parametrize(("language", "direction"), [("de", "ltr"), ("lt", "ltr"), ("ar", "rtl")])
    @pytest.mark.parametrize("state", [State.QUEUED, State.ISSUED])
    def test_of_the_reader_shapes_the_page_of_a_batch(
        self, alice_client: Client, language: str, direction: str, state: State
    ) -> None:
        batch = make_batch(confirmed=True, confirmed_at=datetime(2025, 3, 17, 12, 5, tzinfo=UTC))
        make_request(state, batch=batch)

        page = alice_client.get(url(batch), headers={"Accept-Language": language})

        assert f'lang="{language}"' in page.text
        assert f'dir="{direction}"' in page.text
        assert "17 March 2025, 14:05" in page.text  # our words are in English, and their dates with them

    @pytest.mark.parametrize("language", ["de", "lt", "ar"])
    def test_of_the_reader_are_those_of_every_list(self, alice_client: Client, language: str) -> None:
        make_request(State.ISSUED)

        for model in ("verification", "informationrequest", "requestbatch"):
            page = alice_client.get(
                reverse(f"admin:idenfy_kyc_{model}_changelist"), headers={"Accept-Language": language}
            )

            assert page.status_code == 200
            assert f'lang="{language}"' in page.text
