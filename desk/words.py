"""The desk's words in each language: texts, digits, dates and ages as its readers write them."""

from __future__ import annotations

import gettext
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from hub.calendar import nowruz, solar_hijri

LANGUAGES: Final = {"en": "English", "fa": "فارسی"}
RIGHT_TO_LEFT: Final = frozenset({"fa"})
LOCALES: Final = Path(__file__).parent / "locale"

_DIGITS: Final = {"fa": str.maketrans("0123456789%", "۰۱۲۳۴۵۶۷۸۹٪")}
_AGES: Final = (
    (60, 1, "%(n)s min", "%(n)s min ago"),
    (24 * 60, 60, "%(n)s h", "%(n)s h ago"),
    (7 * 24 * 60, 24 * 60, "%(n)s days", "%(n)s days ago"),
)
"""Below so many minutes an age is told in this unit, alone or in a sentence; `script.SCRIPT` has the same texts."""
_MONTHS: Final = {
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "fa": ["فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"],
}


class Words:
    """Everything a page needs to speak one language."""

    def __init__(self, language: str, zone: tzinfo, catalogue: gettext.GNUTranslations) -> None:
        self.language = language
        self.direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
        self.catalogue = catalogue
        self._zone = zone

    def say(self, message: str, **values: object) -> str:
        """The message in this language, with its values put in."""
        text = self.catalogue.gettext(message)
        return text % values if values else text

    def digits(self, value: object) -> str:
        """Our own numbers in the reader's digits. Never for what a customer wrote or has to spell out."""
        return str(value).translate(_DIGITS.get(self.language, {}))

    def age(self, moment: int, now: int, *, sentence: bool = False) -> str:
        """How long ago, in the shortest useful words; as part of a sentence or alone.

        static/words.js says it in the same steps.
        """
        minutes = max(0, now - moment) // 60_000
        if minutes < 1:
            return self.say("now")
        if 24 * 60 <= minutes < 48 * 60:
            return self.say("yesterday")
        for below, unit, alone, within in _AGES:
            if minutes < below:
                return self.say(within if sentence else alone, n=self.digits(minutes // unit))
        return self.date(moment, now)

    def date(self, moment: int, now: int | None = None) -> str:
        """The day; with `now`, the year only where it is another one."""
        year, month, day = self._day(moment)
        text = f"{self.digits(day)} {_MONTHS[self.language][month - 1]}"
        return text if now is not None and self._day(now)[0] == year else f"{text} {self.digits(year)}"

    def clock(self, moment: int) -> str:
        """Hours and minutes."""
        return self.digits(f"{datetime.fromtimestamp(moment / 1000, UTC).astimezone(self._zone):%H:%M}")

    def years(self, first: int, now: int) -> list[tuple[str, int, int]]:
        """The years from one moment to another in the reader's calendar, the newest first: name, beginning, end.

        Beginning and end are milliseconds since 1970 UTC; the end is the beginning of the next year.
        """
        oldest, newest = self._day(first)[0], self._day(now)[0]
        begins = [self._begin(year) for year in range(oldest, newest + 2)]
        found = [(self.digits(oldest + n), begins[n], begins[n + 1]) for n in range(newest - oldest + 1)]
        return found[::-1]

    def _begin(self, year: int) -> int:
        """When a year of the reader's calendar begins, in milliseconds."""
        day = nowruz(year) if self.language == "fa" else date(year, 1, 1)
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp() * 1000)

    def year(self, moment: int) -> str:
        """The year in the reader's calendar."""
        return self.digits(self._day(moment)[0])

    def _day(self, moment: int) -> tuple[int, int, int]:
        day = datetime.fromtimestamp(moment / 1000, UTC).astimezone(self._zone).date()
        return solar_hijri(day) if self.language == "fa" else (day.year, day.month, day.day)


@lru_cache(maxsize=8)
def words(language: str, zone: str = "UTC") -> Words:
    """The words of a language the desk speaks; English for any other."""
    chosen = language if language in LANGUAGES else "en"
    try:
        place: tzinfo = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        place = UTC
    with (LOCALES / chosen / "LC_MESSAGES" / "desk.po").open("rb") as file:
        catalogue = read_po(file, locale=chosen)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Words(chosen, place, gettext.GNUTranslations(compiled))


@lru_cache(maxsize=4096)
def telephone(value: str) -> str:
    """A telephone number grouped for reading, as its country does."""
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return value
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
