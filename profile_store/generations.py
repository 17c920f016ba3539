"""Generations of the store: one is in use, another may be built beside it, and what was in use before is removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

import msgpack
from redis.asyncio import Redis

from profile_store import keys
from profile_store.connect import translated
from profile_store.keys import Keys
from profile_store.segments import Untold

AT_ONCE: Final = 500
"""Keys removed in one step."""
LEASE_MS: Final = 15_000
"""How long a rebuild that says nothing more is thought to be alive."""
PAUSE: Final = 0.005
"""Seconds between two of those steps: others want to be served too."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Which generations there are."""

    current: int
    building: int | None
    old: tuple[int, ...]


class Generations:
    """Everything that is done with generations as a whole."""

    def __init__(self, client: Redis, group: str) -> None:
        self._client = client
        self._group = group

    async def standing(self) -> Standing:
        """Which generations there are now. Raises Transient."""
        with translated():
            found = cast(dict[bytes, bytes], await self._client.hgetall(keys.GENERATION))
        building = found.get(keys.BUILDING)
        old = sorted(int(name.removeprefix(keys.OLD)) for name in found if name.startswith(keys.OLD))
        return Standing(int(found.get(keys.CURRENT, 0)), None if building is None else int(building), tuple(old))

    async def begin(self, declared: bytes = b"") -> Keys:
        """A new generation to build with these declarations; what somebody was building before is given up.

        Raises Transient.
        """
        now = await self.standing()
        number = max(now.current, now.building or 0, *now.old, 0) + 1
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(keys.GENERATION, keys.BUILDING, str(number))
            if now.building is not None:
                pipe.hset(keys.GENERATION, _old(now.building), "1")
            if declared:
                pipe.set(Keys(number).declared, declared)
            with translated():
                await pipe.execute()
        return Keys(number)

    async def marks(self, at: Keys) -> dict[int, str]:
        """The watermarks of a generation: partition → `topic id:offset`. Raises Transient."""
        with translated():
            found = cast(dict[bytes, bytes], await self._client.hgetall(at.watermarks(self._group)))
        return {int(partition): mark.decode() for partition, mark in found.items()}

    async def declared(self, at: Keys) -> bytes | None:
        """The declarations that a generation is folded with; None when nobody said yet. Raises Transient."""
        with translated():
            return cast(bytes | None, await self._client.get(at.declared))

    async def compare(self, old: Keys, new: Keys) -> int:
        """Note beside a new generation who is in which segment there and not in the old one, and the other way round.

        How many that are. What nobody was told yet of the old one counts as not having happened. Raises Transient.
        """
        async with self._client.pipeline(transaction=False) as pipe:
            for number in range(keys.BUCKETS):
                came, went = new.entered(number), new.left(number)
                # What everybody knows: the old members, less those whose coming was not told yet, and with those
                # whose leaving was not.
                pipe.zdiffstore(went, [old.segments(number), old.entered(number)])
                pipe.zunionstore(went, [went, old.left(number)], aggregate="MIN")
                pipe.zdiffstore(came, [new.segments(number), went])
                pipe.zdiffstore(went, [went, new.segments(number)])
            with translated():
                counts: list[int] = await pipe.execute()
        return sum(counts[2::4]) + sum(counts[3::4])

    async def untold(self, at: Keys) -> bool:
        """Whether there is something to be told of a generation's segments. Raises Transient."""
        return await Untold(self._client, at).any()

    async def claim(self, lot: str, *, alone: bool) -> bool:
        """Say that a rebuild begins; False when it is to be the only one and another lives. Raises Transient."""
        with translated():
            return bool(await self._client.set(keys.REBUILDING, f"{lot} 0 0", nx=alone, px=LEASE_MS))

    async def alive(self, lot: str, done: int, total: int) -> None:
        """Say how far a rebuild is, unless another took its place. Raises Transient."""
        with translated():
            found = cast(bytes | None, await self._client.get(keys.REBUILDING))
            if found is None or found.split()[0].decode() == lot:
                await self._client.set(keys.REBUILDING, f"{lot} {done} {total}", px=LEASE_MS)

    async def over(self, lot: str) -> None:
        """Say that a rebuild has ended. Raises Transient."""
        with translated():
            found = cast(bytes | None, await self._client.get(keys.REBUILDING))
            if found is not None and found.split()[0].decode() == lot:
                await self._client.delete(keys.REBUILDING)

    async def seal(self, ms: int) -> None:
        """Let nobody write the generation in use for so long. Raises Transient."""
        with translated():
            seconds, micros = await self._client.time()
            until = seconds * 1000 + micros // 1000 + ms
            await self._client.hset(keys.GENERATION, keys.SEALED, str(until))

    async def unseal(self) -> None:
        """Let it be written again. Raises Transient."""
        with translated():
            await self._client.hdel(keys.GENERATION, keys.SEALED)

    async def switch(self, old: Keys, new: Keys, before: Mapping[int, str], after: Mapping[int, str]) -> bool:
        """Put a generation in use, if both have exactly these watermarks; False when one went on.

        Raises Gap when it is not being built any more, or Transient.
        """
        names = (keys.GENERATION, old.watermarks(self._group), new.watermarks(self._group))
        marks = [
            msgpack.packb({str(one): mark for one, mark in some.items()}, use_bin_type=False)
            for some in (before, after)
        ]
        with translated():
            done = await self._client.fcall(
                "hub_switch", len(names), *names, str(old.generation), str(new.generation), *marks
            )
        return bool(done)

    async def remove(self, number: int) -> AsyncIterator[int]:
        """Remove an old generation in small steps; how many keys are gone, after each. Raises Transient."""
        at, gone = Keys(number), 0
        found: list[bytes] = []
        with translated():
            async for name in self._client.scan_iter(at.pattern(), count=AT_ONCE):
                if at.kind(name.decode()):
                    found.append(name)
                if len(found) >= AT_ONCE:
                    gone += await self._client.unlink(*found)
                    found = []
                    yield gone
                    await asyncio.sleep(PAUSE)
            gone += await self._client.unlink(*found, at.watermarks(self._group), at.progress, at.declared)
            await self._client.hdel(keys.GENERATION, _old(number))
        yield gone


def _old(number: int) -> bytes:
    return keys.OLD + str(number).encode()
