"""Columns: what the value of one field leaves possible of many clauses, a bit for each clause.

A clause that does not ask about the field is possible whatever it says. Values that nobody names share one mask;
so do all numbers between two cuts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from math import nextafter
from typing import Any, Final, NamedTuple, TypeAlias

from rules.asks import INFINITE, Ask, Ends

CUTS: Final = 256
"""Of one field at most; between two of them ranges are told apart afterwards."""
VALUES: Final = 8192
"""Of one field at most; clauses that ask for others are told apart afterwards."""

Asked: TypeAlias = Sequence[tuple[int, Ask]]
"""The clauses that ask about a field, by their bit, and what."""


Decided: TypeAlias = tuple[int, int]
"""A clause by its bit, and the `id()` of a part of it that need not be asked again."""


class Words(NamedTuple):
    """By equality: masks for the values that are named, and one for all others. None stands for a missing field."""

    masks: dict[Any, int]
    other: int
    careful: bool
    """Yes, no, 0 or 1 are among the values, which Python would take for each other."""


class Ranges(NamedTuple):
    """By order: cuts, and masks for the numbers below the first, from each on, and from the last on."""

    cuts: list[float]
    masks: list[int]
    other: int
    """When there is no number."""


class Elements(NamedTuple):
    """By element of a list, or part of a text: masks of the clauses that want it."""

    masks: dict[str, int]
    other: int
    """Clauses that want none."""


def bits(numbers: Iterable[int], size: int) -> int:
    """A mask with these bits."""
    some = list(numbers)
    mask = 0
    if len(some) < 8:
        for number in some:
            mask |= 1 << number
        return mask
    room = bytearray((size >> 3) + 1)
    for number in some:
        room[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(room, "little")


def words(asked: Asked, size: int, exact: set[Decided]) -> Words:
    """The column for equalities, inequalities and existence. Adds to `exact` what it decides."""
    every = (1 << size) - 1
    kept = _kept(asked)
    named: dict[Any, list[int]] = {}
    banned: dict[Any, list[int]] = {}
    wanting: set[int] = set()
    for number, one in asked:
        if one.sort == "is" and number not in wanting:
            # A second equality over the same field is left to be asked.
            if _place(number, one, named, kept, exact):
                wanting.add(number)
        elif one.sort == "is not":
            _place(number, one, banned, kept, exact)
        elif one.sort in {"there", "missing"}:
            exact.add((number, id(one.part)))
    absent = bits((number for number, one in asked if one.sort == "missing"), size)
    present = every & ~absent
    other = present & ~bits(wanting, size)
    masks = {
        value: (other | bits(named.get(value, ()), size)) & present & ~bits(banned.get(value, ()), size)
        for value in named.keys() | banned.keys()
    }
    masks[None] = every & ~bits((number for number, one in asked if one.sort != "missing"), size)
    careful = any(value in {0, 1} or value.__class__ is tuple for value in masks)
    return Words(masks, other, careful)


def _place(number: int, one: Ask, places: dict[Any, list[int]], kept: Counter[Any] | None, exact: set[Decided]) -> bool:
    """Note a clause under its values; whether all of them have a mask."""
    whole = kept is None or all(value in kept for value in one.what)
    if whole:
        exact.add((number, id(one.part)))
        for value in one.what:
            places.setdefault(value, []).append(number)
    return whole


def _kept(asked: Asked) -> Counter[Any] | None:
    """The values that get a mask, if there are too many; those that most clauses ask for."""
    whats = [one.what for _, one in asked if one.sort in {"is", "is not"}]
    if sum(map(len, whats)) <= VALUES or len(set().union(*whats)) <= VALUES:
        return None
    return Counter(dict(Counter(chain.from_iterable(whats)).most_common(VALUES)))


def elements(asked: Asked, size: int, exact: set[Decided]) -> Elements:
    """The column for what a list or a text contains. Adds to `exact` what it decides."""
    named: dict[str, list[int]] = {}
    wanting: set[int] = set()
    for number, one in asked:
        # A second element from the same list is left to be asked.
        if number not in wanting:
            wanting.add(number)
            exact.add((number, id(one.part)))
            named.setdefault(one.what, []).append(number)
    other = ((1 << size) - 1) & ~bits(wanting, size)
    return Elements({text: bits(numbers, size) for text, numbers in named.items()}, other)


def ranges(asked: Asked, size: int, exact: set[Decided]) -> Ranges:
    """The column for ranges of numbers. Adds to `exact` what it decides."""
    ends = [(number, one, *_ends(one.what)) for number, one in asked]
    known = sorted({end for _, _, low, high in ends for end in (low, high) if abs(end) != INFINITE})
    step = -(-len(known) // CUTS) or 1
    cuts = known[step - 1 :: step]
    kept = {*cuts, INFINITE, -INFINITE}
    spans: dict[int, tuple[int, int]] = {}
    for number, one, low, high in ends:
        if low in kept and high in kept:
            exact.add((number, id(one.part)))
        first = bisect_right(cuts, low) if low != -INFINITE else 0
        last = bisect_left(cuts, high)
        some = spans.get(number, (first, last))
        spans[number] = max(first, some[0]), min(last, some[1])
    other = ((1 << size) - 1) & ~bits(spans, size)
    return Ranges(cuts, _sweep(spans, len(cuts) + 1, other, size), other)


def _ends(ends: Ends) -> tuple[float, float]:
    """A range as its first number and the first one after it."""
    low, has_low, high, has_high = ends
    return low if has_low or low == -INFINITE else _next(low), _next(high) if has_high else high


def _next(value: float) -> float:
    """The number after a number, be it whole or not."""
    # From here on floats are whole and lie further apart than whole numbers do.
    return nextafter(value, INFINITE) if abs(value) < 2**52 else int(value) + 1


def _sweep(spans: dict[int, tuple[int, int]], places: int, other: int, size: int) -> list[int]:
    """The masks of all places, each from the one before."""
    turns: list[list[int]] = [[] for _ in range(places + 1)]
    for number, (first, last) in spans.items():
        if first <= last:
            turns[first].append(number)
            turns[last + 1].append(number)
    found = []
    for turn in turns[:places]:
        if turn:
            other ^= bits(turn, size)
        found.append(other)
    return found
