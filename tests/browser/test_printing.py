"""What an auditor is given on paper: the page of a verification, printed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

CLIENTS = 3
LogIn = Callable[..., Page]


class TestAPrintedVerification:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("login", ["viewer", "admin"])
    def test_is_the_record_and_nothing_to_press(self, log_in: LogIn, login: str, scheme: str) -> None:
        page = log_in(login, color_scheme=scheme)
        page.goto("/admin/idenfy_kyc/verification/")
        page.click("#result_list tbody th a >> nth=0")
        expect(page.locator(".ik-print-only")).to_be_hidden()

        page.emulate_media(media="print")

        expect(page.locator(".ik-print-only")).to_have_text(f"Printed on {printed_by(page)} by {login}")
        expect(page.locator("h1")).to_contain_text("Verification of")
        expect(page.locator("#ik-history")).to_be_visible()
        for hidden in ("#header", "#nav-sidebar", ".breadcrumbs", ".object-tools", "#footer"):
            expect(page.locator(hidden)).to_be_hidden()
        assert page.locator("button:visible, input[type=submit]:visible").count() == 0
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.querySelector('#content h2')).color") == "rgb(0, 0, 0)"

    def test_fills_the_sheet(self, log_in: LogIn) -> None:
        """What the admin reserves for its navigation would leave a third of it white."""
        page = log_in("viewer", viewport={"width": 700, "height": 1000})
        page.goto("/admin/idenfy_kyc/verification/")
        page.click("#result_list tbody th a >> nth=0")

        page.emulate_media(media="print")

        box = page.locator("#content").bounding_box()
        assert box
        assert (box["x"], box["width"]) == (0, 700)


def printed_by(page: Page) -> str:
    """The time that the page says it was printed at: not the test's affair."""
    return page.locator(".ik-print-only").inner_text().removeprefix("Printed on ").rpartition(" by ")[0]
