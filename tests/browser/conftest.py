"""A browser before the real thing: the demo, with its web server and its fake iDenfy, each a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from idenfy_kyc.testing import FakeIdenfy

from .site import Site, running_site

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: where it is, and the memory of its fake iDenfy."""

    url: str
    fake: FakeIdenfy
    process: subprocess.Popen[str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_demo(folder: Path, *, clients: int) -> subprocess.Popen[str]:
    """The demo as `make demo` starts it, in a folder of its own; ready when this returns."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "example_project.demo", f"--clients={clients}", f"--port={port}"),
            *(f"--fake-port={free_port()}", f"--fake-path={folder / 'fake.sqlite3'}"),
        ],
        cwd=ROOT,
        env=environment | {"DATABASE_URL": f"sqlite:///{folder / 'demo.sqlite3'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for _ in range(600):
        with suppress(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/admin/login/", timeout=10)
            process.url = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
            return process
        assert process.poll() is None, process.stdout and process.stdout.read()
        time.sleep(0.1)
    raise AssertionError("the demo did not start")


@pytest.fixture(scope="module")
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for each module; how many clients it has, its ``CLIENTS`` says."""
    folder = tmp_path_factory.mktemp("demo")
    process = start_demo(folder, clients=request.module.CLIENTS)
    with FakeIdenfy(folder / "fake.sqlite3") as fake:
        yield Demo(process.url, fake, process)  # type: ignore[attr-defined]
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def log_in(browser: Browser, demo: Demo) -> Iterator[Callable[..., Page]]:
    """Sign a persona of the demo in, in a browser of his own, and return the admin's index."""
    contexts: list[BrowserContext] = []

    def log_in(login: str, **options: object) -> Page:
        context = browser.new_context(base_url=demo.url, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.goto("/admin/login/?next=/admin/")
        page.fill("#id_username", login)
        page.fill("#id_password", "demo")
        page.click("input[type=submit]")
        return page

    yield log_in
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project with every page in every state; how it is set up otherwise, the module's ``CHANGES`` say."""
    database = tmp_path_factory.mktemp("site") / "site.sqlite3"
    with running_site(database, free_port(), **getattr(request.module, "CHANGES", {})) as site:
        yield site


@pytest.fixture(scope="module")
def visit(site: Site, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page of the site by its name, as whoever it is for, in ``language``. One page at a time."""
    windows = {who: site.window(browser, who) for who in ("", *site.sessions)}

    def visit(name: str, language: str = "en") -> Page:
        window = windows[site.pages[name]["who"]]
        for page in window.pages:
            page.close()
        return site.open(window, name, language)

    yield visit
    for window in windows.values():
        window.close()
