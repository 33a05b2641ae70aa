"""A site that shows each officer his own clients only: all three admins narrowed, and nothing else of them is seen.

What is whole all the same: a batch's totals, its progress, and what confirming, sending and stopping act on.
"""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.test import Client
from django.urls import include, path, reverse

from idenfy_kyc import services
from idenfy_kyc.admin import InformationRequestAdmin, RequestBatchAdmin, VerificationAdmin
from idenfy_kyc.choices import EventKind, State
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent, Verification
from idenfy_kyc.services.record import note_requests
from tests.admin.pages import BROWSER, plan_for
from tests.factories import make_batch, make_request, make_verification

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.test_narrowed_site")]


class OwnVerifications(VerificationAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[Verification]:
        return super().get_queryset(request).filter(client_id__startswith="VNO-")


class OwnRequests(InformationRequestAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[InformationRequest]:
        return super().get_queryset(request).filter(verification__client_id__startswith="VNO-")


class OwnBatches(RequestBatchAdmin):
    """Those in which there is an own client, and one's own plans."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[RequestBatch]:
        own = Q(pk__in=self.requests_seen(request).values("batch")) | Q(planned_by=request.user.pk)
        return super().get_queryset(request).filter(own)


branch = AdminSite(name="branch")
branch.register(Verification, OwnVerifications)
branch.register(InformationRequest, OwnRequests)
branch.register(RequestBatch, OwnBatches)
urlpatterns = [path("branch/", branch.urls), path("", include("tests.urls"))]

HIDDEN = "Hidden"


def page_of(model: type[Any], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:idenfy_kyc_{model._meta.model_name}_{page}", args=args, current_app="branch")


@pytest.fixture
def own() -> Verification:
    return make_verification(client_id="VNO-1", name="Ona", status="APPROVED")


@pytest.fixture
def hidden() -> Verification:
    return make_verification(client_id="KUN-1", name=HIDDEN, status="DENIED")


@pytest.fixture
def shared(own: Verification, hidden: Verification) -> RequestBatch:
    """A batch with one client of each, both with a link."""
    batch = make_batch(confirmed=True, confirmed_by_name="Shared Officer")
    for verification in (own, hidden):
        make_request(State.ISSUED, batch=batch, verification=verification)
    return batch


@pytest.fixture
def others(hidden: Verification) -> RequestBatch:
    """A batch with nobody of one's own."""
    batch = make_batch(confirmed=True, note="their own matter", confirmed_by_name="Hidden Officer")
    make_request(State.REFUSED, batch=batch, verification=hidden, message=HIDDEN)
    return batch


class TestTheLists:
    @pytest.mark.parametrize("model", [Verification, InformationRequest])
    def test_and_their_searches_show_ones_own(
        self, root_client: Client, shared: RequestBatch, model: type[Any]
    ) -> None:
        pages = [root_client.get(f"{page_of(model)}{query}") for query in ("", "?q=KUN-1", f"?q={HIDDEN}", "?q=VNO-1")]

        assert [page.context["cl"].result_count for page in pages] == [1, 0, 0, 1]
        assert all("KUN-1</" not in page.text for page in pages)

    def test_offer_filters_only_for_what_is_seen(
        self, root_client: Client, shared: RequestBatch, others: RequestBatch
    ) -> None:
        verifications, requests = root_client.get(page_of(Verification)), root_client.get(page_of(InformationRequest))

        assert "Approved" in verifications.text
        assert "Denied" not in verifications.text
        assert "Shared Officer" in requests.text
        assert "Hidden Officer" not in requests.text

    def test_say_of_a_client_only_what_is_seen_of_his_requests(self, root_client: Client, others: RequestBatch) -> None:
        page = root_client.get(page_of(RequestBatch))

        assert page.context["cl"].result_count == 0
        assert "their own matter" not in page.text

    def test_tell_of_unfinished_batches_only_if_they_are_seen(self, root_client: Client, hidden: Verification) -> None:
        batch = make_batch(confirmed=True, note="their own matter")
        make_request(State.QUEUED, batch=batch, verification=hidden)

        page = root_client.get(page_of(Verification))

        assert page.context["unfinished"] == []


class TestTheAction:
    @pytest.mark.parametrize("across", ["0", "1"])
    def test_plans_for_ones_own(
        self, root_client: Client, own: Verification, hidden: Verification, across: str
    ) -> None:
        chosen = {"_selected_action": [own.pk, hidden.pk], "select_across": across}

        root_client.post(page_of(Verification), {"action": "request_information"} | chosen)

        assert [row.verification for row in InformationRequest.objects.all()] == [own]

    def test_on_the_page_of_one_is_for_ones_own(self, root_client: Client, hidden: Verification) -> None:
        address = page_of(Verification, "request_information", hidden.pk)
        answer = root_client.post(address, headers={"Accept": BROWSER})

        assert (answer.status_code, answer["Location"]) == (302, "/branch/")
        assert not RequestBatch.objects.exists()


class TestThePageOfABatch:
    def test_is_there_only_with_ones_own(self, root_client: Client, shared: RequestBatch, others: RequestBatch) -> None:
        acts = ("send", "pause", "continue", "leave_out", "discard", "withdraw", "download")

        seen = root_client.get(page_of(RequestBatch, "change", shared.pk))
        refused = [root_client.get(page_of(RequestBatch, page, others.pk)) for page in ("change", "progress")]
        refused += [root_client.post(page_of(RequestBatch, act, others.pk)) for act in acts]

        assert seen.status_code == 200
        assert HIDDEN not in seen.text
        assert {answer.status_code for answer in refused} <= {302, 404}
        assert not RequestEvent.objects.exists()

    def test_names_ones_own_in_a_plan_and_asks_all(
        self, root_client: Client, root: Any, own: Verification, hidden: Verification
    ) -> None:
        batch = plan_for(own, hidden, by=root)

        page = root_client.get(page_of(RequestBatch, "change", batch.pk))

        assert "2 clients will be asked." in page.text
        assert "Ona" in page.text
        assert HIDDEN not in page.text
        assert "Denied" not in page.text

    def test_counts_all_in_its_progress(self, root_client: Client, shared: RequestBatch) -> None:
        answer = root_client.get(
            page_of(RequestBatch, "progress", shared.pk), headers={"Accept": "application/json"}
        ).json()

        assert (answer["total"], answer["counts"]) == (2, {"issued": 2})

    def test_hands_over_ones_own_links(self, root_client: Client, shared: RequestBatch, own: Verification) -> None:
        answer = root_client.post(page_of(RequestBatch, "download", shared.pk))

        _head, *lines = csv.reader(answer.content.decode("utf-8-sig").splitlines())
        assert [line[0] for line in lines] == ["VNO-1"]
        assert [event.verification for event in RequestEvent.objects.all()] == [own]


class TestThePageOfOne:
    def test_is_there_only_for_ones_own(self, root_client: Client, shared: RequestBatch, hidden: Verification) -> None:
        row = shared.requests.get(verification=hidden)

        answers = [
            root_client.get(page_of(Verification, "change", hidden.pk)),
            root_client.get(page_of(Verification, "history", hidden.pk)),
            root_client.get(page_of(InformationRequest, "change", row.pk)),
            root_client.get(page_of(InformationRequest, "history", row.pk)),
            *(
                root_client.post(
                    page_of(InformationRequest, act, row.pk),
                    {"_withdraw": "1", "note": "no"},
                    headers={"Accept": BROWSER},
                )
                for act in ("show_link", "again", "withdraw", "mark_answered")
            ),
        ]

        assert {answer.status_code for answer in answers} == {302}
        assert {answer["Location"] for answer in answers} == {"/branch/"}
        assert not RequestEvent.objects.exists()

    def test_has_a_history_of_what_is_seen(
        self, root_client: Client, shared: RequestBatch, own: Verification, hidden: Verification, root: Any
    ) -> None:
        for row in shared.requests.all():
            services.reveal(row, by=root)

        page = root_client.get(page_of(Verification, "change", own.pk))

        assert page.text.count("The link was shown") == 1
        assert HIDDEN not in page.text

    def test_shows_no_request_that_is_not_seen(
        self, root_client: Client, own: Verification, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The client is one's own, and the request is not: narrowing is by row, and not by client."""
        monkeypatch.setattr(
            OwnRequests, "get_queryset", lambda admin, request: InformationRequest.objects.filter(state=State.ISSUED)
        )
        batch = make_batch(confirmed=True, note="their own matter")
        refused = make_request(State.REFUSED, batch=batch, verification=own)
        note_requests(EventKind.REFUSED, [refused])

        page = root_client.get(page_of(Verification, "change", own.pk))

        assert page.context["client_requests"] == []
        assert page.context["history"].lines == []
        assert "their own matter" not in page.text


class TestWithdrawingFromTheList:
    def test_reaches_ones_own(self, root_client: Client, shared: RequestBatch, hidden: Verification) -> None:
        rows = list(shared.requests.values_list("pk", flat=True))
        withdraw = {"action": "withdraw", "_withdraw": "1", "note": "mistake", "expected": "1"}

        root_client.post(page_of(InformationRequest), withdraw | {"_selected_action": rows})

        assert shared.rows_in(State.ISSUED).get().verification == hidden
