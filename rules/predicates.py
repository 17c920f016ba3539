"""Predicates as closures: one field against what a rule expects of it.

Each is made for one of two questions, "does it hold?" or "is it known not to hold?"; what is missing, or of
another kind than expected, answers no to both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from hub.profile import Profile
from rules.access import Getter, getter
from rules.conditions import MAX_ITEMS, Between, Compare, Exists, OneOf, Text, Within
from rules.scene import Scene

Test: TypeAlias = Callable[[Mapping[str, Any], Profile, Scene], bool]

NUMBERS: Final = frozenset({int, float})
_OPPOSITE: Final = {"lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}


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


PREDICATES: Final[dict[type, Callable[[Any, bool], Test]]] = {
    Compare: _compare,
    OneOf: _one_of,
    Between: _between,
    Exists: _exists,
    Text: _text,
    Within: _within,
}
"""By the kind of node: what makes its closure, given the node and the question."""
