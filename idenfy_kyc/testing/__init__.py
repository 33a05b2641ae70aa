"""A fake iDenfy: for this package's tests, for its demo, and for the tests of projects that install it.

``FakeIdenfy`` is the pure core. ``server`` serves it over real sockets (``python -m idenfy_kyc.testing``), ``urls``
mounts it in a Django project, and ``plugin`` has the fixture: ``pytest_plugins = ["idenfy_kyc.testing.plugin"]``.

Its texts are not translated, on purpose: they stand for what another company says.
"""

from __future__ import annotations

from idenfy_kyc.testing.deliveries import deliver, document_expiration, identification, signed_headers
from idenfy_kyc.testing.fake import CREDENTIALS, FakeIdenfy
from idenfy_kyc.testing.faults import Fault
from idenfy_kyc.testing.journal import Known, Post, Session
from idenfy_kyc.testing.replies import Reply

__all__ = [
    "CREDENTIALS",
    "FakeIdenfy",
    "Fault",
    "Known",
    "Post",
    "Reply",
    "Session",
    "deliver",
    "document_expiration",
    "identification",
    "signed_headers",
]
