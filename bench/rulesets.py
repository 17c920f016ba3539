"""The load of the rule benchmark: rules over event, profile and windows, and the events they look at. Seeded.

200 event names and the values of a field are drawn unevenly (Zipf), as real ones are. An event has 40 fields, a
profile 200, of which a class of customers uses 10. A rule has 3 to 8 predicates: 55 % equalities, 20 % ranges, 10 %
negations and missing fields, 10 % windows, 5 % lists; every fifth has an alternative.

Beside this mixed load there are hostile ones, see `Shape`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random
from typing import Any, Final, Literal, TypeAlias

import orjson

from hub.profile import Profile, empty
from rules.scene import Scene

NAMES: Final = 200
EVENT_FIELDS: Final = 40
CLASSES: Final = 20
OWN_FIELDS: Final = 10
WINDOWS: Final = 10
NUMBERS: Final = 1000
"""Numbers of a field go from 0 up to this."""
SIZES: Final = (5, 20, 100, 1000)
"""How many values a field of words has: every fourth field has as many."""
NOW: Final = 1_767_268_800_000
LONG: Final = 1000
"""Values of a long list."""
LISTED: Final = tuple(f"x{n}" for n in range(5000))
"""Values such a list is drawn from."""
LISTS: Final = 200
"""Such lists; several rules may have the same."""

Shape: TypeAlias = Literal["mixed", "one name", "one field", "long lists", "all missing"]
"""What is hostile: every rule listens to one event; every range asks about one field, each from another number;
every rule asks for one of 1,000 values, and that another field is missing; no event or profile says anything."""


def name_of(number: int) -> str:
    """The name of an event, most frequent first."""
    return f"Event {number:03d}"


class Draw:
    """Values as they occur: the first of a field often, the last hardly ever."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._weights = {size: list(accumulate(1 / (rank + 1) for rank in range(size))) for size in {*SIZES, NAMES}}

    def rank(self, size: int) -> int:
        """The rank of a value of a field with so many."""
        return self.random.choices(range(size), cum_weights=self._weights[size])[0]

    def value(self, field: int) -> Any:
        """What a field says: two of five fields hold a number, the others a word."""
        if numeric(field):
            return self.random.randrange(NUMBERS)
        return f"v{self.rank(size_of(field))}"

    def said(self, there: float) -> dict[str, Any]:
        """The properties of an event; each is there so often, from 0 to 1."""
        return {f"f{n}": self.value(n) for n in range(EVENT_FIELDS) if self.random.random() < there}

    def tags(self) -> list[str]:
        """The tags of an event."""
        return [f"v{self.rank(20)}" for _ in range(3)]


def own_fields(kind: int) -> range:
    """The fields that profiles of a class of customers use."""
    return range(kind * OWN_FIELDS, (kind + 1) * OWN_FIELDS)


def numeric(field: int) -> bool:
    """Whether a field holds numbers."""
    return field % 5 in {1, 3}


def size_of(field: int) -> int:
    """How many words a field may hold."""
    return SIZES[field % len(SIZES)]


@dataclass(frozen=True, slots=True)
class Load:
    """One setting: how many rules, and how often they match."""

    rules: int
    eager: float = 0.25
    """The share of equalities that ask for the most frequent value, and of ranges that most numbers lie in."""
    wide: float = 0.0
    """The share of both that nearly every value fulfils."""
    least: int = 3
    most: int = 8
    """Predicates of a rule."""
    whole: bool = False
    """No field is ever missing, so that engines without three values can be compared: all customers are of one class,
    and rules ask about its fields."""
    seed: int = 1
    shape: Shape = "mixed"

    @property
    def classes(self) -> int:
        """How many classes of customers there are."""
        return 1 if self.whole else CLASSES


SETTINGS: Final = {
    0.1: Load(10_000, eager=0.15, least=5),
    1: Load(10_000, eager=0.5, least=4),
    50: Load(10_000, wide=0.9, most=5),
}
"""By how many rules an event fulfils, about."""


def field_names() -> dict[str, type]:
    """The fields by their short names, with the type of what they say."""
    fields = {f"{letter}{n}": int if numeric(n) else str for letter, most in _LETTERS for n in range(most)}
    return {"name": str, "tags": list, **fields, **{f"w{n}": int for n in range(WINDOWS)}}


_LETTERS: Final = (("f", EVENT_FIELDS), ("t", CLASSES * OWN_FIELDS))


def conditions(load: Load) -> list[tuple[str, dict[str, Any]]]:
    """The rules: the name of the event each listens to, and its condition as data."""
    draw = Draw(load.seed)
    found = []
    lists = [sorted(draw.random.sample(LISTED, LONG)) for _ in range(LISTS if load.shape == "long lists" else 0)]
    for _ in range(load.rules):
        kind = draw.random.randrange(load.classes)
        parts = [_predicate(draw, load, kind) for _ in range(draw.random.randint(load.least, load.most))]
        if draw.random.random() < 0.2:
            parts[-2:] = [{"any": parts[-2:]}]
        if load.shape == "long lists":
            parts = [*_long_list(draw, draw.random.choice(lists)), *parts[:1]]
        name = name_of(0 if load.shape == "one name" else draw.rank(NAMES))
        found.append((name, {"all": parts}))
    return found


