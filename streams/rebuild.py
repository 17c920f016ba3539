"""The whole store a second time from the log, beside the one in use, which is then exchanged for it in one step.

All that is read here was decided by the workers before, so nothing is decided and nothing is said: no event is read
that they have not applied. At the end they are held for a moment, until the new store is exactly where they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from hub.errors import Rejected, Transient
from hub.logs import get
from hub.settings import Settings
from profile_store.connect import Gap
from profile_store.generations import Generations
from profile_store.keys import Keys
from profile_store.ledger import Ledger, Raise
from rules.book import Book
from streams.declared import Declarations
from streams.decode import Dead, Incoming, decode
from streams.foretell import decisions, further_on
from streams.gate import applied
from streams.patience import patiently
from streams.pipeline import Pipeline
from streams.reader import FETCH, reading
from streams.relay import EVENT
from streams.rulelog import whole
from streams.topic import Described

WRITTEN: Final = 4_000
"""Events written in one step: the store answers nobody else meanwhile."""
NEAR: Final = 1_000
"""Events that may be missing when the workers are held."""
SEAL_MS: Final = 5_000
"""The longest that the workers are held; they go on by themselves after it."""
TRIES: Final = 20
ALL: Final = 1 << 62

log = get("rebuild")


@dataclass(slots=True)
class Progress:
    """How far a rebuild is."""

    done: int = 0
    total: int = 0
    dead: int = 0
    moved: int = 0
    """Memberships of segments that other declarations changed."""
    held: float = 0.0
    """Seconds for which the workers were held."""
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.started


def steps(batch: Sequence[Incoming]) -> list[Sequence[Incoming]]:
    """A batch as it is written, one step after the other; at least one, though nothing be in it."""
    return [batch[start : start + WRITTEN] for start in range(0, max(len(batch), 1), WRITTEN)]


class Rebuild:
    """One rebuild of everything."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        generations: Generations,
        described: Described,
        tell: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._topic_id, self._partitions = described.id, described.partitions
        self._tell = tell
        self._generations = generations
        self._ledger = ledger
        self._declarations = Declarations(settings)
        self._pipeline = Pipeline(self._ledger, self._declarations, self._bury, settings.policy)
        self._marks: dict[int, str] = {}
        self._next: dict[int, int] = {}
        self._oldest: dict[int, int] = {}
        self._looked: dict[int, int] = {}
        """Up to where the log was searched for decisions."""
        self.progress = Progress()

    async def _enter(self) -> None:
        """Take over what the generation is folded with, and the rules as they were published. Raises Transient."""
        await self._declarations.adopt(self._ledger)
        self._declarations.editions.history = await asyncio.to_thread(whole, self._settings)

    async def _bury(self, _: Dead) -> None:
        """It is among the dead letters since it was read first."""
        self.progress.dead += 1

    async def missing(self, at: Keys) -> int:
        """How many events a generation does not have. Raises Transient."""
        self._ledger.at = at
        async with reading(self._settings, self._partitions) as consumer:
            await self._locate(consumer)
            limits = await self._limits(consumer)
        return sum(max(0, end - self._next[one]) for one, end in limits.items())

    async def bulk(self, at: Keys) -> int:
        """Bring a generation up to where the workers are now, and leave it at that; how many events were read."""
        self._ledger.at = at
        await self._enter()
        async with reading(self._settings, self._partitions) as consumer:
            await self._locate(consumer)
            return await self._read(consumer, await self._limits(consumer))

    async def run(self, at: Keys) -> Progress:
        """Fill a generation from its watermarks on, and put it in use. Raises Gap when another rebuild took over."""
        self._ledger.at = at
        await self._enter()
        async with reading(self._settings, self._partitions) as consumer:
            await self._locate(consumer)
            limits = await self._limits(consumer)
            left = sum(max(0, end - self._next[one]) for one, end in limits.items())
            self.progress.total = max(self.progress.total, self.progress.done + left)
            for _ in range(TRIES):
                while await self._read(consumer, limits) > NEAR:
                    limits = await self._limits(consumer)
                await self._foretell(consumer)
                if await self._exchange(consumer, at):
                    return self.progress
                limits = await self._limits(consumer)
        raise Transient("the workers are faster than the rebuild; try again when less comes in")

    async def _locate(self, consumer: Any) -> None:
        """Where the generation that is built stands."""
        self._marks = await self._generations.marks(self._ledger.at)
        oldest = await consumer.beginning_offsets(list(consumer.assignment()))
        for place, first in oldest.items():
            wanted = applied(self._marks.get(place.partition, ""), self._topic_id)
            self._oldest[place.partition] = first
            self._next[place.partition] = max(wanted, first)
            consumer.seek(place, self._next[place.partition])

    async def _limits(self, consumer: Any) -> dict[int, int]:
        """Up to where the workers have decided what they read, by partition."""
        now = await self._generations.standing()
        marks = await self._generations.marks(Keys(now.current))
        limits = {}
        for place in consumer.assignment():
            done = await consumer.committed(place) or 0
            limits[place.partition] = max(done, applied(marks.get(place.partition, ""), self._topic_id))
        return limits

    async def _read(self, consumer: Any, limits: Mapping[int, int]) -> int:
        """Read and apply up to the limits; how many events that were."""
        count = 0
        while places := [one for one in consumer.assignment() if self._next[one.partition] < limits[one.partition]]:
            found = await consumer.getmany(*places, timeout_ms=500, max_records=FETCH)
            ready: dict[int, Sequence[Any]] = {}
            for place, records in found.items():
                first, end = self._next[place.partition], limits[place.partition]
                ready[place.partition] = [record for record in records if first <= record.offset < end]
                if records and records[-1].offset >= end:
                    consumer.seek(place, end)
            ready = {one: records for one, records in ready.items() if records}
            if ready:
                await self._apply(consumer, ready)
                count += sum(map(len, ready.values()))
                self.progress.done += sum(map(len, ready.values()))
                self._tell(self.progress)
        return count

    async def _apply(self, consumer: Any, ready: Mapping[int, Sequence[Any]]) -> None:
        batch: list[Incoming] = []
        raises = []
        for partition, records in ready.items():
            alive, dead = decode(records, self._topic_id, ALL, self._settings.policy)
            batch += alive
            self.progress.dead += len(dead)
            raises.append(Raise(partition, self._marks.get(partition, ""), f"{self._topic_id}:{records[-1].offset}"))
        batch.sort(key=lambda one: one.places[0])  # a customer is then read and written once for many events
        held = [one.held for one in raises if one.expected]
        try:
            *first, last = steps(batch)
            for part in first:
                await patiently(partial(self._pipeline.run, part, held))
            await patiently(partial(self._pipeline.run, last, raises))
        except Gap as gap:
            await self._again(consumer, gap)
            return
        for one in raises:
            self._marks[one.partition], self._next[one.partition] = one.new, int(one.new.rpartition(":")[2]) + 1

    async def _again(self, consumer: Any, gap: Gap) -> None:
        """The store is not where we left it: only an answer got lost, or it lost what was built, or another builds."""
        if (await self._generations.standing()).building != self._ledger.at.generation:
            raise Rejected(f"this rebuild is over: {gap}. Begin again with `hub customer rebuild --all`.")
        log.warning("reading again", reason=str(gap))
        self._pipeline.directory.forget()
        await self._locate(consumer)

    async def _foretell(self, consumer: Any) -> None:
        """Lay down the links of what is decided and not applied: in the outbox, or further on in the log."""
        waiting = await self._ledger.waiting_triggers()  # first: what leaves it now is in the log below
        bodies = [body for one in waiting.values() for id, body in one.items() if id.startswith(EVENT)]
        found = [*decisions(bodies, self._settings.policy), *await self._further_on(consumer)]
        for part in steps(found):
            await patiently(partial(self._pipeline.run, part, []))

    async def _further_on(self, consumer: Any) -> list[Incoming]:
        """The decisions in the log that stand after what is applied, and were not seen yet."""
        for partition, following in self._next.items():
            self._looked[partition] = max(self._looked.get(partition, 0), following)
        found = await further_on(consumer, self._looked, self._settings.policy)
        for place in consumer.assignment():
            consumer.seek(place, self._next[place.partition])
        return found

    async def _exchange(self, consumer: Any, at: Keys) -> bool:
        """Hold the workers, read what they did last, and take their store's place; False when they were quicker."""
        started = time.monotonic()
        await self._generations.seal(SEAL_MS)
        try:
            old = Keys((await self._generations.standing()).current)
            before = await self._generations.marks(old)
            limits = await self._limits(consumer)
            await self._read(consumer, limits)
            await self._foretell(consumer)
            if any(max(end, self._oldest[one]) < self._next[one] for one, end in limits.items()):
                raise Rejected("the store in use lost what it had while it was built anew; begin again")
            await self._note(old, at)
            return await self._generations.switch(old, at, before, self._marks)
        finally:
            await self._generations.unseal()
            self.progress.held += time.monotonic() - started

    async def _note(self, old: Keys, at: Keys) -> None:
        """Note what other declarations change in the segments; while nobody writes, so that it is exact."""
        said = await self._generations.declared(old)
        same = said is not None and Book.from_json(said).version == self._declarations.book.version
        if not same or await self._generations.untold(old):
            self.progress.moved = await self._generations.compare(old, at)
