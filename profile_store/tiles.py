"""Tiles: what a feature keeps of the events of one stretch of time, and rings of them.

A tile is a row, `[number, …]`, its number being the moment divided by the tile's length. What follows is a
commutative monoid over the set of events, by the way of keeping:

| way | row | what |
|---|---|---|
| c | `[tile, n]` | how many events |
| s | `[tile, n, sum]` | how many numbers, and their sum |
| n, x | `[tile, number]` | the least, the greatest number |
| f, l | `[tile, time, ref, value]` | what was said first, last, by (time, ref) |
| v | `[tile, more, {value: n}]` | how often each value; of too many those with the smallest hash |
| u | `[tile, more, [hash, …]]` | which values, as hashes of 40 bits; of too many the smallest |

Numbers are counted in millionths, as whole numbers, so that no order of adding makes a difference. A ring keeps
the tiles that are newer than its newest one less its length: that too depends on the events alone.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache, partial
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Final, TypeAlias

from hub.jsonbytes import LEAST

Row: TypeAlias = list[Any]
Ring: TypeAlias = list[Row]

MICRO: Final = 1_000_000
LARGEST: Final = 9 * 10**12
"""Numbers beyond are left out; a moment in milliseconds is well below."""
MOST: Final[dict[str, tuple[int, int]]] = {"v": (64, 16), "u": (128, 48)}
"""Different values kept: in a tile for all time, and in each of a window's, of which there are many.

