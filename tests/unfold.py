"""A project with django-unfold: its app before the admin, and scripts and styles inline, as it needs them."""

from __future__ import annotations

from typing import Any

from tests import settings

PROJECT: dict[str, Any] = {
    "INSTALLED_APPS": ["unfold", *settings.INSTALLED_APPS],
    "MIDDLEWARE": [name for name in settings.MIDDLEWARE if not name.startswith("example_project")],
}
AS_THEY_ARE, MIXED_IN = "tests.showcase_urls", "tests.unfold_urls"
"""Our admin classes without a change, and with unfold's mixed in."""
