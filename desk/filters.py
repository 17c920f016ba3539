"""What templates do with a value before they show it, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from zlib import crc32

import orjson
from babel import Locale, UnknownLocaleError
from markupsafe import Markup, escape

from desk import labels, rows, views
from desk.reach import HOUR, Way
from desk.words import Words, telephone
from hub.profile import Profile

HUES: Final = 8
PROPERTIES: Final = ("value", "total", "currency", "price", "quantity", "order_id", "product", "category", "plan", "query")
"""What is worth a glance in a tracked event."""


def icon(name: str, title: str = "") -> Markup:
    """A Lucide icon from our sprite; decoration unless it has a title."""
    use = Markup('<use href="/static/icons/icons.svg#{}"></use>').format(name)
    if not title:
        return Markup('<svg class="icon" aria-hidden="true">{}</svg>').format(use)
    return Markup('<svg class="icon" role="img" aria-label="{}">{}</svg>').format(title, use)


def plain(thing: object) -> Markup:
    """A value of unknown shape as text that stands for itself in either direction of writing."""
    if isinstance(thing, bool):
        thing = "✓" if thing else "✗"
    elif isinstance(thing, list) and all(isinstance(one, str | int | float) for one in thing):
        thing = ", ".join(map(str, thing))
    elif isinstance(thing, dict | list):
        thing = orjson.dumps(thing, option=orjson.OPT_NON_STR_KEYS).decode()
    return Markup('<bdi dir="auto">{}</bdi>').format(escape(str(thing)))


def grouped(thing: object) -> Markup:
    """A value for reading aloud: a long number in groups of four, which copying leaves out."""
    text = str(thing)
    if isinstance(thing, bool) or not text.isascii() or not text.isdigit() or len(text) < 7:
        return plain(thing)
    groups = Markup("").join(
        Markup('<span class="group">{}</span>').format(text[place : place + 4]) for place in range(0, len(text), 4)
    )
    return Markup('<bdi dir="ltr">{}</bdi>').format(groups)


def initial(name: str) -> str:
    """The first letter of a name, for a person without a picture."""
    return next((sign.upper() for sign in name if sign.isalpha()), "#")


def hue(id: str) -> int:
    """The same colour for the same customer, everywhere."""
    return crc32(id.encode()) % HUES


def icon_of(kind: str) -> str:
    """The icon of a type of event."""
    return rows.ICONS.get(kind) or rows.ICONS.get(kind.partition(".")[0], "circle-question-mark")


def way_icon(way: Way) -> str:
    """The icon of a way to write."""
    return {"sms": "message-square", "email": "mail", "instagram": "at-sign"}.get(way.kind.id, "message-circle")


def page_name(name: str) -> str:
    """A page as people call it: its name, or the path of its address."""
    parts = urlsplit(name) if name.startswith(("http://", "https://")) else None
    return (parts.path or parts.netloc) if parts else name


def brief_properties(properties: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The few properties that say most."""
    said = [(name, properties[name]) for name in PROPERTIES if isinstance(properties.get(name), str | int | float)]
    return said[:3]


class Filters:
    """The filters that need the words of a language."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def table(self) -> dict[str, Any]:
        """Every filter by its name in the templates."""
        named = (self.label, self.identity, self.amount, self.when, self.phone, self.reason, self.closed_reason)
        more = (self.act, self.duration, self.customer_name, self.tier_name, self.language_name)
        work = (self.work_name, self.work_address, self.work_line)
        free = (plain, grouped, initial, hue, icon_of, way_icon, page_name, brief_properties)
        found: dict[str, Any] = {one.__name__: one for one in (*named, *more, *work, *free)}
        return {**found, "digits": self._words.digits}

    def label(self, name: str, table: Mapping[str, str]) -> str:
        """What a table calls it; what no table knows is shown as people write it."""
        found = table.get(name) or table.get(name.partition(".")[2])
        return self._words.say(found) if found else name.replace("_", " ").replace("-", " ").replace(".", " ").capitalize()

    def act(self, kind: str) -> str:
        """What happened, by the type of the event."""
        return self.label(kind, labels.ACTS)

    def identity(self, text: str, kind: str) -> Markup:
        """An identifier, always written from left to right, in the digits it is dialled and typed in."""
        return Markup('<bdi dir="ltr">{}</bdi>').format(telephone(text) if views.is_telephone(kind) else text)

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

    def duration(self, seconds: float) -> str:
        """Seconds as minutes and seconds."""
        return self._words.digits(f"{int(seconds) // 60}:{int(seconds) % 60:02d}")

    def when(self, moment: int) -> Markup:
        """A moment as its age; the page's script keeps it true and adds date and time in the reader's zone."""
        age = self._words.ago(moment, views.now_ms())
        return Markup('<time datetime="{}">{}</time>').format(views.moment(moment), age)

    def reason(self, said: object) -> Markup:
        """Why, in words: a code of ours translated, a sentence as it is."""
        known = labels.REASONS.get(str(said))
        return plain(self._words.say(known) if known else said)

    def closed_reason(self, way: Way) -> str:
        """Why an agent cannot write this way."""
        if way.closed == "window":
            if not way.last:
                return self._words.say("only after they write")
            hours = (views.now_ms() - way.last) // HOUR
            return self._words.say("closed: last message %(n)s h ago", n=self._words.digits(hours))
        if way.closed == "withdrawn":
            return self._words.say("the customer does not want this")
        return self._words.say(labels.NO_ADDRESS.get(way.kind.id, labels.NO_ADDRESS["email"]))

    def customer_name(self, profile: Profile) -> str:
        """What to call a customer, also one who never gave a name."""
        named = views.name_of(profile)
        if named:
            return named
        known = [one for one in views.identities(profile) if one["type"] not in views.ANONYMOUS]
        if known:
            return telephone(known[0]["value"]) if views.is_telephone(known[0]["type"]) else known[0]["value"]
        return self._words.say("Visitor %(id)s", id=profile["id"][-4:])

    def tier_name(self, tier: object) -> str:
        """A loyalty tier."""
        known = labels.TIERS.get(str(tier).lower())
        return self._words.say(known) if known else str(tier)

    def language_name(self, code: str) -> str:
        """A language as its readers here call it."""
        try:
            name = Locale.parse(code).get_language_name(self._words.language)
        except (UnknownLocaleError, ValueError):
            name = None
        return name or code

    def work_name(self, notice: Mapping[str, Any]) -> Markup:
        """Whom a line of the work list is about."""
        if notice.get("name"):
            return plain(notice["name"])
        address = str(notice.get("address") or "")
        kind, _, text = address.partition(":")
        return self.identity(text, kind) if text else plain(self._words.say("Unknown caller"))

    def work_address(self, notice: Mapping[str, Any]) -> Markup:
        """The address in a line of the work list, where it is not the name already."""
        kind, _, text = str(notice.get("address") or "").partition(":")
        return self.identity(text, kind) if text and notice.get("name") else Markup("")

    def work_line(self, notice: Mapping[str, Any]) -> Markup:
        """What it is about, in a few words."""
        call = notice.get("call")
        if isinstance(call, dict):
            return plain(self.label(str(call.get("state")), labels.CALLS))
        text = notice.get("text")
        return plain(f"“{text}”") if text else plain(self.act(str(notice.get("type"))))
