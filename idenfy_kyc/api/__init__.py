"""Talking to iDenfy: a pure protocol, a transport that keeps its deadline, and a client that joins the two."""

from __future__ import annotations

from .client import IdenfyClient
from .protocol import (
    InformationAsks,
    InformationSession,
    VerificationAsks,
    VerificationSession,
    decipher_identifications,
    decipher_request_information,
    decipher_start_verification,
    request_information_path,
    request_information_payload,
    start_verification_payload,
)

__all__ = [
    "IdenfyClient",
    "InformationAsks",
    "InformationSession",
    "VerificationAsks",
    "VerificationSession",
    "decipher_identifications",
    "decipher_request_information",
    "decipher_start_verification",
    "request_information_path",
    "request_information_payload",
    "start_verification_payload",
]
