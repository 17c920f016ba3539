"""The fields a condition may ask about, such as `event.properties.total` or `profile.counts.email.received`.

| field | what |
|---|---|
| event.type, id, source, subject, tenant, channel, time | the envelope |
| event.<anything else> | the event's data: name, text, language, properties.<name>, … |
| profile.traits.<name>, profile.facts.<name> | what is true of the customer, what they told us |
| profile.stage, language, events, first, last | lifecycle, language, number of events, times |
| profile.counts.<key> | how often; 0 when never. The key is an event type, or `type/name` |
| profile.latest.<key>.time, profile.latest.<key>.text | the newest event of that kind |
| profile.channels.<channel>.<received, sent, failed, …> | traffic; 0 when none |
| profile.consent.<channel>/<purpose> | true when given, false when withdrawn |
| profile.identities.<type> | list of the values known, such as e-mail addresses |
| profile.computed.<trait> | a computed trait at the moment of asking; counts and sums are 0 when there was nothing |
| profile.segments.<segment> | true when the customer is in the segment, else false |
| profile.place, profile.place.<latitude, longitude, accuracy, city, country, source, time> | where they were last |
| item, item.<name> | inside `has`, `every` and `none`: the element of the list |
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Final, Literal

Place = Literal[
    "envelope",
    "data",
    "traits",
    "facts",
    "counts",
    "latest",
    "channels",
    "consent",
    "identities",
    "computed",
    "segments",
    "place",
    "plain",
    "item",
]

ENVELOPE: Final = frozenset({"type", "id", "source", "subject", "tenant", "channel", "time"})
PLAIN: Final = frozenset({"stage", "language", "events", "first", "last"})
KEYED: Final[dict[str, Place]] = {
    "traits": "traits",
    "facts": "facts",
    "counts": "counts",
    "latest": "latest",
    "channels": "channels",
    "consent": "consent",
    "identities": "identities",
    "computed": "computed",
    "segments": "segments",
}
TRAFFIC: Final = ("received", "sent", "failed", "last_received", "last_sent")
PLACE: Final = ("latitude", "longitude", "accuracy", "city", "country", "source", "time")
MOMENTS: Final = frozenset({"event.time", "profile.first", "profile.last"})
LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Path:
    """Where a field's value lies: a place, the keys below it, and whether it is a moment in milliseconds."""

    text: str
    place: Place
    keys: tuple[str, ...]
    moment: bool = False


def hint(word: str, known: list[str]) -> str:
    """`; did you mean …?` when something known is spelled alike, else nothing."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """The path a field name stands for. Raises ValueError with a suggestion when there is no such field."""
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    root, _, rest = text.partition(".")
    if root == "item":
        keys = tuple(rest.split(".")) if rest else ()
        return Path(text, "item", _checked(text, keys))
    if root not in {"event", "profile"}:
        raise ValueError(f"{text} is no field: fields start with event., profile. or item." + _nearest(text))
    if not rest:
        raise ValueError(f"{text} alone is no field: say which part of it")
    return _event(text, rest) if root == "event" else _profile(text, rest)


def _checked(text: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    if not all(keys):
        raise ValueError(f"{text} has an empty part between its dots")
    return keys


def _nearest(text: str) -> str:
    known = [f"event.{name}" for name in (*ENVELOPE, "name", "text", "properties")]
    known += [f"profile.{name}" for name in (*PLAIN, *KEYED, "place")]
    return hint(".".join(text.split(".")[:2]), known)


def _event(text: str, rest: str) -> Path:
    if rest in ENVELOPE:
        return Path(text, "envelope", (rest,), text in MOMENTS)
    return Path(text, "data", _checked(text, tuple(rest.split("."))))


def _profile(text: str, rest: str) -> Path:
    if rest in PLAIN:
        return Path(text, "plain", (rest,), text in MOMENTS)
    head, _, tail = rest.partition(".")
    if head == "place":
        if tail not in {"", *PLACE}:
            raise ValueError(f"{text}: a place has {', '.join(PLACE)}" + hint(tail, list(PLACE)))
        return Path(text, "place", (tail,) if tail else (), tail == "time")
    place = KEYED.get(head)
    if place is None:
        raise ValueError(f"a profile has no {head}" + _nearest(text))
    if not tail:
        raise ValueError(f"{text} alone is no field: say which one, as in {text}.<name>")
    if place in {"traits", "facts"}:
        return Path(text, place, _checked(text, tuple(tail.split("."))))
    if place == "latest":
        # Event types have dots themselves, so the last word decides.
        key, _, part = tail.rpartition(".")
        if part not in {"time", "text"} or not key:
            raise ValueError(f"{text} must end with .time or .text")
        return Path(text, place, (key, part), part == "time")
    if place == "channels":
        channel, _, part = tail.partition(".")
        if part not in TRAFFIC:
            raise ValueError(f"{text} must end with one of: {', '.join(TRAFFIC)}" + hint(part, list(TRAFFIC)))
        return Path(text, place, (channel, part), part.startswith("last_"))
    return Path(text, place, (tail,))
