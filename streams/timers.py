"""Timers that are due become events in the log, once everything that happened before is applied."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from hub.bus import Producer, topic
from hub.errors import Transient
from hub.event import Event
from hub.ids import event_id
from hub.logs import get
from hub.metrics import TIMERS_HELD
from hub.settings import Settings
from hub.topics import INTERACTIONS
from profile_store.keys import BUCKETS
from profile_store.ledger import Ledger

SOURCE: Final = "/timers"
log = get("timers")


def due_event(customer: str, slot: str, timer: str, tenant: str, now: datetime | None = None) -> Event:
    """The event of a timer. Its id is fixed, so that however often it is sent, it counts once."""
    now = now or datetime.now(UTC)
    return Event(
        id=event_id(SOURCE, timer),
        source=SOURCE,
        type="timer.due",
        time=now,
        subject=f"customer:{customer}",
        receivedat=now,
        tenant=tenant,
        data={"identities": [], "slot": slot, "timer": timer},
    )


class Timers:
    """Looks after the timers of the buckets that fall to this worker."""

    def __init__(
        self,
        ledger: Ledger,
        producer: Producer,
        settings: Settings,
        assigned: Callable[[], frozenset[int]],
        heard: Callable[[int], None],
    ) -> None:
        self._ledger = ledger
        self._producer = producer
        self._settings = settings
        self._topic = topic(settings, INTERACTIONS)
        self._assigned = assigned
        self._heard = heard

    async def run(self) -> None:
        """Look for due timers again and again, until cancelled."""
        while True:
            try:
                await self.tick(int(time.time() * 1000))
            except Transient as error:
                log.warning("waiting", error=str(error))
            await asyncio.sleep(self._settings.timer_poll)

    async def tick(self, now: int) -> int:
        """Send the timers that are due now; how many. Raises Transient.

        Only up to the moment that every partition is applied to: what would have cancelled a timer may
        still be waiting in another partition.
        """
        partitions = self._assigned()
        mine = [number for number in range(BUCKETS) if number % self._settings.partitions in partitions]
        if not mine:
            return 0
        applied = await self._ledger.all_read_up_to(self._settings.partitions)
        self._heard(applied)
        if applied < now - 2_000:
            TIMERS_HELD.inc()
        due = await self._ledger.due(mine, min(now, applied))
        events = [due_event(customer, slot, timer, self._settings.tenant) for customer, slot, timer in due]
        await self._producer.publish(self._topic, [(event.subject, event.to_json()) for event in events])
        return len(events)
