"""The reading side of the store: what people look at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis

from hub.ids import customer_id
from hub.profile import Document, Profile
from profile_store import keys, search, timeline
from profile_store.connect import translated
from profile_store.document import alias, count, unpacked, version, view
from profile_store.timeline import Row

LONGEST_CHAIN: Final = 16
DAY: Final = 24 * 3600 * 1000
LATEST: Final = 1 << 52
"""Later than any event."""


class Store:
    """Customers, timelines and changes, for reading."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def get(self, customer: str) -> tuple[int, Profile] | None:
        """A customer's version and profile, merges followed: the id in it may be another. Raises Transient."""
        found = await self.document(customer)
        return None if found is None else (found[0], view(found[1]))

    async def document(self, customer: str) -> tuple[int, Document] | None:
        """The same as it is stored, in parts."""
        for _ in range(LONGEST_CHAIN):
            with translated():
                raw = cast(bytes | None, await self._client.get(keys.profile(customer)))
            if raw is None:
                return None
            target = alias(raw)
            if target is None:
                return count(version(raw)), unpacked(raw)
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

    async def forgotten(self, customer: str) -> int | None:
        """Until when events came in whose rows are only in the log by now, in milliseconds; None: all are here.

        A little later than true: what is remembered of newer events tells it, to the day.
        """
        where = keys.timeline(customer), keys.applied(customer)
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.llen(where[0])
            pipe.zrange(where[1], -keys.TIMELINE_ROWS, -1, withscores=True)
            with translated():
                rows, applied = await pipe.execute()
        if rows < keys.TIMELINE_ROWS:
            return None
        oldest = int(applied[0][1]) + 1 if applied else 0
        return oldest * keys.SEEN_UNIT + DAY if oldest else LATEST

    async def search(self, prefix: str, limit: int = 20) -> list[Profile]:
        """Customers of whom an identity or a part of the name starts like this, those seen last first."""
        term = search.fold(prefix)
        if not term:
            return []
        start, end = f"[{term}", f"[{term}\U0010ffff"
        async with self._client.pipeline(transaction=False) as pipe:
            for number in range(keys.BUCKETS):
                pipe.zrange(keys.search(number), start, end, bylex=True, offset=0, num=limit)
            with translated():
                found = await pipe.execute()
        entries = sorted(raw.decode() for bucket in found for raw in bucket)
        ids = list(dict.fromkeys(search.customer(entry) for entry in entries))[:limit]
        profiles = [hit[1] for hit in [await self.get(one) for one in ids] if hit is not None]
        return sorted({one["id"]: one for one in profiles}.values(), key=lambda one: -one["last"])

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
