"""Which iDenfy account we would ask with, as a one-way fingerprint."""

from __future__ import annotations

import hashlib

from ..conf import get_settings


def fingerprint() -> str:
    """A hash of ``BASE_URL`` and ``API_KEY``; a batch keeps the one it was confirmed with."""
    settings = get_settings()
    return hashlib.sha256(f"{settings.BASE_URL.rstrip('/')}\n{settings.API_KEY}".encode()).hexdigest()
