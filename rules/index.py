"""Which rules an event concerns: by its type and name, then by what it says and what the profile says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.beside import let_go
from hub.profile import Profile
from rules import marks
from rules.marks import Mark
from rules.matcher import MANY, Matcher
from rules.model import Rule
from rules.scene import Scene
from rules.shared import Shared


@dataclass(frozen=True, slots=True)
class Concern:
    """What an event of one type and name concerns."""

    matchers: tuple[Matcher, ...]
    """The rules it may match: those that listen to its type, and those that listen to its name."""
    ends: frozenset[str]
    """Rules whose wait it ends."""
    marks: tuple[Mark, ...] = ()
    """What of it is remembered."""

    def matches(self, profile: Profile, scene: Scene) -> list[int]:
        """The numbers of the rules whose conditions hold, in the order they are asked."""
        found = [number for one in self.matchers for number in one.find(scene.data, profile, scene)]
        return sorted(found) if len(self.matchers) > 1 else found


class Index:
    """Rules by the events they listen to; a rule is called by its place in the list."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        listeners: dict[str, dict[str | None, list[int]]] = {}
        ends: dict[str, dict[str | None, set[str]]] = {}
        for number, rule in enumerate(rules):
            every = {on.type for on in rule.on if on.name is None}
            for kind, name in dict.fromkeys((on.type, on.name) for on in rule.on):
                if name is None or kind not in every:
                    listeners.setdefault(kind, {}).setdefault(name, []).append(number)
            for kind, name in (_parted(key) for node in rule.ends for key in node.seen):
                ends.setdefault(kind, {}).setdefault(name, set()).add(rule.id)
        crowded = {one for names in listeners.values() for some in names.values() if len(some) > MANY for one in some}
        shared = Shared((rule.when, number in crowded) for number, rule in enumerate(rules))
        self._kinds: dict[str, dict[str | None, Concern]] = {}
        remembered: dict[str, dict[str | None, tuple[Mark, ...]]] = {}
        for key, kept in marks.by_kind(rules).items():
            kind, name = _parted(key)
            remembered.setdefault(kind, {})[name] = kept
        for kind in listeners.keys() | ends.keys() | remembered.keys():
            heard, over, kept_of = listeners.get(kind, {}), ends.get(kind, {}), remembered.get(kind, {})
            called = {name for name in (*heard, *over, *kept_of) if name is not None}
            names: list[str | None] = [None, *sorted(called)]
            matchers = {
                name: Matcher([(rules[number].when, number) for number in heard[name]], shared) for name in heard
            }
            self._kinds[kind] = {name: _concern(name, matchers, over, kept_of) for name in names}
        # Nobody needs it any more, and of ten thousand rules it is large.
        shared.close()

    def close(self) -> None:
        """Let go of it, bit by bit."""
        for names in self._kinds.values():
            let_go(names)

    def find(self, kind: str, name: object) -> Concern | None:
        """What an event of this type and name concerns; None when nothing."""
        kinds = self._kinds.get(kind)
        if kinds is None:
            return None
        return kinds.get(name) or kinds[None] if type(name) is str else kinds[None]


def _parted(key: str) -> tuple[str, str | None]:
    """The type and the name of `type/name`."""
    kind, _, name = key.partition("/")
    return kind, name or None


def _concern(
    name: str | None,
    matchers: Mapping[str | None, Matcher],
    ends: Mapping[str | None, set[str]],
    remembered: Mapping[str | None, tuple[Mark, ...]],
) -> Concern:
    places = (None,) if name is None else (None, name)
    ended = {rule for place in places for rule in ends.get(place, ())}
    kept = {mark.place: mark for place in places for mark in remembered.get(place, ())}
    found = tuple(matchers[place] for place in places if place in matchers)
    return Concern(found, frozenset(ended), tuple(kept.values()))
