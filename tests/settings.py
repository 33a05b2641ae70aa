"""The project that the tests run in: as awkward as real ones.

Its users have a UUID key and no username, every request is one transaction, nobody gets in without an account, and
browsers run and draw nothing inline.

``DATABASE_URL`` chooses the database; without it, an SQLite *file*, since threads and other processes must reach it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import environ

env = environ.Env()

_sqlite = Path(tempfile.gettempdir()) / f"idenfy-kyc-tests-{os.getpid()}.sqlite3"
_database: dict[str, Any] = env.db("DATABASE_URL", default=f"sqlite:///{_sqlite}")
_database["ATOMIC_REQUESTS"] = True
if "sqlite3" in _database["ENGINE"]:
    _database["OPTIONS"] = {"init_command": "PRAGMA synchronous = OFF"}  # it need not outlive a power cut
_database["TEST"] = {"NAME": _database["NAME"] if "sqlite3" in _database["ENGINE"] else None}  # None: Django names it

DATABASES = {"default": _database}
SECRET_KEY = "a key for tests only"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DEBUG = False

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "idenfy_kyc",
    "tests.accounts",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "example_project.middleware.StrictContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "debug": True,  # what the coverage of templates is measured by
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "admin:login"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = True
TIME_ZONE = "Europe/Vilnius"  # not UTC, so that a forgotten conversion shows
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"  # not ours, so that a forgotten default_auto_field shows

IDENFY_KYC: dict[str, Any] = {
    "API_KEY": "test-key",
    "API_SECRET": "test-secret",
    "WEBHOOK_SIGNING_KEYS": ["signing-key"],
}
