"""A project's Celery app: ``celery --app=tests.workers.celery worker``."""

from __future__ import annotations

import os

import django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.workers.settings")
django.setup()

app = Celery(
    "project",
    broker=os.environ["REDIS_URL"],
    include=["idenfy_kyc.contrib.celery"],
    broker_connection_retry_on_startup=True,
)
