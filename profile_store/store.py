"""The reading side of the store: what people look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis

from hub.ids import customer_id
from hub.profile import Profile
from profile_store import keys, search, timeline
from profile_store.connect import translated
from profile_store.document import alias, count, profile_of, version
from profile_store.timeline import Row

LONGEST_CHAIN: Final = 16
SHORT: Final = 3
"""Characters below which a prefix fits so many that only a few entries of each bucket are looked at."""
FEW: Final = 2


class Store:
    """Customers, timelines and changes, for reading."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def get(self, customer: str) -> tuple[int, Profile] | None:
        """A customer's version and profile, merges followed: the id in it may be another. Raises Transient."""
        for _ in range(LONGEST_CHAIN):
            with translated():
                raw = cast(bytes | None, await self._client.get(keys.profile(customer)))
            if raw is None:
                return None
            target = alias(raw)
            if target is None:
                return count(version(raw)), profile_of(raw)
            customer = target
        return None

    async def find(self, identity: str) -> tuple[int, Profile] | None:
        """The customer with an identity in normal form, `type:value`."""
        kind, _, text = identity.partition(":")
        return await self.get(text if kind == "customer" else customer_id(identity))

    async def timeline(self, customer: str, before: str | None = None, limit: int = 50) -> tuple[list[Row], str | None]:
        """A page of the timeline, newest first, and the cursor of the next one."""
        found = await self.get(customer)
        if found is None:
            return [], None
        with translated():
            raw = await self._client.lrange(keys.timeline(found[1]["id"]), 0, -1)
        return timeline.page([timeline.decode(cast(bytes, row)) for row in raw], before, limit)

    async def search(self, prefix: str, limit: int = 20) -> list[Profile]:
        """Customers of whom an identity or a part of the name starts like this, the best first. Raises Transient."""
        term = search.fold(prefix)
        if not term:
            return []
        start, end = f"[{term}", f"[{term}\U0010ffff"
        each = limit if len(term) >= SHORT else min(FEW, limit)
        async with self._client.pipeline(transaction=False) as pipe:
            for number in range(keys.BUCKETS):
                pipe.zrange(keys.search(number), start, end, bylex=True, offset=0, num=each)
            with translated():
                found: list[list[bytes]] = await pipe.execute()
        # What is exactly the term comes first in lexical order, so that a bound keeps it.
        entries = sorted(raw for bucket in found for raw in bucket)
        ids = list(dict.fromkeys(map(search.customer, entries)))[:limit]
        profiles = [profile_of(raw) for raw in await self._values(ids)]
        return sorted(profiles, key=lambda one: search.rank(term, one))

    async def _values(self, customers: Iterable[str]) -> list[bytes]:
        """What is stored of these customers, merges followed, each once: a round trip, and one more for merges."""
        asked, found = dict.fromkeys(customers), dict[str, bytes]()
        for _ in range(LONGEST_CHAIN):
            if not asked:
                break
            async with self._client.pipeline(transaction=False) as pipe:
                for customer in asked:
                    pipe.get(keys.profile(customer))
                with translated():
                    values: list[bytes | None] = await pipe.execute()
            held = [(customer, raw) for customer, raw in zip(asked, values, strict=True) if raw is not None]
            found |= {customer: raw for customer, raw in held if alias(raw) is None}
            targets = (alias(raw) for _, raw in held)
            asked = dict.fromkeys(target for target in targets if target is not None and target not in found)
        return list(found.values())

    async def watch(self, customer: str) -> AsyncIterator[int]:
        """The customer's new version at every change, until the caller stops asking."""
        async for data in self._listen(keys.live(customer)):
            yield int(data)

    async def watch_desk(self) -> AsyncIterator[dict[str, Any]]:
        """News for everybody on the desk: calls."""
        async for data in self._listen(keys.DESK):
            yield orjson.loads(data)

    async def _listen(self, channel: str) -> AsyncIterator[bytes]:
        pubsub = self._client.pubsub(ignore_subscribe_messages=True)
        try:
            with translated():
                await pubsub.subscribe(channel)
                while True:
                    message = await pubsub.get_message(timeout=5)
                    if message is not None:
                        yield message["data"]
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]
