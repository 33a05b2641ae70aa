"""What staff see. Thin: each view checks its permission and makes one call to the services.

Importing a class registers it on the default site; to replace one, unregister it there and register a subclass.
"""

from __future__ import annotations

from .batches import RequestBatchAdmin
from .deliveries import WebhookDeliveryAdmin
from .requests import InformationRequestAdmin
from .verifications import VerificationAdmin

__all__ = ["InformationRequestAdmin", "RequestBatchAdmin", "VerificationAdmin", "WebhookDeliveryAdmin"]
