"""Under django-unfold, a theme that replaces the admin's style sheets, our pages are whole and legible all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests import unfold

from .looks import CONTRAST, NARROW, OURS, WIDE, cut_off, serious

Visit = Callable[..., Page]

CHANGES = unfold.PROJECT | {"ROOT_URLCONF": unfold.MIXED_IN}
PAGES = (
    *("verifications", "requests", "batches", "verification", "request-issued", "request-link-shown"),
    *("list-found", "erase-errors", "deliveries", "request-answer", "verification-erased"),
    *("plan", "plan-errors", "sending", "stopped", "report", "withdraw", "withdraw-errors"),
)


@pytest.mark.parametrize("name", PAGES)
class TestUnfold:
    def test_shows_our_pages_whole_and_legible(self, visit: Visit, name: str) -> None:
        page = visit(name)

        assert {what for _rule, what in serious(page, CONTRAST) if "ik-" in what} == set()
        page.emulate_media(color_scheme="dark")
        assert {what for _rule, what in serious(page, CONTRAST) if "ik-" in what} == set()
        assert (cut_off(page, WIDE, OURS), cut_off(page, NARROW, OURS)) == ([], [])
