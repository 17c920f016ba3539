"""Conditions as closures, two of each: one answers "does it hold?", one "is it known not to hold?".

Of Kleene's three values only the question asked is computed, so every closure returns a plain bool and stops
at the first part that decides. `not` swaps the two questions; nothing is ever run as source text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from hub.profile import Profile
from rules.access import Getter, getter
from rules.conditions import (
    MAX_ITEMS,
    All,
    AnyOf,
    Between,
    Compare,
    Condition,
    Exists,
    Has,
    Not,
    OneOf,
    Seen,
    Text,
    Within,
)
from rules.scene import Scene
from rules.tree import field_of, walk

Test: TypeAlias = Callable[[Mapping[str, Any], Profile, Scene], bool]

NUMBERS: Final = frozenset({int, float})
_OPPOSITE: Final = {"lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}


def compiled(node: Condition, *, holds: bool = True) -> Test:
    """The closure that says whether a condition holds, or with `holds=False` is known not to."""
    return _MAKERS[type(node)](node, holds)


def always(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
    """The condition of a rule that has none."""
    return True


def _cost(node: Condition) -> int:
    # The event lies at hand; lists and words of the profile take longer.
    nodes = (one for one, _, _ in walk(node))
    return sum(2 if isinstance(one, Has | Text) else 0 if field_of(one).startswith("event.") else 1 for one in nodes)


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
    tests = [compiled(part, holds=holds) for part in sorted(node.parts, key=_cost)]
    return _every(tests) if holds else _some(tests)


def _any(node: AnyOf, holds: bool) -> Test:
    tests = [compiled(part, holds=holds) for part in sorted(node.parts, key=_cost)]
    return _some(tests) if holds else _every(tests)


def _not(node: Not, holds: bool) -> Test:
    return compiled(node.part, holds=not holds)


def _equal(get: Getter, operand: bool | float | str, equal: bool) -> Test:
    # Python says True == 1; we do not. Of one type, or both numbers, or different.
    if isinstance(operand, bool):
        if equal:
            return lambda data, profile, scene: get(data, profile, scene) is operand
        return lambda data, profile, scene: (value := get(data, profile, scene)) is not None and value is not operand
    if isinstance(operand, str):
        if equal:
            return lambda data, profile, scene: get(data, profile, scene) == operand
        return lambda data, profile, scene: (value := get(data, profile, scene)) is not None and value != operand
    if equal:
        return lambda data, profile, scene: (
            (value := get(data, profile, scene)).__class__ in NUMBERS and value == operand
        )
    return lambda data, profile, scene: (
        (value := get(data, profile, scene)) is not None and not (value.__class__ in NUMBERS and value == operand)
    )


def _ordered(get: Getter, op: str, operand: float | str) -> Test:
    kinds = frozenset({str}) if isinstance(operand, str) else NUMBERS
    limit: Any = operand
    if op == "lt":
        return lambda data, profile, scene: (v := get(data, profile, scene)).__class__ in kinds and v < limit
    if op == "le":
        return lambda data, profile, scene: (v := get(data, profile, scene)).__class__ in kinds and v <= limit
    if op == "gt":
        return lambda data, profile, scene: (v := get(data, profile, scene)).__class__ in kinds and v > limit
    return lambda data, profile, scene: (v := get(data, profile, scene)).__class__ in kinds and v >= limit


def _compare(node: Compare, holds: bool) -> Test:
    get, operand = getter(node.field), node.operand
    if node.op in {"eq", "ne"}:
        return _equal(get, operand, (node.op == "eq") is holds)
    return _ordered(get, node.op if holds else _OPPOSITE[node.op], operand)


def _one_of(node: OneOf, holds: bool) -> Test:
    get = getter(node.field)
    numbers = frozenset(one for one in node.value if type(one) in NUMBERS)
    by_type: dict[type, frozenset[Any]] = {
        str: frozenset(one for one in node.value if type(one) is str),
        bool: frozenset(one for one in node.value if type(one) is bool),
        int: numbers,
        float: numbers,
    }

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        value = get(data, profile, scene)
        known = by_type.get(value.__class__)
        if known is None:
            return value is not None and not holds
        return (value in known) is holds

    return run


def _between(node: Between, holds: bool) -> Test:
    get = getter(node.field)
    low: Any = node.value[0]
    high: Any = node.value[1]
    kinds = frozenset({str}) if isinstance(low, str) else NUMBERS
    if holds:
        return lambda data, profile, scene: (v := get(data, profile, scene)).__class__ in kinds and low <= v <= high
    return lambda data, profile, scene: (v := get(data, profile, scene)).__class__ in kinds and (v < low or v > high)


def _exists(node: Exists, holds: bool) -> Test:
    get, there = getter(node.field), node.value is holds
    if there:
        return lambda data, profile, scene: get(data, profile, scene) is not None
    return lambda data, profile, scene: get(data, profile, scene) is None


def _text(node: Text, holds: bool) -> Test:
    get, fold = getter(node.field), node.ignore_case
    part = node.value.casefold() if fold else node.value
    match: Callable[[str], bool] = {
        "prefix": lambda value: value.startswith(part),
        "suffix": lambda value: value.endswith(part),
        "contains": lambda value: part in value,
    }[node.op]
    listing = node.op == "contains"

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        value = get(data, profile, scene)
        if value.__class__ is str:
            return match(value.casefold() if fold else value) is holds
        if listing and value.__class__ is list:
            words = (one.casefold() if fold else one for one in value[:MAX_ITEMS] if one.__class__ is str)
            return (part in words) is holds
        return False

    return run


def _within(node: Within, holds: bool) -> Test:
    get = getter(node.field)
    span: int = node.value

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        moment: Any = get(data, profile, scene)
        return moment.__class__ in NUMBERS and (scene.now - cast(int, moment) <= span) is holds

    return run


def _has(node: Has, holds: bool) -> Test:
    get, inner = getter(node.items), compiled(node.has, holds=holds)

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        value = get(data, profile, scene)
        if value.__class__ is not list:
            return False
        for item in value[:MAX_ITEMS]:
            scene.item = item
            if inner(data, profile, scene) is holds:
                return holds
        return not holds

    return run


def seen(node: Seen, profile: Profile, scene: Scene) -> bool:
    """Whether one of the events was seen within the span, or since the cause."""
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
    All: _all,
    AnyOf: _any,
    Not: _not,
    Compare: _compare,
    OneOf: _one_of,
    Between: _between,
    Exists: _exists,
    Text: _text,
    Within: _within,
    Has: _has,
    Seen: _seen,
}
