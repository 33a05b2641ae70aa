"""The least project that the app runs in, for the benchmarks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import environ

env = environ.Env()
_file = Path(tempfile.mkdtemp(prefix="idenfy-kyc-bench-")) / "bench.sqlite3"

SECRET_KEY = "a key for benchmarks only"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "idenfy_kyc"]
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{_file}")}
USE_TZ = True
