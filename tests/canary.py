"""Marked texts, and where they may be seen: what ``tests/test_canary.py`` and ``tests/test_access.py`` look for.

A mark is made of letters, digits and hyphens, so that it looks the same in HTML, in JSON, in an address and in a log.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from django.utils.log import AdminEmailHandler


class Kind(StrEnum):
    """What a mark stands for."""

    SECRET = "a key of the settings"
    TOKEN = "iDenfy's link or token"
    LINK = "our link"
    NAME = "a client's name"
    ANSWER = "an answer"


STAFF = frozenset({"dora", "bob", "carol", "alice", "erin", "rita", "root"})
MAY_SEE = {
    Kind.SECRET: frozenset[str](),
    Kind.TOKEN: frozenset[str](),
    Kind.LINK: frozenset[str](),  # only where it is asked for, by a POST of its own
    Kind.NAME: STAFF,
    Kind.ANSWER: frozenset({"rita", "root"}),
}


class Marks:
    """What is looked for."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}

    def add(self, kind: Kind, *texts: str) -> None:
        """Look for these from now on."""
        assert all(len(text) >= 8 for text in texts), "a mark that could stand anywhere by chance"
        self._kinds |= {text.casefold(): kind for text in texts}

    def add_credentials(self, key: str, secret: str) -> None:
        """Both, and how they go over the wire."""
        self.add(Kind.SECRET, key, secret, base64.b64encode(f"{key}:{secret}".encode()).decode())

    def found(self, text: object) -> set[Kind]:
        """The kinds of the marks in a text."""
        folded = str(text).casefold()
        return {kind for mark, kind in self._kinds.items() if mark in folded}

    def seen_by(self, person: str, text: object) -> set[Kind]:
        """The kinds of those marks in a page that this person must not see."""
        return {kind for kind in self.found(text) if person not in MAY_SEE[kind]}


class Postbox(AdminEmailHandler):
    """What Django mails to the admins when a page breaks, as text and as HTML."""

    def __init__(self) -> None:
        super().__init__(include_html=True)
        self.setLevel(logging.ERROR)
        self.mails: list[str] = []

    def send_mail(self, subject: Any, message: Any, *args: Any, **kwargs: Any) -> None:
        self.mails.append(f"{subject}\n{message}\n{kwargs['html_message']}")


@contextmanager
def mails_to_admins() -> Iterator[Postbox]:
    """The error mails of the whole project, of any logger."""
    postbox = Postbox()
    root = logging.getLogger()
    root.addHandler(postbox)
    try:
        yield postbox
    finally:
        root.removeHandler(postbox)
