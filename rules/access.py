"""Fields as closures: how the value of a path is fetched, as fast as Python can.

A closure takes the event's data, the profile and the scene, and returns None for what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from hub.profile import Profile
from hub.profile import language as spoken
from rules import places
from rules.paths import Path, parse
from rules.scene import Scene

Getter: TypeAlias = Callable[[Mapping[str, Any], Profile, Scene], Any]

NOTHING: Final[Mapping[str, Any]] = {}


def getter(field: str) -> Getter:
    """The closure that fetches a field."""
    path = parse(field)
    return _MAKERS[path.place](path)


def fetch(field: str) -> tuple[str, Mapping[str, Any]]:
    """The same as an expression of ours, and the values it names: a predicate that has it inside asks in one call."""
    path = parse(field)
    expression = _FETCHES.get((path.place, len(path.keys)))
    if expression is None:
        return "get(data, profile, scene)", {"get": getter(field)}
    return expression, dict(zip("ab", path.keys, strict=False))


_FETCHES: Final[dict[tuple[str, int], str]] = {
    ("data", 1): "data.get(a)",
    ("data", 2): "(x.get(b) if (x := data.get(a)).__class__ is dict else None)",
    ("traits", 1): "(x[0] if (x := profile['traits'].get(a)) is not None else None)",
    ("facts", 1): "(x[0] if (x := profile['facts'].get(a)) is not None else None)",
    ("counts", 1): "profile['counts'].get(a, 0)",
    ("computed", 1): "scene.computed(profile, a, scene.now)",
}
"""For the fields that rules ask about most."""


def down(value: Any, keys: tuple[str, ...]) -> Any:
    """Follow keys through dictionaries; None as soon as one is missing."""
    for key in keys:
        if type(value) is not dict:
            return None
        value = value.get(key)
    return value


def _data(path: Path) -> Getter:
    head, *rest = path.keys
    if not rest:
        return lambda data, profile, scene: data.get(head)
    if len(rest) == 1:
        tail = rest[0]

        def two(data: Mapping[str, Any], profile: Profile, scene: Scene) -> Any:
            below = data.get(head)
            return below.get(tail) if type(below) is dict else None

        return two
    keys = tuple(rest)
    return lambda data, profile, scene: down(data.get(head), keys)


def _envelope(path: Path) -> Getter:
    name = path.keys[0]
    return lambda data, profile, scene: getattr(scene, name)


def _item(path: Path) -> Getter:
    keys = path.keys
    return lambda data, profile, scene: down(scene.item, keys)


def _register(table: str) -> Callable[[Path], Getter]:
    def make(path: Path) -> Getter:
        name, rest = path.keys[0], path.keys[1:]

        def get(data: Mapping[str, Any], profile: Profile, scene: Scene) -> Any:
            found = cast(Any, profile)[table].get(name)
            return None if found is None else down(found[0], rest)

        return get

    return make


def _counts(path: Path) -> Getter:
    key = path.keys[0]
    return lambda data, profile, scene: profile["counts"].get(key, 0)


def _latest(path: Path) -> Getter:
    key, part = path.keys
    at = 1 if part == "time" else 0

    def get(data: Mapping[str, Any], profile: Profile, scene: Scene) -> Any:
        found = profile["latest"].get(key)
        return None if found is None else found[at]

    return get


def _channels(path: Path) -> Getter:
    channel, part = path.keys
    # Never having been there is a zero, but not a moment.
    absent = None if path.moment else 0

    def get(data: Mapping[str, Any], profile: Profile, scene: Scene) -> Any:
        found = profile["channels"].get(channel)
        return absent if found is None else cast(Any, found)[part] or absent

    return get


def _identities(path: Path) -> Getter:
    prefix = path.keys[0] + ":"

    def get(data: Mapping[str, Any], profile: Profile, scene: Scene) -> Any:
        found = [key[len(prefix) :] for key in profile["identities"] if key.startswith(prefix)]
        return found or None

    return get


def _computed(path: Path) -> Getter:
    name = path.keys[0]
    return lambda data, profile, scene: scene.computed(profile, name, scene.now)


def _segments(path: Path) -> Getter:
    name = path.keys[0]
    return lambda data, profile, scene: name in profile.get("segments", NOTHING)


def _place(path: Path) -> Getter:
    keys = path.keys
    return lambda data, profile, scene: down(places.of(profile), keys)


def _plain(path: Path) -> Getter:
    name = path.keys[0]
    if name == "language":
        return lambda data, profile, scene: spoken(profile, "") or None
    return lambda data, profile, scene: cast(Any, profile)[name]


_MAKERS: Final[dict[str, Callable[[Path], Getter]]] = {
    "data": _data,
    "envelope": _envelope,
    "item": _item,
    "traits": _register("traits"),
    "facts": _register("facts"),
    "consent": _register("consent"),
    "counts": _counts,
    "latest": _latest,
    "channels": _channels,
    "identities": _identities,
    "computed": _computed,
    "segments": _segments,
    "place": _place,
    "plain": _plain,
}