Up to so many their number is exact; beyond it is an estimate, usually within 9 % of 128 and 15 % of 48.
"""
TEXT: Final = 100
"""Characters of a value that tell it from others."""
ITEMS: Final = 100
"""Elements of a list that are looked at."""
HASHES: Final = 2**40

number_of = itemgetter(0)


def micro(value: Any) -> int | None:
    """A number in millionths, rounded to the nearest; None for what is none, or is too large."""
    if value.__class__ is int:
        return int(value) * MICRO if -LARGEST <= value <= LARGEST else None
    if value.__class__ is float and -LARGEST <= value <= LARGEST:
        return int(Decimal(repr(value)).scaleb(6).to_integral_value(ROUND_HALF_EVEN))
    return None


def plain(millionths: int, parts: int = 1) -> int | float:
    """A number of millionths, divided by a count, as people write it."""
    whole, rest = divmod(millionths, MICRO * parts)
    return millionths / (MICRO * parts) if rest else whole


def wide(number: int) -> int | str:
    """A whole number as JSON can hold it: beyond 64 bits as text."""
    return number if LEAST <= number < -LEAST else str(number)


def word(value: Any) -> str | None:
    """A value as the key it is counted under: text after an apostrophe, numbers and yes and no as JSON has them."""
    if value.__class__ is str:
        return "'" + str(value)[:TEXT]
    if value.__class__ is bool:
        return "true" if value else "false"
    if value.__class__ is float:
        if value - value != 0:
            return None  # not a number, or endless
        return str(int(value)) if abs(value) < 10**15 and value == int(value) else repr(value)
    return str(value) if value.__class__ is int and value.bit_length() < 300 else None


@lru_cache(maxsize=65_536)
def meant(key: str) -> Any:
    """The value of such a key: text, a number, yes or no."""
    return key[1:] if key[:1] == "'" else json.loads(key)


@lru_cache(maxsize=65_536)
def sign(key: str) -> int:
    """The hash by which of too many values some are kept: as good as drawn by lot, and the same everywhere."""
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=5).digest(), "big")


def least(keys: Iterable[str], most: int) -> list[str]:
    """Those with the smallest hashes."""
    return sorted(keys, key=lambda key: (sign(key), key))[:most]


def _words(value: Any) -> set[str]:
    """The keys of a value; a list stands for its elements."""
    many = value[:ITEMS] if value.__class__ is list else (value,)
    return {key for one in many if (key := word(one)) is not None}


def _counted(value: Any, ms: int, ref: str) -> Row | None:
    return [1]


def _summed(value: Any, ms: int, ref: str) -> Row | None:
    number = micro(value)
    return None if number is None else [1, number]


def _number(value: Any, ms: int, ref: str) -> Row | None:
    number = micro(value)
    return None if number is None else [number]


def _said(value: Any, ms: int, ref: str) -> Row | None:
    key = word(value)
    return None if key is None else [ms, ref, key]


def _values(most: int, value: Any, ms: int, ref: str) -> Row | None:
    keys = _words(value)
    if not keys:
        return None
    return [int(len(keys) > most), dict.fromkeys(least(keys, most) if len(keys) > most else keys, 1)]


def _hashes(most: int, value: Any, ms: int, ref: str) -> Row | None:
    found = sorted({sign(key) for key in _words(value)})
    return [int(len(found) > most), found[:most]] if found else None


def _add_count(row: Row, other: Row) -> None:
    row[1] += other[1]


def _add_sum(row: Row, other: Row) -> None:
    row[1] += other[1]
    row[2] = wide(int(row[2]) + int(other[2]))


def _add_least(row: Row, other: Row) -> None:
    row[1] = min(row[1], other[1])


def _add_greatest(row: Row, other: Row) -> None:
    row[1] = max(row[1], other[1])


def _add_first(row: Row, other: Row) -> None:
    row[1:] = min(row[1:], other[1:])


def _add_last(row: Row, other: Row) -> None:
    row[1:] = max(row[1:], other[1:])


def _add_values(most: int, row: Row, other: Row) -> None:
    counts: dict[str, int] = row[2]
    for key, count in other[2].items():
        counts[key] = counts.get(key, 0) + count
    row[1] |= other[1]
    if len(counts) > most:
        row[1] = 1
        row[2] = {key: counts[key] for key in least(counts, most)}


def _add_hashes(most: int, row: Row, other: Row) -> None:
    known: list[int] = row[2]
    row[1] |= other[1]
    if new := [one for one in other[2] if one not in known]:
        found = sorted([*known, *new])
        row[1] |= len(found) > most
        row[2] = found[:most]


Single: TypeAlias = Callable[[Any, int, str], Row | None]
Add: TypeAlias = Callable[[Row, Row], None]

_WAYS: Final[dict[str, tuple[Single, Add]]] = {
    "c": (_counted, _add_count),
    "s": (_summed, _add_sum),
    "n": (_number, _add_least),
    "x": (_number, _add_greatest),
    "f": (_said, _add_first),
    "l": (_said, _add_last),
}
_BOUNDED: Final = {"v": (_values, _add_values), "u": (_hashes, _add_hashes)}
WAYS: Final = (*_WAYS, *_BOUNDED)


@lru_cache(maxsize=4096)
def shape(feature: str) -> tuple[str, int]:
    """What the name of a feature says: the way of keeping, and the length of the ring; 0: no end."""
    head = feature.partition(".")[0]
    return head[0], int(head[1:])


@lru_cache(maxsize=4096)
def handling(feature: str) -> tuple[Single, Add, int]:
    """What one event makes of a feature's row (value, time, ref), how a row is put into another, and the ring's
    length."""
    way, length = shape(feature)
    if way in _WAYS:
        return (*_WAYS[way], length)
    (single, add), most = _BOUNDED[way], MOST[way][length > 0]
    return partial(single, most), partial(add, most), length


def put(ring: Ring, row: Row, length: int, add: Add) -> None:
    """Put a row into its place; the ring may keep it, and change it later."""
    tile = row[0]
    if not ring or tile > ring[-1][0]:
        ring.append(row)
        if length and ring[0][0] <= tile - length:
            del ring[: bisect_left(ring, tile - length + 1, key=number_of)]
    elif tile == ring[-1][0]:
        add(ring[-1], row)
    elif not length or tile > ring[-1][0] - length:
        place = bisect_left(ring, tile, key=number_of)
        if ring[place][0] == tile:
            add(ring[place], row)
        else:
            ring.insert(place, row)


def copied(row: Row) -> Row:
    """The row once more, sharing nothing that can change."""
    return [one.copy() if one.__class__ in (dict, list) else one for one in row]
