"""How long so many requests take, in words."""

from __future__ import annotations

import math

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .conf import get_settings

SECONDS_A_CALL = 1.0
"""What one call is expected to take before there is a batch to measure."""


def expected_rate() -> float:
    """Requests a second, before there is a batch to measure."""
    return get_settings().CONCURRENCY / SECONDS_A_CALL


def about(requests: int, *, rate: float) -> str:
    """How long ``requests`` take at ``rate`` a second: “about 2 minutes”."""
    minutes = math.ceil(requests / rate / 60 - 0.25)
    if minutes < 1:
        return _("less than a minute")
    if minutes < 90:
        return ngettext("about %(count)s minute", "about %(count)s minutes", minutes) % {"count": minutes}
    hours = round(minutes / 60)
    return ngettext("about %(count)s hour", "about %(count)s hours", hours) % {"count": hours}
