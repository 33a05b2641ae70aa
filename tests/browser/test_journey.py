"""The whole journey, as an officer and a client make it: from a selection to a link for every client, or a reason.

Real sockets all the way: Chromium, the demo's web server, the fake iDenfy with 300 ms before each answer. What happened
is read from the pages and from the fake's journal, never from the database.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from idenfy_kyc.testing import Fault

from .conftest import Demo

CLIENTS = 1300
LogIn = Callable[..., Page]
PLAN_URL = re.compile(r".*/requestbatch/\d+/change/(\?[^#]*)?(#rows)?$")

pytestmark = pytest.mark.timeout(400)


def choose_all(page: Page) -> None:
    """All verifications that there are, over all the pages of the list."""
    page.goto("/admin/idenfy_kyc/verification/")
    page.check("#action-toggle")
    page.click(".actions .question a")
    page.select_option("select[name=action]", "request_information")
    page.click("button[name=index]")
    page.wait_for_url(PLAN_URL)


def choose_this_page(page: Page) -> None:
    """The verifications of one page, ticked one by one: what works without JavaScript."""
    page.goto("/admin/idenfy_kyc/verification/?p=2")
    for box in page.locator("input.action-select").all():
        box.check()
    page.select_option("select[name=action]", "request_information")
    page.click("button[name=index]")
    page.wait_for_url(PLAN_URL)


def leave_three_out(page: Page) -> None:
    for box in page.locator("input[name=row]").all()[:3]:
        box.check()
    page.get_by_role("button", name="Leave out the ticked ones").click()
    page.wait_for_url(PLAN_URL)


def number_on(button: str) -> int:
    return int(re.sub(r"\D", "", button))


def ask(page: Page, *, note: str) -> int:
    """Fill in the form and press the button; return the number that stood on it."""
    page.check("#id_additional_step_upload_required")
    page.fill("#id_note", note)
    button = page.locator("input[name=_confirm]")
    number = number_on(button.get_attribute("value") or "")
    if page.locator("#id_typed_count").count():
        page.fill("#id_typed_count", f"{number:,}")
    button.click()
    page.wait_for_url(PLAN_URL)
    return number


def done_so_far(page: Page) -> int:
    return int(float(page.locator("#progress-bar").get_attribute("value") or 0))


def wait_for(page: Page, done: int) -> None:
    """Until so many are done: seconds, or two minutes where the batch waits for a time on the way."""
    give_up_at = time.monotonic() + 120
    while done_so_far(page) < done:
        assert time.monotonic() < give_up_at, f"{done} were not done in time: {page.locator('#progress').inner_text()}"
        time.sleep(0.1)


class TestJourney:
    def test_ends_with_a_link_or_a_reason_for_every_client(self, demo: Demo, log_in: LogIn) -> None:
        page = log_in("officer")

        choose_all(page)
        page.fill("#id_note", "Typed before somebody was left out")
        leave_three_out(page)
        expect(page.locator("#id_note")).to_have_value("Typed before somebody was left out")
        asked = ask(page, note="Annual review 2026")
        address = page.url

        # Stop: what is under way finishes, and nothing follows.
        wait_for(page, 60)
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".ik-state-stopped").first).to_be_visible()
        expect(page.locator(".ik-outcomes .ik-state-sending")).to_have_count(0)  # drawn anew, once they are answered
        stopped_at = len(demo.fake.posts())
        assert 60 <= stopped_at < asked
        page.close()
        time.sleep(1)
        assert len(demo.fake.posts()) == stopped_at

        # Come back, continue; close the tab in the middle: it waits.
        page = log_in("officer")
        page.goto(address)
        page.get_by_role("button", name="Continue").click()
        wait_for(page, stopped_at + 100)
        page.close()
        time.sleep(5)
        left_at = len(demo.fake.posts())
        time.sleep(1)
        assert len(demo.fake.posts()) == left_at < asked

        # Another visit goes on by itself. iDenfy fails for a while, and then the rest follows.
        page = log_in("officer")
        page.goto("/admin/idenfy_kyc/verification/")
        page.get_by_role(
            "link", name=re.compile("^(Watch|Continue)$")
        ).first.click()  # for a minute somebody might send
        wait_for(page, left_at)
        demo.fake.misbehave(Fault.BAD_GATEWAY_HTML, seconds=6)
        expect(page.locator(".ik-state-waiting").first).to_be_visible(timeout=30_000)
        expect(page.locator(".ik-outcomes")).to_be_visible(timeout=240_000)

        heard = demo.fake.count_heard()
        assert set(heard.values()) == {1}
        outcomes = {
            line.locator("th").inner_text().strip(): number_on(line.locator("td").first.inner_text())
            for line in page.locator(".ik-outcomes tbody tr").all()
        }
        assert sum(count for outcome, count in outcomes.items() if outcome != "Not asked") == asked
        assert outcomes["Waiting for the client"] == len(
            [post for post in demo.fake.issued() if post.answered_at and post.status == 200 and post.fault not in LOST]
        )

    def test_hands_out_the_links(self, demo: Demo, log_in: LogIn) -> None:
        page = log_in("links")

        page.goto("/admin/idenfy_kyc/requestbatch/")
        page.get_by_role("link", name="Annual review 2026").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=re.compile("Download links")).click()
        rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
        client = page.context.browser.new_page()  # type: ignore[union-attr]
        client.goto(next(cell for cell in rows[10] if cell.startswith("http")))

        assert len(rows) > 1000
        assert not re.search(r"authToken|/session/", download.value.path().read_text("utf-8-sig"))
        expect(client.get_by_text("Example Bank").first).to_be_visible()
        client.get_by_role("button", name="Continue").click()
        expect(client.get_by_text("fake").first).to_be_visible()
        assert "/session/" in client.url
        client.close()

    def test_needs_no_javascript(self, demo: Demo, log_in: LogIn) -> None:
        page = log_in("admin", java_script_enabled=False)
        page.goto("/admin/idenfy_kyc/informationrequest/?state=issued")
        before = len(demo.fake.posts())

        withdraw_all_links(page)
        demo.fake.expired_blocks = False
        for post in demo.fake.issued():
            demo.fake.approve_again(post.scan_ref)
        choose_this_page(page)
        leave_three_out(page)
        asked = ask(page, note="Without JavaScript")
        presses = 0
        while page.locator("#progress").count():
            page.locator("#progress-send button, #progress-resume button").locator("visible=true").first.click()
            presses += 1
            assert presses < 40

        assert presses >= 1
        assert len(demo.fake.posts()) - before == asked
        expect(page.get_by_text("have a link").first).to_be_visible()


class TestThePlan:
    def test_marks_a_questionnaire_that_was_never_used_while_it_is_typed(self, log_in: LogIn) -> None:
        page = log_in("officer")
        choose_this_page(page)
        mark = page.locator(".ik-mark")

        page.fill("#id_questionnaire", "source-of-fnds")
        page.press("#id_questionnaire", "Tab")
        expect(mark).to_have_text("never used here yet")
        page.fill("#id_questionnaire", "")

        expect(mark).to_have_text("")


LOST = {fault.value for fault in Fault if fault.issues} - {Fault.NO_SESSION_URL.value}


def withdraw_all_links(page: Page) -> None:
    page.goto("/admin/idenfy_kyc/requestbatch/")
    page.get_by_role("link", name="Annual review 2026").click()
    withdraw = page.get_by_role("button", name="Withdraw all")
    number = number_on(withdraw.text_content() or "")
    withdraw.click()
    page.fill("[name=note]", "to ask them again")
    page.fill("[name=typed_count]", str(number))
    page.locator("main input[type=submit], main button[type=submit], main button:not([type])").last.click()
    page.wait_for_url(PLAN_URL)
