"""Who is in which segment: asked when an event can have changed it, and when time alone may have. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, cast

from hub.computed import Lookup, Until, nothing
from hub.event import Event
from hub.profile import Profile
from rules.access import getter
from rules.compile import compiled
from rules.conditions import NAMED, Condition, Seen, Within
from rules.paths import parse
from rules.predicates import NUMBERS, Test
from rules.scene import Scene, of_moment
from rules.segments import Segment, order
from rules.tree import field_of, walk

ANY: Final = "any"
"""What every event may change."""
TRAITS, FACTS, CONSENT = "traits", "facts", "consent"
FULL: Final = 128
"""Kinds of events of which a profile counts no more: then one event may push out what is known of another kind."""

MOST_KEYS: Final = 4096

Next: TypeAlias = Callable[[Profile, Scene], int | None]
"""When a predicate may change by time alone."""


class Trait(Protocol):
    """A computed trait, as far as it matters here."""

    @property
    def on(self) -> Sequence[str]: ...
    @property
    def span(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Ready:
    """One segment, ready to be asked."""

    id: str
    holds: Test
    ages: tuple[Next, ...]
    """Its predicates that change with time, and those of the segments it asks about."""
    by: frozenset[str]
    """What can change it: kinds of events, `channel:…`, parts of the profile, or ANY."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a customer's memberships."""

    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """Memberships of segments that are not declared any more."""
    due: int | None = None
    """When to ask again though nothing happens."""


NONE: Final = Change()


class Segments:
    """Segments in force. Make new ones to change them; these never change."""

    def __init__(
        self,
        segments: Iterable[Segment] = (),
        traits: Mapping[str, Trait] | None = None,
        computed: Lookup = nothing,
        until: Until = nothing,
    ) -> None:
        """`traits` are the computed traits; `computed` and `until` read them."""
        ordered, _ = order(segments)
        self._computed = computed
        self._ready: dict[str, Ready] = {}
        for one in ordered:
            asked = [self._ready[name] for name in one.asks if name in self._ready]
            # What changes a segment may change those that ask about it.
            by = _by(one.when, traits or {}).union(*(ready.by for ready in asked))
            ages = [*_ages(one.when, traits or {}, until), *(age for ready in asked for age in ready.ages)]
            self._ready[one.id] = Ready(one.id, compiled(one.when), tuple(dict.fromkeys(ages)), by)
        self.all = tuple(self._ready.values())
        self._aging = tuple(one for one in self.all if one.ages)
        self._kinds = frozenset(kind for one in self.all for kind in one.by)
        self._index: dict[tuple[str, ...], tuple[Ready, ...]] = {}

    def touched(self, event: Event, profile: Profile) -> Sequence[Ready]:
        """The segments that an event can have changed, given the profile that contains it."""
        if not self.all:
            return ()
        if len(profile["counts"]) >= FULL:
            return self.all
        kind, data = event.type, event.data
        named = f"{kind}/{data.get('name')}"[:100] if kind == NAMED else ""
        traits = TRAITS if "traits" in data or "language" in data or "timezone" in data else ""
        facts, consent = FACTS if "facts" in data else "", CONSENT if "consent" in data else ""
        key = (kind, named if named in self._kinds else "", traits, facts, consent)
        found = self._index.get(key)
        if found is None:
            if len(self._index) >= MOST_KEYS:
                self._index.clear()
            by = {*key, ANY, f"channel:{event.channel}"}
            found = self._index[key] = tuple(one for one in self.all if one.by & by)
        return found

    def ask(self, profile: Profile, now: int, some: Sequence[Ready]) -> Change:
        """What becomes of the memberships in some segments at a moment; `profile` stays as it is."""
        if not some:
            return NONE
        scene, members = of_moment(now, self._computed), profile.get("segments", {})
        entered: list[str] = []
        left: list[str] = []
        due: int | None = None
        for one in some:
            inside = one.holds(scene.data, profile, scene)
            if inside is not (one.id in members):
                (entered if inside else left).append(one.id)
                # What asks about this one comes after it, and sees what it became.
                members = {**members, one.id: now} if inside else {id: at for id, at in members.items() if id != one.id}
                profile = {**profile, "segments": members}
            for age in one.ages:
                moment = age(profile, scene)
                if moment is not None and (due is None or moment < due):
                    due = moment
        return NONE if due is None and not entered and not left else Change(tuple(entered), tuple(left), (), due)

    def ask_all(self, profile: Profile, now: int) -> Change:
        """What becomes of all memberships: after customers became one or several, or other segments are in force."""
        found = self.ask(profile, now, self.all)
        gone = tuple(id for id in profile.get("segments", {}) if id not in self._ready)
        return Change(found.entered, found.left, gone, found.due)

    def ask_aged(self, profile: Profile, now: int) -> Change:
        """What becomes of the memberships that time alone can change."""
        return self.ask(profile, now, self._aging)


def _by(root: Condition, traits: Mapping[str, Trait]) -> frozenset[str]:
    """What can change a condition."""
    found: set[str] = set()
    for node, _, _ in walk(root):
        if isinstance(node, Seen):
            found.update(node.seen)
            continue
        name = field_of(node)
        path = parse(name) if name else None
        if path is None or path.place in {"item", "segments"}:
            continue
        head = path.keys[0]
        if path.place == "computed":
            found.update(traits[head].on if head in traits else ())
        elif path.place in {"counts", "latest"}:
            found.add(head)
        elif path.place == "channels":
            found.add(f"channel:{head}")
        elif path.place in {TRAITS, FACTS, CONSENT}:
            found.add(path.place)
        else:
            found.add(TRAITS if name == "profile.language" else ANY)
    return frozenset(found)


def _ages(root: Condition, traits: Mapping[str, Trait], until: Until) -> list[Next]:
    """For each part of a condition that changes with time: when."""
    found: list[Next] = []
    for node, _, _ in walk(root):
        name = field_of(node)
        path = parse(name) if name else None
        if isinstance(node, Seen):
            found.append(_seen(node))
        elif isinstance(node, Within):
            found.append(_within(node))
        elif path is not None and path.place == "computed" and path.keys[0] in traits and traits[path.keys[0]].span:
            found.append(_window(path.keys[0], until))
    return found


def _seen(node: Seen) -> Next:
    span = node.within or 0

    def age(profile: Profile, scene: Scene) -> int | None:
        latest = profile["latest"]
        newest = max((latest[key][1] for key in node.seen if key in latest), default=None)
        return newest + span + 1 if newest is not None and scene.now - newest <= span else None

    return age


def _within(node: Within) -> Next:
    get, span = getter(node.field), node.value

    def age(profile: Profile, scene: Scene) -> int | None:
        moment: Any = get(scene.data, profile, scene)
        # Not a number is never that young.
        young = moment.__class__ in NUMBERS and scene.now - cast(float, moment) <= span
        return int(moment) + span + 1 if young else None

    return age


def _window(trait: str, until: Until) -> Next:
    return lambda profile, scene: until(profile, trait, scene.now)
