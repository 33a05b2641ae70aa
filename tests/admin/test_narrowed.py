"""What somebody finds on the page of a batch whose site shows him only some of the requests, or whose admin is bent."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client
from django.urls import include, path, reverse

from idenfy_kyc import services
from idenfy_kyc.admin import InformationRequestAdmin, RequestBatchAdmin
from idenfy_kyc.choices import PauseReason, Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent, Verification
from idenfy_kyc.testing.plugin import RunningFake
from tests.admin.pages import filled_in, messages_of, plan_for, words_of
from tests.factories import make_batch, make_request, make_verification
from tests.personas import logged_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.test_narrowed")]

HIDDEN = "Hidden Client"


class SomeRequests(InformationRequestAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[InformationRequest]:
        return super().get_queryset(request).exclude(verification__name=HIDDEN)


class BentBatches(RequestBatchAdmin):
    """As a host may write one without reading ours."""

    report_template = "admin/base_site.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[RequestBatch]:
        return RequestBatch.objects.all()


narrow, bent = AdminSite(name="narrow"), AdminSite(name="bent")
narrow.register(InformationRequest, SomeRequests)
narrow.register(RequestBatch, RequestBatchAdmin)
bent.register(RequestBatch, BentBatches)
urlpatterns = [path("narrow/", narrow.urls), path("bent/", bent.urls), path("", include("tests.urls"))]


def url(batch: RequestBatch, page: str = "change") -> str:
    return reverse(f"admin:idenfy_kyc_requestbatch_{page}", args=[batch.pk], current_app="narrow")


def hidden_client(**fields: Any) -> Verification:
    return make_verification(name=HIDDEN, client_id="C-hidden", **fields)


class TestThePlan:
    def test_asks_all_and_names_those_that_are_seen(self, alice_client: Client, fake_idenfy: RunningFake) -> None:
        batch = plan_for(make_verification(name="Ona"), hidden_client(), make_verification(status="DELETED"))

        page = alice_client.get(url(batch))

        assert "2 clients will be asked. 1 verification will not." in page.text
        assert 'value="Ask 2 clients"' in page.text
        assert "Ona" in page.text
        assert [section.count for section in page.context["sections"]] == ["2", "1", "1"]
        assert "Hidden" not in page.text
        assert "C-hidden" not in page.text

        alice_client.post(url(batch), filled_in(expected="2"))

        assert batch.rows_in(State.ISSUED).count() == 2

    def test_does_not_name_the_only_client_either(self, alice_client: Client) -> None:
        page = alice_client.get(url(plan_for(hidden_client())))

        assert 'value="Ask 1 client"' in page.text
        assert HIDDEN not in page.text
        assert "C-hidden" not in page.text

    def test_does_not_tell_of_requests_that_are_not_seen(self, alice_client: Client) -> None:
        known, unknown = make_verification(), hidden_client(status="DENIED")
        for verification in (known, unknown):
            make_request(State.CANCELLED, verification=verification)

        page = alice_client.get(url(plan_for(known, unknown)))

        groups = {group.key: group.count for group in page.context["overview"].doubts}
        assert groups == {"pending": 1, "lately.questionnaire.source-of-funds": 1}

    @pytest.mark.parametrize("group", ["", "doubtful"])
    def test_leaves_out_nobody_who_is_not_seen(self, alice_client: Client, group: str) -> None:
        batch = plan_for(hidden_client(status="DENIED"))

        page = alice_client.post(url(batch, "leave_out"), {"group": group, "row": batch.requests.get().pk}, follow=True)

        assert messages_of(page) == ["Nobody was left out: tick the clients first."]
        assert batch.rows_in(State.DRAFT).count() == 1


@pytest.fixture
def batch() -> RequestBatch:
    """Two links, of which one is seen."""
    batch = make_batch(confirmed=True)
    make_request(State.ISSUED, batch=batch, verification=make_verification(name="Ona"))
    make_request(State.ISSUED, batch=batch, verification=hidden_client())
    return batch


class TestTheReport:
    def test_counts_all_and_names_those_that_are_seen(self, root_client: Client, batch: RequestBatch) -> None:
        make_request(State.REFUSED, batch=batch, verification=hidden_client(scan_ref="x"), message="Secret words")

        page = root_client.get(url(batch))

        assert "Of 3 clients <strong>2 have a link</strong>, 1 was refused." in words_of(page)
        assert "You see 1 of these 3." in page.text
        assert [(outcome.state, outcome.count) for outcome in page.context["outcomes_found"]] == [(State.ISSUED, 1)]
        assert "Download links (1)" in page.text
        assert "Ona" in page.text
        assert "Hidden" not in page.text
        assert "Secret words" not in page.text

    def test_tells_only_what_was_done_with_those_that_are_seen(self, root_client: Client, batch: RequestBatch) -> None:
        services.withdraw(batch.requests.all(), by=None, note="Wrong list")

        page = root_client.get(url(batch))

        assert [line.what for line in page.context["history"].lines] == ["Withdrawn: “Wrong list” (1 client)"]

    def test_is_the_same_for_a_batch_that_has_stopped(self, root_client: Client, batch: RequestBatch) -> None:
        make_request(State.QUEUED, batch=batch)
        services.stop(batch, by=None)

        page = root_client.get(url(batch))

        assert "3 clients are to be asked." in page.text
        assert "Download links (1)" in page.text
        assert "Hidden" not in page.text

    def test_hands_over_only_links_that_are_seen(self, root_client: Client, batch: RequestBatch) -> None:
        answer = root_client.post(url(batch, "download"))

        assert len(answer.text.splitlines()) == 2
        assert "Hidden" not in answer.text
        assert RequestEvent.objects.count() == 1

    def test_withdraws_only_what_is_seen(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.post(url(batch, "withdraw"))

        fields = {"_withdraw": "", "note": "mistake", "shown": page.context["form"]["shown"].value()}
        alice_client.post(url(batch, "withdraw"), fields)

        left = batch.rows_in(State.ISSUED).get()
        assert left.verification.name == HIDDEN
        assert batch.rows_in(State.CANCELLED).get().reason == Reason.WITHDRAWN

    def test_offers_nothing_to_do_with_what_is_not_seen(self, root_client: Client) -> None:
        batch = make_request(State.ISSUED, verification=hidden_client()).batch

        page = root_client.get(url(batch))

        assert "Download links" not in page.text
        assert url(batch, "withdraw") not in page.text

    def test_shows_nobody_to_whoever_may_see_no_requests(self, make_person: Any, batch: RequestBatch) -> None:
        client = logged_in(make_person("batches_only", "view_requestbatch"))

        page = client.get(url(batch))

        assert "Of 2 clients" in words_of(page)
        assert "Ona" not in page.text


class TestABentAdmin:
    def test_still_lists_where_its_batches_stand(self, alice_client: Client, batch: RequestBatch) -> None:
        make_request(
            State.QUEUED,
            batch=make_batch(confirmed=True, paused_at=batch.confirmed_at, pause_reason=PauseReason.PERSON),
        )

        page = alice_client.get("/bent/idenfy_kyc/requestbatch/")

        assert '<span class="ik-state ik-state-done">Done</span>' in page.text
        assert '<span class="ik-state ik-state-stopped">Stopped</span>' in page.text

    def test_may_have_a_template_of_its_own(self, alice_client: Client, batch: RequestBatch) -> None:
        page = alice_client.get(f"/bent/idenfy_kyc/requestbatch/{batch.pk}/change/")

        assert page.templates[0].name == "admin/base_site.html"
