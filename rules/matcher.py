"""Which of many rules an event fulfils, without asking each of them.

Few clauses are asked one by one. Of more, a clause hangs on whatever it asks for that is rare, and is looked at only
when that is so; those that ask for nothing rare are looked at together with masks, and what these have not decided is
asked of the few that are left. Of many, those are looked at together that need fields of one circle. Everything is
exact: a part of a clause is either decided on the way or asked.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from hub.lots import lots
from hub.profile import Profile
from rules.access import NOTHING
from rules.asks import Ask
from rules.circles import Circles, circles
from rules.conditions import Condition
from rules.hooks import Hook, Hooks
from rules.likely import COPIES, Likely
from rules.masks import Masks
from rules.scene import Scene
from rules.shared import Clause, Guarded, Shared

FEW: Final = 24
"""Clauses that are asked one by one sooner than looked at with masks."""
WORTH: Final = 1.0
"""How much more a column of masks must save than it costs."""
RARE: Final = 0.06
"""A clause hangs on what is no more likely than this."""
NEST: Final = 100
"""Clauses that hang on one thing before some of them hang on a second one."""
MANY: Final = 500
"""Clauses from which on masks say more than what each of them hangs on, and alternatives are told apart."""
BLOCK: Final = 4_096
"""Clauses whose masks lie together at most: a mask grows with them, and there are the more masks."""


class Matcher:
    """Conditions, each with a number; says the numbers of those that hold."""

    __slots__ = ("_one", "_several")

    def __init__(self, conditions: Sequence[tuple[Condition | None, int]], shared: Shared | None = None) -> None:
        apart = len(conditions) > MANY
        shared = shared or Shared((condition, apart) for condition, _ in conditions)
        found = [
            Clause(asks, number) for condition, number in conditions for asks in shared.clauses(condition, apart=apart)
        ]
        self._several = len(found) > len(conditions)
        self._one = _made(found, shared)

    def find(self, data: Mapping[str, Any], profile: Profile, scene: Scene) -> list[int]:
        """The numbers of the conditions that hold, in their order."""
        found: list[int] = []
        self._one.ask(found, data, profile, scene)
        if len(found) > 1:
            return sorted(set(found)) if self._several else sorted(found)
        return found


class Few:
    """Clauses that are asked one by one."""

    __slots__ = ("entries",)

    def __init__(self, entries: Sequence[Guarded]) -> None:
        self.entries = tuple(entries)

    def ask(self, found: list[int], data: Mapping[str, Any], profile: Profile, scene: Scene) -> None:
        """Add the numbers of those that hold."""
        said = data.get("properties")
        get = said.get if said.__class__ is dict else NOTHING.get
        for name, words, tests, number in self.entries:
            # A look at a word costs half of what it costs to ask a closure.
            try:
                if words is not None and get(name) not in words:
                    continue
            except TypeError:  # a list or a mapping is no word
                continue
            for test in tests:
                if not test(data, profile, scene):
                    break
            else:
                found.append(number)


class Block:
    """Clauses that are looked at with masks."""

    __slots__ = ("masks", "numbers", "tests")

    def __init__(self, some: Sequence[Clause], shared: Shared) -> None:
        self.masks = Masks([one.asks for one in some], shared.likely, some[0].circle, WORTH)
        exact, self.masks.exact = self.masks.exact, set()
        self.tests = [
            shared.tests([part for part in one.asks if (at, id(part.part)) not in exact]) for at, one in enumerate(some)
        ]
        # Not in a list: there each number would lie elsewhere in memory.
        self.numbers = array("Q", [one.number for one in some])

    def ask(self, found: list[int], data: Mapping[str, Any], profile: Profile, scene: Scene) -> None:
        """Add the numbers of those that hold."""
        left = self.masks.possible(data, profile, scene)
        while left:
            # From above, so that what is left grows shorter.
            at = left.bit_length() - 1
            left ^= 1 << at
            for test in self.tests[at]:
                if not test(data, profile, scene):
                    break
            else:
                found.append(self.numbers[at])


class Many:
    """Clauses that are looked at only where something rare is so, and the others."""

    __slots__ = ("hooks", "others")

    def __init__(self, hooks: Hooks[Part] | Circles[Part], others: Sequence[Part]) -> None:
        self.hooks, self.others = hooks, tuple(others)

    def ask(self, found: list[int], data: Mapping[str, Any], profile: Profile, scene: Scene) -> None:
        """Add the numbers of those that hold."""
        for one in self.hooks.under(data, profile, scene):
            one.ask(found, data, profile, scene)
        for one in self.others:
            one.ask(found, data, profile, scene)


Part: TypeAlias = Few | Block | Many


def _made(some: Sequence[Clause], shared: Shared) -> Part:
    if len(some) <= FEW:
        return _together(some, shared)
    found, others = circles([one.asks for one in some], shared.likely, BLOCK) if len(some) > MANY else ([], [])
    if not found:
        return _hung(some, shared)
    rooms: dict[str, Part] = {}
    for circle in found:
        room = _packed([some[at]._replace(circle=circle.fields) for at in circle.clauses], shared)
        rooms |= dict.fromkeys(circle.fields, room)
    return Many(Circles(rooms), [_packed([some[at] for at in others], shared)] if others else [])


def _packed(some: Sequence[Clause], shared: Shared) -> Part:
    """Clauses of one circle, or of none."""
    return _together(some, shared) if len(some) <= BLOCK else _hung(some, shared)


def _hung(some: Sequence[Clause], shared: Shared) -> Part:
    """Each clause hanging on the rarest that it asks for."""
    hung: dict[str, dict[Any, list[Clause]]] = {}
    rest: list[Clause] = []
    for one in some:
        best = _rarest(one, shared.likely) if not one.hung or len(some) > NEST else None
        if best is None:
            rest.append(one)
        else:
            _hang(one, best, hung.setdefault(best.field, {}))
    if not hung:
        return _together(rest, shared)
    hooks: dict[str, Hook[Part]] = {}
    for field, table in hung.items():
        there = table.pop(None, [])
        hooks[field] = (
            {value: _made(those, shared) for value, those in table.items()},
            _made(there, shared) if there else None,
        )
    return Many(Hooks(hooks), [_together(rest, shared)] if rest else [])


def _together(some: Sequence[Clause], shared: Shared) -> Part:
    """Clauses that hang on nothing more."""
    if len(some) <= FEW:
        return Few([shared.guarded(one) for one in some])
    blocks = [Block(part, shared) for part in lots(some, BLOCK)]
    return blocks[0] if len(blocks) == 1 else Many(Hooks({}), blocks)


def _rarest(clause: Clause, likely: Likely) -> Ask | None:
    """What a clause can hang on: the least likely of what it asks, if that is rare."""
    best, least = None, RARE
    for one in clause.asks:
        if (
            one.field
            and one.sort not in {"missing", "is not"}
            and one.field not in clause.hung
            and likely.seldom(one.field)
        ):
            chance = likely.of(one)
            if chance <= least:
                best, least = one, chance
    return best


def _hang(clause: Clause, best: Ask, table: dict[Any, list[Clause]]) -> None:
    by_value = best.sort == "is" and len(best.what) <= COPIES
    # What it hangs on is decided, unless only the field's being there is.
    left = tuple(one for one in clause.asks if one is not best) if by_value or best.sort == "there" else clause.asks
    one = clause._replace(asks=left, hung=clause.hung | {best.field})
    for value in best.what if by_value else (None,):
        table.setdefault(value, []).append(one)
