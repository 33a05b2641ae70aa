"""A web server of its own that shows every page of ``tests/showcase.py``, in a project that may be set up otherwise.

``python -m tests.browser.site PORT CHANGES`` makes the rows, says in one line of JSON where each page is and how to be
signed in, and serves. Its iDenfy is an address where nobody answers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, BrowserContext, Page

from tests.environments import ROOT, SHOWCASE, set_up

CHANGES = SHOWCASE | {
    "LOGGING": {
        "version": 1,
        "disable_existing_loggers": False,
        "loggers": {name: {"level": "CRITICAL"} for name in ("django.server", "django.request")},
    },
}
POST = """([address, values]) => {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const form = Object.assign(document.createElement("form"), { method: "post", action: address });
  for (const [name, value] of [["csrfmiddlewaretoken", token], ...values]) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  form.submit();
}"""


@dataclass(frozen=True, slots=True)
class Site:
    """A running server: its address, its pages, and the session of each who opens them."""

    url: str
    pages: dict[str, dict[str, Any]]
    sessions: dict[str, str]

    def window(self, browser: Browser, who: str, **options: Any) -> BrowserContext:
        """A browser in which ``who`` is signed in."""
        context = browser.new_context(base_url=self.url, **options)
        if who:
            context.add_cookies([{"name": "sessionid", "value": self.sessions[who], "url": self.url}])
        return context

    def open(self, window: BrowserContext, name: str, language: str = "en") -> Page:
        """One page in a window of whoever it is for."""
        shown = self.pages[name]
        page = window.new_page()
        page.set_extra_http_headers({"Accept-Language": language})
        if shown["form"] is None:
            page.goto(shown["address"])
            return page
        page.goto("/admin/password_change/")  # any page with a form has the token that a POST needs
        values = [
            [field, str(value)]
            for field, given in shown["form"].items()
            for value in (given if isinstance(given, list) else [given])
        ]
        with page.expect_navigation():
            page.evaluate(POST, [shown["address"], values])
        return page


@contextmanager
def running_site(database: Path, port: int, **changes: Any) -> Iterator[Site]:
    """A server with these settings, and an SQLite file at ``database``."""
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}"}
    command = [sys.executable, "-m", "tests.browser.site", str(port), json.dumps(CHANGES | changes)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline() or "null")
        assert said, "the site did not start"
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/admin/login/")
        yield Site(url, **said)
        process.terminate()


def _wait_for(address: str) -> None:
    for _ in range(100):
        with suppress(requests.ConnectionError):
            requests.get(address, timeout=10)
            return
        time.sleep(0.1)
    raise AssertionError("the site does not answer")


def _say_where() -> None:
    from django.core.management import call_command
    from django.test import Client

    from tests import showcase

    call_command("migrate", verbosity=0)
    sessions = {}
    for name, user in showcase.people().items():
        client = Client()
        client.force_login(user)
        sessions[name] = client.cookies["sessionid"].value
    pages = {name: asdict(make()) for name, make in showcase.PAGES.items()}
    sys.stdout.write(json.dumps({"pages": pages, "sessions": sessions}) + "\n")
    sys.stdout.flush()


def main() -> None:
    from django.core.management import call_command

    set_up(json.loads(sys.argv[2]))
    _say_where()
    call_command("runserver", f"127.0.0.1:{sys.argv[1]}", use_reloader=False, insecure_serving=True, verbosity=0)


if __name__ == "__main__":
    main()
