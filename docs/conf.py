"""How Sphinx builds these pages: ``make docs``. Every warning is an error, and nothing is fetched from elsewhere."""

from __future__ import annotations

import django
from django.conf import settings

import idenfy_kyc

# The reference is read from the docstrings, and models can only be imported where Django is set up.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "idenfy_kyc",
    ],
    USE_TZ=True,
)
django.setup()

project = "django-idenfy-kyc"
author = "The django-idenfy-kyc authors"
version = release = idenfy_kyc.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"django-idenfy-kyc {version}"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_copy_source = False
html_show_copyright = False

myst_enable_extensions = ["colon_fence", "deflist", "tasklist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_display_short_literal_types = True

# No other project's index is read, so names of other projects lead nowhere. Ours have to.
nitpick_ignore_regex = [("py:.*", r"(?!idenfy_kyc\.)\w+(\.\w+)*")]
