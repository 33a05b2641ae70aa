"""What a page looks like to a program: how wide it is, what is cut off, and what axe has to say."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=400, height=800)
AT_200_PERCENT = ViewportSize(width=640, height=450)
"""What is left of 1280 × 900 when everything is twice as large."""

SIDEWAYS = "[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"
CUT_OFF = """(selector) => {
  const isOnlyHeard = (element) => element.closest("thead")?.getBoundingClientRect().width <= 1;
  const isCut = (element) => {
    const box = element.getBoundingClientRect();
    if (!element.checkVisibility({ visibilityProperty: true }) || box.width <= 1 || isOnlyHeard(element)) {
      return false;
    }
    const isWider = element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 2
      && !element.matches("input, .colMS");  // a field scrolls by itself; Django's index floats its sidebar
    return box.right > innerWidth + 1 || box.left < -1 || isWider;
  };
  const ours = document.querySelectorAll(selector);
  const innermost = [...ours].filter((element) => isCut(element) && ![...element.children].some(isCut));
  return innermost.map((element) => element.outerHTML.slice(0, 120));
}"""

ERRORS = """() => [...document.querySelectorAll("ul.errorlist")].map((list) => {
  const described = document.querySelector(`[aria-describedby~="${list.id}"]`);
  return [described && described.name, described && described.getAttribute("aria-invalid"), list.textContent.trim()];
})"""
"""Each list of errors: the field that it describes, whether that is marked as wrong, and the words."""

SETTLED = "Promise.all(document.getAnimations().map((animation) => animation.finished))"


CONTRAST = "color-contrast"


def serious(page: Page, *rules: str) -> set[tuple[str, str]]:
    """The rules that are broken, each with the element that breaks it; of ``rules`` only, if there are any."""
    page.evaluate(SETTLED)
    only = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
    found = Axe().run(page, options={"resultTypes": ["violations"], **only}).response["violations"]
    return {
        (rule["id"], f"{node['target'][0]}: {node['html'][:150]}")
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    }


EVERYTHING = ".breadcrumbs, #content *, main *"
OURS = '#content [class*="ik-"], #content [class*="ik-"] *, #result_list *'


def cut_off(page: Page, size: ViewportSize, elements: str = EVERYTHING) -> list[str]:
    """What does not fit on a screen of this size; the page itself, if it scrolls sideways."""
    page.set_viewport_size(size)
    width, room = page.evaluate(SIDEWAYS)
    return [*page.evaluate(CUT_OFF, elements), *([f"{width} > {room}"] if width > room else [])]
