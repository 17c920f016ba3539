"""Moments and days as fields say them, and the moment that a rule waits for. Pure; nothing here ever raises."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from hub import calendar
from rules.waits import Birthday, Calendar, Until

DAY: Final = 86_400_000
YEARS: Final = range(1900, 3000)
"""Of the moments and days that are taken for such."""
_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_LONGEST: Final = 40
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BIRTHDAY: Final = re.compile(r"(?:(\d{4})[-/.]|-{0,2})(\d{1,2})[-/.](\d{1,2})(?:[T ].*)?", re.ASCII)
_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PERSIAN_BEFORE: Final = 1700
"""A year before it is one of the Solar Hijri calendar."""
_END: Final = 2**43
"""Milliseconds, in the year 2248: soon after, years of the Solar Hijri calendar are no longer known."""


def moment(wait: Until, value: Any, zone: tzinfo) -> int | None:
    """The moment (ms) that a value names for a wait; None when it names none."""
    found = _read(value, zone)
    if found is None:
        return None
    if isinstance(found, datetime) and wait.at is None:
        return int(found.timestamp() * 1000) + wait.shift
    return _on(found.astimezone(zone).date() if isinstance(found, datetime) else found, wait, zone)


def anniversary(wait: Until, value: Any, zone: tzinfo, now: int) -> int | None:
    """The first moment (ms) after now that a day of every year is spoken of; None when the value names no day."""
    if not isinstance(wait.until, Birthday) or not 0 < now < _END:
        return None
    kind: Calendar = wait.until.calendar
    found = _month_and_day(value, kind)
    if found is None:
        return None
    today = datetime.fromtimestamp(now / 1000, zone).date()
    year = calendar.solar_hijri(today)[0] if kind == "persian" else today.year
    # A span before or after the day may be longer than a year.
    each = (_on(_day(kind, one, *found), wait, zone) for one in range(year - 2, year + 4))
    return next((one for one in each if one > now), None)


def _read(value: Any, zone: tzinfo) -> datetime | date | None:
    found: datetime | date
    if value.__class__ in {int, float}:
        if not 0 < value < 2**45:
            return None
        found = datetime.fromtimestamp(value / 1000, UTC)
    elif isinstance(value, str) and len(value) <= _LONGEST:
        text = value.strip().translate(_DIGITS)
        try:
            found = date.fromisoformat(text) if _DATE.fullmatch(text) else datetime.fromisoformat(text)
        except ValueError:
            return None
        if isinstance(found, datetime) and found.tzinfo is None:
            found = found.replace(tzinfo=zone)
    else:
        return None
    return found if found.year in YEARS else None


def _on(day: date, wait: Until, zone: tzinfo) -> int:
    """Whole days are counted by the calendar, so that the clock of the day stays what it is when clocks change."""
    days, rest = divmod(wait.shift, DAY)
    local = datetime.combine(day + timedelta(days), time(*wait.clock), zone)
    return int(local.timestamp() * 1000) + rest


def _month_and_day(value: Any, kind: Calendar) -> tuple[int, int] | None:
    """The day of the year in a calendar, however it is written: the year tells in which calendar that is."""
    if value.__class__ in {int, float} and abs(value) < 2**45:
        value = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)).date().isoformat()
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    written = _BIRTHDAY.fullmatch(value.strip().translate(_DIGITS))
    if written is None:
        return None
    month, day = int(written[2]), int(written[3])
    if written[1] is None:
        longest = 0 if not 1 <= month <= 12 else _MONTHS[month - 1] if kind == "gregorian" else 30 + (month < 7)
        return (month, day) if 1 <= day <= longest else None
    year = int(written[1])
    try:
        born = calendar.gregorian(year, month, day) if year < _PERSIAN_BEFORE else date(year, month, day)
    except ValueError:
        return None
    return calendar.solar_hijri(born)[1:] if kind == "persian" else (born.month, born.day)


def _day(kind: Calendar, year: int, month: int, day: int) -> date:
    """A day of a year; where the month is shorter, its last one."""
    if kind == "persian":
        return calendar.gregorian(year, month, min(day, calendar.month_length(year, month)))
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return date(year, month, 28 if (month, day) == (2, 29) and not leap else day)
