"""The tests' project with both task queues: ``QUEUE`` says which one sends, ``REDIS_URL`` where Celery's broker is.

The test run and the worker's process share these settings; what the run decides, such as where its database is, comes
to the worker by the environment.
"""

from __future__ import annotations

import importlib.util
import os
from datetime import timedelta

from idenfy_kyc.testing import CREDENTIALS
from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, IDENFY_KYC, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_tasks_db"]
if importlib.util.find_spec("django.tasks") is None:  # Django 5.2
    INSTALLED_APPS = ["django_tasks", *INSTALLED_APPS]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

if name := os.environ.get("TEST_DATABASE"):
    DATABASES["default"]["NAME"] = name
IDENFY_KYC = IDENFY_KYC | {
    "SENDER": f"idenfy_kyc.contrib.{os.environ.get('QUEUE', 'tasks')}.enqueue",
    **{"API_KEY": CREDENTIALS[0], "API_SECRET": CREDENTIALS[1]},
    **{"CONNECT_TIMEOUT": 1.0, "READ_TIMEOUT": 1.0, "RETRY_WAITS": (timedelta(seconds=1),) * 20},
    "BASE_URL": os.environ.get("FAKE_IDENFY_URL", "http://127.0.0.1:9"),
}
