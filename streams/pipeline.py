"""The order of the steps, once: decode → identify → fold → decide → commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

from hub.errors import Transient
from hub.kinds import Policy
from hub.logs import get
from hub.metrics import APPLIED, LATENCY, REFUSED, REPEATED, STAGE
from profile_store.draft import Draft
from profile_store.ledger import Ledger, Raise
from profile_store.timeline import of_event
from streams.arrange import arrange
from streams.decide import Engine, decide, settle
from streams.decode import Dead, Incoming
from streams.directory import DIVIDING, Directory, Stale
from streams.fold import QUIET, fold
from streams.identify import Customers
from streams.news import news

TRIES: Final = 100
"""How often a batch is folded again because other workers changed the same customers."""

log = get("pipeline")


class Poison(Exception):
    """One event cannot be folded; its neighbours can."""

    def __init__(self, incoming: Incoming, error: Exception) -> None:
        super().__init__(str(error))
        self.incoming = incoming
        self.error = error


def apply(customers: Customers, incoming: Incoming, engine: Engine) -> None:
    """Identify, fold and decide one event. Raises Poison or Stale."""
    try:
        draft = customers.of(incoming)
        repeated = customers.applied(incoming, draft)
        if repeated:
            REPEATED.labels(repeated).inc()
            if incoming.event.type == "timer.due":
                settle(draft, incoming)
            if draft.cancelled:
                customers.touch(draft, incoming)
            return
        draft = arrange(customers, draft, incoming)
        _fold(draft, incoming, engine)
    except Stale:
        raise
    except Exception as error:
        raise Poison(incoming, error) from error
    customers.touch(draft, incoming)


def _fold(draft: Draft, incoming: Incoming, engine: Engine) -> None:
    event = incoming.event
    if "traits" in event.data:
        draft.know_terms()
    part = draft.fold(incoming.keys[0], lambda told: fold(told, event, incoming.keys, incoming.ms, incoming.ref))
    part["fences"][incoming.fence] = incoming.record.offset
    draft.seen[incoming.ref] = incoming.received
    if event.type not in QUIET:
        draft.rows.append(of_event(event, incoming.ms, draft.node(incoming.keys[0]) or ""))
    decide(engine, draft, incoming)
    draft.news = news(draft.profile, incoming) or draft.news


def stretches(batch: Sequence[Incoming]) -> Iterator[Sequence[Incoming]]:
    """The batch in pieces: what may take customers apart is applied by itself."""
    start = 0
    for number, incoming in enumerate(batch):
        if incoming.event.type in DIVIDING:
            if number > start:
                yield batch[start:number]
            yield batch[number : number + 1]
            start = number + 1
    if start < len(batch) or not batch:
        yield batch[start:]


class Pipeline:
    """Takes a batch of events and leaves every one of them in exactly one profile."""

    def __init__(
        self, ledger: Ledger, engine: Callable[[], Engine], bury: Callable[[Dead], Awaitable[None]], policy: Policy
    ) -> None:
        self._ledger = ledger
        self._engine = engine
        self._bury = bury
        self._policy = policy
        self.directory = Directory(ledger)
        self.met_again = False
        """Whether an event was met that another had applied: what it set off may still lie in the outbox."""

    async def run(self, batch: Sequence[Incoming], raises: Sequence[Raise]) -> list[Draft]:
        """Apply a batch and raise the watermarks; what was written. What cannot be folded is buried first.

        Raises Transient when the store does not answer, Gap when it is not where it was.
        """
        *first, last = stretches(batch)
        written: list[Draft] = []
        for stretch in first:
            written += await self._apply(stretch, [Raise(one.partition, one.expected, one.expected) for one in raises])
        return written + await self._apply(last, raises)

    async def _apply(self, batch: Sequence[Incoming], raises: Sequence[Raise]) -> list[Draft]:
        written: list[Draft] = []
        pending = list(batch)
        for attempt in range(TRIES):
            drafts, pending = await self._fold(pending)
            try:
                with STAGE.labels("commit").time():
                    refused = set(await self._ledger.commit([draft for draft, _ in drafts], raises))
            except Transient:
                self.directory.forget()  # it may come back without the end of what it knew
                raise
            written += [draft for number, (draft, _) in enumerate(drafts) if number not in refused]
            for number, (_, events) in enumerate(drafts):
                if number not in refused:
                    self._measure(events)
            if not refused:
                return written
            REFUSED.labels("conflict").inc(len(refused))
            # In the order of the log again: a customer's events keep it.
            again = {id(incoming) for number in refused for incoming in drafts[number][1]}
            pending = [incoming for incoming in pending if id(incoming) in again]
            self.directory.forget(pending)
            await asyncio.sleep(min(0.001 * 2**attempt, 0.1))
        raise Transient("the same customers are changed by others all the time")

    async def _fold(self, pending: list[Incoming]) -> tuple[list[tuple[Draft, list[Incoming]]], list[Incoming]]:
        with STAGE.labels("load").time():
            loaded = await self.directory.load(pending)
        while True:
            customers, engine = Customers(loaded, self._policy), self._engine()
            try:
                with STAGE.labels("fold").time():
                    for incoming in pending:
                        apply(customers, incoming, engine)
            except Stale:
                self.directory.forget(pending)
                loaded = await self.directory.load(pending)
                continue
            except Poison as poison:
                # Start again without it: a fold that failed half-way must leave nothing behind.
                pending = [one for one in pending if one is not poison.incoming]
                log.warning("fold failed", type=poison.incoming.event.type, error=type(poison.error).__name__)
                await self._bury(Dead(poison.incoming.record, "fold", repr(poison.error)))
                continue
            self.met_again = self.met_again or customers.met_again
            return list(customers.changes()), pending

    @staticmethod
    def _measure(applied: Sequence[Incoming]) -> None:
        now = time.time() * 1000
        for incoming in applied:
            LATENCY.observe(max(0.0, now - incoming.received) / 1000)
        APPLIED.inc(len(applied))
