"""Conditions as closures, two of each: one answers "does it hold?", one "is it known not to hold?".

Of Kleene's three values only the question asked is computed, so every closure returns a plain bool and stops
at the first part that decides. `not` swaps the two questions; nothing is ever run as source text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from hub.profile import Profile
from rules import marks
from rules.access import getter
from rules.around import AROUND
from rules.conditions import (
    MAX_ITEMS,
    All,
    AnyOf,
    Changed,
    Condition,
    Every,
    Has,
    Matches,
    Near,
    NoneOf,
    Not,
    OnDate,
    Seen,
    Text,
    TimeOfDay,
    Weekday,
)
from rules.predicates import PREDICATES, Test
from rules.scene import Scene
from rules.tree import below, field_of


def compiled(node: Condition, *, holds: bool = True) -> Test:
    """The closure that says whether a condition holds, or with `holds=False` is known not to."""
    return _MAKERS[type(node)](node, holds)


def weight(node: Condition) -> int:
    """What a condition costs, roughly: the event lies at hand; lists, words and clocks take longer."""
    parts = below(node)
    own = _COSTS.get(node.__class__)
    if own is None:
        own = 0 if parts or field_of(node).startswith("event.") else 1
    return own + sum(map(weight, parts)) if parts else own


def _every(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        a, b = tests
        return lambda data, profile, scene: a(data, profile, scene) and b(data, profile, scene)
    if len(tests) == 3:
        a, b, c = tests
        return lambda data, profile, scene: (
            a(data, profile, scene) and b(data, profile, scene) and c(data, profile, scene)
        )
    every = tuple(tests)

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        for test in every:  # noqa: SIM110 - half the time of all() with a generator
            if not test(data, profile, scene):
                return False
        return True

    return run


def _some(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    some = tuple(tests)

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        for test in some:  # noqa: SIM110 - as above
            if test(data, profile, scene):
                return True
        return False

    return run


def _all(node: All, holds: bool) -> Test:
    tests = [compiled(part, holds=holds) for part in sorted(node.parts, key=weight)]
    return _every(tests) if holds else _some(tests)


def _any(node: AnyOf, holds: bool) -> Test:
    tests = [compiled(part, holds=holds) for part in sorted(node.parts, key=weight)]
    return _some(tests) if holds else _every(tests)


def _not(node: Not, holds: bool) -> Test:
    return compiled(node.part, holds=not holds)


def _one_item(items: str, test: Test) -> Test:
    """Whether a test answers yes for an element."""
    get = getter(items)

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        value = get(data, profile, scene)
        if value.__class__ is list:
            for item in value[:MAX_ITEMS]:
                scene.item = item
                if test(data, profile, scene):
                    return True
        return False

    return run


def _each_item(items: str, test: Test) -> Test:
    """Whether a test answers yes for every element, and there are no more than can be looked at."""
    get = getter(items)

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        value = get(data, profile, scene)
        if value.__class__ is not list or len(value) > MAX_ITEMS:
            return False
        for item in value:
            scene.item = item
            if not test(data, profile, scene):
                return False
        return True

    return run


def _has(node: Has, holds: bool) -> Test:
    return (_one_item if holds else _each_item)(node.items, compiled(node.has, holds=holds))


def _each(node: Every, holds: bool) -> Test:
    return (_each_item if holds else _one_item)(node.items, compiled(node.every, holds=holds))


def _none(node: NoneOf, holds: bool) -> Test:
    return (_each_item if holds else _one_item)(node.items, compiled(node.none, holds=not holds))


def seen(node: Seen, profile: Profile, scene: Scene) -> bool:
    """Whether one of the events was seen within the span, or since the cause."""
    if node.correlate is not None:
        return marks.since(node, scene, profile) is not None
    for key in node.seen:
        newest = profile["latest"].get(key)
        if newest is None:
            continue
        moment = newest[1]
        if node.within is not None:
            if scene.now - moment <= node.within:
                return True
        elif moment > scene.time or (moment == scene.time and newest[2] != scene.ref):
            return True
    return False


def _seen(node: Seen, holds: bool) -> Test:
    return lambda data, profile, scene: seen(node, profile, scene) is holds


_MAKERS: Final[dict[type, Callable[[Any, bool], Test]]] = {
    **PREDICATES,
    **AROUND,
    All: _all,
    AnyOf: _any,
    Not: _not,
    Has: _has,
    Every: _each,
    NoneOf: _none,
    Seen: _seen,
}
_COSTS: Final[Mapping[type, int]] = {
    Matches: 4,
    Near: 3,
    **dict.fromkeys((Has, Every, NoneOf, Text, TimeOfDay, Weekday, OnDate, Changed), 2),
}
