"""When deliveries from iDenfy were missing, put into words."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .dates import end_text, in_our_language, moment_text, number_text
from .services.gaps import Gap


def accepted_text(last_at: datetime, now: datetime | None = None) -> str:
    """“Last delivery accepted 3 minutes ago.”"""
    now = now or timezone.now()
    if now - last_at < timedelta(minutes=1):
        return _("Last delivery accepted just now.")
    with in_our_language():
        time = timesince(last_at, now, depth=1)
    return _("Last delivery accepted %(time)s ago.") % {"time": time}


def gap_text(gap: Gap, now: datetime | None = None) -> str:
    """“41 rejected since 09:10: the signature fits none of your keys.”"""
    count, params = (
        gap.rejected,
        {
            "count": number_text(gap.rejected),
            "since": moment_text(gap.since, now),
            "until": end_text(gap.until, gap.since, now),
        },
    )
    if count and gap.lasts:
        words = ngettext(
            "%(count)s rejected since %(since)s: the signature fits none of your keys.",
            "%(count)s rejected since %(since)s: the signature fits none of your keys.",
            count,
        )
    elif count and gap.since == gap.until:
        words = ngettext(
            "%(count)s rejected (%(since)s): the signature fits none of your keys.",
            "%(count)s rejected (%(since)s): the signature fits none of your keys.",
            count,
        )
    elif count:
        words = ngettext(
            "%(count)s rejected between %(since)s and %(until)s: the signature fits none of your keys.",
            "%(count)s rejected between %(since)s and %(until)s: the signature fits none of your keys.",
            count,
        )
    elif gap.lasts:
        words = _("No delivery since %(since)s.")
    else:
        words = _("No delivery between %(since)s and %(until)s.")
    return words % params


def missed_text() -> str:
    """What can be done for a request that ended while deliveries were missing."""
    return _(
        "Deliveries from iDenfy were missing while the link worked. The client may have answered: look in iDenfy’s "
        "dashboard, which can send the answer again."
    )


def missed_texts(count: int) -> list[str]:
    """For how many requests of a batch that is so, and what can be done; empty for none."""
    text = ngettext(
        "Deliveries were missing for %(count)s: look in iDenfy’s dashboard, which can send the answer again.",
        "Deliveries were missing for %(count)s: look in iDenfy’s dashboard, which can send the answers again.",
        count,
    )
    return [text % {"count": number_text(count)}] if count else []
