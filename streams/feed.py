"""The change feed: the newest profile of every customer that changed, on the compacted topic `profiles`.

The key is the customer's id. The value is `{"generation": 0, "version": 12, "profile": {…}}`; a customer that became
part of another has a message without a value. Many changes become one message: a customer is told at most once a
second, and no more of them than a small part of a worker's time allows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from hub.bus import Producer, topic
from hub.errors import Rejected, Transient
from hub.jsonbytes import dumps
from hub.logs import get
from hub.lots import lots
from hub.metrics import FED
from hub.settings import Settings
from hub.topics import PROFILES
from profile_store.changes import Changed, Changes
from profile_store.document import profile_of
from profile_store.keys import BUCKETS

EVERY: Final = 1.0
"""Seconds between two looks at the same customers."""
SHARE: Final = 0.04
"""The part of a worker's time that the feed may take."""
AT_ONCE: Final = 20
"""Customers made ready without a break: events that come in wait so long."""
MOST: Final = 200
"""Customers of one bucket in one look."""

log = get("feed")


def message(one: Changed, generation: int) -> bytes | None:
    """What the feed says of a customer."""
    if one.value is None:
        return None
    return dumps({"generation": generation, "version": one.version, "profile": profile_of(one.value)})


class Feed:
    """Tells what changed in the buckets that fall to this worker."""

    def __init__(
        self,
        changes: Changes,
        producer: Producer,
        settings: Settings,
        assigned: Callable[[], frozenset[int]],
        generation: Callable[[], int],
    ) -> None:
        self._changes = changes
        self._producer = producer
        self._topic = topic(settings, PROFILES)
        self._partitions = settings.partitions
        self._assigned = assigned
        self._generation = generation

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            started = time.monotonic()
            try:
                await self.step()
            except Transient as error:
                log.warning("waiting", error=str(error))
            await asyncio.sleep(max(0.0, started + EVERY - time.monotonic()))

    async def step(self) -> int:
        """Tell what waits; how many customers. Raises Transient."""
        told = 0
        mine = self._assigned()
        for bucket in range(BUCKETS):
            if bucket % self._partitions in mine:
                told += await self._bucket(bucket)
        return told

    async def _bucket(self, bucket: int) -> int:
        waiting = await self._changes.some(bucket, MOST)
        for some in lots(waiting, AT_ONCE):
            began = time.thread_time()
            generation = self._generation()
            messages = [(one.customer, message(one, generation)) for one in some]
            spent = time.thread_time() - began
            await self._tell(messages)
            await self._changes.done(bucket, some)
            await asyncio.sleep(min(spent * (1 / SHARE - 1), EVERY))
        FED.inc(len(waiting))
        return len(waiting)

    async def _tell(self, messages: Sequence[tuple[str, bytes | None]]) -> None:
        try:
            await self._producer.publish(self._topic, messages)
        except Rejected:
            # One is larger than a message may be: the others need not miss theirs.
            for one in messages:
                try:
                    await self._producer.publish(self._topic, [one])
                except Rejected as error:
                    log.error("a profile is too large for the feed", customer=one[0], error=str(error))
