"""After other declarations came into force: who came into a segment by them, and who left one, is said once.

The rebuild notes it beside the new store in the step that puts it in use. Every worker tells what is left of it
before it reads on, so that it never comes after what happened to the same customer later; an event that two of them
tell is the same event.
"""

from __future__ import annotations

import random
import time
from typing import Final

from hub.bus import Producer, topic
from hub.event import Event
from hub.logs import get
from hub.settings import Settings
from hub.topics import INTERACTIONS
from profile_store.connect import Client
from profile_store.keys import BUCKETS
from profile_store.ledger import Ledger
from profile_store.segments import Untold, parted
from streams.segment import ENTERED, LEFT, moved

AT_ONCE: Final = 1_000

log = get("announce")


def told(kind: str, entry: str, lot: str, now: int, tenant: str) -> Event:
    """The event that a customer entered or left a segment by other declarations; of one store always the same."""
    segment, customer = parted(entry)
    return moved(kind, customer, (segment, now), now, tenant, cause=f"declarations:{lot}", called=lot)


class Announcer:
    """Tells what is still to be told of the generation in use."""

    def __init__(self, client: Client, ledger: Ledger, producer: Producer, settings: Settings) -> None:
        self._client = client
        self._ledger = ledger
        self._producer = producer
        self._topic = topic(settings, INTERACTIONS)
        self._tenant = settings.tenant
        self._done = 0
        """The generation of which all is told; of the first, which nobody built, there is nothing."""

    async def run(self, lot: str) -> int:
        """Tell it; how many events. `lot` is that of the store's declarations. Raises Transient."""
        at, count = self._ledger.at, 0
        if not self._ledger.one_server or at.generation == self._done:
            return 0
        untold, now = Untold(self._client, at), int(time.time() * 1000)
        # Another worker may be at it too: each begins elsewhere.
        for number in random.sample(range(BUCKETS), BUCKETS if await untold.any() else 0):
            while True:
                came, went = await untold.some(number, AT_ONCE)
                if not came and not went:
                    break
                events = [told(ENTERED, one, lot, now, self._tenant) for one in came]
                events += [told(LEFT, one, lot, now, self._tenant) for one in went]
                await self._producer.publish(self._topic, [(one.subject, one.to_json()) for one in events])
                await untold.done(number, came, went)
                count += len(events)
        self._done = at.generation
        if count:
            log.info("told who is in which segment by other declarations", events=count)
        return count
