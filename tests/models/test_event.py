from __future__ import annotations

import pytest
from django.db import transaction

from idenfy_kyc import services
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent
from idenfy_kyc.services.record import note_batch, note_requests
from tests.factories import make_request, make_user, make_verifications

pytestmark = pytest.mark.django_db


def one_line() -> RequestEvent:
    request = make_request(State.ISSUED)
    note_requests(EventKind.ISSUED, [request])
    return request.events.get()


class TestRequestEvent:
    def test_is_never_changed_by_a_save(self) -> None:
        line = one_line()
        line.kind = EventKind.REFUSED

        with pytest.raises(TypeError, match="append-only"):
            line.save()

    def test_is_never_changed_by_an_update(self) -> None:
        line = one_line()

        with pytest.raises(TypeError, match="append-only"):
            RequestEvent.objects.filter(pk=line.pk).update(kind=EventKind.REFUSED)
        with pytest.raises(TypeError, match="append-only"), transaction.atomic():
            RequestEvent.objects.bulk_update([line], ["kind"])

    def test_is_never_deleted_by_itself(self) -> None:
        line = one_line()

        with pytest.raises(TypeError, match="append-only"):
            line.delete()
        with pytest.raises(TypeError, match="append-only"):
            RequestEvent.objects.all().delete()
        assert RequestEvent.objects.get() == line

    def test_says_nothing_personal_of_itself(self) -> None:
        request = make_request(State.ISSUED)
        note_batch(EventKind.CONFIRMED, request.batch, by=make_user("ona@example.com", full_name="Ona"), clients=1)

        line = RequestEvent.objects.get()

        assert "ona" not in f"{line} {line!r}".lower()
        assert str(line).startswith("confirmed 20")


class TestDeletingTheOfficersAccount:
    def test_changes_nothing_that_the_record_says(self) -> None:
        officer = make_user(full_name="Rasa Kazlauskienė")
        batch = services.plan(make_verifications(2), planned_by=officer, note="annual review", questionnaire="q")
        services.leave_out(batch, [batch.requests.all()[0].pk], by=officer)
        services.confirm(batch, by=officer, expected=1)
        before = list(RequestEvent.objects.order_by("pk").values("kind", "at", "actor_name", "params"))

        officer.delete()

        batch = RequestBatch.objects.get()
        assert list(RequestEvent.objects.order_by("pk").values("kind", "at", "actor_name", "params")) == before
        assert {line["actor_name"] for line in before} == {"Rasa Kazlauskienė"}
        assert (batch.planned_by, batch.confirmed_by) == (None, None)
        assert (batch.planned_by_name, batch.confirmed_by_name) == ("Rasa Kazlauskienė", "Rasa Kazlauskienė")
        assert batch.note == "annual review"
        assert InformationRequest.objects.count() == 2
        assert not RequestEvent.objects.exclude(actor=None).exists()

    def test_keeps_the_address_of_someone_without_a_name(self) -> None:
        officer = make_user("rasa@example.com", full_name="")
        batch = services.plan(make_verifications(1), planned_by=officer)

        officer.delete()

        batch.refresh_from_db()
        assert batch.planned_by_name == "rasa@example.com"
