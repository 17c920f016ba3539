"""What templates do with a value before they show it, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from zlib import crc32

import orjson
from markupsafe import Markup, escape

from desk import labels, rows, views
from desk.words import Words, telephone

HUES: Final = 8
_AS_WRITTEN: Final = str.maketrans("_-.", "   ")
PROPERTIES: Final = ("order_id", "value", "total", "price", "quantity", "product", "category", "plan", "query")
"""What is worth a glance in a tracked event."""
AMOUNTS: Final = frozenset({"value", "total", "price"})


def icon(name: str, title: str = "") -> Markup:
    """A Lucide icon from our sprite; decoration unless it has a title."""
    use = Markup('<use href="/static/icons/icons.svg#{}"></use>').format(name)
    if not title:
        return Markup('<svg class="icon" aria-hidden="true">{}</svg>').format(use)
    return Markup('<svg class="icon" role="img" aria-label="{}">{}</svg>').format(title, use)


def isolated(text: object, direction: str = "auto") -> Markup:
    """Text that stands for itself in either direction of writing."""
    return Markup('<bdi dir="{}">{}</bdi>').format(direction, escape(str(text)))


def apart(text: str) -> str:
    """Text of unknown direction for a place that holds no elements, such as an attribute."""
    return f"\u2068{text}\u2069"


def initial(name: str) -> str:
    """The first letter of a name, for a person without a picture."""
    return next((sign.upper() for sign in name if sign.isalpha()), "#")


def hue(id: str) -> int:
    """The same colour for the same customer, everywhere."""
    return crc32(id.encode()) % HUES


def icon_of(kind: str) -> str:
    """The icon of a type of event."""
    return rows.ICONS.get(kind) or rows.ICONS.get(kind.partition(".")[0], "circle-question-mark")


def page_name(name: str) -> str:
    """A page as people call it: its name, or the path of its address."""
    parts = urlsplit(name) if name.startswith(("http://", "https://")) else None
    return (parts.path or parts.netloc) if parts else name


def brief_properties(properties: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The few properties that say most; an amount with its currency."""
    said = [(name, properties[name]) for name in PROPERTIES if isinstance(properties.get(name), str | int | float)]
    currency = properties.get("currency")
    if isinstance(currency, str):
        said = [(name, f"{value} {currency}" if name in AMOUNTS else value) for name, value in said]
    return said[:3]


def is_long(text: str | None) -> bool:
    """Whether a text is folded until somebody wants to read it."""
    return text is not None and (len(text) > 320 or text.count("\n") > 5)


class Filters:
    """The filters that need the words of a language."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def table(self) -> dict[str, Any]:
        """Every filter by its name in the templates."""
        worded = (self.label, self.act, self.plain, self.grouped, self.identity, self.phone)
        counted = (self.in_words, self.amount, self.figure, self.duration, self.when, self.ago, self.until, self.reason)
        free = (apart, initial, hue, icon_of, page_name, brief_properties, is_long)
        found: dict[str, Any] = {one.__name__: one for one in (*worded, *counted, *free)}
        return {**found, "digits": self._words.digits}

    def label(self, name: str, table: Mapping[str, str]) -> str:
        """What a table calls it; what no table knows is shown as people write it."""
        found = table.get(name) or table.get(name.partition(".")[2])
        return (
            self._words.say(found) if found else name.replace("_", " ").replace("-", " ").replace(".", " ").capitalize()
        )

    def in_words(self, said: object) -> object:
        """A text that its author wrote in several languages, in the reader's or else the first."""
        if isinstance(said, Mapping):
            return said.get(self._words.language) or next(iter(said.values()), "")
        return said

    def act(self, kind: str) -> str:
        """What happened, by the type of the event."""
        return self.label(kind, labels.ACTS)

    def plain(self, thing: object) -> Markup:
        """A value of unknown shape: our reader's digits for numbers, words as they were said."""
        if isinstance(thing, bool):
            return isolated(self._words.say("yes") if thing else self._words.say("no"))
        if isinstance(thing, int | float):
            return isolated(self._words.digits(f"{thing:g}" if abs(thing) < 1e6 else thing))
        if isinstance(thing, list) and all(isinstance(one, str | int | float) for one in thing):
            return isolated(", ".join(map(str, thing)))
        if isinstance(thing, dict | list):
            return isolated(orjson.dumps(thing, option=orjson.OPT_NON_STR_KEYS).decode(), "ltr")
        return isolated(thing)

    def grouped(self, thing: object) -> Markup:
        """A value for reading aloud: a long number in groups of four, which copying leaves out."""
        text = str(thing)
        if isinstance(thing, bool) or not text.isascii() or not text.isdigit():
            return self.plain(thing)
        if len(text) < 7:
            return isolated(self._words.digits(text))
        groups = [Markup('<span class="group">{}</span>').format(text[at : at + 4]) for at in range(0, len(text), 4)]
        return Markup('<bdi dir="ltr">{}</bdi>').format(Markup("").join(groups))

    def identity(self, text: str, kind: str) -> Markup:
        """An identifier, always written from left to right, in the digits it is dialled and typed in."""
        return isolated(telephone(text) if views.is_telephone(kind) else text, "ltr")

    def phone(self, number: object) -> Markup:
        """A telephone number."""
        return self.identity(str(number), "phone")

    def amount(self, number: object) -> str:
        """A number as people read it; what lies between 0 and 1 is a share."""
        if isinstance(number, float) and 0 < number < 1:
            return self._words.digits(f"{number:.0%}")
        if isinstance(number, int | float):
            return self._words.digits(f"{number:,.0f}" if abs(number) >= 1000 else f"{number:g}")
        return str(number)

    def figure(self, number: float) -> str:
        """A number as it was given."""
        return self._words.digits(f"{number:g}")

    def until(self, moment: int) -> str:
        """By when something is due."""
        day, time = self._words.date(moment, views.now_ms()), self._words.clock(moment)
        return self._words.say("by %(day)s, %(time)s", day=day, time=time)

    def duration(self, seconds: float) -> str:
        """Seconds as minutes and seconds."""
        return self._words.digits(f"{int(seconds) // 60}:{int(seconds) % 60:02d}")

    def when(self, moment: int) -> Markup:
        """A moment as its age; the page's script keeps it true and adds date and time in the reader's zone."""
        age = self._words.age(moment, views.now_ms())
        return Markup('<time datetime="{}">{}</time>').format(views.moment(moment), age)

    def ago(self, moment: int) -> Markup:
        """The same in the middle of a text, where an age alone could be misread."""
        age = self._words.age(moment, views.now_ms(), sentence=True)
        return Markup('<time datetime="{}" data-ago>{}</time>').format(views.moment(moment), age)

    def reason(self, said: object) -> Markup:
        """Why, in words. The gates say `code: sentence`: the sentence is English, the code speaks every language."""
        code, _, sentence = str(said).partition(": ")
        known = labels.REASONS.get(code)
        if known is None:
            return isolated(said)
        return isolated(sentence if sentence and self._words.language == "en" else self._words.say(known))
