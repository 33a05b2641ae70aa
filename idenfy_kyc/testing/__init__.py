"""A fake iDenfy: for this package's tests, for its demo, and for the tests of projects that install it.

``FakeIdenfy`` is the pure core. ``server`` serves it over real sockets (``python -m idenfy_kyc.testing``) and sends its
webhooks, ``urls`` mounts it in a Django project, and ``plugin`` has the fixtures:
``pytest_plugins = ["idenfy_kyc.testing.plugin"]``. ``deliveries`` builds what iDenfy tells, for tests without a fake.

Its texts are not translated, on purpose: they stand for what another company says.
"""

from __future__ import annotations

from idenfy_kyc.testing.deliveries import (
    deliver,
    document_expiration,
    identification,
    questionnaire,
    signed_headers,
)
from idenfy_kyc.testing.fake import CREDENTIALS, SIGNING_KEY, FakeIdenfy
from idenfy_kyc.testing.faults import DeliveryFault, Fault
from idenfy_kyc.testing.journal import Post, Session
from idenfy_kyc.testing.outbox import Told
from idenfy_kyc.testing.people import NotPossibleError
from idenfy_kyc.testing.replies import Reply

__all__ = [
    "CREDENTIALS",
    "SIGNING_KEY",
    "DeliveryFault",
    "FakeIdenfy",
    "Fault",
    "NotPossibleError",
    "Post",
    "Reply",
    "Session",
    "Told",
    "deliver",
    "document_expiration",
    "identification",
    "questionnaire",
    "signed_headers",
]
