"""The example project, configured by the environment alone.

Without any variable: an SQLite file, and the fake iDenfy that runs beside it, at ``FAKE_IDENFY_URL``. With
``IDENFY_API_KEY`` and ``IDENFY_API_SECRET``: iDenfy itself. Every page of the admin says which.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import django
import environ

from idenfy_kyc.conf import Settings
from idenfy_kyc.testing.fake import CREDENTIALS as FAKE_CREDENTIALS
from idenfy_kyc.testing.fake import SIGNING_KEY as FAKE_SIGNING_KEY

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=True)
SECRET_KEY = env.str("SECRET_KEY", default="only for trying out, on one’s own machine" if DEBUG else environ.Env.NOTSET)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{ROOT / 'demo.sqlite3'}")}


if not env.str("IDENFY_API_KEY", default=""):
    IDENFY_KYC = {
        "API_KEY": FAKE_CREDENTIALS[0],
        "API_SECRET": FAKE_CREDENTIALS[1],
        "BASE_URL": env.str("FAKE_IDENFY_URL", default="http://127.0.0.1:8001"),
        "WEBHOOK_SIGNING_KEYS": [FAKE_SIGNING_KEY],
        "ENVIRONMENT": "DEMO",
        # Short, so that an outage of the fake can be watched to its end.
        "RETRY_WAITS": [timedelta(seconds=seconds) for seconds in (3, 5, 10, 20, 30)],
    }
else:
    IDENFY_KYC = {
        "API_KEY": env.str("IDENFY_API_KEY"),
        "API_SECRET": env.str("IDENFY_API_SECRET"),
        "BASE_URL": env.str("IDENFY_BASE_URL", default=Settings().BASE_URL),
        "WEBHOOK_SIGNING_KEYS": env.list("IDENFY_WEBHOOK_SIGNING_KEYS", default=[]),
    }
IDENFY_KYC["PROJECT_NAME"] = "Example Bank"
IDENFY_KYC["CLIENTS"] = "example_project.clients.describe"

INSTALLED_APPS = [
    "example_project",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "idenfy_kyc",
]
# DB_WORKER=1: not the open page sends, but a worker, which is started with manage.py db_worker. Needs django-tasks-db.
if env.bool("DB_WORKER", default=False):
    INSTALLED_APPS += ["django_tasks_db"] if django.VERSION >= (6, 0) else ["django_tasks", "django_tasks_db"]
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    IDENFY_KYC["SENDER"] = "idenfy_kyc.contrib.tasks.enqueue"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "example_project.middleware.StrictContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "example_project.context_processors.idenfy",
            ],
        },
    }
]
ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
STATIC_URL = "static/"
STATIC_ROOT = ROOT / "static"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/Vilnius"
USE_TZ = True
