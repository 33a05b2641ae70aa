"""Who carries the fake's deliveries: one thread beside the server, one after the other, over real sockets."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress

import requests

from idenfy_kyc.testing.fake import FakeIdenfy, Parcel

TIMEOUT = 10.0
"""Seconds that iDenfy waits for an answer: https://documentation.idenfy.com/guides/webhooks-overview"""
LOOKS_EVERY = 0.05


class Postman(threading.Thread):
    """Sends what is due until ``stopping`` is set; what is under way then, is waited for."""

    def __init__(self, fake: FakeIdenfy, stopping: threading.Event) -> None:
        super().__init__(daemon=True)
        self._fake = fake
        self._stopping = stopping

    def run(self) -> None:
        """The round. A fake whose memory was closed under it tells nothing more."""
        with requests.Session() as session, suppress(sqlite3.ProgrammingError):
            session.trust_env = False  # a proxy would hardly reach a project on this machine
            while not self._stopping.is_set():
                parcel = self._fake.next_delivery()
                if parcel is None:
                    self._stopping.wait(LOOKS_EVERY)
                else:
                    status, words = _deliver(session, parcel)
                    self._fake.mark_delivered(parcel, status=status, words=words)


def _deliver(session: requests.Session, parcel: Parcel) -> tuple[int, str]:
    try:
        answer = session.post(
            parcel.url, data=parcel.body, headers=parcel.headers, timeout=TIMEOUT, allow_redirects=False
        )
    except requests.RequestException as error:
        return 0, type(error).__name__
    return answer.status_code, " ".join(answer.text[:200].split())
