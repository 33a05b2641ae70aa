from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client
from django.urls import include, path, resolve, reverse
from django.utils import timezone

from idenfy_kyc import services
from idenfy_kyc.admin import InformationRequestAdmin, RequestBatchAdmin
from idenfy_kyc.choices import PauseReason, Reason, State
from idenfy_kyc.models import InformationRequest, RequestBatch, RequestEvent
from idenfy_kyc.testing.plugin import RunningFake
from tests.admin.pages import BROWSER, LIST, filled_in, make_plan, queries, url
from tests.factories import make_batch, make_queue, make_request
from tests.personas import logged_in

pytestmark = pytest.mark.django_db


class OwnBatches(RequestBatchAdmin):
    """A host's own admin: everybody sees what he planned himself, and no more."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[RequestBatch]:
        return super().get_queryset(request).filter(planned_by=request.user)


class SecretBatches(RequestBatchAdmin):
    """A host's own admin: everybody sees that there are batches, and nobody may look at one."""

    def has_view_permission(self, request: HttpRequest, obj: RequestBatch | None = None) -> bool:
        return obj is None and super().has_view_permission(request, obj)


third_site = AdminSite(name="third")
third_site.register(RequestBatch, SecretBatches)

second_site = AdminSite(name="second")
second_site.register(RequestBatch, OwnBatches)
second_site.register(InformationRequest, InformationRequestAdmin)
urlpatterns = [path("second/", second_site.urls), path("third/", third_site.urls), path("", include("tests.urls"))]

PEOPLE = ("alice", "bob", "carol", "eve", "mallory", "root")
ASKING = {"alice", "root"}
LOOKING = {"alice", "bob", "carol", "root"}
ALLOWED = {
    "send": ASKING,
    "pause": ASKING,
    "continue": ASKING,
    "leave_out": ASKING,
    "discard": ASKING,
    "withdraw": ASKING,
    "download": {"carol", "root"},
}


@pytest.fixture
def clients(request: pytest.FixtureRequest) -> dict[str, Client]:
    """Everybody, logged in."""
    return {name: logged_in(request.getfixturevalue(name)) for name in PEOPLE}


def state_of_everything() -> list[Any]:
    return [
        list(RequestBatch.objects.order_by("pk").values()),
        list(InformationRequest.objects.order_by("pk").values_list("pk", "state", "reason", "attempts")),
        RequestEvent.objects.count(),
    ]


