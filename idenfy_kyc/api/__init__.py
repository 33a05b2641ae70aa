"""Talking to iDenfy: a pure protocol, a transport that keeps its deadline, and a client that joins the two."""

from __future__ import annotations

from .client import IdenfyClient
from .current import CurrentStatus, IdentificationsPage, Listed, decipher_page, decipher_status
from .protocol import (
    InformationAsks,
    InformationSession,
    decipher_identifications,
    decipher_request_information,
    request_information_path,
    request_information_payload,
)

__all__ = [
    "CurrentStatus",
    "IdenfyClient",
    "IdentificationsPage",
    "InformationAsks",
    "InformationSession",
    "Listed",
    "decipher_identifications",
    "decipher_page",
    "decipher_request_information",
    "decipher_status",
    "request_information_path",
    "request_information_payload",
]
