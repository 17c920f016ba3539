"""Reading the log backwards, for what is too old for the store: one customer's events, a page at a time.

The log holds everybody's events, so a page takes a bounded time, whether it is full by then or not; its position
says where the next one goes on. Only the partitions of the customer's identities are read, no further back than
the customer is known, and of most records nothing but the key.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition

from desk.ports import Page, Whose
from desk.topics import positions, reader, translated, written
from hub.errors import Rejected, Transient
from hub.event import Event
from hub.partition import partition
from hub.settings import Settings
from hub.topics import INTERACTIONS
from streams.decode import one as decoded

AT_ONCE: Final = 8
"""Pages this process reads at the same time: each costs a connection to the broker."""
PATIENCE: Final = 2.0
"""Seconds after which a page ends, full or not."""
CHUNK: Final = 2_000
"""Records of a partition that are read at a time, at first; twice as many wherever nothing was found."""
LARGEST_CHUNK: Final = 64_000
LATEST: Final = 1 << 62
NEAR: Final = 5 * 60_000
"""Milliseconds between an event's receipt and its place in the log, nearly always; longer after an outage."""


@dataclass(slots=True)
class _Back:
    """One partition, read backwards."""

    place: TopicPartition
    low: int
    end: int
    """Everything from here on was read."""
    held: list[Any] = field(default_factory=list)
    """Records with the right key that were read and not given out yet, oldest first."""
    size: int = CHUNK
    reached: int = LATEST
    """When the oldest record was written that was read."""

    @property
    def over(self) -> bool:
        return not self.held and self.end <= self.low

    @property
    def head(self) -> int:
        """Nothing that is still to come was written later."""
        return int(self.held[-1].timestamp) if self.held else self.reached

    @property
    def position(self) -> int:
        return int(self.held[-1].offset) + 1 if self.held else self.end


class KafkaLog:
    """The topic `interactions`, for looking back."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._policy = settings.policy
        self._places = asyncio.Semaphore(AT_ONCE)

    async def before(
        self, wanted: Whose, until: int | None, position: str, limit: int, *, want: Callable[[Event], bool]
    ) -> Page:
        """A page of what came in before a moment, or from a position on. Raises Rejected or Transient."""
        reached = positions(position) if position else None
        deadline = time.monotonic() + PATIENCE
        found: list[Event] = []
        async with self._reader(wanted.keys) as (consumer, places):
            parts = await self._parts(consumer, places, wanted.since, until, reached)
            while len(found) < limit:
                part = max((one for one in parts if not one.over), key=lambda one: one.head, default=None)
                if part is None or time.monotonic() > deadline:
                    break
                if not part.held:
                    await _read(consumer, part, wanted.keys, deadline + PATIENCE)
                    continue
                event = self._event(part.held.pop(), wanted)
                if event is not None and want(event):
                    found.append(event)
        left = {one.place.partition: one.position for one in parts if not one.over}
        moment = max((one.head for one in parts if not one.over), default=wanted.since)
        return Page(found, written(left), min(moment, _now()))

    async def find(self, keys: Collection[str], refs: Mapping[str, int]) -> dict[str, Event]:
        """Events by their short names, looked for where they were received: name → moment. Raises Transient."""
        deadline = time.monotonic() + PATIENCE
        found: dict[str, Event] = {}
        if not refs or not keys:
            return found
        wanted = frozenset(keys)
        async with self._reader(wanted) as (consumer, places):
            for place in places:
                for ref, moment in refs.items():
                    if ref in found or time.monotonic() > deadline:
                        continue
                    starts = await consumer.offsets_for_times({place: max(0, moment - NEAR)})
                    if starts[place] is None:
                        continue
                    end = (await consumer.end_offsets([place]))[place]
                    part = _Back(place, starts[place].offset, min(end, starts[place].offset + CHUNK))
                    await _read(consumer, part, wanted, deadline + PATIENCE)
                    found |= {event.ref: event for event in self._events(part.held) if event.ref in refs}
        return found

    def _events(self, records: list[Any]) -> list[Event]:
        events = []
        for record in records:
            with contextlib.suppress(Rejected):
                events.append(decoded(record, "", False, self._policy).event)
        return events

    def _event(self, record: Any, wanted: Whose) -> Event | None:
        """The event, if it is one of theirs; what cannot be read is among the dead letters."""
        try:
            incoming = decoded(record, "", False, self._policy)
        except Rejected:
            return None
        return incoming.event if incoming.keys[0] in wanted.owners else None

    @contextlib.asynccontextmanager
    async def _reader(self, keys: Collection[str]) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
        """A consumer, and the partitions that hold records with these keys."""
        if self._places.locked():
            raise Transient("too many are looking back already", retry_after=5)
        async with self._places, reader(self._settings, INTERACTIONS) as (consumer, places):
            consumer.pause(*places)
            numbers = {partition(key, len(places)) for key in keys}
            with translated():
                yield consumer, [place for place in places if place.partition in numbers]

    async def _parts(
        self, consumer: Any, places: list[TopicPartition], since: int, until: int | None, reached: dict[int, int] | None
    ) -> list[_Back]:
        if reached is not None:
            places = [place for place in places if place.partition in reached]
        if not places:
            return []
        ends = await consumer.end_offsets(places)
        lows = await consumer.beginning_offsets(places)
        firsts = await consumer.offsets_for_times(dict.fromkeys(places, since))
        lasts = await consumer.offsets_for_times(dict.fromkeys(places, until)) if until is not None else {}
        parts = []
        for place in places:
            end = ends[place] if lasts.get(place) is None else lasts[place].offset
            end = end if reached is None else min(ends[place], reached[place.partition])
            low = ends[place] if firsts.get(place) is None else max(lows[place], firsts[place].offset)
            parts.append(_Back(place, low, max(low, end)))
        return parts


def _now() -> int:
    return time.time_ns() // 1_000_000


async def _read(consumer: Any, part: _Back, keys: frozenset[str], deadline: float) -> None:
    """Read the next stretch of a partition, backwards; of it what has the right keys is held."""
    start, end = max(part.low, part.end - part.size), part.end
    held: list[Any] = []
    reached = part.reached
    consumer.seek(part.place, start)
    consumer.resume(part.place)
    try:
        while start < end:
            batch = await consumer.getmany(part.place, timeout_ms=1000)
            records = batch.get(part.place, ())
            if not records and time.monotonic() > deadline:
                raise Transient("Kafka does not answer", retry_after=2)
            for record in records:
                if record.offset >= end:
                    break
                reached = min(reached, record.timestamp)
                if (record.key or b"").decode("utf-8", "replace") in keys:
                    held.append(record)
            start = records[-1].offset + 1 if records else await consumer.position(part.place)
    finally:
        consumer.pause(part.place)
    part.held, part.end, part.reached = held, max(part.low, end - part.size), reached
    part.size = CHUNK if held else min(part.size * 2, LARGEST_CHUNK)
