"""What a template may do to a value. Every function is bounded, whatever it is handed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, Final

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_decimal

MAX_TEXT: Final = 5000
"""Characters of a message, and of any value on the way to it."""
MAX_LIST: Final = 50
LARGEST: Final = 10**15


class TemplateFault(Exception):
    """A template cannot be used, or not for this customer; `line` is its own line, 0 when unknown."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def text(value: Any, what: str = "a value") -> str:
    """A value as it is put into a message. Raises TemplateFault for what is none: missing, a list, yes or no."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT]
    if value is None:
        raise TemplateFault(f"{what} is missing")
    if isinstance(value, bool | list | dict):
        raise TemplateFault(f"{what} is no text and no number")
    number(value)
    return str(int(value)) if value == int(value) else str(value)


def number(value: Any) -> int | float:
    """A number of reasonable size. Raises TemplateFault otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TemplateFault("a number was expected")
    if not -LARGEST < value < LARGEST:
        raise TemplateFault("a number is too large")
    return value


def listed(value: Any) -> list[Any]:
    """The elements of a list, as many as a message can use. Raises TemplateFault for anything else."""
    if not isinstance(value, list):
        raise TemplateFault("a list was expected")
    return value[:MAX_LIST]


def _count(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise TemplateFault(f"a whole number from {low} to {high} was expected")
    return value


def _default(_: Locale, value: Any, other: Any = "") -> Any:
    return other if value is None or value == "" else value


def _truncate(_: Locale, value: Any, length: Any = 100) -> str:
    whole, size = text(value), _count(length, 2, MAX_TEXT)
    return whole if len(whole) <= size else whole[: size - 1].rstrip() + "…"


def _ending(_: Locale, value: Any, length: Any = 4) -> str:
    return text(value).strip()[-_count(length, 1, 20) :]


def _join(_: Locale, value: Any, between: Any = ", ") -> str:
    return text(text(between)[:20].join(text(one) for one in listed(value)))


def _edge(_: Locale, value: Any, at: int = 0) -> Any:
    if isinstance(value, str):
        return value[at:][:1] if value else None
    found = listed(value) if at == 0 else value[-1:]
    return found[0] if found else None


def _last(locale: Locale, value: Any) -> Any:
    return _edge(locale, value if isinstance(value, str) else listed(value), -1)


def _length(_: Locale, value: Any) -> int:
    return len(value) if isinstance(value, list | str | dict) else 0


def _round(_: Locale, value: Any, digits: Any = 0) -> int | float:
    places = _count(digits, 0, 6)
    return round(number(value), places) if places else round(number(value))


def _number(locale: Locale, value: Any) -> str:
    return format_decimal(number(value), locale=locale, numbering_system="default")


def _money(locale: Locale, value: Any, currency: Any = None) -> str:
    code = currency.upper() if isinstance(currency, str) else ""
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        return _number(locale, value)
    return format_currency(number(value), code, locale=locale, numbering_system="default")


def _plain(change: Callable[[str], str]) -> Callable[..., str]:
    return lambda _, value: change(text(value))[:MAX_TEXT]


FILTERS: Final[Mapping[str, tuple[Callable[..., Any], int]]] = MappingProxyType(
    {
        "default": (_default, 1),
        "d": (_default, 1),
        "upper": (_plain(str.upper), 0),
        "lower": (_plain(str.lower), 0),
        "capitalize": (_plain(str.capitalize), 0),
        "title": (_plain(str.title), 0),
        "trim": (_plain(str.strip), 0),
        "truncate": (_truncate, 1),
        "ending": (_ending, 1),
        "join": (_join, 1),
        "first": (_edge, 0),
        "last": (_last, 0),
        "length": (_length, 0),
        "count": (_length, 0),
        "round": (_round, 1),
        "number": (_number, 0),
        "money": (_money, 1),
    }
)
"""By name: the function, whose first argument is the message's locale, and how many arguments it takes at most."""


def bound(name: str, language: str) -> tuple[Callable[..., Any], int]:
    """A filter for messages of one language. Raises KeyError when there is none of that name."""
    function, arguments = FILTERS[name]
    return partial(function, locale(language)), arguments


@lru_cache(maxsize=256)
def locale(language: str) -> Locale:
    """How the language writes numbers; English for one we do not know."""
    try:
        found = Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        found = Locale.parse("en")
    # Babel reads its tables at first use: that is now, when files are read anyway, and not within an event.
    format_currency(1, "USD", locale=found)
    return found
