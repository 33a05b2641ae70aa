"""Take the pictures in ``docs/images`` anew: ``python -m docs.take_screenshots``, with the browser group installed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, QUIET, start_demo
from tests.browser.test_journey import ask, choose_all, done_so_far, wait_until

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1180, "height": 820}


def main() -> None:
    """Play one journey for each colour scheme, and take plan, progress and report on the way."""
    IMAGES.mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            demo = start_demo(Path(folder), clients=400)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            try:
                play(browser, demo.url, scheme)  # type: ignore[attr-defined]
            finally:
                browser.close()
                demo.terminate()
                demo.wait()


def play(browser: Browser, url: str, scheme: str) -> None:
    """The journey of the superuser, who sees every button."""
    page = browser.new_page(base_url=url, viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto("/admin/login/?next=/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", "demo")
    page.click("input[type=submit]")
    choose_all(page)
    take(page, "plan", scheme)
    ask(page, note="Annual review 2026, high risk")
    wait_until(lambda: done_so_far(page) > 100, seconds=90)
    take(page, "progress", scheme)
    page.wait_for_selector(".ik-outcomes", timeout=120_000)
    take(page, "report", scheme)
    page.close()


def take(page: Page, name: str, scheme: str) -> None:
    """One picture of what is to be seen without scrolling."""
    page.screenshot(path=IMAGES / f"{name}-{scheme}.png")


if __name__ == "__main__":
    main()
