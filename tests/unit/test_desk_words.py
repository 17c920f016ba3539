"""The desk's languages: complete catalogues, digits, ages, and the Solar Hijri calendar."""

from __future__ import annotations

import itertools
import re
from datetime import date, timedelta

import pytest

from desk import catalogues
from desk.script import SCRIPT
from desk.words import LANGUAGES, telephone, words
from hub.calendar import solar_hijri

NOW = 1_795_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def _texts(string: object) -> list[str]:
    return [str(one) for one in string] if isinstance(string, tuple | list) else [str(string)]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_catalogue_is_complete(language: str) -> None:
    """Every text in code and templates is translated, nothing else is kept, and no value is lost in translation."""
    wanted = {str(message.id) for message in catalogues.template() if message.id}
    kept = {str(message.id): message for message in catalogues.read(language) if message.id}
    assert wanted == set(kept), "run python -m desk.catalogues and translate"
    for message in kept.values():
        values = set(re.findall(r"%\(\w+\)s", _texts(message.id)[0]))
        for text in _texts(message.string):
            assert text.strip(), f"not translated: {message.id}"
            assert set(re.findall(r"%\(\w+\)s", text)) == values, message.id


def test_persian_is_persian() -> None:
    """No Arabic letters or digits that Persian writes otherwise."""
    for message in catalogues.read("fa"):
        for text in _texts(message.string):
            assert not re.search("[يك٤٥٦]", text), text


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(1979, 2, 11), (1357, 11, 22)),
        (date(2000, 3, 20), (1379, 1, 1)),
        (date(2017, 3, 20), (1395, 12, 30)),
        (date(2021, 3, 20), (1399, 12, 30)),
        (date(2021, 3, 21), (1400, 1, 1)),
        (date(2024, 3, 20), (1403, 1, 1)),
        (date(2025, 3, 20), (1403, 12, 30)),
        (date(2026, 3, 21), (1405, 1, 1)),
        (date(2026, 11, 22), (1405, 9, 1)),
    ],
)
def test_solar_hijri(day: date, expected: tuple[int, int, int]) -> None:
    assert solar_hijri(day) == expected


def test_solar_hijri_days_follow_each_other() -> None:
    day, before = date(1950, 1, 1), solar_hijri(date(1949, 12, 31))
    for _ in range(365 * 120):
        now = solar_hijri(day)
        year, month, number = before
        same_month, next_month, next_year = (year, month, number + 1), (year, month + 1, 1), (year + 1, 1, 1)
        assert now in (same_month, next_month, next_year)
        assert now != next_month or number == (31 if month <= 6 else 30)
        assert now != next_year or (month == 12 and number in (29, 30))
        before, day = now, day + timedelta(days=1)


@pytest.mark.parametrize(("language", "zone"), [("en", "UTC"), ("fa", "Asia/Tehran"), ("fa", "UTC")])
def test_years_of_the_readers_calendar_follow_each_other(language: str, zone: str) -> None:
    spoken = words(language, zone)
    years = spoken.years(NOW - 9 * 365 * DAY, NOW)
    assert years[0][1] <= NOW < years[0][2]
    assert years[-1][1] <= NOW - 9 * 365 * DAY < years[-1][2]
    for (name, begin, _), (_, _, before) in itertools.pairwise(years):
        assert begin == before
        assert (spoken.year(begin), spoken.clock(begin)) == (name, spoken.digits("00:00"))
        assert spoken.year(begin - 1) != name


@pytest.mark.parametrize(
    ("age", "english", "persian"),
    [
        (-5 * HOUR, "now", "همین حالا"),
        (59_000, "now", "همین حالا"),
        (MINUTE, "1 min", "۱ دقیقه"),
        (59 * MINUTE, "59 min", "۵۹ دقیقه"),
        (HOUR, "1 h", "۱ ساعت"),
        (DAY, "yesterday", "دیروز"),
        (3 * DAY, "3 days", "۳ روز"),
    ],
)
def test_ages(age: int, english: str, persian: str) -> None:
    assert words("en").age(NOW - age, NOW) == english
    assert words("fa").age(NOW - age, NOW) == persian


def test_ages_in_a_sentence_and_dates() -> None:
    assert words("en").age(NOW - 3 * DAY, NOW, sentence=True) == "3 days ago"
    assert words("fa").age(NOW - 3 * DAY, NOW, sentence=True) == "۳ روز پیش"
    assert words("en").age(NOW - 30 * DAY, NOW) == "19 Oct"
    assert words("fa").age(NOW - 30 * DAY, NOW) == "۲۷ مهر"
    assert words("en").age(NOW - 400 * DAY, NOW) == "14 Oct 2025"
    assert words("fa").year(NOW) == "۱۴۰۵"


def test_zone_decides_the_day() -> None:
    evening = 1_790_198_100_000  # 23 September 2026, 21:15 UTC
    assert words("en", "UTC").date(evening) == "23 Sep 2026"
    assert words("en", "Asia/Tehran").date(evening) == "24 Sep 2026"
    assert words("en", "No/Where").date(evening) == "23 Sep 2026"


def test_unknown_language_is_english() -> None:
    assert words("xx").language == "en"
    assert words("fa").direction == "rtl"


def test_telephone() -> None:
    assert telephone("+4930901820") == "+49 30 901820"
    assert telephone("nonsense") == "nonsense"


def test_scripts_have_every_age() -> None:
    """static/words.js tells ages with the same texts as the server."""
    for name in ("minutes", "hours", "days"):
        assert SCRIPT[f"{name}_ago"] == SCRIPT[name] + " ago"
