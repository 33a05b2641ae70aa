"""The example project with workers of ``django-tasks-db``."""

from __future__ import annotations

import importlib.util
import os

from benchmarks.settings import *  # noqa: F403
from benchmarks.settings import INSTALLED_APPS
from idenfy_kyc.testing.fake import CREDENTIALS

INSTALLED_APPS = [*INSTALLED_APPS, "django_tasks_db"]
if importlib.util.find_spec("django.tasks") is None:  # Django 5.2
    INSTALLED_APPS = ["django_tasks", *INSTALLED_APPS]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
IDENFY_KYC = {
    "API_KEY": CREDENTIALS[0],
    "API_SECRET": CREDENTIALS[1],
    "BASE_URL": os.environ["FAKE_IDENFY_URL"],
    "WEBHOOK_SIGNING_KEYS": ["signing"],
    "CONCURRENCY": 2,
    "HOURLY_QUOTA": 1_000_000,
    "SENDER": "idenfy_kyc.contrib.tasks.enqueue",
}
