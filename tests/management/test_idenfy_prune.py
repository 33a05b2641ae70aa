from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.choices import State
from idenfy_kyc.models import RequestBatch, Verification
from tests.factories import make_request, make_verification, make_verifications

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    said = StringIO()
    call_command("idenfy_prune", *arguments, stdout=said)
    return said.getvalue()


class TestIdenfyPrune:
    def test_says_what_it_took(self) -> None:
        services.plan(make_verifications(1), planned_by=None)
        RequestBatch.objects.update(planned_at=timezone.now() - timedelta(days=31))

        assert run().splitlines() == [
            "0 deliveries lost their bodies.",
            "0 answers were forgotten.",
            "1 plan was discarded.",
        ]

    def test_is_quiet_when_told_to(self) -> None:
        assert run("--quiet") == ""


class TestOneClient:
    def test_is_erased(self) -> None:
        make_verifications(2, client_id="C-1")

        said = run("--client-id", "C-1", "--no-input")

        assert said == "2 verifications were erased.\n"
        assert not Verification.objects.exclude(name="").exists()

    @pytest.mark.parametrize(("typed", "left"), [("yes", 0), ("y", 1), ("", 1)])
    def test_is_erased_only_after_a_yes(self, monkeypatch: pytest.MonkeyPatch, typed: str, left: int) -> None:
        make_verification(client_id="C-1")
        monkeypatch.setattr("builtins.input", lambda prompt: typed)

        if left:
            with pytest.raises(CommandError, match="Nothing was erased"):
                run("--client-id", "C-1")
        else:
            assert "1 verification of this client is here" in run("--client-id", "C-1")

        assert Verification.objects.filter(erased_at=None).count() == left

    @pytest.mark.parametrize("client_id", ["C-2", ""])
    def test_that_is_not_here_is_said(self, client_id: str) -> None:
        make_verification(client_id="C-1")
        make_verification(client_id="")

        with pytest.raises(CommandError, match="Nothing of this client is here"):
            run("--client-id", client_id, "--no-input")

    def test_that_is_being_asked_is_left_for_later(self) -> None:
        make_request(State.SENDING, verification=make_verification(client_id="C-1"))

        with pytest.raises(CommandError, match="Try again in a minute"):
            run("--client-id", "C-1", "--no-input")
