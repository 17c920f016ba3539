"""Fields that are seldom there, in circles: those that rules ask about together.

Customers of one sort have traits that others lack, and so have events. A clause that needs such a field is looked at
only where a field of its circle is there; then the others of the circle mostly are there too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from hub.profile import Profile
from rules.asks import Ask
from rules.hooks import HOLDERS, holder_of
from rules.likely import Likely
from rules.paths import parse
from rules.scene import Scene

T = TypeVar("T")


class Circle(NamedTuple):
    """Some fields, and the clauses that need one of them, by their places."""

    fields: frozenset[str]
    clauses: list[int]


class Circles(Generic[T]):
    """By field, what is looked at where it is there."""

    __slots__ = ("_held",)

    def __init__(self, parts: Mapping[str, T]) -> None:
        held: dict[str, dict[str, T]] = {}
        for name, part in parts.items():
            path = parse(name)
            held.setdefault(holder_of(path), {})[path.keys[-1]] = part
        self._held = [(HOLDERS[place][0], some) for place, some in held.items()]

    def under(self, data: Mapping[str, Any], profile: Profile, scene: Scene) -> set[T]:
        """What is to be looked at, given the fields that an event and a profile have."""
        found: set[T] = set()
        for holder, parts in self._held:
            held = holder(data, profile)
            if held.__class__ is dict:
                found.update(map(parts.__getitem__, parts.keys() & held.keys()))
        return found


def circles(clauses: Sequence[Sequence[Ask]], likely: Likely, most: int) -> tuple[list[Circle], list[int]]:
    """The circles, none of more than so many clauses where that can be, and the clauses that need no such field."""
    leaders: dict[str, str] = {}
    sizes: dict[str, int] = {}
    firsts: list[str | None] = []
    for asks in clauses:
        first = None
        for name in dict.fromkeys(one.field for one in asks if _needs(one, likely)):
            top = _top(leaders, name)
            if first is None:
                first = top
                sizes[first] = sizes.get(first, 0) + 1
            elif top != first and sizes[first] + sizes.get(top, 0) <= most:
                leaders[top] = first
                sizes[first] += sizes.pop(top, 0)
        firsts.append(first)
    fields: dict[str, set[str]] = {}
    for name in leaders:
        fields.setdefault(_top(leaders, name), set()).add(name)
    found = {top: Circle(frozenset(some), []) for top, some in fields.items()}
    others: list[int] = []
    for number, first in enumerate(firsts):
        (others if first is None else found[_top(leaders, first)].clauses).append(number)
    return [one for one in found.values() if one.clauses], others


def _needs(one: Ask, likely: Likely) -> bool:
    """Whether a clause with this part holds only where a field is there that seldom is."""
    return one.sort not in {"missing", "open"} and likely.seldom(one.field) and bool(holder_of(parse(one.field)))


def _top(leaders: dict[str, str], name: str) -> str:
    """The field that stands for all of a circle."""
    top = leaders.setdefault(name, name)
    while leaders[top] != top:
        top = leaders[top]
    leaders[name] = top
    return top
