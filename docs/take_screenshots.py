"""Take the pictures in ``docs/images`` anew: ``python -m docs.take_screenshots``, with the browser group installed.

One journey through a demo of its own, played for each colour scheme. A picture shows what is to be seen without
scrolling, at a scale of 1, so that none is above 200 kB.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, QUIET, start_demo
from tests.browser.test_journey import ask, choose_all, done_so_far, wait_until

IMAGES = Path(__file__).parent / "images"
LARGEST = 200_000
"""Bytes."""


def main() -> None:
    """Play one journey for each colour scheme."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for scheme in ("light", "dark"):
            with demo(clients=400) as url:
                Journey(browser, url, scheme).play()
        browser.close()


@contextmanager
def demo(*, clients: int) -> Iterator[str]:
    """The address of a demo with a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        process = start_demo(Path(folder), clients=clients)
        try:
            yield process.url  # type: ignore[attr-defined]
        finally:
            process.terminate()
            process.wait()


class Journey:
    """From the list to the client's page, as the superuser, who sees every button; pictures on the way."""

    def __init__(self, browser: Browser, url: str, scheme: str) -> None:
        self.browser = browser
        self.url = url
        self.scheme = scheme
        self.page = self.new_page()

    def new_page(self) -> Page:
        """A browser of somebody new."""
        return self.browser.new_page(base_url=self.url, color_scheme=self.scheme)  # type: ignore[arg-type]

    def play(self) -> None:
        """All of it."""
        self.sign_in()
        self.list_of_verifications()
        self.plan_progress_and_report()
        link = self.request_and_its_link()
        self.page_of_the_client(link)

    def sign_in(self) -> None:
        self.page.goto("/admin/login/?next=/admin/")
        self.page.fill("#id_username", "admin")
        self.page.fill("#id_password", "demo")
        self.page.click("input[type=submit]")

    def list_of_verifications(self) -> None:
        self.page.goto("/admin/idenfy_kyc/verification/?status=APPROVED")
        self.page.click("#toggle-nav-sidebar")  # else it takes a quarter of every picture
        for box in self.page.locator("input.action-select").all()[:3]:
            box.check()
        self.page.select_option("select[name=action]", "request_information")
        self.take("list", width=1240)

    def plan_progress_and_report(self) -> None:
        choose_all(self.page)
        self.take("plan")
        ask(self.page, note="Annual review 2026, high risk")
        wait_until(lambda: done_so_far(self.page) > 100, seconds=90)
        self.take("progress", height=440)
        self.page.wait_for_selector(".ik-outcomes", timeout=120_000)
        self.take("report")

    def request_and_its_link(self) -> str:
        """The page of one request, masked; and then the link on it."""
        self.page.goto("/admin/idenfy_kyc/informationrequest/?state=issued&q=Anna")
        self.page.locator("#result_list tbody th a").first.click()
        self.page.wait_for_url(re.compile("/change/"))
        self.take("request")
        self.page.get_by_role("button", name="Show link").click()
        return self.page.locator("#ik-link").input_value()

    def page_of_the_client(self, link: str) -> None:
        """For whoever is not signed in."""
        self.page = self.new_page()
        self.page.goto(link)
        self.take("client", width=760, height=450)

    def take(self, name: str, *, width: int = 1040, height: int = 780) -> None:
        """One picture; raises ``ValueError`` if it is too large for a page of the documentation."""
        self.page.set_viewport_size({"width": width, "height": height})
        path = IMAGES / f"{name}-{self.scheme}.png"
        self.page.evaluate("window.scrollTo(0, 0)")
        size = len(self.page.screenshot(path=path))
        if size > LARGEST:
            raise ValueError(f"{path.name} has {size} bytes")


if __name__ == "__main__":
    main()
