"""What the fake tells, and in which ways it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from idenfy_kyc.api.deliveries import signature_fits
from idenfy_kyc.testing import SIGNING_KEY, DeliveryFault, FakeIdenfy, Fault
from tests.testing.calls import Clock, ask, begin, said

URL = "http://project.example/webhook/"


@pytest.fixture
def telling(fake: FakeIdenfy) -> FakeIdenfy:
    """A fake that knows whom to tell."""
    fake.webhook_url = URL
    return fake


def comes(fake: FakeIdenfy, status: int = 200) -> list[str]:
    """What would come now, one behind the other: events, with the answer ``status`` to each."""
    events = []
    while parcel := fake.next_delivery():
        fake.mark_delivered(parcel, status=status, words="Kept.")
        events.append(parcel.told.event.removeprefix("IDENTIFICATION_"))
    return events


def answer_and_decide(fake: FakeIdenfy, scan_ref: str = "scan-1") -> None:
    ask(fake, scan_ref)
    fake.people.answer(scan_ref, review_follows=True)
    fake.people.decide(scan_ref)


class TestDelivery:
    def test_is_signed_and_goes_to_the_project(self, telling: FakeIdenfy) -> None:
        ask(telling)
        told = telling.people.answer("scan-1")

        parcel = telling.next_delivery()

        assert parcel is not None
        assert parcel.url == URL
        assert parcel.body == told.body.encode()
        assert parcel.headers["Idenfy-Event-Type"] == "IDENTIFICATION_RESUBMITTED"
        assert signature_fits(parcel.body, parcel.headers["Idenfy-Signature"], [SIGNING_KEY])

    def test_is_remembered_with_the_answer(self, telling: FakeIdenfy, clock: Clock) -> None:
        answer_and_decide(telling)
        telling.people.decide("scan-2")
        waiting = telling.told("scan-1")

        comes(telling)

        assert [told.status for told in waiting] == [None, None]
        assert len(telling.told()) == 3
        first, second = telling.told("scan-1")
        assert (first.status, first.words, first.sent_at, first.tries) == (200, "Kept.", clock.now, 1)
        assert first.is_accepted
        assert second.event == "IDENTIFICATION_MANUAL_FINISHED"

    def test_goes_once(self, telling: FakeIdenfy) -> None:
        answer_and_decide(telling)

        assert comes(telling) == ["RESUBMITTED", "MANUAL_FINISHED"]
        assert comes(telling) == []

    @pytest.mark.parametrize("status", [0, 302, 400, 500])
    def test_goes_once_more_if_it_was_not_taken(self, telling: FakeIdenfy, clock: Clock, status: int) -> None:
        telling.people.decide("scan-1")

        tries = [comes(telling, status), comes(telling, status)]
        clock.now += 0.5
        tries += [comes(telling, status)]
        clock.now += 60
        tries += [comes(telling, status)]

        assert tries == [["MANUAL_FINISHED"], [], ["MANUAL_FINISHED"], []]
        (told,) = telling.told()
        assert (told.status, told.tries, told.is_accepted) == (status, 2, False)

    def test_waits_while_nobody_says_where_to(self, fake: FakeIdenfy) -> None:
        fake.people.decide("scan-1")
        before = comes(fake)

        fake.webhook_url = URL

        assert (before, comes(fake)) == ([], ["MANUAL_FINISHED"])

    def test_goes_to_the_address_that_the_verification_has(self, fake: FakeIdenfy) -> None:
        began = said(begin(fake, callbackUrl="http://own.example/"))

        fake.people.finish(began["scanRef"])

        parcel = fake.next_delivery()
        assert parcel is not None
        assert parcel.url == "http://own.example/"

    def test_can_be_told_again_with_fresh_links(self, telling: FakeIdenfy) -> None:
        told = telling.people.decide("scan-1")

        again = telling.resend(told.number)

        assert comes(telling) == ["MANUAL_FINISHED", "MANUAL_FINISHED"]
        assert again.body != told.body
        assert {**again.payload, "fileUrls": 0} == {**told.payload, "fileUrls": 0}
        with pytest.raises(LookupError):
            telling.resend(999)

    def test_goes_out_by_one_of_several_processes(self, tmp_path: Path) -> None:
        path = tmp_path / "fake.sqlite3"
        with FakeIdenfy(path, webhook_url=URL) as here, FakeIdenfy(path) as there:
            there.people.decide("scan-1")

            parcels = [here.next_delivery(), there.next_delivery()]

        assert [parcel is not None for parcel in parcels] == [True, False]


class TestFaults:
    def test_let_it_come_late(self, telling: FakeIdenfy, clock: Clock) -> None:
        telling.misbehave(DeliveryFault.LATE, value=5)
        telling.people.decide("scan-1")

        at_once = comes(telling)
        clock.now += 5

        assert (at_once, comes(telling)) == ([], ["MANUAL_FINISHED"])

    def test_let_it_come_twice(self, telling: FakeIdenfy) -> None:
        telling.misbehave(DeliveryFault.TWICE, times=1)
        answer_and_decide(telling)

        assert comes(telling) == ["RESUBMITTED", "RESUBMITTED", "MANUAL_FINISHED"]
        first, second, _ = telling.told()
        assert first.body == second.body

    def test_let_it_come_again_with_fresh_links(self, telling: FakeIdenfy, clock: Clock) -> None:
        telling.misbehave(DeliveryFault.RESENT, times=1)
        telling.people.decide("scan-1")

        at_once = comes(telling)
        clock.now += 2

        assert (at_once, comes(telling)) == (["MANUAL_FINISHED"], ["MANUAL_FINISHED"])
        first, second = telling.told()
        assert first.body != second.body

    def test_shuffle_it_behind_the_next(self, telling: FakeIdenfy) -> None:
        telling.misbehave(DeliveryFault.SHUFFLED, times=1)
        answer_and_decide(telling)

        assert comes(telling) == ["MANUAL_FINISHED", "RESUBMITTED"]

    def test_shuffle_it_behind_the_next_of_the_same_verification(self, telling: FakeIdenfy, clock: Clock) -> None:
        telling.misbehave(DeliveryFault.SHUFFLED, times=1)
        telling.people.decide("scan-1")
        telling.people.decide("scan-2")

        comes(telling)
        at_once = [told.is_accepted for told in telling.told()]
        clock.now += 60
        comes(telling)

        assert at_once == [False, True]
        assert [told.is_accepted for told in telling.told()] == [True, True]

    def test_sign_it_with_a_wrong_key(self, telling: FakeIdenfy) -> None:
        telling.misbehave(DeliveryFault.WRONG_KEY)
        telling.people.decide("scan-1")

        parcel = telling.next_delivery()

        assert parcel is not None
        assert not signature_fits(parcel.body, parcel.headers["Idenfy-Signature"], [SIGNING_KEY])

    def test_keep_it_back(self, telling: FakeIdenfy, clock: Clock) -> None:
        telling.misbehave(DeliveryFault.MISSED, times=1)
        answer_and_decide(telling)
        clock.now += 1e6

        assert comes(telling) == ["MANUAL_FINISHED"]
        assert telling.told()[0].due_at is None

    def test_are_late_and_something_else(self, telling: FakeIdenfy, clock: Clock) -> None:
        telling.misbehave(DeliveryFault.LATE, value=3)
        telling.misbehave(DeliveryFault.TWICE)
        telling.misbehave(DeliveryFault.MISSED)
        telling.people.decide("scan-1")
        clock.now += 3

        assert comes(telling) == ["MANUAL_FINISHED", "MANUAL_FINISHED"]

    def test_are_of_one_verification_if_told_so(self, telling: FakeIdenfy) -> None:
        telling.misbehave(DeliveryFault.TWICE, scan_ref="scan-2")
        telling.people.decide("scan-1")
        telling.people.decide("scan-2")

        assert [told.scan_ref for told in telling.told()] == ["scan-1", "scan-2", "scan-2"]

    def test_are_not_those_of_the_calls(self, telling: FakeIdenfy) -> None:
        telling.misbehave(DeliveryFault.MISSED, times=1)
        telling.misbehave(Fault.UNAVAILABLE, times=1)

        status = ask(telling).status
        told = telling.people.decide("scan-1")

        assert (status, told.fault) == (503, DeliveryFault.MISSED)

    def test_give_way_to_what_an_act_wants(self, telling: FakeIdenfy) -> None:
        telling.misbehave(DeliveryFault.MISSED, times=1)

        first = telling.people.decide("scan-1", comes=DeliveryFault.LATE)
        second = telling.people.decide("scan-1")

        assert (first.fault, first.due_at is not None) == ("", True)
        assert second.fault == ""
