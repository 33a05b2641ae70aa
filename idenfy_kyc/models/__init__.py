"""The data: what is stored, what the database itself guarantees, and how to ask for it. Knows no HTTP."""

from .answer import Answer
from .batch import RequestBatch
from .delivery import WebhookDelivery, WebhookRejection
from .event import RequestEvent
from .request import InformationRequest
from .verification import Verification, client_digest

__all__ = [
    "Answer",
    "InformationRequest",
    "RequestBatch",
    "RequestEvent",
    "Verification",
    "WebhookDelivery",
    "WebhookRejection",
    "client_digest",
]
