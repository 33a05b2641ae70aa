"""Asking with the keyboard alone: Tab, Space and Enter, and always in sight where one is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from idenfy_kyc.testing import Fault

from .conftest import Demo
from .looks import ERRORS
from .test_journey import choose_this_page

CLIENTS = 160
LogIn = Callable[..., Page]

pytestmark = pytest.mark.timeout(200)

LOOKS = """(element) => {
  const style = getComputedStyle(element);
  return [style.outlineStyle, style.outlineWidth, style.boxShadow, style.borderColor, style.backgroundColor].join();
}"""
IS_FOCUSED = "(element) => element === document.activeElement && element.matches(':focus-visible')"


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until ``wanted`` has the focus, which must show."""
    before = wanted.evaluate(LOOKS)
    for _ in range(200):
        page.keyboard.press("Tab")
        if wanted.evaluate(IS_FOCUSED):
            assert wanted.evaluate(LOOKS) != before, "nobody sees where the focus is"
            return
    raise AssertionError("the keyboard does not get there")


class TestTheKeyboard:
    def test_alone_is_enough_to_ask_stop_and_go_on(self, demo: Demo, log_in: LogIn) -> None:
        demo.fake.misbehave(Fault.LATENCY, value=1)
        page = log_in("officer")
        choose_this_page(page)
        confirm = page.locator("input[name=_confirm]")

        # Nothing filled in: the page comes back, with the focus on the first field that is wrong.
        tab_to(page, confirm)
        page.keyboard.press("Enter")
        expect(page).to_have_title(re.compile("^Error: "))
        first = page.locator("#id_additional_step_upload_required")
        assert first.evaluate("(element) => element === document.activeElement")
        assert page.evaluate(ERRORS) == [
            ["additional_step_upload_required", "true", "Choose at least one thing to ask for."],
            ["note", "true", "Give a reason."],
        ]

        page.keyboard.press("Space")
        expect(first).to_be_checked()
        tab_to(page, page.locator("#id_note"))
        page.keyboard.type("By keyboard")
        tab_to(page, confirm)
        page.keyboard.press("Enter")

        tab_to(page, page.get_by_role("button", name="Stop"))
        page.keyboard.press("Enter")
        expect(page.locator("#progress .ik-state-stopped")).to_be_visible(timeout=20_000)
        asked = len(demo.fake.posts())
        tab_to(page, page.get_by_role("button", name="Continue"))
        page.keyboard.press("Space")
        demo.fake.behave()

        expect(page.get_by_text(re.compile("Done on"))).to_be_visible(timeout=90_000)
        assert len(demo.fake.posts()) > asked > 0
