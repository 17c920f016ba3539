"""What the clauses of many rules have in common, made once while an index is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from hub.beside import let_go
from rules.asks import Ask, ask
from rules.clauses import clauses
from rules.compile import compiled, weight
from rules.conditions import Condition
from rules.likely import COPIES, Likely
from rules.predicates import Test, pooled

PROPERTIES: Final = "event.properties."

Asks: TypeAlias = tuple[Ask, ...]
Tests: TypeAlias = tuple[Test, ...]
Guarded: TypeAlias = tuple[str, frozenset[str] | None, Tests, int]
"""What is still to be asked of a clause, and the number of its rule, after what is looked at first: a property of the
event and the words it may be; or anything."""


class Clause(NamedTuple):
    """A clause on its way into the index."""

    asks: Asks
    number: int
    hung: frozenset[str] = frozenset()
    """The fields it hangs on already."""
    circle: frozenset[str] = frozenset()
    """Fields of which one is there whenever it is looked at, and the others with it."""


class Shared:
    """Closures, what parts ask, and how likely they are to hold."""

    def __init__(self, conditions: Iterable[tuple[Condition | None, bool]]) -> None:
        """The conditions, each with whether its alternatives are told apart."""
        self._clauses: dict[tuple[int, bool], tuple[Condition | None, list[Asks]]] = {}
        self.likely = Likely()
        for condition, apart in conditions:
            for clause in self.clauses(condition, apart=apart):
                self.likely.note(clause)

    def clauses(self, condition: Condition | None, *, apart: bool = False) -> list[Asks]:
        """The clauses of a condition, and what their parts ask; `apart` as in `clauses`."""
        name = id(condition), apart
        known = self._clauses.get(name)
        if known is None:
            # The condition is kept, so that its id stays its own.
            found = [tuple(map(ask, clause)) for clause in clauses(condition, apart=apart)]
            known = self._clauses[name] = condition, found
        return known[1]

    def tests(self, asks: Sequence[Ask]) -> Tests:
        """The closures that are still to be asked of a clause: first those that cost little and are seldom so."""
        if len(asks) > 1:
            asks = sorted(asks, key=self._cost)
        return tuple([compiled(one.part) for one in asks])

    def guarded(self, clause: Clause) -> Guarded:
        """A clause as it is asked one by one."""
        best, least = None, 1.0
        for one in clause.asks:
            if one.sort == "is" and len(one.what) <= COPIES and one.field.startswith(PROPERTIES):
                chance = self.likely.of(one)
                if chance < least and "." not in one.field[len(PROPERTIES) :] and all(type(v) is str for v in one.what):
                    best, least = one, chance
        if best is None:
            return "", None, self.tests(clause.asks), clause.number
        words = pooled(frozenset(best.what))
        rest = self.tests([one for one in clause.asks if one is not best])
        return best.field[len(PROPERTIES) :], words, rest, clause.number

    def close(self) -> None:
        """Let go of what only the making needs, bit by bit."""
        let_go(self._clauses)
        self.likely.close()

    def _cost(self, one: Ask) -> float:
        return (1 + weight(one.part)) / (1.01 - self.likely.of(one))
