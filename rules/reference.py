"""The slow and obvious reading of the language: its three values written out, every answer kept.

The closures of `compile` must agree with it on every condition; a test makes sure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from hub.profile import Profile
from rules import marks, patterns, slow_around
from rules.conditions import (
    MAX_ITEMS,
    All,
    AnyOf,
    Between,
    Changed,
    Compare,
    Condition,
    Every,
    Exists,
    Has,
    Matches,
    Near,
    Node,
    NoneOf,
    Not,
    OnDate,
    OneOf,
    Seen,
    Text,
    TimeOfDay,
    Versus,
    Weekday,
    Within,
)
from rules.scene import Scene
from rules.slow import against, kind, look, same
from rules.spans import text as span_text
from rules.steps import MARKS, Step, Truth
from rules.tree import element

__all__ = ["MARKS", "Step", "ask", "look"]


def ask(node: Condition, scene: Scene, profile: Profile) -> Step:
    """The answer to a condition, with those to its parts."""
    if isinstance(node, All):
        parts = tuple(ask(part, scene, profile) for part in node.parts)
        answers = [part.answer for part in parts]
        return Step("all of", False if False in answers else None if None in answers else True, parts=parts)
    if isinstance(node, AnyOf):
        parts = tuple(ask(part, scene, profile) for part in node.parts)
        answers = [part.answer for part in parts]
        return Step("any of", True if True in answers else None if None in answers else False, parts=parts)
    if isinstance(node, Not):
        inner = ask(node.part, scene, profile)
        return Step("not", None if inner.answer is None else not inner.answer, parts=(inner,))
    special = _SPECIAL.get(type(node))
    if special is not None:
        return special(node, scene, profile)
    return _ask_field(node, scene, profile)


def _ask_field(node: Any, scene: Scene, profile: Profile) -> Step:
    value = look(node.field, scene, profile)
    expected = span_text(node.value) if isinstance(node, Within) else repr(node.value)
    found = "missing" if value is None else f"found {value!r:.200}"
    return Step(f"{node.field} {node.op} {expected:.200}", _predicate(node, value, scene), found)


def _ask_list(node: Has | Every | NoneOf, scene: Scene, profile: Profile) -> Step:
    value = look(node.items, scene, profile)
    some = "an" if isinstance(node, Has) else "every" if isinstance(node, Every) else "no"
    asked = f"{some} element of {node.items} fulfils"
    if not isinstance(value, list):
        return Step(asked, None, "missing" if value is None else "not a list")
    parts = []
    for item in value[:MAX_ITEMS]:
        scene.item = item
        parts.append(ask(element(node), scene, profile))
    # What lies beyond those that are looked at is unknown.
    answers = [part.answer for part in parts] + [None] * (len(value) > MAX_ITEMS)
    if isinstance(node, Every):
        answer = False if False in answers else None if None in answers else True
    else:
        answer = True if True in answers else None if None in answers else False
        answer = not answer if isinstance(node, NoneOf) and answer is not None else answer
    return Step(asked, answer, f"{len(value)} elements", tuple(parts))


def _ask_seen(node: Seen, scene: Scene, profile: Profile) -> Step:
    if node.correlate is not None:
        when, about = marks.since(node, scene, profile), look(node.correlate, scene, profile)
        found = "never" if when is None else f"{(scene.now - when) / 1000:.0f} s before"
        return Step(f"seen {', '.join(node.seen)} with {node.correlate} {about!r:.200}", when is not None, found)
    span = f"within {span_text(node.within)}" if node.within is not None else "since the cause"
    registers = {key: profile["latest"][key] for key in node.seen if key in profile["latest"]}
    if node.within is not None:
        answer = any(scene.now - register[1] <= node.within for register in registers.values())
    else:
        cause = (scene.time, scene.ref)
        answer = any(one[1] > cause[0] or (one[1] == cause[0] and one[2] != cause[1]) for one in registers.values())
    ages = [f"{key} {(scene.now - register[1]) / 1000:.0f} s before" for key, register in registers.items()]
    return Step(f"seen {', '.join(node.seen)} {span}", answer, ", ".join(ages) or "never")


def _predicate(node: Any, value: Any, scene: Scene) -> Truth:
    if isinstance(node, Exists):
        return (value is not None) is node.value
    if value is None:
        return None
    if isinstance(node, Compare):
        return against(node.op, value, node.operand)
    if isinstance(node, OneOf):
        return any(same(value, one) for one in node.value)
    if isinstance(node, Between):
        low, high = node.value
        # What is no number (NaN) lies neither inside nor outside.
        return bool(low <= value <= high) if kind(value) == kind(low) and value == value else None  # noqa: PLR0124
    if isinstance(node, Within):
        usable = kind(value) == "number" and value == value  # noqa: PLR0124
        return bool(scene.now - value <= node.value) if usable else None
    if isinstance(node, Matches):
        return patterns.search(node.value, node.ignore_case)(value) if isinstance(value, str) else None
    return _words(cast(Text, node), value)


def _words(node: Text, value: Any) -> Truth:
    def plain(word: str) -> str:
        return word.casefold() if node.ignore_case else word

    part = plain(node.value)
    if isinstance(value, list):
        elements = [plain(one) for one in value[:MAX_ITEMS] if isinstance(one, str)]
        return part in elements if node.op == "contains" else None
    if not isinstance(value, str):
        return None
    whole = plain(value)
    return {"prefix": whole.startswith(part), "suffix": whole.endswith(part), "contains": part in whole}[node.op]


_SPECIAL: Final[dict[type[Node], Callable[[Any, Scene, Profile], Step]]] = {
    **dict.fromkeys((Has, Every, NoneOf), _ask_list),
    **dict.fromkeys((TimeOfDay, Weekday, OnDate), slow_around.on_the_clock),
    Seen: _ask_seen,
    Versus: slow_around.versus,
    Changed: slow_around.changed,
    Near: slow_around.near,
}
