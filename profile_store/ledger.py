"""The writing side of the store: read a batch's customers, write them in one step, keep the watermarks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import msgpack
from redis.asyncio import Redis

from profile_store import keys
from profile_store.connect import translated
from profile_store.draft import Draft, History, name
from profile_store.keys import FIRST, Keys

LEASE_MS: Final = 15_000
"""How long a due timer is in the hands of the worker that took it."""
DUE_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of one customer, and which of the asked events it has applied."""

    value: bytes | None
    applied: frozenset[str]


@dataclass(frozen=True, slots=True)
class Raise:
    """A partition's watermark: where it must stand, and where it goes. Empty: there is none yet."""

    partition: int
    expected: str
    new: str


# The old form of MessagePack, which tells no bytes from text: Redis reads no other.
_pack = partial(msgpack.packb, use_bin_type=False)
NONE: Final[frozenset[str]] = frozenset()


def _applied(refs: Sequence[str], flags: bytes) -> frozenset[str]:
    return frozenset(ref for ref, flag in zip(refs, flags, strict=True) if flag == 49) if b"1" in flags else NONE


class Ledger:
    """Everything a worker does with the store."""

    def __init__(self, client: Redis, group: str, at: Keys = FIRST, *, feed: bool = False) -> None:
        self._client = client
        self._group = group
        self._feed = b"1" if feed else b""
        self.at = at

    @property
    def _watermarks(self) -> str:
        return self.at.watermarks(self._group)

    async def moved(self) -> bool:
        """Whether another generation is in use than the one this ledger works on. Raises Transient."""
        with translated():
            return int(await self._client.hget(keys.GENERATION, keys.CURRENT) or 0) != self.at.generation

    async def follow(self) -> bool:
        """Go over to the generation in use; whether that is another one. Raises Transient."""
        with translated():
            generation = int(await self._client.hget(keys.GENERATION, keys.CURRENT) or 0)
        moved, self.at = generation != self.at.generation, Keys(generation)
        return moved

    async def read(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, Held]:
        """Customers by id, each with the events to look for. Raises Transient."""
        if not wanted:
            return {}
        at = self.at
        asked = _pack([(at.profile(customer), list(map(name, refs))) for customer, refs in wanted.items()])
        with translated():
            found = await self._client.fcall_ro("hub_read", 1, self._watermarks, asked)
        values, flags = found[::2], found[1::2]
        return {
            customer: Held(value, _applied(refs, mark))
            for (customer, refs), value, mark in zip(wanted.items(), values, flags, strict=True)
        }

    async def commit(self, drafts: Sequence[Draft], raises: Sequence[Raise]) -> list[int]:
        """Write the drafts, each whole or not at all; the places of those refused. Raises Gap or Transient.

        The watermarks rise in the same step, unless something was refused.
        """
        marks = _pack([(str(one.partition), one.expected, one.new) for one in raises])
        at = self.at
        groups = _pack([draft.members(at) for draft in drafts])
        names = (at.watermarks(self._group), keys.GENERATION)
        with translated():
            refused: list[int] = await self._client.fcall(
                "hub_commit", len(names), *names, marks, groups, str(at.generation), self._feed
            )
        return refused

    async def history(self, customer: str) -> History:
        """What lies beside a customer's document. Raises Transient."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.lrange(self.at.timeline(customer), 0, -1)
            pipe.zrange(self.at.applied(customer), 0, -1, withscores=True)
            with translated():
                rows, seen = await pipe.execute()
        return History(rows, [part for ref, minute in seen for part in (int(minute), ref)])

    async def watermarks(self) -> dict[int, str]:
        """Where every partition's watermark stands: `topic id:offset`."""
        with translated():
            found = await self._client.hgetall(self._watermarks)
        return {int(partition): cast(bytes, mark).decode() for partition, mark in found.items()}

    async def read_up_to(self, moments: Mapping[int, int]) -> None:
        """Note the moment (ms) up to which partitions are read."""
        if moments:
            with translated():
                await self._client.hset(self.at.progress, mapping={str(one): ms for one, ms in moments.items()})

    async def all_read_up_to(self, partitions: int) -> int:
        """The moment (ms) up to which every partition is read; 0 when one was never."""
        with translated():
            found = await self._client.hgetall(self.at.progress)
        return min((int(found.get(str(one).encode(), 0)) for one in range(partitions)), default=0)

    async def due(self, buckets: Sequence[int], now: int) -> list[tuple[str, str, str]]:
        """Lease the due timers of these buckets: customer, slot, timer."""
        if not buckets:
            return []
        names = [self.at.timers(number) for number in buckets]
        with translated():
            found = await self._client.fcall("hub_lease", len(names), *names, now, now + LEASE_MS, DUE_AT_ONCE)
        return [tuple(member.decode().split(" ", 2)) for member in found]

    async def drop_timers(self, members: Iterable[str]) -> None:
        """Remove timers that nobody waits for any more."""
        async with self._client.pipeline(transaction=False) as pipe:
            for member in members:
                pipe.zrem(self.at.timers(keys.bucket(member.partition(" ")[0])), member)
            with translated():
                await pipe.execute()

    async def waiting_triggers(self) -> dict[int, dict[str, bytes]]:
        """Everything in the outbox: bucket → trigger id → trigger. A merge may have moved it away from its customer."""
        async with self._client.pipeline(transaction=False) as pipe:
            for number in range(keys.BUCKETS):
                pipe.hgetall(keys.outbox(number))
            with translated():
                found = await pipe.execute()
        return {
            number: {id.decode(): body for id, body in bucket.items()} for number, bucket in enumerate(found) if bucket
        }

    async def relayed(self, triggers: Iterable[tuple[int, str]]) -> None:
        """Take triggers (bucket, id) out of the outbox: the topic has them."""
        async with self._client.pipeline(transaction=False) as pipe:
            for bucket, id in triggers:
                pipe.hdel(keys.outbox(bucket), id)
            with translated():
                await pipe.execute()
