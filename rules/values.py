"""Sets of values that a field may still have, whatever an event says: missing, a list, yes, no, numbers, texts.

Numbers and texts are spans between cuts. A cut lies just before a value, just after it, or at one of the two ends,
so that open and closed ends, single values and everything are all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Any, Final, NamedTuple, TypeAlias

Cut: TypeAlias = tuple[Any, ...]
Spans: TypeAlias = tuple[tuple[Cut, Cut], ...]

MISSING, LIST, OTHER, YES, NO = 1, 2, 4, 8, 16
"""What is neither number nor text; OTHER is a mapping, or a number that is none."""

BOTTOM: Final[Cut] = (0,)
TOP: Final[Cut] = (2,)
WHOLE: Final[Spans] = ((BOTTOM, TOP),)
ALL_MARKS: Final = MISSING | LIST | OTHER | YES | NO
MOST_LISTED: Final = 1000


class Values(NamedTuple):
    """A set of values."""

    marks: int = 0
    numbers: Spans = ()
    texts: Spans = ()

    @property
    def empty(self) -> bool:
        """No value is in it."""
        return not (self.marks or self.numbers or self.texts)

    def __and__(self, other: Values) -> Values:
        return Values(self.marks & other.marks, meet(self.numbers, other.numbers), meet(self.texts, other.texts))

    def __or__(self, other: Values) -> Values:
        return Values(self.marks | other.marks, join(self.numbers, other.numbers), join(self.texts, other.texts))

    def __invert__(self) -> Values:
        return Values(ALL_MARKS & ~self.marks, rest(self.numbers), rest(self.texts))

    def words(self) -> list[str] | None:
        """Its texts one by one; None when they cannot be counted."""
        if len(self.texts) > MOST_LISTED or not all(_single(span) for span in self.texts):
            return None
        return [low[1] for low, _ in self.texts]


def before(value: Any) -> Cut:
    """The cut just before a value."""
    return (1, value, 0)


def after(value: Any) -> Cut:
    """The cut just after a value."""
    return (1, value, 1)


def among(values: Iterable[Any]) -> Values:
    """The set of these values and no others."""
    marks, numbers, texts = 0, set(), set()
    for value in values:
        if isinstance(value, bool):
            marks |= YES if value else NO
        elif isinstance(value, str):
            texts.add(value)
        else:
            numbers.add(value)
    return Values(marks, _points(numbers), _points(texts))


def between(low: Cut, high: Cut, *, text: bool) -> Values:
    """The numbers, or the texts, between two cuts."""
    spans = ((low, high),) if low < high else ()
    return Values(0, (), spans) if text else Values(0, spans)


def starting(prefix: str) -> Values:
    """The texts that start so."""
    stem = prefix.rstrip(chr(0x10FFFF))
    high = before(stem[:-1] + chr(ord(stem[-1]) + 1)) if stem else TOP
    return between(before(prefix), high, text=True)


def whole(values: Values) -> Values:
    """The same without spans of numbers in which no whole number lies."""
    return values._replace(numbers=tuple(span for span in values.numbers if _has_whole(*span)))


def _has_whole(low: Cut, high: Cut) -> bool:
    if low == BOTTOM or high == TOP or float("inf") in {abs(low[1]), abs(high[1])}:
        return True
    first = ceil(low[1])
    return before(first + (before(first) < low)) < high


def _points(values: set[Any]) -> Spans:
    return tuple((before(value), after(value)) for value in sorted(values))


def _single(span: tuple[Cut, Cut]) -> bool:
    low, high = span
    return len(low) == len(high) == 3 and low[1] == high[1]


def meet(one: Spans, other: Spans) -> Spans:
    """What lies in both."""
    if one == WHOLE:
        return other
    if other == WHOLE:
        return one
    found: list[tuple[Cut, Cut]] = []
    left = right = 0
    while left < len(one) and right < len(other):
        low, high = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if low < high:
            found.append((low, high))
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return tuple(found)


def join(one: Spans, other: Spans) -> Spans:
    """What lies in one of them."""
    if not one or not other:
        return one or other
    found: list[tuple[Cut, Cut]] = []
    for low, high in sorted((*one, *other)):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def rest(spans: Spans) -> Spans:
    """What does not lie in them."""
    found: list[tuple[Cut, Cut]] = []
    start = BOTTOM
    for low, high in spans:
        if start < low:
            found.append((start, low))
        start = high
    if start < TOP:
        found.append((start, TOP))
    return tuple(found)


EVERYTHING: Final = Values(ALL_MARKS, WHOLE, WHOLE)
ANY_NUMBER: Final = Values(0, WHOLE)
ANY_TEXT: Final = Values(0, (), WHOLE)
ABSENT: Final = Values(MISSING)
PRESENT: Final = ~ABSENT
EITHER: Final = Values(YES | NO)
