"""The tests' project for another process: iDenfy is where ``FAKE_IDENFY_URL`` says."""

from __future__ import annotations

import os

from idenfy_kyc.testing import CREDENTIALS
from tests.settings import *  # noqa: F403
from tests.settings import IDENFY_KYC

IDENFY_KYC |= {
    "API_KEY": CREDENTIALS[0],
    "API_SECRET": CREDENTIALS[1],
    "BASE_URL": os.environ["FAKE_IDENFY_URL"],
}
