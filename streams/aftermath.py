"""What follows when a batch is applied, beside the next one: triggers go out, then Kafka learns how far we are.

The order is what matters. An offset is committed only when every trigger from before it is on its topic: so what
lies before a committed offset may be applied again after a loss without being said again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from profile_store.ledger import Ledger
from streams.patience import patiently
from streams.relay import AT_ONCE, Relay
from streams.runner import Log

COMMIT_EVERY: Final = 0.5
"""Seconds between commits to Kafka: they only bound what is sent again after a loss."""
MOST_WAITING: Final = 5_000
"""Customers with triggers that may wait; with more the next batch waits for them."""

Outbox = tuple[int, Mapping[str, bytes]]
"""A bucket, and triggers that lie in it: id → trigger."""


class Aftermath:
    """Looks after what batches left to do, in their order."""

    def __init__(self, ledger: Ledger, relay: Relay) -> None:
        self._ledger = ledger
        self._relay = relay
        self._outboxes: list[Outbox] = []
        self._applied: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._moments: dict[int, int] = {}
        self._log: Log | None = None
        self._sweep = False
        self._reported_at = 0.0
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def add(self, outboxes: Sequence[Outbox], applied: Mapping[int, int], *, left_behind: bool = False) -> None:
        """A batch is applied: its triggers, and the next offset of each partition.

        `left_behind`: an answer of the store got lost; triggers may lie in the outbox that nobody handed over.
        """
        self._outboxes += outboxes
        self._applied |= applied
        self._sweep = self._sweep or left_behind
        if self._outboxes or self._sweep:
            self._wake.set()
        if len(self._outboxes) > MOST_WAITING:
            await patiently(self.step)

    def look(self, log: Log, moments: Mapping[int, int]) -> None:
        """The log as it is now, and up to which moment (ms) each partition is applied."""
        self._log, self._moments = log, {one: moment for one, moment in moments.items() if moment}
        for known in (self._applied, self._done, self._committed):
            for gone in known.keys() - log.assigned():
                del known[gone]

    async def run(self) -> None:
        """Do what there is to do, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(COMMIT_EVERY):
                    await self._wake.wait()
            self._wake.clear()
            await patiently(self.step)

    async def settle(self) -> None:
        """Send what waits and report at once. Raises Transient."""
        self._reported_at = 0.0
        await self.step()

    async def step(self) -> None:
        """Send what waits, and report now and then. Raises Transient; then all of it is still to do."""
        async with self._one_at_a_time:
            left, applied, sweep = len(self._outboxes), dict(self._applied), self._sweep
            while left:
                some = self._outboxes[: min(left, AT_ONCE)]
                await self._relay.send(some)
                del self._outboxes[: len(some)]
                left -= len(some)
            if sweep:
                await self._relay.sweep(all_=True)
                applied = await self._still(applied)
                self._sweep = False
            self._done |= applied
            await self._report()

    async def _still(self, applied: Mapping[int, int]) -> dict[int, int]:
        """What the store still has. Where it lost its tail, the outbox that was swept lacked what was lost with it."""
        marks = await self._ledger.watermarks()
        reached = {one: int(mark.rpartition(":")[2] or -1) + 1 for one, mark in marks.items()}
        kept = {one: offset for one, offset in applied.items() if reached.get(one, 0) >= offset}
        for one in applied.keys() - kept.keys():
            if self._applied.get(one) == applied[one]:
                del self._applied[one]
        return kept

    async def _report(self) -> None:
        """Tell the timers up to which moment we are, and Kafka up to which offset everything is done."""
        now = time.monotonic()
        if self._log is None or now - self._reported_at < COMMIT_EVERY:
            return
        self._reported_at = now
        await self._ledger.read_up_to(self._moments)
        assigned = self._log.assigned()
        fresh = {
            one: offset for one, offset in self._done.items() if one in assigned and self._committed.get(one) != offset
        }
        if fresh:
            await self._log.commit(fresh)
            self._committed |= fresh
