"""The list of the demo, `example_project/samples/annual_review.csv`: what Risk might send, of the demo's clients."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from django.utils import timezone

from example_project import demo_data
from idenfy_kyc import services
from idenfy_kyc.choices import Reason, State
from idenfy_kyc.models import InformationRequest, Verification

SAMPLE = Path(demo_data.__file__).parent / "samples" / "annual_review.csv"
CLIENTS = 5000
FOUND, DOUBLE, UNKNOWN = 777, 9, 14


def annual_review() -> bytes:
    """The file: a column as Excel saves it, somewhat untidy, and shuffled, except that it begins with a known client.

    Of the clients with whom something goes wrong only two are in it, so that the report has one of each.
    """
    random = Random("annual review")
    first, refused, uncertain = demo_data.FIRST_CLIENT, *list(demo_data.MISHAP_OF)[:2]
    always = {first, refused, uncertain, *demo_data.TWO_VERIFICATIONS}
    others = set(range(first, first + CLIENTS)) - always - set(demo_data.MISHAP_OF) - {demo_data.THREE_VERIFICATIONS}
    numbers = sorted(always) + random.sample(sorted(others), FOUND - len(always))
    known = [f"C-{number}" for number in numbers]
    unknown = [f"C-{number}" for number in random.sample(range(90_000, 100_000), UNKNOWN)]
    lines = known[1:] + random.sample(known[1:], DOUBLE) + unknown
    random.shuffle(lines)
    for untidy in (str.lower, "{} ".format, "\N{NO-BREAK SPACE}{}".format):
        place = random.randrange(len(lines))
        lines[place] = untidy(lines[place])
    return "".join(f"{line}\r\n" for line in ["Client ID", known[0], *lines]).encode("utf-8-sig")


@pytest.mark.no_cover
@pytest.mark.django_db
class TestTheAnnualReview:
    @pytest.fixture
    def found(self) -> services.Found:
        services.record_verifications(demo_data.rows(CLIENTS, now=timezone.now()))
        with SAMPLE.open("rb") as file:
            return services.find_listed(services.list_from_file(file, most=10_000), Verification.objects.all())

    def test_is_as_it_is_made(self) -> None:
        assert SAMPLE.read_bytes() == annual_review()

    def test_finds_in_the_demo_what_the_issue_says(self, found: services.Found) -> None:
        assert (found.lines, found.clients, found.double, len(found.missing)) == (800, FOUND, DOUBLE, UNKNOWN)
        assert len(found.verifications) == FOUND + 30

    def test_becomes_a_plan_that_asks_each_client_once(self, found: services.Found) -> None:
        batch = services.plan(found.verifications, planned_by=None)

        further = batch.requests.filter(state=State.SKIPPED, reason=Reason.SAME_CLIENT)
        asked = InformationRequest.objects.filter(batch=batch, state=State.DRAFT)
        assert further.count() == 30
        assert asked.values("verification__client_id").distinct().count() == asked.count() > 700
