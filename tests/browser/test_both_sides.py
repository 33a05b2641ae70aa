"""One plays all three by hand, as `make demo` invites to: the officer, the client, and the reviewer at iDenfy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import Demo

CLIENTS = 20
LogIn = Callable[..., Page]

pytestmark = pytest.mark.timeout(200)


def verified(page: Page) -> None:
    """A new client goes through his verification, and comes back to the bank."""
    page.goto("/verify/")
    page.fill("#id_first_name", "Ona")
    page.fill("#id_last_name", "Naujokaitė")
    page.get_by_role("button", name="Go on to iDenfy").click()
    page.get_by_role("button", name="Show document and face").click()
    page.get_by_role("link", name="Go on, as the client").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


def asked(page: Page) -> str:
    """The officer asks her for a document and some answers; returns our link for her."""
    page.goto("/admin/idenfy_kyc/verification/?q=Ona+Naujokait")
    expect(page.locator("#result_list").get_by_text("Approved")).to_be_visible()
    page.check("input.action-select")
    page.select_option("select[name=action]", "request_information")
    page.click("button[name=index]")
    page.check("#id_additional_step_upload_required")
    page.fill("#id_questionnaire", "source-of-funds")
    page.fill("#id_note", "Annual review 2026")
    page.click("input[name=_confirm]")
    page.get_by_role("link", name="Details").click()
    page.get_by_role("button", name="Show link").click()
    return page.get_by_label("Link for the client").input_value()


def test_all_sides_can_be_played_by_hand(demo: Demo, browser: Browser, log_in: LogIn) -> None:
    her = browser.new_context(base_url=demo.url, viewport={"width": 400, "height": 800}, java_script_enabled=False)
    client, officer = her.new_page(), log_in("admin")
    verified(client)
    link = asked(officer)

    client.goto(link)
    client.get_by_role("button", name="Continue").click()
    client.fill("#occupation", "Baker")
    client.get_by_label("Dividends").check()
    client.set_input_files("#upload", {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"})
    client.get_by_label("a person at iDenfy reviews it").check()
    client.select_option("#comes", label="twice")
    client.get_by_role("button", name="Send the answer").click()
    expect(client.get_by_text("A reviewer decides next")).to_be_visible()

    officer.goto("/admin/idenfy_kyc/informationrequest/")
    expect(officer.locator("#result_list").get_by_text("Answered", exact=True)).to_be_visible()

    client.select_option("#status", label="Denied")
    client.select_option("#mismatch", label="Utility bill too old")
    client.get_by_role("button", name="Decide").click()
    expect(client.get_by_text("Your project answered 200: Kept.")).to_have_count(4)

    officer.goto("/admin/idenfy_kyc/verification/?q=Ona+Naujokait")
    expect(officer.locator("#result_list").get_by_text("Denied")).to_be_visible()
    assert client.evaluate("document.documentElement.scrollWidth <= 400")
    assert [told.event.removeprefix("IDENTIFICATION_") for told in demo.fake.told()] == [
        "AUTO_FINISHED",
        "RESUBMITTED",
        "RESUBMITTED",
        "MANUAL_FINISHED",
    ]
    her.close()
