"""Watermarks on a cluster, whose nodes can each lose their last second without the others.

Every call that writes in a bucket also writes the bucket's mark there: the watermark before the batch, and a lot.
When a batch is whole, the watermark rises, and with it is noted which mark each bucket has. A bucket whose mark is
another one has lost what came after it, or got a part of a batch that never became whole. In both cases everything
up to the watermark in the mark is there, so the log is read again from that point.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgpack

from profile_store import keys
from profile_store.connect import Gap, Unsound
from profile_store.ledger import Raise
from profile_store.shards import Call, Shards

Mark = tuple[str, str, str]
"""A partition, the mark that must be there, and the one that takes its place."""


@dataclass(slots=True)
class Position:
    """What is known of one partition."""

    mark: str = ""
    """Up to here everything is applied, in every bucket: `topic id:offset`, or empty."""
    stored: str = ""
    """The watermark as it stands."""
    buckets: dict[int, str] = field(default_factory=dict)
    """The marks in the buckets."""
    noted: dict[int, str] = field(default_factory=dict)
    """The marks that were noted with the watermark."""


def whole(stored: str, buckets: dict[int, str], noted: dict[int, str]) -> str:
    """Up to where everything is applied in every bucket."""
    topic, _, offset = stored.partition(":")
    if not offset:
        return ""
    lowest = int(offset)
    for number in buckets.keys() | noted.keys():
        if buckets.get(number) == noted.get(number):
            continue
        there, _, reached = buckets.get(number, "").partition("|")[0].partition(":")
        if there != topic:
            return ""
        lowest = min(lowest, int(reached))
    return f"{topic}:{lowest}"


async def look(shards: Shards, group: str) -> Marks:
    """The marks as they stand. Raises Unsound or Transient."""
    names = [keys.marks(group, number) for number in range(keys.BUCKETS)]
    states = await shards.call((("hub_state", [name], []) for name in names), read=True)
    if not all(state[0] for state in states):
        raise Unsound("a server of the cluster was started anew")
    buckets = [pairs(state[1]) for state in states]
    stored, noted = await shards.commands(("HGETALL", name) for name in (keys.watermarks(group), keys.raised(group)))
    found = {int(one): Position(stored=mark.decode()) for one, mark in stored.items()}
    for one, mark in noted.items():
        partition, _, number = one.decode().partition(" ")
        found.setdefault(int(partition), Position()).noted[int(number)] = mark.decode()
    for number, marks in enumerate(buckets):
        for one, mark in marks:
            found.setdefault(int(one), Position()).buckets[number] = mark.decode()
    for position in found.values():
        position.mark = whole(position.stored, position.buckets, position.noted)
    return Marks(group, found, {number: state[0] for number, state in enumerate(states)})


class Marks:
    """The marks as they were seen once, and as this worker left them since."""

    def __init__(self, group: str, positions: dict[int, Position], epochs: Mapping[int, bytes]) -> None:
        self._group = group
        self._positions = positions
        self.epochs = epochs
        """In which epoch every bucket was seen. In a later one it may have lost what was read from it since."""

    def reached(self) -> dict[int, str]:
        """Up to where every partition is applied in every bucket."""
        return {partition: position.mark for partition, position in self._positions.items() if position.stored}

    def check(self, raises: Iterable[Raise]) -> None:
        """Raises Gap when a worker is not where the store was seen last."""
        for one in raises:
            position = self._positions.setdefault(one.partition, Position())
            if position.mark != one.expected:
                raise Gap(f"GAP {one.partition} {position.mark or '-'}")

    def next(self, raises: Sequence[Raise], buckets: Iterable[int]) -> dict[int, list[Mark]]:
        """The marks for a call in each of these buckets."""
        lot = f"{random.getrandbits(32):08x}"
        return {
            number: [
                (
                    str(one.partition),
                    self._positions[one.partition].buckets.get(number, ""),
                    f"{one.expected}|{lot}",
                )
                for one in raises
            ]
            for number in buckets
        }

    def left(self, marks: dict[int, list[Mark]]) -> None:
        """These calls were made."""
        for number, found in marks.items():
            for partition, _, mark in found:
                self._positions[int(partition)].buckets[number] = mark

    def raise_(self, raises: Sequence[Raise]) -> Call:
        """The call that raises the watermarks, and notes which marks the buckets have."""
        rising = [(str(one.partition), self._positions[one.partition].stored, one.new) for one in raises]
        noted: list[tuple[str, str]] = []
        for one in raises:
            position = self._positions[one.partition]
            for number in position.buckets.keys() | position.noted.keys():
                mark = position.buckets.get(number, "")
                if mark != position.noted.get(number, ""):
                    noted.append((f"{one.partition} {number}", mark))
        names = [keys.watermarks(self._group), keys.raised(self._group)]
        return "hub_raise", names, [_pack(rising), _pack(noted)]

    def raised(self, raises: Sequence[Raise]) -> None:
        """The watermarks stand there now."""
        for one in raises:
            position = self._positions[one.partition]
            position.mark = position.stored = one.new
            position.noted = dict(position.buckets)


def pairs(flat: Any) -> list[tuple[bytes, bytes]]:
    """A hash as a function returns it, whichever form that has."""
    return list(flat.items()) if isinstance(flat, dict) else list(zip(flat[::2], flat[1::2], strict=True))


def _pack(value: Any) -> bytes:
    return cast(bytes, msgpack.packb(value, use_bin_type=False))
