"""Take the pictures in ``docs/images`` anew: ``python -m docs.take_screenshots``, with the browser group installed.

One day of an officer, in a demo of its own, played for each colour scheme: the list that Risk has sent, its plan, and
what becomes of it. A picture shows what one sentence of the guide is about, at a scale of 1, so that none is above
200 kB.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, QUIET, ROOT, start_demo
from tests.browser.test_journey import PLAN_URL, ask, done_so_far, leave_three_out, number_on, wait_until

IMAGES = Path(__file__).parent / "images"
LARGEST = 200_000
"""Bytes."""
CLIENTS = 5000
REVIEW = ROOT / "example_project" / "samples" / "annual_review.csv"
"""Of the clients in it, three groups were asked before: so the plan has something to say of each."""
WITHDRAWN = ["C-1101", "C-1111", "C-1121"]
ANSWERED = ["C-1131", "C-1141", "C-1151", "C-1161", "C-1171", "C-1181"]
OPEN = ["C-1191", "C-1201", "C-1211", "C-1221"]
UNSENT = [f"C-{number}" for number in range(2154, 2170)]
"""Too many to be asked in one step, so that their batch can be stopped half-way."""
ANSWERS = "C-2202"


def main() -> None:
    """Play one day for each colour scheme."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for scheme in ("light", "dark"):
            with demo() as url:
                Day(browser, url, scheme).play()
        browser.close()


