"""Which rules an event concerns: by its type and name, then by what it says and what the profile says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.profile import Profile
from rules.matcher import Matcher, Shared
from rules.model import Rule
from rules.scene import Scene
from rules.speech import ends_of


@dataclass(frozen=True, slots=True)
class Concern:
    """What an event of one type and name concerns."""

    matchers: tuple[Matcher, ...]
    """The rules it may match: those that listen to its type, and those that listen to its name."""
    ends: frozenset[str]
    """Rules whose wait it ends."""

    def matches(self, profile: Profile, scene: Scene) -> list[int]:
        """The numbers of the rules whose conditions hold, in the order they are asked."""
        found: list[int] = []
        for matcher in self.matchers:
            found += matcher.find(scene.data, profile, scene)
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
            for key in ends_of(rule):
                kind, _, named = key.partition("/")
                ends.setdefault(kind, {}).setdefault(named or None, set()).add(rule.id)
        shared = Shared(rule.when for rule in rules)
        self._kinds: dict[str, dict[str | None, Concern]] = {}
        for kind in listeners.keys() | ends.keys():
            heard, over = listeners.get(kind, {}), ends.get(kind, {})
            names: list[str | None] = [None, *sorted(name for name in heard.keys() | over.keys() if name is not None)]
            matchers = {
                name: Matcher([(rules[number].when, number) for number in heard[name]], shared) for name in heard
            }
            self._kinds[kind] = {name: _concern(name, matchers, over) for name in names}

    def find(self, kind: str, name: object) -> Concern | None:
        """What an event of this type and name concerns; None when nothing."""
        kinds = self._kinds.get(kind)
        if kinds is None:
            return None
        return kinds.get(name) or kinds[None] if type(name) is str else kinds[None]


def _concern(name: str | None, matchers: Mapping[str | None, Matcher], ends: Mapping[str | None, set[str]]) -> Concern:
    places = (None,) if name is None else (None, name)
    ended = {rule for place in places for rule in ends.get(place, ())}
    return Concern(tuple(matchers[place] for place in places if place in matchers), frozenset(ended))
