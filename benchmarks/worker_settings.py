"""The example project with workers of ``django-tasks-db``."""

from __future__ import annotations

import os

os.environ["DB_WORKER"] = "yes"

from benchmarks.settings import *  # noqa: F403
from benchmarks.settings import IDENFY_KYC

IDENFY_KYC = IDENFY_KYC | {"CONCURRENCY": 2, "HOURLY_QUOTA": 1_000_000}
