"""The slow and obvious reading of the language: its three values written out, every answer kept.

The closures of `compile` must agree with it on every condition; a test makes sure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from hub.profile import Profile
from hub.profile import language as spoken
from rules import marks
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
from rules.paths import parse
from rules.scene import Scene
from rules.spans import text as span_text

Truth = bool | None
MARKS = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a condition: what was asked, what was found, and the answer (None: unknown)."""

    asked: str
    answer: Truth
    found: str = ""
    parts: tuple[Step, ...] = ()

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The step and its parts, one a line, indented."""
        found = f"  ({self.found})" if self.found else ""
        yield f"{'  ' * depth}{MARKS[self.answer]}: {self.asked}{found}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def blame(self) -> Step:
        """The first predicate that kept the whole from holding."""
        for part in self.parts:
            if part.answer is not True:
                return part.blame()
        return self


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
    if isinstance(node, Has):
        return _ask_list(node, scene, profile)
    if isinstance(node, Seen):
        return _ask_seen(node, scene, profile)
    value = look(node.field, scene, profile)
    expected = span_text(node.value) if isinstance(node, Within) else repr(node.value)
    found = "missing" if value is None else f"found {value!r:.200}"
    return Step(f"{node.field} {node.op} {expected:.200}", _predicate(node, value, scene), found)


def _ask_list(node: Has, scene: Scene, profile: Profile) -> Step:
    value = look(node.items, scene, profile)
    asked = f"an element of {node.items} fulfils"
    if not isinstance(value, list):
        return Step(asked, None, "missing" if value is None else "not a list")
    parts = []
    for item in value[:MAX_ITEMS]:
        scene.item = item
        parts.append(ask(node.has, scene, profile))
    answers = [part.answer for part in parts]
    answer = True if True in answers else None if None in answers else False
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


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else "other"


def _same(one: Any, other: Any) -> bool:
    return _kind(one) == _kind(other) != "other" and bool(one == other)


def _predicate(node: Any, value: Any, scene: Scene) -> Truth:
    if isinstance(node, Exists):
        return (value is not None) is node.value
    if value is None:
        return None
    if isinstance(node, Compare):
        return _compare(node, value)
    if isinstance(node, OneOf):
        return any(_same(value, one) for one in node.value)
    if isinstance(node, Between):
        low, high = node.value
        # What is no number (NaN) lies neither inside nor outside.
        return bool(low <= value <= high) if _kind(value) == _kind(low) and value == value else None  # noqa: PLR0124
    if isinstance(node, Within):
        usable = _kind(value) == "number" and value == value  # noqa: PLR0124
        return bool(scene.now - value <= node.value) if usable else None
    return _words(cast(Text, node), value)


def _compare(node: Compare, value: Any) -> Truth:
    operand: Any = node.operand
    if node.op == "eq":
        return _same(value, operand)
    if node.op == "ne":
        return not _same(value, operand)
    if _kind(value) != _kind(operand) or value != value:  # noqa: PLR0124 - NaN has no order
        return None
    return bool({"lt": value < operand, "le": value <= operand, "gt": value > operand, "ge": value >= operand}[node.op])


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


def look(field: str, scene: Scene, profile: Profile) -> Any:
    """The value of a field, None when it is missing."""
    path, whole = parse(field), cast(dict[str, Any], profile)
    first = path.keys[0] if path.keys else ""
    if path.place == "envelope":
        return getattr(scene, first)
    if path.place == "plain":
        return spoken(profile, "") or None if first == "language" else whole[first]
    if path.place == "counts":
        return whole["counts"].get(first, 0)
    if path.place == "latest":
        register = whole["latest"].get(first)
        return None if register is None else register[path.keys[1] == "time"]
    if path.place == "channels":
        number = whole["channels"].get(first, {}).get(path.keys[1], 0)
        return None if path.moment and number == 0 else number
    if path.place == "identities":
        return [key.partition(":")[2] for key in whole["identities"] if key.partition(":")[0] == first] or None
    if path.place == "computed":
        return scene.computed(profile, first, scene.now)
    if path.place == "segments":
        return first in whole.get("segments", {})
    if path.place in {"traits", "facts", "consent"}:
        register = whole[path.place].get(first)
        value, keys = (None if register is None else register[0]), path.keys[1:]
    else:
        value, keys = (scene.data, path.keys) if path.place == "data" else (scene.item, path.keys)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
