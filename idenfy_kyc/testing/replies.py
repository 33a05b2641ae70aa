"""What the fake answers, and how the answer travels."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer; whoever serves it also sees to its delivery.

    ``latency`` is the seconds to wait before the first byte, ``drip`` those between one byte and the next. ``cut``
    means that no byte is ever sent and the connection is reset. ``post`` is the number of the line in the journal.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    latency: float = 0.0
    drip: float = 0.0
    cut: bool = False
    post: int | None = None


def json_reply(status: int, payload: Any, *headers: tuple[str, str]) -> Reply:
    """An answer whose body is ``payload`` as JSON."""
    return Reply(status=status, headers=(("Content-Type", JSON), *headers), body=json.dumps(payload).encode())


def html_reply(status: int, page: str, *headers: tuple[str, str]) -> Reply:
    """An answer that is a page; what cannot be encoded becomes a question mark."""
    body = page.encode("utf-8", "replace")
    return Reply(status=status, headers=(("Content-Type", HTML), *headers), body=body)


def html_error(status: int, words: str) -> Reply:
    """The bare page that a web server or a proxy shows when something is wrong."""
    head = f"<!doctype html>\n<html lang=en><head><title>{words}</title></head>"
    return html_reply(status, f"{head}<body><h1>{status} {words}</h1></body></html>\n")


def refusal(status: int, identifier: str, message: str) -> Reply:
    """An error as iDenfy words it: https://documentation.idenfy.com/kyc/id-error-messages."""
    return json_reply(status, {"identifier": identifier, "message": message})
