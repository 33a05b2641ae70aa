"""What holds on every page of the app: axe has nothing serious to say, and nothing is cut off or scrolls sideways."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.showcase import PAGES

from .looks import AT_200_PERCENT, CONTRAST, ERRORS, NARROW, WIDE, cut_off, serious

Visit = Callable[..., Page]

NAMES_THAT_TURN_THINGS_AROUND = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.querySelector("#content, main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const isAlone = text.parentElement.matches("option, h1, #content > h2");
    if (/[\\u0590-\\u06ff]/.test(text.data) && !text.parentElement.closest("bdi, .visually-hidden") && !isAlone) {
      found.push(text.parentElement.outerHTML.slice(0, 120));
    }
  }
  return found;
}"""
"""Names from right to left that stand in no ``bdi``, and not by themselves."""

DJANGOS = {
    ("label-title-only", "#searchbar"): "requests",
    ("label", "#id_verified_at_0"): "verification-add",
    ("label", "#id_verified_at_1"): "verification-add",
    ("link-in-text-block", ".breadcrumbs"): "report",
}
"""What Django's own templates do, with a page on which they do it: the label of a search is a picture, the two halves
of a moment have none, and breadcrumbs are no more than links in a line."""


def is_djangos(finding: tuple[str, str]) -> bool:
    return any(finding[0] == rule and finding[1].startswith(element) for rule, element in DJANGOS)


@pytest.fixture(scope="class")
def page(visit: Visit, name: str) -> Page:
    """Opened once for all that is asked of it."""
    return visit(name)


@pytest.mark.parametrize("name", PAGES, scope="class")
class TestEveryPage:
    def test_has_nothing_that_axe_calls_serious(self, page: Page) -> None:
        assert {finding for finding in serious(page) if not is_djangos(finding)} == set()
        page.emulate_media(color_scheme="dark")
        assert {finding for finding in serious(page, CONTRAST) if not is_djangos(finding)} == set()

    def test_fits_on_a_screen_and_turns_nothing_around(self, page: Page) -> None:
        assert page.evaluate(NAMES_THAT_TURN_THINGS_AROUND) == []
        assert [cut_off(page, size) for size in (WIDE, NARROW, AT_200_PERCENT)] == [[], [], []]


class TestTheLists:
    @pytest.mark.parametrize("name", ["verifications", "requests", "batches", "deliveries"])
    def test_fit_beside_their_filters_as_soon_as_these_stand_beside_them(self, visit: Visit, name: str) -> None:
        page = visit(name)

        assert [cut_off(page, ViewportSize(width=width, height=900)) for width in (1400, 1440, 1600)] == [[], [], []]

    @pytest.mark.parametrize("name", ["verifications", "requests"])
    def test_lead_to_their_filters_where_these_stand_below_them(self, visit: Visit, name: str) -> None:
        page = visit(name)
        link = page.locator(".ik-to-filter a").first

        page.set_viewport_size(ViewportSize(width=1400, height=900))
        expect(link).to_be_hidden()

        page.set_viewport_size(ViewportSize(width=400, height=900))
        link.click()
        expect(page.locator("#changelist-filter")).to_be_in_viewport()

    @pytest.mark.parametrize("name", ["verifications", "requests"])
    def test_have_filters_above_them_that_leave_room_for_them(self, visit: Visit, name: str) -> None:
        page = visit(name)
        page.set_viewport_size(ViewportSize(width=1280, height=900))

        box = page.locator("#changelist-filter").bounding_box()

        assert box
        assert box["height"] < 900 / 4


class TestErrors:
    @pytest.mark.parametrize("name", [name for name in PAGES if name.endswith("-errors")])
    def test_are_in_the_title_and_tied_to_their_fields(self, visit: Visit, name: str) -> None:
        page = visit(name)

        errors = page.evaluate(ERRORS)
        assert page.title().startswith("Error: ")
        assert errors
        assert [said for said in errors if None in said] == []

    @pytest.mark.parametrize("name", ["plan-errors", "withdraw-errors"])
    def test_of_a_page_of_ours_draw_the_focus(self, visit: Visit, name: str) -> None:
        assert visit(name).evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"


class TestTheExemptions:
    @pytest.mark.parametrize(("finding", "name"), DJANGOS.items())
    def test_are_still_needed(self, visit: Visit, finding: tuple[str, str], name: str) -> None:
        rule, element = finding

        found = serious(visit(name))

        assert [what for broken, what in found if broken == rule and what.startswith(element)]
