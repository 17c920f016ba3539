"""How the fields that rules ask about came with events: sums of what every worker saw, one hash a kind of event.

They are about senders and not about customers, so they belong to no generation of the store, and a worker that dies
takes its last seconds of looking with it. A kind that nobody sends for 30 days is forgotten, and so is a field that
no rule asks about any more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import msgpack
from redis.asyncio import RedisCluster

from hub.arrivals import Arrivals
from profile_store import keys
from profile_store.connect import Client, translated
from profile_store.shards import Shards, many

FUNCTION: Final = "hub_arrived"
_pack = partial(msgpack.packb, use_bin_type=False)


class Looks(NamedTuple):
    """What one worker saw of one field since it told last, in the words of `Arrivals`."""

    looked: int
    seen: int
    lead: int
    """Looks before the first that had the field; all, if none had it."""
    longest: int
    dry: int
    """Looks after the last that had it; all, if none had it."""
    last: int
    since: int
    latest: int
    odd: int


class ArrivalStore:
    """Where the sums are."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def add(self, kind: str, looks: Mapping[str, Looks]) -> None:
        """Add what was seen of the fields of one kind of event. Raises Transient."""
        place, said = keys.arrivals(kind), _pack([(name, *one) for name, one in looks.items()])
        if isinstance(self._client, RedisCluster):
            await Shards(self._client).call([(FUNCTION, [place], [said])])
            return
        with translated():
            await self._client.fcall(FUNCTION, 1, place, said)

    async def read(self, kinds: Collection[str]) -> dict[str, dict[str, Arrivals]]:
        """How fields came, by kind of event and by name. Raises Transient."""
        wanted = [keys.arrivals(kind) for kind in kinds]
        answers: list[Any] = await many(self._client, (("HGETALL", one) for one in wanted)) if wanted else []
        return {
            kind: {name.decode(): Arrivals(*map(int, said.split())) for name, said in found.items()}
            for kind, found in zip(kinds, answers, strict=True)
            if found
        }
