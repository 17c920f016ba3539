"""What fields are called that rules ask about, and which ones there are to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from markupsafe import Markup, escape

from desk import labels, rulelabels
from desk.filters import Filters, isolated
from desk.titles import UNTITLED, Titles
from desk.words import Words
from rules.paths import Path, parse

COMMON: Final = (
    *("event.type", "event.name", "event.text", "event.time", "event.channel", "event.properties.name"),
    *("event.properties.total", "event.properties.price", "event.properties.currency", "event.properties.category"),
    *("profile.stage", "profile.language", "profile.events", "profile.first", "profile.last"),
    *("profile.traits.tier", "profile.traits.city", "profile.traits.country", "profile.facts.account_number"),
    *("profile.counts.email.received", "profile.counts.sms.received", "profile.counts.web.track/Order Completed"),
    *("profile.latest.email.received.time", "profile.latest.web.track/Order Completed.time"),
    *("profile.channels.email.last_sent", "profile.channels.sms.last_sent", "profile.consent.email/marketing"),
    *("profile.consent.sms/marketing", "profile.identities.email", "profile.identities.phone"),
)
"""Offered while somebody types; any other that there is can be written."""


def offered(traits: Iterable[str], computed: Iterable[str], segments: Iterable[str]) -> list[str]:
    """The fields to choose from, with what this installation declares."""
    declared = (
        *(f"profile.traits.{one}" for one in traits),
        *(f"profile.computed.{one}" for one in computed),
        *(f"profile.segments.{one}" for one in segments),
    )
    return list(dict.fromkeys((*COMMON, *declared)))


class Fields:
    """The names of fields in one language."""

    def __init__(self, words: Words, filters: Filters, titles: Titles = UNTITLED) -> None:
        self._words = words
        self._filters = filters
        self._titles = titles

    def name(self, field: str) -> Markup:
        """What people call a field; as it is written where nobody gave it a name."""
        if field in rulelabels.FIELDS:
            return self._put(rulelabels.FIELDS[field])
        try:
            path = parse(field)
        except ValueError:
            return isolated(field, "ltr")
        if path.place == "channels":
            return self._traffic(path)
        if path.place == "latest":
            return self._put(rulelabels.PLACES[f"profile.latest.{path.keys[1]}"], name=self._event(path.keys[0]))
        return self._put(rulelabels.PLACES[_place(path)], name=self._key(path))

    def _key(self, path: Path) -> Markup:
        key = path.keys[-1]
        if path.place == "counts":
            return self._event(key)
        if path.place == "consent":
            channel, _, purpose = key.partition("/")
            names = (self._label(channel, labels.CHANNELS), self._label(purpose, labels.PURPOSES))
            return escape(self._words.say("%(channel)s, %(purpose)s", channel=names[0], purpose=names[1]))
        if path.place == "identities":
            return escape(self._label(key, labels.IDENTITIES))
        if path.place in {"computed", "segments"}:
            return isolated(key)
        declared = self._titles.traits.get(key) if path.place == "traits" else None
        return isolated(self._filters.in_words(declared) if declared else self._label(key, labels.FACTS))

    def _traffic(self, path: Path) -> Markup:
        channel = self._label(path.keys[0], labels.CHANNELS)
        return self._put(rulelabels.TRAFFIC[path.keys[1]], channel=channel)

    def _event(self, kind: str) -> Markup:
        type_, slash, name = kind.partition("/")
        if slash:
            return isolated(self._words.say("“%(text)s”", text=name))
        known = rulelabels.SEVERAL.get(type_)
        return self._put(known) if known else isolated(kind, "ltr")

    def _label(self, name: str, table: Any) -> str:
        return self._filters.label(name, table)

    def _put(self, message: str, **values: object) -> Markup:
        text = escape(self._words.say(message))
        return text % values if values else text


def _place(path: Path) -> str:
    if path.place == "data":
        return "event.properties" if path.text.startswith("event.properties.") else "event"
    return path.place if path.place in {"item"} else f"profile.{path.place}" if path.place != "envelope" else "event"


def moment(field: str) -> bool:
    """Whether a field is a moment."""
    try:
        return parse(field).moment
    except ValueError:
        return False
