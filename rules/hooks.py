"""What clauses hang on: for each the one thing it asks that hardly ever is so.

An event and a profile say a few dozen things. What hangs on the others need not be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeAlias, TypeVar

from hub.profile import Profile
from rules.access import Getter, getter
from rules.asks import key
from rules.paths import Path, parse
from rules.scene import Scene

T = TypeVar("T")
Holder: TypeAlias = Callable[[Mapping[str, Any], Profile], Any]
Hook: TypeAlias = tuple[dict[Any, T], T | None]
"""What hangs on a field's values, and what hangs on its being there."""


class Hooks(Generic[T]):
    """By field and value, what hangs there."""

    __slots__ = ("_held", "_others")

    def __init__(self, hooks: Mapping[str, Hook[T]]) -> None:
        held: dict[str, dict[str, Hook[T]]] = {}
        self._others: list[tuple[Getter, Hook[T]]] = []
        for name, hook in hooks.items():
            path = parse(name)
            place = holder_of(path)
            if place:
                held.setdefault(place, {})[path.keys[-1]] = hook
            else:
                self._others.append((getter(name), hook))
        self._held = [(*HOLDERS[place], some) for place, some in held.items()]

    def under(self, data: Mapping[str, Any], profile: Profile, scene: Scene) -> list[T]:
        """All that hangs on what the event and the profile say."""
        found: list[T] = []
        for holder, register, hooks in self._held:
            held = holder(data, profile)
            if held.__class__ is dict:
                for name in hooks.keys() & held.keys():
                    _look(found, hooks[name], held[name][0] if register else held[name])
        for get, hook in self._others:
            _look(found, hook, get(data, profile, scene))
        return found


def _look(found: list[T], hook: Hook[T], value: Any) -> None:
    """Add what hangs under the value of a field."""
    if value is None:
        return
    table, there = hook
    if there is not None:
        found.append(there)
    if not table:
        return
    try:
        one = table.get(value if value.__class__ is not bool else key(value))
    except TypeError:  # a list or a mapping is no value of an equality
        return
    if one is not None:
        found.append(one)


HOLDERS: Final[dict[str, tuple[Holder, bool]]] = {
    "data": (lambda data, profile: data, False),
    "data.properties": (lambda data, profile: data.get("properties"), False),
    "traits": (lambda data, profile: profile["traits"], True),
    "facts": (lambda data, profile: profile["facts"], True),
}
"""Where most fields lie: a dictionary, and whether its values are registers."""


def holder_of(path: Path) -> str:
    """The dictionary a field lies in; empty when it is fetched by itself."""
    place = ".".join((path.place, *path.keys[:-1]))
    return place if place in HOLDERS else ""
