"""The example project as it would be deployed, with times so short that minutes are enough, and four calls at once."""

from __future__ import annotations

import os
from datetime import timedelta

os.environ.setdefault("SECRET_KEY", "only for this proof, on one’s own machine")

from example_project.settings import *  # noqa: F403
from example_project.settings import IDENFY_KYC as _KYC

DEBUG = False
IDENFY_KYC = _KYC | {
    "CONCURRENCY": 4,
    "CONNECT_TIMEOUT": 0.5,
    "READ_TIMEOUT": 2.0,
    "STEP_SECONDS": 2.0,
    "CLAIM_TIMEOUT": timedelta(seconds=9),
    "RETRY_WAITS": [timedelta(seconds=seconds) for seconds in (2, 4, 6, 8)],
}
