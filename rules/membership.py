"""Who is in which segment: asked when an event can have changed it, and when time alone may have. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from hub import ids
from hub.computed import Lookup, Until, nothing
from hub.event import Event
from hub.profile import STAGE as PLACE
from hub.profile import Profile
from rules.access import getter
from rules.compile import compiled
from rules.conditions import NAMED, Condition, Seen, Within
from rules.paths import parse
from rules.predicates import NUMBERS, Test
from rules.scene import Scene, of_moment
from rules.segments import Segment, order
from rules.tree import fields_of, walk

ANY: Final = "any"
"""What every event may change."""
TRAITS, FACTS, CONSENT, STAGE, IDENTITIES = "traits", "facts", "consent", "stage", "identities"
FULL: Final = 128
"""Kinds of events of which a profile counts no more: then one event may push out what is known of another kind."""

MOST_KEYS: Final = 4096

Mark: TypeAlias = tuple[str, int, int]
"""What of a profile an event changes now and then, as it was before: stage, number of identities and of events."""
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
    by: frozenset[str]
    """What can change it: kinds of events, `channel:…`, parts of the profile, or ANY."""
    ages: bool
    """Whether time alone can, be it by way of a segment that it asks about."""


@dataclass(frozen=True, slots=True)
class Group:
    """What is asked at one time."""

    segments: tuple[Ready, ...] = ()
    ages: tuple[Next, ...] = ()
    """Of predicates that change with time, those whose next moment may be another one now."""


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
NOBODY: Final = Group()


def mark(profile: Profile) -> Mark:
    """What to remember of a profile before an event is folded into it."""
    return profile["stage"], len(profile["identities"]), profile["events"]


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
        segments = tuple(segments)
        self._computed = computed
        self.version = ids.digest("\n".join(sorted(one.model_dump_json(by_alias=True) for one in segments)))
        """A hash of what the segments say."""
        ready: dict[str, Ready] = {}
        self._ages: dict[tuple[object, ...], tuple[frozenset[str], Next]] = {}
        for one in order(segments)[0]:
            asked = [ready[name] for name in one.asks(ready.keys())]
            own = _ages(one.when, traits or {}, until)
            self._ages |= own
            # What changes a segment may change those that ask about it.
            by = _by(one.when, traits or {}).union(*(other.by for other in asked))
            aging = bool(own) or any(other.ages for other in asked)
            ready[one.id] = Ready(one.id, compiled(one.when), by, aging)
        ages = tuple(age for _, age in self._ages.values())
        self.all = Group(tuple(ready.values()), ages)
        self._aging = Group(tuple(one for one in ready.values() if one.ages), ages)
        self._kinds = frozenset(kind for one in ready.values() for kind in one.by)
        self._index: dict[tuple[str, ...], Group] = {}

    def touched(self, event: Event, profile: Profile, before: Mark) -> Group:
        """The segments that an event can have changed, given the profile that contains it."""
        if not self.all.segments:
            return NOBODY
        # Of a customer who is new everything is; a segment may be of those who never did something.
        if not before[2] or len(profile["counts"]) >= FULL:
            return self.all
        kind, data = event.type, event.data
        named = f"{kind}/{data.get('name')}"[:100] if kind == NAMED else ""
        traits = TRAITS if "traits" in data or "language" in data or "timezone" in data else ""
        facts, consent = FACTS if "facts" in data else "", CONSENT if "consent" in data else ""
        stage = STAGE if profile["stage"] != before[0] else ""
        identities = IDENTITIES if len(profile["identities"]) != before[1] else ""
        key = (kind, named if named in self._kinds else "", traits, facts, consent, stage, identities)
        found = self._index.get(key)
        if found is None:
            if len(self._index) >= MOST_KEYS:
                self._index.clear()
            by = {*key, ANY, f"channel:{event.channel}"}
            found = self._index[key] = Group(
                tuple(one for one in self.all.segments if one.by & by),
                tuple(age for tags, age in self._ages.values() if tags & by),
            )
        return found

    def ask(self, profile: Profile, now: int, some: Group) -> Change:
        """What becomes of the memberships in some segments at a moment; `profile` stays as it is."""
        if not some.segments:
            return NONE
        scene, members = of_moment(now, self._computed), profile.get("segments", {})
        data = scene.data
        entered: list[str] = []
        left: list[str] = []
        for one in some.segments:
            inside = one.holds(data, profile, scene)
            if inside is not (one.id in members):
                (entered if inside else left).append(one.id)
                # What asks about this one comes after it, and sees what it became.
                members = {**members, one.id: now} if inside else {id: at for id, at in members.items() if id != one.id}
                profile = {**profile, "segments": members}
                if inside and one.id.startswith(PLACE):
                    profile["stage"] = one.id[len(PLACE) :]
        due: int | None = None
        for age in some.ages:
            moment = age(profile, scene)
            if moment is not None and (due is None or moment < due):
                due = moment
        return NONE if due is None and not entered and not left else Change(tuple(entered), tuple(left), (), due)

    def ask_all(self, profile: Profile, now: int) -> Change:
        """What becomes of all memberships: after customers became one or several, or other segments are in force."""
        found = self.ask(profile, now, self.all)
        known = {one.id for one in self.all.segments}
        gone = tuple(id for id in profile.get("segments", {}) if id not in known)
        return Change(found.entered, found.left, gone, found.due)

    def ask_aged(self, profile: Profile, now: int) -> Change:
        """What becomes of the memberships that time alone can change."""
        return self.ask(profile, now, self._aging)


def _by(root: Condition, traits: Mapping[str, Trait]) -> frozenset[str]:
    """What can change a condition."""
    return frozenset[str]().union(*(_tags(node, traits) for node, _, _ in walk(root)))


def _tags(node: Condition, traits: Mapping[str, Trait]) -> frozenset[str]:
    """What can change one predicate."""
    if isinstance(node, Seen):
        return frozenset(node.seen)
    return frozenset[str]().union(*(_changers(name, traits) for name in fields_of(node)))


def _changers(name: str, traits: Mapping[str, Trait]) -> frozenset[str]:
    """What can change one field."""
    path = parse(name)
    if path.place in {"item", "segments"}:
        return frozenset()
    head = path.keys[0] if path.keys else ""
    if path.place == "computed":
        return frozenset(traits[head].on if head in traits else ())
    if path.place in {"counts", "latest"}:
        return frozenset({head})
    if path.place == "channels":
        return frozenset({f"channel:{head}"})
    if path.place in {TRAITS, FACTS, CONSENT, IDENTITIES}:
        return frozenset({path.place})
    return frozenset({{"profile.language": TRAITS, "profile.stage": STAGE}.get(name, ANY)})


def _ages(
    root: Condition, traits: Mapping[str, Trait], until: Until
) -> dict[tuple[object, ...], tuple[frozenset[str], Next]]:
    """For each predicate of a condition that changes with time, by what it says: what else changes it, and when it
    does."""
    found: dict[tuple[object, ...], tuple[frozenset[str], Next]] = {}
    for node, _, _ in walk(root):
        tags = _tags(node, traits)
        if isinstance(node, Seen):
            found["seen", node.seen, node.within] = (tags, _seen(node))
        elif isinstance(node, Within):
            found["within", node.field, node.value] = (tags, _within(node))
        for name in fields_of(node):
            path = parse(name)
            if path.place == "computed" and path.keys[0] in traits and traits[path.keys[0]].span:
                found["computed", path.keys[0]] = (tags, _window(path.keys[0], until))
    return found


def _seen(node: Seen) -> Next:
    span, kinds = node.within or 0, node.seen

    def age(profile: Profile, scene: Scene) -> int | None:
        latest, newest = profile["latest"], scene.now - span - 1
        for key in kinds:
            found = latest.get(key)
            if found is not None and found[1] > newest:
                newest = found[1]
        return newest + span + 1 if newest >= scene.now - span else None

    return age


def _within(node: Within) -> Next:
    get, span = getter(node.field), node.value

    def age(profile: Profile, scene: Scene) -> int | None:
        moment: Any = get(scene.data, profile, scene)
        known = moment.__class__ in NUMBERS
        return int(moment + span) + 1 if known and scene.now <= moment + span else None

    return age


def _window(trait: str, until: Until) -> Next:
    return lambda profile, scene: until(profile, trait, scene.now)
