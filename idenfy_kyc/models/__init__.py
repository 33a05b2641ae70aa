"""The data: what is stored, what the database itself guarantees, and how to ask for it. Knows no HTTP."""

from .batch import RequestBatch
from .event import RequestEvent
from .request import InformationRequest
from .verification import Verification, client_digest

__all__ = ["InformationRequest", "RequestBatch", "RequestEvent", "Verification", "client_digest"]
