"""The example project on a database of its own, which ``DATABASE_URL`` may name."""

from __future__ import annotations

import tempfile
from pathlib import Path

from example_project.settings import *  # noqa: F403
from example_project.settings import env

_file = Path(tempfile.mkdtemp(prefix="idenfy-kyc-bench-")) / "bench.sqlite3"

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{_file}")}
DEBUG = False
ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
ROOT_URLCONF = "benchmarks.urls"