class TestTheActs:
    @pytest.mark.parametrize("act", ALLOWED)
    def test_are_refused_to_those_who_may_not_and_change_nothing(
        self, clients: dict[str, Client], fake_idenfy: RunningFake, act: str
    ) -> None:
        plan, queue = make_plan(2), make_queue(2)
        make_request(State.ISSUED, batch=queue)
        before = state_of_everything()

        for name in set(PEOPLE) - ALLOWED[act]:
            statuses = {
                clients[name].post(url(batch, act), {"group": "doubtful"}).status_code for batch in (plan, queue)
            }
            assert statuses == ({302} if name == "mallory" else {403}), name

        assert state_of_everything() == before
        assert fake_idenfy.fake.posts() == []

    @pytest.mark.parametrize("act", ALLOWED)
    def test_are_open_to_those_who_may(self, clients: dict[str, Client], fake_idenfy: RunningFake, act: str) -> None:
        queue = make_queue(1)
        make_request(State.ISSUED, batch=queue)

        for name in sorted(ALLOWED[act]):
            assert clients[name].post(url(queue, act)).status_code in {200, 302}, name

    def test_hand_links_to_whoever_may_see_links_and_nothing_more(self, make_person: Any) -> None:
        client, batch = logged_in(make_person("only_reveals", "reveal_link")), make_request(State.ISSUED).batch

        answers = [client.get(LIST), client.get(url(batch)), client.post(url(batch, "download"))]
        others = [client.get(reverse("admin:idenfy_kyc_verification_changelist")), client.post(url(batch, "withdraw"))]

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert str(batch.requests.get().public_id) in answers[-1].text
        assert [answer.status_code for answer in others] == [403, 403]

    @pytest.mark.parametrize("act", ALLOWED)
    def test_are_posts(self, root_client: Client, act: str) -> None:
        queue = make_queue(1)

        answer = root_client.get(url(queue, act))

        assert (answer.status_code, answer["Allow"]) == (405, "POST")

    @pytest.mark.parametrize("act", ALLOWED)
    def test_lead_whoever_had_to_sign_in_on_the_way_back_to_the_page(self, alice_client: Client, act: str) -> None:
        queue = make_queue(1)

        answer = alice_client.get(url(queue, act), headers={"Accept": BROWSER})

        assert (answer.status_code, answer["Location"]) == (302, url(queue))
        assert RequestEvent.objects.count() == 0

    @pytest.mark.parametrize("act", ALLOWED)
    def test_lead_the_anonymous_to_the_login(self, anonymous: Client, act: str) -> None:
        answer = anonymous.post(url(make_queue(1), act))

        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("admin:login"))

    @pytest.mark.parametrize("act", [*ALLOWED, "change"])
    def test_want_a_form_of_this_site(self, root: Any, act: str) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(root)

        answer = client.post(url(make_queue(1), act))

        assert answer.status_code == 403

    @pytest.mark.parametrize("page", [*ALLOWED, "change", "progress"])
    def test_stay_outside_of_every_transaction(self, page: str) -> None:
        view = resolve(url(make_batch(), page)).func

        expected = set() if page == "progress" else set(connections)
        assert getattr(view, "_non_atomic_requests", set()) == expected

    def test_send_with_atomic_requests_as_well(
        self, alice_client: Client, fake_idenfy: RunningFake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
        batch = make_plan(1)

        page = alice_client.post(url(batch), filled_in(expected="1"), follow=True)

        assert "<strong>Waiting for the client.</strong>" in page.text


class TestThePage:
    def test_is_shown_to_those_who_may_look(self, clients: dict[str, Client]) -> None:
        batches = [make_plan(1), make_queue(1), make_request(State.ISSUED).batch]

        for name in PEOPLE:
            statuses = {clients[name].get(url(batch)).status_code for batch in batches}
            assert statuses == ({200} if name in LOOKING else {302} if name == "mallory" else {403}), name

    def test_tells_its_progress_to_those_who_may_look(self, clients: dict[str, Client]) -> None:
        batch = make_queue(1)

        for name in PEOPLE:
            status = clients[name].get(url(batch, "progress")).status_code
            assert status == (200 if name in LOOKING else 302 if name == "mallory" else 403), name

    @pytest.mark.parametrize("name", ["bob", "carol", "eve"])
    def test_takes_no_confirmation_from_those_who_may_not_ask(self, clients: dict[str, Client], name: str) -> None:
        batch = make_plan(1)

        answer = clients[name].post(url(batch), filled_in())

        assert answer.status_code == 403
        assert batch.rows_in(State.DRAFT).count() == 1

    def test_can_be_seen_by_whoever_may_ask(self, make_person: Any) -> None:
        client = logged_in(make_person("only_asks", "request_information"))

        assert client.get(url(make_plan(1))).status_code == 200
        assert client.get(LIST).status_code == 200

    @pytest.mark.parametrize("key", ["0", "999", "abc", "1_2"])
    def test_goes_back_to_the_index_when_there_is_no_such_batch(self, alice_client: Client, key: str) -> None:
        answer = alice_client.get(reverse("admin:idenfy_kyc_requestbatch_change", args=[key]))

        assert (answer.status_code, answer["Location"]) == (302, reverse("admin:index"))

    def test_takes_no_other_method(self, alice_client: Client) -> None:
        answer = alice_client.put(url(make_plan(1)))

        assert answer.status_code == 405

    def test_lets_nobody_add_or_delete_a_batch(self, root_client: Client) -> None:
        batch = make_plan(1)

        assert root_client.get(reverse("admin:idenfy_kyc_requestbatch_add")).status_code == 403
        assert root_client.post(reverse("admin:idenfy_kyc_requestbatch_delete", args=[batch.pk])).status_code == 403
        assert root_client.get(reverse("admin:idenfy_kyc_requestbatch_history", args=[batch.pk])).status_code == 200


@pytest.mark.urls("tests.admin.test_batches")
class TestOnAnotherSite:
    def test_every_page_stays_on_its_site(self, root_client: Client, root: Any) -> None:
        for batch in (make_plan(1, by=root), make_queue(1, planned_by=root), make_queue(0, planned_by=root)):
            page = root_client.get(f"/second/idenfy_kyc/requestbatch/{batch.pk}/change/")
            assert page.status_code == 200
            assert '"/admin/' not in page.text

    def test_shows_only_the_rows_of_its_queryset(self, alice_client: Client, alice: Any) -> None:
        own, other = make_plan(1, by=alice), make_plan(1)
        change = "/second/idenfy_kyc/requestbatch/{}/change/"

        assert alice_client.get(change.format(own.pk)).status_code == 200
        assert alice_client.get(change.format(other.pk)).status_code == 302
        assert alice_client.post(f"/second/idenfy_kyc/requestbatch/{other.pk}/discard/").status_code == 404
        assert RequestBatch.objects.filter(pk=other.pk).exists()

    def test_goes_back_to_the_batches_where_there_are_no_verifications(self, alice_client: Client, alice: Any) -> None:
        batch = make_plan(1, by=alice)

        answer = alice_client.post(f"/second/idenfy_kyc/requestbatch/{batch.pk}/discard/")

        assert answer["Location"] == "/second/idenfy_kyc/requestbatch/"

    def test_names_what_is_unfinished_only_where_it_is_seen(self, alice_client: Client, alice: Any) -> None:
        make_queue(1, note="mine", planned_by=alice, confirmed_at=timezone.now() - timedelta(hours=1))
        make_queue(1, note="theirs")

        page = alice_client.get("/second/idenfy_kyc/requestbatch/")

        assert "“mine” has not been asked yet" in page.text
        assert "theirs" not in page.text


class TestTheList:
    def test_tells_answers_that_staff_marked_from_the_others(self, alice_client: Client) -> None:
        batch = make_batch(confirmed=True)
        make_request(State.COMPLETED, batch=batch, issued_at=timezone.now())
        make_request(State.COMPLETED, batch=batch, reason=Reason.MARKED)

        page = alice_client.get(LIST)

        assert '2 of 2 <span class="ik-beneath">1 marked by staff</span>' in page.text

    def test_says_what_became_of_each_batch(self, alice_client: Client) -> None:
        batch = make_queue(2, note="Annual review 2026", confirmed_by_name="Rasa Kazlauskienė")
        for state in (State.ISSUED, State.COMPLETED, State.REFUSED, State.UNKNOWN):
            fields = {"issued_at": timezone.now()} if state is State.COMPLETED else {}
            make_request(state, batch=batch, **fields)

        page = alice_client.get(LIST)

        for words in (
            "Annual review 2026",
            "Questionnaire “source-of-funds”",
            '2 links <span class="ik-beneath">1 refused, 1 uncertain</span>',
            "1 of 2",
            "Rasa Kazlauskienė",
        ):
            assert words in page.text
        assert '<span class="ik-state ik-state-sending">Not finished</span>' in page.text
        assert '<td class="field-clients">6</td>' in page.text

    def test_says_sending_only_while_somebody_sends(self, alice_client: Client) -> None:
        make_request(State.SENDING)

        page = alice_client.get(LIST)

        assert '<span class="ik-state ik-state-sending">Sending</span>' in page.text

    def test_shows_a_plan_for_what_it_is(self, alice_client: Client, alice: Any) -> None:
        batch = services.plan([], planned_by=alice)
        make_batch(note="planned by nobody")

        page = alice_client.get(LIST)

        assert "(a plan without a reason yet)" in page.text
        assert "planned by Alice Example" in page.text
        assert '<span class="ik-state ik-state-plan">Plan, nothing sent</span>' in page.text
        assert url(batch) in page.text

    def test_says_where_a_batch_has_stopped(self, alice_client: Client) -> None:
        make_queue(1, paused_at=timezone.now(), pause_reason=PauseReason.PERSON)

        page = alice_client.get(LIST)

        assert '<span class="ik-state ik-state-stopped">Stopped</span>' in page.text

    def test_says_when_a_batch_was_asked(self, alice_client: Client) -> None:
        make_batch(confirmed=True, confirmed_at=datetime(2020, 3, 3, 10, 5, tzinfo=UTC))

        page = alice_client.get(LIST)

        assert '3 Mar 2020 <span class="ik-beneath">12:05</span>' in page.text

    def test_tells_a_batch_apart_from_the_one_that_it_follows(self, alice_client: Client) -> None:
        first = make_request(State.REFUSED)
        assert "asked again" not in alice_client.get(LIST).text

        services.ask_again([first], planned_by=None)

        assert alice_client.get(LIST).text.count('annual review <span class="ik-beneath">asked again</span>') == 1

    def test_finds_a_batch_by_its_reason(self, alice_client: Client) -> None:
        make_batch(note="Annual review 2026")
        make_batch(note="Remediation")

        page = alice_client.get(f"{LIST}?q=annual")

        assert "Annual review 2026" in page.text
        assert "Remediation" not in page.text

    def test_takes_the_same_number_of_queries_for_many_batches(self, bob_client: Client) -> None:
        make_request(State.ISSUED)
        bob_client.get(LIST)
        few = queries(bob_client, LIST)

        for number in range(30):
            make_request(State.ISSUED, batch=make_batch(confirmed=True, note=f"batch {number}"))

        assert queries(bob_client, LIST) == few


@pytest.mark.urls(__name__)
class TestOneBatchThatNobodyMaySee:
    @pytest.mark.parametrize("act", [*ALLOWED, "change", "progress"])
    def test_is_closed_with_all_its_acts(self, root_client: Client, act: str) -> None:
        queue = make_queue(1)
        address = reverse(f"admin:idenfy_kyc_requestbatch_{act}", args=[queue.pk], current_app="third")
        method = root_client.get if act in {"change", "progress"} else root_client.post

        assert method(address).status_code == 403
        assert RequestEvent.objects.count() == 0