@contextmanager
def demo() -> Iterator[str]:
    """The address of a demo with a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        process = start_demo(Path(folder), clients=CLIENTS)
        try:
            yield process.url  # type: ignore[attr-defined]
        finally:
            process.terminate()
            process.wait()


class Day:
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
        self.what_was_asked_before()
        self.who_is_due()
        self.what_was_not_sent()
        self.the_list_of_risk()
        self.its_plan()
        self.progress_and_report()
        self.what_needs_a_decision()
        link = self.request_and_its_link()
        self.page_of_the_client(link)
        self.what_a_client_answers()
        self.deliveries_that_were_missing()

    def sign_in(self) -> None:
        self.page.goto("/admin/login/?next=/admin/")
        self.page.fill("#id_username", "admin")
        self.page.fill("#id_password", "demo")
        self.page.click("input[type=submit]")
        self.page.goto("/admin/idenfy_kyc/verification/")
        self.page.click("#toggle-nav-sidebar")  # else it takes a quarter of every picture

    def what_was_asked_before(self) -> None:
        """One batch is withdrawn, one is marked as answered, one is open."""
        self.ask_from_text(WITHDRAWN, note="Proof of address, spring")
        self.page.get_by_role("button", name="Withdraw all").click()
        self.end(note="asked by mistake")
        self.ask_from_text(ANSWERED, note="Proof of address, summer")
        self.page.get_by_role("button", name="Mark all").click()
        self.page.fill("[name=note]", "In iDenfy’s dashboard, on 4 March")
        self.take("mark-answered", height=490)
        self.end(note="In iDenfy’s dashboard, on 4 March")
        self.ask_from_text(OPEN, note="Proof of address, autumn")

    def what_was_not_sent(self) -> None:
        """Somebody stopped, and forgot."""
        self.ask_from_text(UNSENT, note="Source of funds", until="#progress-stop")
        self.page.get_by_role("button", name="Stop").click()
        self.page.wait_for_selector(".ik-outcomes")

    def ask_from_text(
        self, client_ids: list[str], *, note: str, until: str = ".ik-outcomes", questionnaire: str = ""
    ) -> None:
        """Ask a few, and wait for the report, or for something else on the page."""
        self.page.goto("/admin/idenfy_kyc/verification/ask-from-list/")
        self.page.fill("#id_text", "\n".join(client_ids))
        self.plan_for_those_found()
        self.page.fill("#id_questionnaire", questionnaire)
        ask(self.page, note=note)
        self.page.wait_for_selector(until)

    def plan_for_those_found(self) -> None:
        self.page.get_by_role("button", name="Find clients").click()
        self.page.locator("button[name=_plan]").click()
        self.page.wait_for_url(PLAN_URL)

    def end(self, *, note: str) -> None:
        """Say why, or where it was seen, on the page that asks."""
        self.page.fill("[name=note]", note)
        self.page.locator("button[name=_withdraw], button[name=_mark]").click()
        self.page.wait_for_url(PLAN_URL)

    def who_is_due(self) -> None:
        """The two clicks: verified over 12 months ago, and not asked since. In an order that begins with names for
        which every machine has the letters."""
        self.page.goto("/admin/idenfy_kyc/verification/?status=APPROVED&verified=over12m&asked=verified&o=2")
        for title in ("status", "request"):
            self.page.locator(f"details[data-filter-title={title}] summary").click()
        for box in self.page.locator("input.action-select").all()[:3]:
            box.check()
        self.page.select_option("select[name=action]", "request_information")
        self.take("list", width=1240)

    def the_list_of_risk(self) -> None:
        self.page.goto("/admin/idenfy_kyc/verification/")
        self.page.get_by_role("link", name="Ask from a list…").click()
        self.page.set_input_files("#id_file", REVIEW)
        self.page.get_by_role("button", name="Find clients").click()
        self.take("from-list", height=580)
        with self.page.context.expect_page() as opened:  # those that were not found stay where they are
            self.page.locator("button[name=_plan]").click()
        self.page = opened.value
        self.page.wait_for_url(PLAN_URL)

    def its_plan(self) -> None:
        """Three are left out by hand; then a whole group, so that iDenfy refuses nobody for an earlier request."""
        leave_three_out(self.page)
        self.take("plan", height=785)
        self.page.locator("li", has_text="in the last 90 days").get_by_role("button").click()
        self.page.wait_for_url(PLAN_URL)
        self.page.fill("#id_note", "Annual review 2026, high risk")
        number = number_on(self.page.locator("input[name=_confirm]").get_attribute("value") or "")
        self.page.fill("#id_typed_count", str(number))
        self.take("ask", height=330, begins_at=self.page.locator(".field-lifetime"))

    def progress_and_report(self) -> None:
        ask(self.page, note="Annual review 2026, high risk")
        wait_until(lambda: done_so_far(self.page) > 300, seconds=90)
        self.take("progress", height=410)
        self.page.wait_for_selector(".ik-outcomes", timeout=120_000)
        self.take("report", height=880)

    def what_needs_a_decision(self) -> None:
        """The line above the lists, where it leads to, and the plan that asks again."""
        self.page.goto("/admin/idenfy_kyc/informationrequest/?decision=needed")
        self.take("decision", width=1360)
        self.page.go_back()
        acts = self.page.locator("tr", has=self.page.locator(".ik-state-unknown")).locator(".ik-acts")
        acts.get_by_role("button", name="Ask again").click()
        self.page.wait_for_url(PLAN_URL)
        self.take("again", height=540)
        self.page.get_by_role("button", name="Discard plan").click()

    def request_and_its_link(self) -> str:
        """The page of one request, masked; and then the link on it."""
        self.page.goto("/admin/idenfy_kyc/informationrequest/?state=issued&q=Anna")
        self.page.locator("#result_list tbody th a").first.click()
        self.page.wait_for_url(re.compile("/change/"))
        self.take("request", height=805)
        self.page.get_by_role("button", name="Show link").click()
        return self.page.locator("#ik-link").input_value()

    def page_of_the_client(self, link: str) -> None:
        """For whoever is not signed in."""
        client = self.new_page()
        client.goto(link)
        self.take("client", width=760, height=450, of=client)

    def what_a_client_answers(self) -> None:
        """One is asked with a questionnaire, and answers it at iDenfy."""
        self.ask_from_text([ANSWERS], note="Source of funds", questionnaire="source-of-funds")
        self.page.get_by_role("link", name="Details").click()
        self.page.get_by_role("button", name="Show link").click()
        client = self.new_page()
        client.goto(self.page.locator("#ik-link").input_value())
        client.get_by_role("button", name="Continue").click()
        client.set_input_files("#upload", {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"})
        client.get_by_label("a person at iDenfy reviews it").check()
        client.get_by_role("button", name="Send the answer").click()
        expect(client.get_by_text("Your project answered 200: Kept.")).to_be_visible()
        self.page.goto(f"/admin/idenfy_kyc/informationrequest/?q={ANSWERS}")
        self.page.locator("#result_list tbody th a").first.click()
        self.page.wait_for_url(re.compile("/change/"))
        self.take("answer", height=900, begins_at=self.page.get_by_role("heading", name="The client’s answer"))

    def deliveries_that_were_missing(self) -> None:
        """Some come that no key of ours has signed."""
        for _ in range(3):
            headers = {"Idenfy-Event-Type": "IDENTIFICATION_RESUBMITTED", "Idenfy-Signature": "0" * 64}
            self.page.request.post("/idenfy/webhook/", headers=headers, data="{}")
        self.page.goto("/admin/idenfy_kyc/webhookdelivery/")
        self.take("deliveries", height=460)

    def take(
        self,
        name: str,
        *,
        width: int = 1040,
        height: int = 780,
        begins_at: Locator | None = None,
        of: Page | None = None,
    ) -> None:
        """One picture, of the officer's page or ``of`` another; raises ``ValueError`` if it is too large to show."""
        page = of or self.page
        page.set_viewport_size({"width": width, "height": height})
        path = IMAGES / f"{name}-{self.scheme}.png"
        page.evaluate("window.scrollTo(0, 0)")
        box = begins_at and begins_at.bounding_box()
        clip = {"x": 0, "y": box["y"] if box else 0, "width": width, "height": height}
        size = len(page.screenshot(path=path, full_page=bool(box), clip=clip))  # type: ignore[arg-type]
        if size > LARGEST:
            raise ValueError(f"{path.name} has {size} bytes")


if __name__ == "__main__":
    main()
