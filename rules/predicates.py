"""Predicates as closures: one field against what a rule expects of it.

Each is made for one of two questions, "does it hold?" or "is it known not to hold?"; what is missing, or of
another kind than expected, answers no to both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Any, Final, TypeAlias, cast

from hub.profile import Profile
from rules import patterns
from rules.access import fetch, getter
from rules.conditions import (
    MAX_ITEMS,
    Between,
    Compare,
    Exists,
    Matches,
    OneOf,
    Text,
    Versus,
    Within,
)
from rules.scene import Scene

Test: TypeAlias = Callable[[Mapping[str, Any], Profile, Scene], bool]

NUMBERS: Final = frozenset({int, float})
TEXT: Final = frozenset({str})
_PLAIN: Final = frozenset({str, bool})
_BOUND: Final = ("a", "b", "c", "d", "get", "kinds")
KEPT: Final = 4_096
"""Predicates that are kept for other rules that ask the same."""
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {"lt": lt, "le": le, "gt": gt, "ge": ge}
_OPPOSITE: Final = {"lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}
_TESTS: Final[Mapping[str, str]] = {
    # Python says True == 1; we do not. Of one type, or both numbers, or different.
    "bool eq": "{value} is c",
    "bool ne": "(v := {value}) is not None and v is not c",
    "str eq": "{value} == c",
    "str ne": "(v := {value}) is not None and v != c",
    "number eq": "(v := {value}).__class__ in kinds and v == c",
    "number ne": "(v := {value}) is not None and not (v.__class__ in kinds and v == c)",
    "lt": "(v := {value}).__class__ in kinds and v < c",
    "le": "(v := {value}).__class__ in kinds and v <= c",
    "gt": "(v := {value}).__class__ in kinds and v > c",
    "ge": "(v := {value}).__class__ in kinds and v >= c",
    "in": "(v := {value}).__class__ is str and v in c",
    "not in": "(v := {value}) is not None and not (v.__class__ is str and v in c)",
    "between": "(v := {value}).__class__ in kinds and c <= v <= d",
    "outside": "(v := {value}).__class__ in kinds and (v < c or v > d)",
    "there": "{value} is not None",
    "missing": "{value} is None",
    "within": "(v := {value}).__class__ in kinds and scene.now - v <= c",
    "before": "(v := {value}).__class__ in kinds and scene.now - v > c",
}
"""What can be asked of a value, where c and d are what the rule expects."""


@lru_cache(maxsize=1024)
def _maker(test: str, value: str) -> Callable[..., Test]:
    # Both are written here and in access.py: what a rule says is bound as a value and never becomes source.
    body = _TESTS[test].format(value=value)
    names = [name for name in _BOUND if re.search(rf"\b{name}\b", body)]
    # As defaults they lie side by side in memory; in cells of a closure each lies elsewhere.
    bound = "".join(f", {name}={name}" for name in names)
    source = f"lambda {'=None, '.join(_BOUND)}=None: lambda data, profile, scene{bound}: {body}"
    return cast("Callable[..., Test]", eval(source, {"__builtins__": {}, "dict": dict, "str": str}))  # noqa: S307


@lru_cache(maxsize=KEPT, typed=True)
def _asked(field: str, test: str, c: Any = None, d: Any = None, kinds: frozenset[type] = NUMBERS) -> Test:
    value, bound = fetch(field)
    return _maker(test, value)(**bound, c=c, d=d, kinds=kinds)


@lru_cache(maxsize=KEPT)
def pooled(words: frozenset[Any]) -> frozenset[Any]:
    """The same words, of all who ask for them in one place of the memory."""
    return words


def _compare(node: Compare, holds: bool) -> Test:
    operand = node.operand
    if node.op in {"eq", "ne"}:
        kind = "bool" if isinstance(operand, bool) else "str" if isinstance(operand, str) else "number"
        return _asked(node.field, f"{kind} {'eq' if (node.op == 'eq') is holds else 'ne'}", operand)
    op = node.op if holds else _OPPOSITE[node.op]
    return _asked(node.field, op, operand, kinds=TEXT if isinstance(operand, str) else NUMBERS)


def _one_of(node: OneOf, holds: bool) -> Test:
    if all(type(one) is str for one in node.value):
        return _asked(node.field, "in" if holds else "not in", pooled(frozenset(node.value)))
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
    low, high = node.value
    kinds = TEXT if isinstance(low, str) else NUMBERS
    return _asked(node.field, "between" if holds else "outside", low, high, kinds)


def _exists(node: Exists, holds: bool) -> Test:
    return _asked(node.field, "there" if node.value is holds else "missing")


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
            some = value if len(value) <= MAX_ITEMS else value[:MAX_ITEMS]
            if not fold:
                return (part in some) is holds
            return (part in (one.casefold() for one in some if one.__class__ is str)) is holds
        return False

    return run


def _within(node: Within, holds: bool) -> Test:
    return _asked(node.field, "within" if holds else "before", node.value)


def _matches(node: Matches, holds: bool) -> Test:
    get, search = getter(node.field), patterns.search(node.value, node.ignore_case)

    def run(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        value = get(data, profile, scene)
        return value.__class__ is str and search(value) is holds

    return run


def same(one: Any, other: Any) -> bool:
    """Whether two values are one: both true or both false, two numbers, two texts. A list is like nothing."""
    if one.__class__ in NUMBERS:
        return other.__class__ in NUMBERS and bool(one == other)
    return one.__class__ is other.__class__ and one.__class__ in _PLAIN and bool(one == other)


def _versus(node: Versus, holds: bool) -> Test:
    get, other, scaled = getter(node.field), getter(node.than), node.scaled
    if node.op in {"eq", "ne"}:
        wanted = (node.op == "eq") is holds

        def alike(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
            one, two = get(data, profile, scene), scaled(other(data, profile, scene))
            return one is not None and two is not None and same(one, two) is wanted

        return alike
    compare = _ORDER[node.op if holds else _OPPOSITE[node.op]]

    def ordered(data: Mapping[str, Any], profile: Profile, scene: Scene) -> bool:
        one, two = get(data, profile, scene), scaled(other(data, profile, scene))
        kinds = NUMBERS if one.__class__ in NUMBERS else TEXT
        return one.__class__ in kinds and two.__class__ in kinds and compare(one, two)

    return ordered


PREDICATES: Final[dict[type, Callable[[Any, bool], Test]]] = {
    Compare: _compare,
    OneOf: _one_of,
    Between: _between,
    Exists: _exists,
    Text: _text,
    Within: _within,
    Matches: _matches,
    Versus: _versus,
}
"""By the kind of node: what makes its closure, given the node and the question."""
