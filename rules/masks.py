"""Many clauses that share no equality, looked at together: a bit for each, and a mask for what a field may say.

A field is fetched once; its value picks the mask of the clauses that are still possible, by bisection where clauses
ask for ranges. What a mask has not decided exactly is asked of those that are left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub.profile import Profile
from rules.access import Getter, getter
from rules.clauses import Clause
from rules.conditions import Between, Changed, Compare, Condition, Exists, Not
from rules.paths import parse
from rules.predicates import NUMBERS
from rules.scene import Scene
from rules.tree import field_of

FEWEST: Final = 4
"""Clauses that ask about a field before it gets masks."""
THRESHOLDS: Final = 128
"""Of one field at most; between two of them ranges are told apart afterwards."""
_LATE: Final = ("computed", "latest", "identities", "place")
"""Places that take longer to look at: they come last."""

Ends = tuple[float, bool, float, bool]
"""A range of numbers: low, whether low is inside, high, whether high is inside."""


class Masks:
    """Which of some clauses an event leaves possible."""

    __slots__ = ("_all", "_columns", "exact")

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self._all = (1 << len(clauses)) - 1
        asked: dict[str, list[tuple[int, Condition]]] = {}
        for number, clause in enumerate(clauses):
            for part in clause:
                name = _field(part)
                if name:
                    asked.setdefault(name, []).append((number, part))
        self.exact: set[int] = set()
        """`id()` of the parts that the masks decide completely."""
        names = [name for name, those in asked.items() if len(those) >= FEWEST]
        names.sort(key=lambda name: (_cost(name), -len(asked[name]), name))
        self._columns = [self._column(name, asked[name]) for name in names]

    def possible(self, data: Mapping[str, Any], profile: Profile, scene: Scene) -> int:
        """The clauses that may hold, as bits."""
        left = self._all
        for get, missing, other, thresholds, between in self._columns:
            value = get(data, profile, scene)
            if value is None:
                left &= missing
            elif value.__class__ in NUMBERS and between and value == value:  # noqa: PLR0124 - NaN has no place
                number: Any = value
                at = bisect_left(thresholds, number)
                left &= between[2 * at + (at < len(thresholds) and thresholds[at] == number)]
            else:
                left &= other
            if not left:
                return 0
        return left

    def _column(
        self, name: str, asked: Sequence[tuple[int, Condition]]
    ) -> tuple[Getter, int, int, list[float], list[int]]:
        missing = other = self._all
        ranges: list[tuple[int, Condition, Ends]] = []
        for number, part in asked:
            bit = 1 << number
            if isinstance(part, Exists):
                self.exact.add(id(part))
                missing, other = (missing & ~bit, other) if part.value else (missing, other & ~bit)
                continue
            missing &= ~bit
            ends = _ends(part)
            if ends is not None:
                ranges.append((number, part, ends))
                other &= ~bit
        known = sorted({end for _, _, ends in ranges for end in (ends[0], ends[2]) if abs(end) != _INFINITE})
        step = -(-len(known) // THRESHOLDS) or 1
        thresholds = known[step - 1 :: step]
        kept = set(thresholds)
        # A number meets the clauses that ask for no range, and those whose range it lies in.
        absent = {number for number, part in asked if isinstance(part, Exists) and not part.value}
        open_ = self._all
        for number in absent.union(number for number, _, _ in ranges):
            open_ &= ~(1 << number)
        between = [open_] * (2 * len(thresholds) + 1) if ranges else []
        for number, part, (low, has_low, high, has_high) in ranges:
            if all(abs(end) == _INFINITE or end in kept for end in (low, high)):
                self.exact.add(id(part))
            bit = 0 if number in absent else 1 << number
            for at in range(_first(thresholds, low, has_low), _last(thresholds, high, has_high) + 1):
                between[at] |= bit
        # Two ranges over one field in one clause: each would put its bit where the other forbids it.
        return (getter(name), missing, other, thresholds, _crossed(between, ranges, thresholds))


_INFINITE: Final = float("inf")


def _first(thresholds: list[float], low: float, inside: bool) -> int:
    """The first place at which a value can lie that is above the lower end."""
    at = bisect_left(thresholds, low)
    if at < len(thresholds) and thresholds[at] == low:
        return 2 * at + 1 if inside else 2 * at + 2
    return 2 * at


def _last(thresholds: list[float], high: float, inside: bool) -> int:
    at = bisect_left(thresholds, high)
    if at < len(thresholds) and thresholds[at] == high:
        return 2 * at + 1 if inside else 2 * at
    return 2 * at


def _crossed(between: list[int], ranges: Sequence[tuple[int, Condition, Ends]], thresholds: list[float]) -> list[int]:
    """Where a clause asks for several ranges of one field, only what lies in all of them."""
    several: dict[int, list[Ends]] = {}
    for number, _, ends in ranges:
        several.setdefault(number, []).append(ends)
    for number, all_ends in several.items():
        if len(all_ends) > 1:
            bit = 1 << number
            spans = [(_first(thresholds, e[0], e[1]), _last(thresholds, e[2], e[3])) for e in all_ends]
            low, high = max(first for first, _ in spans), min(last for _, last in spans)
            for at in range(len(between)):
                if not low <= at <= high:
                    between[at] &= ~bit
    return between


def _field(part: Condition) -> str:
    """The field whose absence, or whose number, decides something about a part."""
    inner = part.part if isinstance(part, Not) else part
    # What is missing may have been there before.
    if isinstance(inner, Changed) or (isinstance(part, Not) and isinstance(inner, Exists)):
        return ""
    name = field_of(inner)
    return "" if not name or parse(name).place in {"item", "segments"} else name


def _cost(name: str) -> int:
    place = parse(name).place
    return 2 if place in _LATE else place not in {"data", "envelope"}


def _ends(part: Condition) -> Ends | None:
    if isinstance(part, Between) and not isinstance(part.value[0], str):
        return part.value[0], True, part.value[1], True
    if isinstance(part, Compare) and part.op in _ENDS and not isinstance(part.operand, str | bool):
        ends: Ends = _ENDS[part.op](part.operand)
        return ends
    return None


_ENDS: Final[dict[str, Any]] = {
    "lt": lambda value: (-_INFINITE, False, value, False),
    "le": lambda value: (-_INFINITE, False, value, True),
    "gt": lambda value: (value, False, _INFINITE, False),
    "ge": lambda value: (value, True, _INFINITE, False),
}
