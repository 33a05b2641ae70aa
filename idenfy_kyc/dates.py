"""Dates, times and numbers in words: in the reader's time zone, and in the language that our own words are in."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

from django.utils import formats, timezone, translation
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext


def moment_text(moment: datetime, now: datetime | None = None) -> str:
    """A local time: “14:05” today, “17 March, 14:05” on another day."""
    local, today = _local(moment), _local(now or timezone.now())
    return _time_text(local) if local.date() == today.date() else stamp_text(moment, now)


def day_text(moment: datetime, now: datetime | None = None) -> str:
    """A local date: “17 March”, with the year if it is another one."""
    local, today = _local(moment), _local(now or timezone.now())
    this_year, another = pgettext("date format", "j F"), pgettext("date format", "j F Y")
    return _written(local, this_year if local.year == today.year else another)


def short_day_text(moment: datetime, now: datetime | None = None) -> str:
    """A local date for a narrow column: “17 Mar”, with the year if it is another one."""
    local, today = _local(moment), _local(now or timezone.now())
    this_year, another = pgettext("date format", "j M"), pgettext("date format", "j M Y")
    return _written(local, this_year if local.year == today.year else another)


def stamp_text(moment: datetime, now: datetime | None = None) -> str:
    """A local time with its day: “17 March, 14:05”. For the record, where “14:05” alone would be read a day later."""
    return _("%(day)s, %(time)s") % {"day": day_text(moment, now), "time": _time_text(_local(moment))}


def end_text(end: datetime, began: datetime, now: datetime | None = None) -> str:
    """When a span ended: “16:00” on the day on which it began, and otherwise with its day."""
    local = _local(end)
    return _time_text(local) if local.date() == _local(began).date() else stamp_text(end, now)


def time_text(moment: datetime) -> str:
    """A local time without its day: “14:05”."""
    return _time_text(_local(moment))


def record_text(moment: datetime) -> str:
    """A local time that says the same on paper, next year and abroad: “17 March 2026, 14:05 EET”."""
    local = _local(moment)
    zone = local.tzname() or timezone.get_default_timezone().tzname(local)
    day = _written(local, pgettext("date format", "j F Y"))
    return _("%(day)s, %(time)s %(zone)s") % {"day": day, "time": _time_text(local), "zone": zone}


def zone_text() -> str:
    """Whose times those of a page are, for one quiet line of it."""
    return _("Times are those of %(zone)s.") % {"zone": timezone.get_current_timezone_name()}


def sortable_text(moment: datetime) -> str:
    """A local time for a file: “2026-03-17 14:05”, which every spreadsheet reads and sorts."""
    return f"{_local(moment):%Y-%m-%d %H:%M}"


def date_text(text: str) -> str:
    """A date as iDenfy writes it, “2031-05-01”, in the reader's way; so a time with a zone. Else as it came."""
    try:
        day, moment = parse_date(text), parse_datetime(text)
    except ValueError:
        return text
    if day is None and moment is not None and timezone.is_aware(moment):
        return record_text(moment)
    return _written(day, pgettext("date format", "j F Y")) if day else text


def duration_left_text(left: timedelta) -> str:
    """A time span as “3 days left”, rounded: a link of fourteen days does not begin with “13 days left”."""
    minutes = left / timedelta(minutes=1)
    if minutes < 1:
        return _("less than a minute left")
    if minutes < 90:
        whole = math.floor(minutes)
        return ngettext("%(count)s minute left", "%(count)s minutes left", whole) % {"count": whole}
    if minutes < 36 * 60:
        hours = math.floor(minutes / 60 + 0.5)
        return ngettext("%(count)s hour left", "%(count)s hours left", hours) % {"count": hours}
    days = math.floor(minutes / (24 * 60) + 0.5)
    return ngettext("%(count)s day left", "%(count)s days left", days) % {"count": days}


def number_text(value: object) -> str:
    """With the language's thousands separator, whatever ``USE_THOUSAND_SEPARATOR`` says: counts are read, not typed."""
    return str(formats.number_format(value, use_l10n=True, force_grouping=True))  # type: ignore[arg-type]


def in_our_language() -> translation.override:
    """The language that our words are in: where nobody has translated them, Django’s months stay English with them.

    Else “until 9 Dezember” would be neither.
    """
    return translation.override(pgettext("language of the date formats", "en"))


def _written(day: date, format_of_it: str) -> str:
    with in_our_language():
        return formats.date_format(day, format_of_it)


def _time_text(local: datetime) -> str:
    return formats.time_format(local.time(), pgettext("time format", "H:i"))


def _local(moment: datetime) -> datetime:
    """In the reader's time zone; as it is in a project without time zones."""
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment
