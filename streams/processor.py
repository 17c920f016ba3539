"""One worker's work on its partitions: nothing twice, nothing left out, whatever dies in between.

Redis holds, in the same step as the profiles, how far each partition is applied. Kafka's committed offset says
how far everything that followed from it, triggers included, is done too. What lies before that offset and is
read again because the store lost it is a replay: it changes profiles and says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from hub.errors import Transient
from hub.kinds import Policy
from hub.logs import get
from hub.metrics import BATCH, GAPS, LAG, REFUSED, WATERMARK_AGE
from profile_store.connect import Gap
from profile_store.draft import Draft
from profile_store.keys import bucket
from profile_store.ledger import Ledger, Raise
from streams.aftermath import Aftermath
from streams.decode import Dead, Incoming, Marker, Record, decode
from streams.gate import Gate, Outstanding, nothing
from streams.patience import patiently
from streams.pipeline import Pipeline
from streams.relay import Relay
from streams.runner import Log

CHECK_EVERY: Final = 1.0
"""Seconds between looks at the watermarks while nothing comes in."""
LOOK_EVERY: Final = 0.1
"""Seconds between looks at how far each partition is: beside small batches they would cost more than the batch."""
STALLED: Final = 3.0
"""Seconds after which a partition that has more, and brings nothing, is read again from where we are."""

HELD: Final = 0.05
"""Seconds between looks at a gate that holds all there is."""

log = get("processor")


async def as_it_is() -> None:
    """For a store about which nothing is to be known."""


async def as_they_are(_: Marker) -> None:
    """For a log in which the rules never change."""


@dataclass(slots=True)
class Position:
    """How far one partition is."""

    mark: str
    """The watermark as the store holds it: `topic id:offset`, or empty."""
    next: int
    """The offset to read next."""
    replay_until: int
    heard: float
    """When this partition last came further, or was told to go on."""
    moment: int = 0
    """Everything accepted before this moment (ms) is applied."""


class Processor:
    """Brings each record exactly once into a profile, and its triggers into the relay."""

    def __init__(
        self,
        ledger: Ledger,
        pipeline: Pipeline,
        relay: Relay,
        topic_id: str,
        policy: Policy,
        *,
        outstanding: Outstanding = nothing,
        enter: Callable[[], Awaitable[None]] = as_it_is,
        switch: Callable[[Marker], Awaitable[None]] = as_they_are,
    ) -> None:
        """`enter` is called before anything is read into a store, or read on; `switch` before what stands behind a
        marker is applied. Both may raise Transient."""
        self._policy = policy
        self._ledger = ledger
        self._pipeline = pipeline
        self._relay = relay
        self._topic_id = topic_id
        self._positions: dict[int, Position] = {}
        self._enter = enter
        self._switch = switch
        self._gate = Gate(ledger, pipeline, topic_id, outstanding)
        self.aftermath = Aftermath(ledger, relay)
        self._paused: set[int] = set()
        """Partitions whose new events wait at the gate."""
        self._left_behind = False
        self._checked_at = 0.0
        self._looked_at = 0.0
        self.assigned: frozenset[int] = frozenset()
        self._had: frozenset[int] = frozenset()
        """The partitions whose outbox entries are nobody else's but ours."""

    async def take(self, log_: Log, records: Mapping[int, Sequence[Record]]) -> None:
        """Work on one fetch. Returns when it is applied, or when it must be read again."""
        self.assigned = log_.assigned()
        for partition in self._positions.keys() - self.assigned:
            del self._positions[partition]
            for gauge in (LAG, WATERMARK_AGE):  # its new owner tells them now
                with contextlib.suppress(KeyError):
                    gauge.remove(partition)
        self._paused &= self.assigned
        await patiently(lambda: self._locate(log_))
        ready = {one: self._in_order(log_, one, found) for one, found in records.items() if one in self._positions}
        ready = {partition: found for partition, found in ready.items() if found}
        if self._gate.closed and not await self._opened(log_):
            ready = self._old(log_, ready)
            if not ready:
                await asyncio.sleep(HELD)
        elif self._paused:
            self._resume(log_, self._paused)
        if ready:
            await self._apply(ready)
        else:
            await self._check(log_)
        self._look(log_)

    async def _opened(self, log_: Log) -> bool:
        try:
            return await patiently(self._gate.open)
        except Gap as gap:
            self._lost(str(gap))
            await patiently(lambda: self._locate(log_))
            return False

    def _old(self, log_: Log, ready: dict[int, Sequence[Record]]) -> dict[int, Sequence[Record]]:
        """Of what comes next, that which is read again; what is new waits at the gate, and is not fetched till then."""
        old: dict[int, Sequence[Record]] = {}
        for partition, found in ready.items():
            position = self._positions.get(partition)
            if position is None:
                continue
            again = [record for record in found if position.next <= record.offset < position.replay_until]
            if again:
                old[partition] = again
            if len(again) < len(found):
                with contextlib.suppress(Transient):
                    log_.seek(partition, again[-1].offset + 1 if again else position.next)
                    log_.pause(partition)
                    self._paused.add(partition)
        return old

    def _resume(self, log_: Log, partitions: Iterable[int]) -> None:
        """Fetch again what was paused at the gate: it opened, or there may be more before it than there was."""
        for partition in self._paused.intersection(partitions):
            with contextlib.suppress(Transient):
                log_.resume(partition)
                self._paused.discard(partition)

    async def _apply(self, ready: dict[int, Sequence[Record]]) -> None:
        batch: list[Incoming] = []
        dead: list[Dead] = []
        raises, markers = [], list[Marker]()
        for partition, found in ready.items():
            position = self._positions[partition]
            alive, rejected = decode(found, self._topic_id, position.replay_until, self._policy, markers)
            batch += alive
            dead += rejected
            raises.append(Raise(partition, position.mark, f"{self._topic_id}:{found[-1].offset}"))
        BATCH.observe(sum(map(len, ready.values())))
        for marker in markers:
            await patiently(partial(self._switch, marker))
        try:
            for letter in dead:
                await patiently(partial(self._relay.bury, letter))
            written = await patiently(partial(self._run, batch, raises))
        except Gap as gap:
            REFUSED.labels("gap").inc()
            self._lost(str(gap))
            return
        for one, found in zip(raises, ready.values(), strict=True):
            position = self._positions[one.partition]
            position.mark, position.next, position.heard = one.new, found[-1].offset + 1, time.monotonic()
            position.moment = max(position.moment, found[-1].timestamp)
        # A worker that lost the partition may hold what it applied beyond the watermark, and never come to send it.
        left_behind, self._left_behind = self._left_behind or self._pipeline.met_again, False
        self._pipeline.met_again = False
        triggers = [(bucket(draft.id), draft.outbox) for draft in written if draft.outbox]
        # Of what is read again Kafka knows already: told that less is done, whoever has the partition next would decide
        # the rest a second time.
        read = {one: self._positions[one] for one in ready}
        done = {one: position.next for one, position in read.items() if position.next >= position.replay_until}
        await self.aftermath.add(triggers, done, left_behind=left_behind)

    async def _run(self, batch: Sequence[Incoming], raises: Sequence[Raise]) -> list[Draft]:
        try:
            return await self._pipeline.run(batch, raises)
        except Transient:
            # Perhaps only the answer got lost: then triggers wait in the outbox that nobody will hand to us.
            self._left_behind = True
            raise

    def _lost(self, why: str) -> None:
        """The store is behind us, or somebody else has our partition: forget everything and look again."""
        GAPS.inc()
        log.warning("the store is not where this worker left it; reading again", reason=why)
        self._positions.clear()
        self._pipeline.directory.forget()

    async def _locate(self, log_: Log) -> None:
        """Find out how far partitions are that are new to this worker."""
        self.assigned = log_.assigned()
        partitions = self.assigned - self._positions.keys()
        if not partitions:
            return
        await self.aftermath.settle()
        moved = await self._ledger.follow()
        if moved:
            log.info("another generation of the store is in use", generation=self._ledger.at.generation)
            self._positions.clear()
            self._pipeline.directory.forget()
            partitions = self.assigned
        await patiently(self._enter)
        marks = await self._ledger.locate()
        behind = False
        if not moved or self.assigned - self._had:
            await self._relay.sweep(all_=True)  # what the partition's last owner applied and did not live to send
        self._had = self.assigned
        for partition, oldest in (await log_.beginnings(partitions)).items():
            mark = marks.get(partition, "")
            topic, _, offset = mark.partition(":")
            wanted = int(offset) + 1 if topic == self._topic_id else oldest
            if wanted < oldest:
                log.error("the log begins after what the store has", partition=partition, missing=oldest - wanted)
            replay_until = await log_.committed(partition) or 0
            log_.seek(partition, max(wanted, oldest))
            self._positions[partition] = Position(mark, max(wanted, oldest), replay_until, time.monotonic())
            behind = behind or max(wanted, oldest) < replay_until
        if behind or self._gate.closed:
            await self._gate.close(log_)
            for partition, position in self._positions.items():
                # One that went to another worker and came back before we looked may be done further than we knew:
                # what the gate waits for must not wait at the gate.
                position.replay_until = max(position.replay_until, self._gate.replayed(partition))
        self._resume(log_, self._paused)

    def _in_order(self, log_: Log, partition: int, found: Sequence[Record]) -> Sequence[Record]:
        """The records that come next; after a hole nothing, and the reader is sent back to its edge."""
        position = self._positions[partition]
        if found and found[0].offset > position.next:
            self._read_on(log_, partition, position)
            return ()
        return [record for record in found if record.offset >= position.next]

    def _read_on(self, log_: Log, partition: int, position: Position) -> None:
        position.heard = time.monotonic()
        with contextlib.suppress(Transient):  # whoever has the partition next, reads it on
            log_.seek(partition, position.next)
        self._resume(log_, (partition,))

    async def _check(self, log_: Log) -> None:
        """While nothing comes in: is the store still where we left it?"""
        now = time.monotonic()
        if now - self._checked_at < CHECK_EVERY:
            return
        self._checked_at = now
        marks = await patiently(self._ledger.watermarks)
        if await patiently(self._ledger.moved):
            self._lost("another generation of the store is in use")
            await patiently(lambda: self._locate(log_))
        elif any(marks.get(one, "") != position.mark for one, position in self._positions.items()):
            self._lost("a watermark moved while nothing came in")
            await patiently(lambda: self._locate(log_))

    def _look(self, log_: Log) -> None:
        """Where nothing waits, everything accepted before the broker last answered is applied."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        for partition, position in self._positions.items():
            end = log_.end(partition)
            waiting = max(0, (end or 0) - position.next)
            if end is not None and waiting == 0:
                position.moment = max(position.moment, log_.asked(partition))
                position.heard = now
            elif now - position.heard > STALLED:
                # A fetch that a rebalance threw away left a hole, and nothing comes after it to show it.
                self._read_on(log_, partition, position)
            LAG.labels(partition).set(waiting)
            WATERMARK_AGE.labels(partition).set(max(0.0, time.time() - position.moment / 1000))
        self.aftermath.look(log_, {one: position.moment for one, position in self._positions.items()})
