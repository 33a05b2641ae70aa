"""In Arabic every page is the mirror image of itself in English, and fits as well."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.showcase import PAGES

from .looks import NARROW, WIDE, cut_off

Visit = Callable[..., Page]


@pytest.mark.parametrize("name", PAGES)
class TestEveryPage:
    def test_is_mirrored_and_fits(self, visit: Visit, name: str) -> None:
        page = visit(name, "ar")

        assert page.evaluate("getComputedStyle(document.querySelector('#content, main')).direction") == "rtl"
        assert (cut_off(page, WIDE), cut_off(page, NARROW)) == ([], [])
