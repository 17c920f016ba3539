"""The Solar Hijri calendar, for readers of Persian and for days that they count by it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

FIRST: Final = 1178
LAST: Final = 1633
"""The years in which the 33-year cycle is the observed calendar, day by day."""
_OFFSET: Final = 356_032
"""From Python's day numbers to days since a 33-year cycle began, 1595 years before year 0."""
_CYCLE: Final = 12_053
"""Days in 33 years, 8 of them leap years."""


def solar_hijri(day: date) -> tuple[int, int, int]:
    """Year, month and day, by the 33-year cycle, which agrees with the observed calendar for centuries around ours."""
    cycles, days = divmod(day.toordinal() + _OFFSET, _CYCLE)
    fours, days = divmod(days, 1461)
    year = -1595 + 33 * cycles + 4 * fours
    if days > 365:
        year += (days - 1) // 365
        days = (days - 1) % 365
    if days < 186:
        return year, 1 + days // 31, 1 + days % 31
    return year, 7 + (days - 186) // 30, 1 + (days - 186) % 30


def nowruz(year: int) -> date:
    """The first day of a year of the Solar Hijri calendar."""
    return next(day for day in (date(year + 621, 3, number) for number in range(19, 24)) if solar_hijri(day)[0] == year)


def month_length(year: int, month: int) -> int:
    """Days of a month of the Solar Hijri calendar."""
    if month < 12:
        return 31 if month < 7 else 30
    return 30 if (nowruz(year + 1) - nowruz(year)).days == 366 else 29


def gregorian(year: int, month: int, day: int) -> date:
    """The day that the Solar Hijri calendar calls so. Raises ValueError when it has no such day."""
    if not (FIRST <= year <= LAST and 1 <= month <= 12 and 1 <= day <= month_length(year, month)):
        raise ValueError(f"{year}-{month}-{day} is no day between {FIRST} and {LAST}")
    before = 31 * (month - 1) if month < 8 else 186 + 30 * (month - 7)
    return nowruz(year) + timedelta(before + day - 1)
