"""The reading side of the store: what people look at."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any, Final, cast

import orjson

from hub.ids import customer_id
from hub.profile import Profile
from profile_store import keys, search, timeline
from profile_store.connect import Client, translated
from profile_store.document import alias, count, profile_of, version
from profile_store.live import messages
from profile_store.seals import unsealed
from profile_store.shards import many
from profile_store.timeline import Row

LONGEST_CHAIN: Final = 16
CURRENT_FOR: Final = 0.5
"""Seconds for which the answer to which generation is in use is believed."""


class Store:
    """Customers, timelines and changes, for reading."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._at = keys.FIRST
        self._looked_at = -CURRENT_FOR

    async def where(self) -> keys.Keys:
        """The generation in use, as of a moment ago. Raises Transient."""
        now = time.monotonic()
        if now - self._looked_at >= CURRENT_FOR:
            with translated():
                self._at = keys.Keys(int(await self._client.hget(keys.GENERATION, keys.CURRENT) or 0))
            self._looked_at = now
        return self._at

    async def get(self, customer: str) -> tuple[int, Profile] | None:
        """A customer's version and profile, merges followed: the id in it may be another. Raises Transient."""
        at = await self.where()
        for _ in range(LONGEST_CHAIN):
            key = at.profile(customer)
            with translated():
                raw = await unsealed(self._client, key, cast(bytes | None, await self._client.get(key)))
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
        at = await self.where()
        with translated():
            raw = await self._client.lrange(at.timeline(found[1]["id"]), 0, -1)
        return timeline.page([timeline.decode(cast(bytes, row)) for row in raw], before, limit)

    async def search(self, prefix: str, limit: int = 20) -> list[Profile]:
        """Customers of whom an identity or a part of the name starts like this, those seen last first."""
        term = search.fold(prefix)
        if not term:
            return []
        at = await self.where()
        span = (f"[{term}", f"[{term}\U0010ffff", "BYLEX", "LIMIT", 0, limit)
        found = await many(self._client, (("ZRANGE", at.search(number), *span) for number in range(keys.BUCKETS)))
        entries = sorted(raw.decode() for bucket in found for raw in bucket)
        ids = list(dict.fromkeys(search.customer(entry) for entry in entries))[:limit]
        profiles = [hit[1] for hit in [await self.get(one) for one in ids] if hit is not None]
        return sorted({one["id"]: one for one in profiles}.values(), key=lambda one: -one["last"])

    async def watch(self, customer: str) -> AsyncIterator[int]:
        """The customer's new version at every change, until the caller stops asking."""
        async for data in messages(self._client, keys.live(customer), keys.live_in_bucket(customer)):
            yield int(data) if data[:1] != b">" else 0  # it is part of another customer now

    async def watch_desk(self) -> AsyncIterator[dict[str, Any]]:
        """News for everybody on the desk: calls."""
        async for data in messages(self._client, keys.DESK):
            yield orjson.loads(data)
