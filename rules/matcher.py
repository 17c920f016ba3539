"""Which of many rules an event fulfils, without asking each of them.

The clauses of the rules are looked at together with masks; what these have not decided is asked of the few that are
left. Few clauses are asked one by one. Everything is exact: a part of a clause is either decided by a mask or asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from hub.profile import Profile
from rules.asks import Ask, ask
from rules.clauses import clauses
from rules.compile import compiled, weight
from rules.conditions import Compare, Condition
from rules.masks import COPIES, Masks
from rules.predicates import Test
from rules.scene import Scene

FEW: Final = 8
"""Clauses that are asked one by one sooner than looked at with masks."""
MANY: Final = 4
"""Clauses that ask about a field before it gets a column of masks."""
BLOCK: Final = 16_384
"""Clauses whose masks lie together at most: a mask grows with them, and there are the more masks."""

Asks: TypeAlias = tuple[Ask, ...]
Tests: TypeAlias = tuple[Test, ...]


class Shared:
    """What the clauses of many rules have in common, made once: closures, and how often something is asked."""

    def __init__(self, conditions: Iterable[Condition | None]) -> None:
        self._tests: dict[Any, Test] = {}
        self._clauses: dict[int, tuple[Condition | None, list[Asks]]] = {}
        self._values: Counter[Any] = Counter()
        self._fields: Counter[str] = Counter()
        for condition in conditions:
            for clause in self.clauses(condition):
                for one in clause:
                    self._fields[one.field] += 1
                    if one.sort == "is" and len(one.what) <= COPIES:
                        for value in one.what:
                            self._values[one.field, value] += 1

    def clauses(self, condition: Condition | None) -> list[Asks]:
        """The clauses of a condition, and what their parts ask."""
        known = self._clauses.get(id(condition))
        if known is None:
            # The condition is kept, so that its id stays its own.
            found = [tuple(map(ask, clause)) for clause in clauses(condition)]
            known = self._clauses[id(condition)] = condition, found
        return known[1]

    def weigh(self, one: Ask) -> int:
        """How many clauses ask for as much as a part does."""
        if one.sort == "is" and len(one.what) <= COPIES:
            return sum(self._values[one.field, value] for value in one.what)
        return self._fields[one.field]

    def tests(self, parts: Sequence[Condition]) -> Tests:
        """The closures that are still to be asked of a clause, the cheap ones first."""
        return tuple(map(self._test, sorted(parts, key=weight) if len(parts) > 1 else parts))

    def _test(self, part: Condition) -> Test:
        if not isinstance(part, Compare):
            return compiled(part)
        # 1 and True are equal keys; their classes tell them apart.
        known = (part.field, part.op, part.value.__class__, part.value)
        test = self._tests.get(known)
        if test is None:
            test = self._tests[known] = compiled(part)
        return test


class Matcher:
    """Conditions, each with a number; says the numbers of those that hold."""

    __slots__ = ("_blocks", "_few", "_several")

    def __init__(self, conditions: Sequence[tuple[Condition | None, int]], shared: Shared | None = None) -> None:
        shared = shared or Shared(condition for condition, _ in conditions)
        found = [(clause, number) for condition, number in conditions for clause in shared.clauses(condition)]
        self._several = len(found) > len(conditions)
        self._few: list[tuple[Tests, int]] = []
        self._blocks: list[tuple[Masks, list[int], list[Tests]]] = []
        if len(found) <= FEW:
            self._few = [(shared.tests([one.part for one in clause]), number) for clause, number in found]
            return
        for start in range(0, len(found), BLOCK):
            self._blocks.append(_block(found[start : start + BLOCK], shared))

    def find(self, data: Mapping[str, Any], profile: Profile, scene: Scene) -> list[int]:
        """The numbers of the conditions that hold, in their order."""
        found: list[int] = []
        for tests, number in self._few:
            for test in tests:
                if not test(data, profile, scene):
                    break
            else:
                found.append(number)
        for masks, numbers, asked in self._blocks:
            left = masks.possible(data, profile, scene)
            while left:
                # From above, so that what is left grows shorter.
                at = left.bit_length() - 1
                left ^= 1 << at
                for test in asked[at]:
                    if not test(data, profile, scene):
                        break
                else:
                    found.append(numbers[at])
        if len(found) > 1:
            return sorted(set(found)) if self._several else sorted(found)
        return found


def _block(found: Sequence[tuple[Asks, int]], shared: Shared) -> tuple[Masks, list[int], list[Tests]]:
    masks = Masks([clause for clause, _ in found], MANY, shared.weigh)
    exact, masks.exact = masks.exact, set()
    tests = [
        shared.tests([one.part for one in clause if (at, id(one.part)) not in exact])
        for at, (clause, _) in enumerate(found)
    ]
    return masks, [number for _, number in found], tests
