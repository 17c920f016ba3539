"""How likely the parts of conditions are to hold: a guess from what all rules ask together.

Nobody has counted the events to come. But what many rules ask for is what often occurs, so a value that few of the
rules over its field name is taken for rare, and so is a field that few rules ask about. Only the speed of an index
hangs on the guess.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from hub.beside import let_go
from rules.asks import Ask

COPIES: Final = 16
"""Values that are counted one by one; who asks for more asks for a good part of the field."""
SPREAD: Final = 5
"""A field is taken to be there so many times more often than rules ask about it."""
SELDOM: Final = 0.15
"""A field is seldom there if it is no more often than this; one that is always there is a column."""
HALF: Final = 0.5
"""Of whatever nothing is known."""


class Likely:
    """Counts over many rules, and what follows from them."""

    def __init__(self) -> None:
        self._clauses = 0
        self._fields: Counter[str] = Counter()
        self._values: defaultdict[str, dict[object, int]] = defaultdict(dict)
        self._known: dict[int, tuple[float, Ask]] = {}

    def note(self, clause: tuple[Ask, ...]) -> None:
        """One more clause; all of them before anything is asked."""
        self._clauses += 1
        for one in clause:
            self._fields[one.field] += 1
            if one.sort == "is" and len(one.what) <= COPIES:
                counts = self._values[one.field]
                for value in one.what:
                    counts[value] = counts.get(value, 0) + 1

    def where(self, one: Ask, there: frozenset[str]) -> float:
        """The same where these fields are known to be there."""
        if one.field not in there:
            return self.of(one)
        return HALF if one.sort == "missing" else min(1.0, self.of(one) / self.there(one.field))

    def close(self) -> None:
        """Let go of all that was counted, bit by bit."""
        for table in (self._known, self._values, self._fields):
            let_go(table)

    def there(self, field: str) -> float:
        """How likely it is that a field is there."""
        return min(1.0, SPREAD * self._fields[field] / (self._clauses or 1))

    def seldom(self, field: str) -> bool:
        """Whether a field is there in few cases only."""
        return self.there(field) <= SELDOM

    def of(self, one: Ask) -> float:
        """How likely it is that a part holds, from 0 to 1."""
        known = self._known.get(id(one))
        if known is None:
            # The part is kept, so that its id stays its own.
            known = self._known[id(one)] = self._guess(one), one
        return known[0]

    def _guess(self, one: Ask) -> float:
        if not one.field:
            return HALF
        there = self.there(one.field)
        if one.sort in {"is", "is not"}:
            named = self._named(one)
            return there * (named if one.sort == "is" else 1 - named)
        return 1 - there if one.sort == "missing" else there if one.sort == "there" else there * HALF

    def _named(self, one: Ask) -> float:
        """The share of a field's values that a part names."""
        if len(one.what) > COPIES:
            return HALF
        count = self._values[one.field].get
        # A value that no rule wants may still come, even if it is only ruled out.
        return min(1.0, sum([count(value, 1) for value in one.what]) / self._fields[one.field])
