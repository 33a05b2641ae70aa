from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command, load_command_class
from pytest_httpserver import HTTPServer

from idenfy_kyc.models import Verification
from idenfy_kyc.testing import Fault
from idenfy_kyc.testing.plugin import RunningFake
from tests.factories import make_verification, make_verifications

pytestmark = pytest.mark.django_db

CANNOT = "Answers that were missed are not on the list: send them anew from iDenfy’s dashboard."


class Screen(StringIO):
    def isatty(self) -> bool:
        return True


def reconcile(*arguments: str, stdout: StringIO | None = None) -> list[str]:
    """The lines that it wrote."""
    stdout = stdout or StringIO()
    call_command("idenfy_reconcile", *arguments, stdout=stdout)
    return stdout.getvalue().splitlines()


@pytest.fixture
def listed(fake_idenfy: RunningFake) -> RunningFake:
    """Three are here, of which one has another status; two are not."""
    for number in range(3):
        make_verification(scan_ref=f"scan-{number}", status="REVIEWING")
    for number, status in enumerate(["REVIEWING", "DENIED", "REVIEWING", "APPROVED", "APPROVED"]):
        fake_idenfy.fake.know(f"scan-{number}", status=status)
    return fake_idenfy


class TestReconcile:
    def test_says_what_it_did_and_what_it_cannot_do(self, listed: RunningFake) -> None:
        assert reconcile() == [
            "5 of 5 on iDenfy’s list were compared.",
            "1 status was repaired.",
            "2 are not here: --add adds them.",
            CANNOT,
        ]

    def test_adds_what_is_not_here(self, listed: RunningFake) -> None:
        assert "2 were added." in reconcile("--add")
        assert Verification.objects.count() == 5

    def test_stops_where_its_calls_are_used_up(self, listed: RunningFake) -> None:
        listed.fake.page_limit = 2

        first, second = reconcile("--max-calls", "2"), reconcile()

        assert first[0] == "4 of 5 on iDenfy’s list were compared."
        assert "This was not all: the calls of this run or hour are used up. The next run goes on." in first
        assert second[0] == "5 of 5 on iDenfy’s list were compared."

    def test_says_that_the_list_has_fewer_than_it_counts(self, httpserver: HTTPServer, settings: Any) -> None:
        settings.IDENFY_KYC = settings.IDENFY_KYC | {"BASE_URL": httpserver.url_for("").rstrip("/")}
        page = {"count": 9, "results": [{"scanRef": "scan-1", "status": "APPROVED"}]}
        httpserver.expect_request("/kyc/identifications/").respond_with_json(page)

        assert reconcile() == [
            "1 of 9 on iDenfy’s list were compared.",
            "0 statuses were repaired.",
            "1 is not here: --add adds it.",
            "iDenfy’s list ended before its own count. Run it again later.",
            CANNOT,
        ]

    @pytest.mark.parametrize(
        ("fault", "what"),
        [
            (Fault.UNAUTHORIZED, "iDenfy: It does not take the key (401): copy API_KEY and API_SECRET anew"),
            (Fault.RATE_LIMITED, "iDenfy: It asks to slow down (429): try again in an hour."),
            (Fault.NONSENSE, "iDenfy: Something else seems to have answered"),
        ],
    )
    def test_says_what_to_do_if_iDenfy_does_not_give_its_list(  # noqa: N802
        self, listed: RunningFake, fault: Fault, what: str
    ) -> None:
        listed.fake.misbehave(fault)

        with pytest.raises(CommandError) as caught:
            reconcile()

        assert str(caught.value).startswith(what)
        assert caught.value.returncode == 1

    def test_needs_credentials(self, settings: Any) -> None:
        settings.IDENFY_KYC = {}

        with pytest.raises(CommandError, match="set both"):
            reconcile()

    @pytest.mark.parametrize("calls", ["0", "-1", "x", "²"])
    def test_takes_no_number_of_calls_that_is_none(self, calls: str) -> None:
        with pytest.raises(CommandError, match="max-calls"):
            reconcile(f"--max-calls={calls}")

    @pytest.mark.parametrize("option", ["--quiet", "--verbosity=0"])
    def test_can_keep_quiet(self, listed: RunningFake, option: str) -> None:
        assert reconcile(option) == []

    def test_draws_a_bar_for_whoever_watches(self, fake_idenfy: RunningFake, monkeypatch: pytest.MonkeyPatch) -> None:
        for row in make_verifications(4):
            fake_idenfy.fake.know(row.scan_ref)
        fake_idenfy.fake.page_limit = 2
        monkeypatch.setattr("idenfy_kyc.management.terminal.REDRAW_SECONDS", 0)

        written = "\n".join(reconcile(stdout=Screen()))

        assert "50 %, 2 of 4" in written

    def test_says_in_its_help_what_it_cannot_do(self) -> None:
        text = load_command_class("idenfy_kyc", "idenfy_reconcile").create_parser("manage.py", "x").format_help()

        assert "cannot repair an answer" in " ".join(text.split())