def _predicate(draw: Draw, load: Load, kind: int) -> dict[str, Any]:
    sort = draw.random.random()
    if sort < 0.55:
        return _equality(draw, load, _field(draw, kind, words=True))
    if sort < 0.75:
        return _range(draw, load, _field(draw, kind, words=False)[1])
    if sort < 0.85:
        number, name = _field(draw, kind, words=True)
        if draw.random.random() < 0.5 or load.whole:
            return {"field": name, "op": "ne", "value": f"v{draw.rank(size_of(number))}"}
        return {"field": name, "op": "exists", "value": draw.random.random() < 0.7}
    if sort < 0.95:
        return _range(draw, load, f"profile.computed.w{draw.random.randrange(WINDOWS)}")
    return {"field": "event.tags", "op": "contains", "value": f"v{draw.rank(20)}"}


def _long_list(draw: Draw, listed: list[str]) -> list[dict[str, Any]]:
    return [
        {"field": f"event.properties.l{draw.random.randrange(4)}", "op": "in", "value": listed},
        {"field": f"event.properties.f{draw.random.randrange(EVENT_FIELDS)}", "op": "exists", "value": False},
    ]


def _field(draw: Draw, kind: int, *, words: bool) -> tuple[int, str]:
    while True:
        if draw.random.random() < 0.6:
            number = draw.random.randrange(EVENT_FIELDS)
            name = f"event.properties.f{number}"
        else:
            number = kind * OWN_FIELDS + draw.random.randrange(OWN_FIELDS)
            name = f"profile.traits.t{number}"
        if numeric(number) is not words:
            return number, name


def _equality(draw: Draw, load: Load, field: tuple[int, str]) -> dict[str, Any]:
    number, name = field
    size = size_of(number)
    if draw.random.random() < load.wide:
        return {"field": name, "op": "in", "value": [f"v{n}" for n in range(min(size, 20))]}
    if draw.random.random() < load.eager:
        return {"field": name, "op": "eq", "value": "v0"}
    if draw.random.random() < 0.3:
        values = {f"v{draw.rank(size)}" for _ in range(draw.random.randint(2, 6))}
        return {"field": name, "op": "in", "value": sorted(values)}
    return {"field": name, "op": "eq", "value": f"v{draw.rank(size)}"}


def _range(draw: Draw, load: Load, name: str) -> dict[str, Any]:
    at: float = draw.random.randrange(NUMBERS // 2, NUMBERS)
    if load.shape == "one field":
        name, at = "event.properties.f1", at + draw.random.random()
    if draw.random.random() < load.wide:
        return {"field": name, "op": "ge", "value": at // 50}
    if draw.random.random() < load.eager:
        at //= 10
    if draw.random.random() < 0.3:
        return {"field": name, "op": "between", "value": [at - NUMBERS // 10, at]}
    return {"field": name, "op": "ge", "value": at}


def as_rules(load: Load, send: dict[str, Any]) -> list[dict[str, Any]]:
    """The conditions as rules, as they stand in files; all say the same."""
    return [
        {"id": f"r{number}", "name": f"Rule {number}", "on": f"web.track/{name}", "if": condition, "send": send}
        for number, (name, condition) in enumerate(conditions(load))
    ]


@dataclass(frozen=True, slots=True)
class Moment:
    """An event with the profile it led to."""

    name: str
    scene: Scene
    profile: Profile
    windows: dict[str, int]
    """What the scene's computed traits are."""

    def decoded(self) -> Moment:
        """The same, decoded from JSON just now, as a worker does with each event before its rules are asked."""
        data, profile, windows = orjson.loads(orjson.dumps([self.scene.data, self.profile, self.windows]))
        return Moment(self.name, _seeing(replace(self.scene, data=data), windows), profile, windows)


def _seeing(scene: Scene, windows: Mapping[str, int]) -> Scene:
    """A scene whose computed traits are these."""
    scene.computed = lambda _, trait, __: windows.get(trait)
    return scene


def moments(load: Load, count: int, seed: int = 7) -> list[Moment]:
    """Events, each of another customer."""
    draw = Draw(seed)
    found = []
    for number in range(count):
        kind = draw.random.randrange(load.classes)
        name = name_of(0 if load.shape == "one name" else draw.rank(NAMES))
        there = 1.0 if load.whole else 0.0 if load.shape == "all missing" else 0.9
        said = draw.said(there)
        if load.shape == "long lists":
            said |= {f"l{n}": draw.random.choice(LISTED) for n in range(4)}
        tags = draw.tags()
        data = {"name": name, "properties": said, "tags": tags} if there else {"name": name}
        profile = empty(f"c{number}")
        for field in own_fields(kind) if there else ():
            profile["traits"][f"t{field}"] = [draw.value(field), NOW, "r", "web.identify"]
        windows = {f"w{n}": draw.random.randrange(NUMBERS) for n in range(WINDOWS)} if there else {}
        scene = Scene(f"e{number}", "web.track", "/s", "user_id:x", "default", data, NOW, NOW)
        found.append(Moment(name, _seeing(scene, windows), profile, windows))
    return found
