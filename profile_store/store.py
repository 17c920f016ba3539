"""The reading side of the store: what people look at."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Iterable
from typing import Any, Final, cast

import orjson

from hub.arrivals import Arrivals
from hub.ids import customer_id
from hub.kinds import LARGEST
from hub.profile import Document, Profile
from profile_store import applied, effects, keys, search, timeline
from profile_store.arrivals import ArrivalStore
from profile_store.connect import Client, translated
from profile_store.document import alias, count, profile_of, unpacked, version, view
from profile_store.effects import Effects
from profile_store.live import messages
from profile_store.seals import unsealed
from profile_store.segments import Members
from profile_store.shards import many
from profile_store.timeline import Row

LONGEST_CHAIN: Final = 2 * LARGEST
"""Places on the way to a customer, each led to from one of its identities: more is a circle."""
CURRENT_FOR: Final = 0.5
"""Seconds for which the answer to which generation is in use is believed."""
DAY: Final = 24 * 3600 * 1000
LATEST: Final = 1 << 52
"""Later than any event."""
SHORT: Final = 3
"""Characters below which a prefix fits so many that only a few entries of each bucket are looked at."""
FEW: Final = 2
CLAIMANTS: Final = 20
"""Customers at most who are shown as having named somebody else's identity."""


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

    async def declared(self) -> bytes | None:
        """The declarations that the customers are folded with; None when nobody said yet. Raises Transient."""
        at = await self.where()
        with translated():
            return cast(bytes | None, await self._client.get(at.declared))

    async def rebuilding(self) -> tuple[int, int] | None:
        """Of the rebuild under way, how many events it has read and of how many; None without one. Raises Transient."""
        with translated():
            found = cast(bytes | None, await self._client.get(keys.REBUILDING))
        if found is None:
            return None
        _, done, total = found.split()
        return int(done), int(total)

    async def get(self, customer: str) -> tuple[int, Profile] | None:
        """A customer's version and profile, merges followed: the id in it may be another. Raises Transient."""
        found = await self.document(customer)
        return None if found is None else (found[0], view(found[1]))

    async def document(self, customer: str) -> tuple[int, Document] | None:
        """The same as it is stored, in parts."""
        at = await self.where()
        for _ in range(LONGEST_CHAIN):
            key = at.profile(customer)
            with translated():
                raw = await unsealed(self._client, key, cast(bytes | None, await self._client.get(key)))
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
        at = await self.where()
        with translated():
            raw = await self._client.lrange(at.timeline(found[1]["id"]), 0, -1)
        return timeline.page([timeline.decode(cast(bytes, row)) for row in raw], before, limit)

    async def forgotten(self, customer: str) -> int | None:
        """Until when events came in whose rows are only in the log by now, in milliseconds; None: all are here.

        A little later than true: what is remembered of newer events tells it, to the day.
        """
        at = await self.where()
        rows, seen = await many(self._client, (("LLEN", at.timeline(customer)), ("HGETALL", at.applied(customer))))
        if rows < keys.TIMELINE_ROWS:
            return None
        newest = applied.days(applied.stored(seen))[: keys.TIMELINE_ROWS]
        return (newest[-1] + 1) * keys.SEEN_UNIT + DAY if newest else LATEST

    async def search(self, prefix: str, limit: int = 20) -> list[Profile]:
        """Customers of whom an identity or a part of the name starts like this, the best first. Raises Transient."""
        term = search.fold(prefix)
        if not term:
            return []
        at = await self.where()
        each = limit if len(term) >= SHORT else min(FEW, limit)
        span = (f"[{term}", f"[{term}\U0010ffff", "BYLEX", "LIMIT", 0, each)
        found = await many(self._client, (("ZRANGE", at.search(number), *span) for number in range(keys.BUCKETS)))
        # What is exactly the term comes first in lexical order, so that a bound keeps it.
        entries = sorted(raw for bucket in found for raw in bucket)
        ids = list(dict.fromkeys(map(search.customer, entries)))[:limit]
        profiles = [profile_of(raw) for raw in await self._values(at, ids)]
        return sorted(profiles, key=lambda one: search.rank(term, one))

    async def claimants(self, identities: Iterable[str]) -> list[Profile]:
        """Customers for whom one of these identities was named and refused, not all of very many. Raises Transient."""
        at = await self.where()
        starts = [search.entry(search.claim(name), "") for name in identities]
        asked = (
            ("ZRANGE", at.search(number), f"[{start}", f"[{start}\U0010ffff", "BYLEX", "LIMIT", 0, FEW)
            for start in starts
            for number in range(keys.BUCKETS)
        )
        entries = sorted(raw for bucket in await many(self._client, asked) for raw in bucket)
        ids = list(dict.fromkeys(map(search.customer, entries)))[:CLAIMANTS]
        return [profile_of(raw) for raw in await self._values(at, ids)]

    async def _values(self, at: keys.Keys, customers: Iterable[str]) -> list[bytes]:
        """What is stored of these customers, merges followed, each once: a round trip, and one more for merges."""
        asked, found = dict.fromkeys(customers), dict[str, bytes]()
        for _ in range(LONGEST_CHAIN):
            if not asked:
                break
            names = [at.profile(customer) for customer in asked]
            values = await many(self._client, (("GET", name) for name in names))
            read = [await unsealed(self._client, *one) for one in zip(names, values, strict=True)]
            held = [(customer, raw) for customer, raw in zip(asked, read, strict=True) if raw is not None]
            found |= {customer: raw for customer, raw in held if alias(raw) is None}
            targets = (alias(raw) for _, raw in held)
            asked = dict.fromkeys(target for target in targets if target is not None and target not in found)
        return list(found.values())

    async def segment_size(self, segment: str) -> int:
        """How many customers are in a segment. Raises Transient."""
        return await Members(self._client, await self.where()).count(segment)

    async def segment_members(self, segment: str, after: str, limit: int) -> tuple[list[str], str]:
        """A page of the customers in a segment, and the cursor of the next one. Raises Transient or Rejected."""
        return await Members(self._client, await self.where()).members(segment, after, limit)

    async def arrivals(self, kinds: Collection[str]) -> dict[str, dict[str, Arrivals]]:
        """How the fields that rules ask about came, by kind of event and name. Raises Transient."""
        return await ArrivalStore(self._client).read(kinds)

    async def effects(self, rules: Collection[str], today: int) -> dict[str, Effects]:
        """What each of these rules did in the days up to today. Raises Transient."""
        return await effects.effects(self._client, rules, today)

    async def watch(self, customer: str) -> AsyncIterator[int]:
        """The customer's new version at every change, until the caller stops asking."""
        async for data in messages(self._client, keys.live(customer), keys.live_in_bucket(customer)):
            yield int(data) if data[:1] != b">" else 0  # it is part of another customer now

    async def watch_desk(self) -> AsyncIterator[dict[str, Any]]:
        """News for everybody on the desk: calls."""
        async for data in messages(self._client, keys.DESK):
            yield orjson.loads(data)
