"""The order of the steps, once: decode → identify → fold → decide → commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from hub.errors import Transient
from hub.logs import get
from hub.metrics import APPLIED, LATENCY, REFUSED, REPEATED, STAGE
from profile_store.draft import Draft
from profile_store.ledger import Ledger, Raise
from profile_store.timeline import of_event
from streams.decide import Engine, decide, settle
from streams.decode import Dead, Incoming
from streams.fold import QUIET, fold
from streams.identify import Customers, Directory, know_terms
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
    """Identify, fold and decide one event. Raises Poison."""
    try:
        draft = customers.of(incoming)
        repeated = customers.applied(incoming, draft)
        if repeated:
            REPEATED.labels(repeated).inc()
            if incoming.event.type == "timer.due":
                settle(draft, incoming)
            if draft.aliases or draft.absorbed or draft.cancelled:
                customers.touch(draft, incoming)
            return
        _fold(draft, incoming, engine)
    except Exception as error:
        raise Poison(incoming, error) from error
    customers.touch(draft, incoming)


def _fold(draft: Draft, incoming: Incoming, engine: Engine) -> None:
    event, profile = incoming.event, draft.profile
    if not draft.changed and ("traits" in event.data or any(key not in profile["identities"] for key in incoming.keys)):
        know_terms(draft)
    fold(profile, event, incoming.keys, incoming.ms, incoming.ref)
    profile["fences"].setdefault(incoming.keys[0], {})[incoming.fence] = incoming.record.offset
    draft.seen[incoming.ref] = incoming.received
    if event.type not in QUIET:
        draft.rows.append(of_event(event, incoming.ms))
    decide(engine, draft, incoming)
    draft.news = news(draft.profile, incoming) or draft.news


class Pipeline:
    """Takes a batch of events and leaves every one of them in exactly one profile."""

    def __init__(self, ledger: Ledger, engine: Callable[[], Engine], bury: Callable[[Dead], Awaitable[None]]) -> None:
        self._ledger = ledger
        self._engine = engine
        self._bury = bury
        self.directory = Directory(ledger)

    async def run(self, batch: Sequence[Incoming], raises: Sequence[Raise]) -> list[Draft]:
        """Apply a batch and raise the watermarks; what was written. What cannot be folded is buried first.

        Raises Transient when the store does not answer, Gap when it is not where it was.
        """
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
            customers, engine = Customers(loaded), self._engine()
            try:
                with STAGE.labels("fold").time():
                    for incoming in pending:
                        apply(customers, incoming, engine)
            except Poison as poison:
                # Start again without it: a fold that failed half-way must leave nothing behind.
                pending = [one for one in pending if one is not poison.incoming]
                log.warning("fold failed", type=poison.incoming.event.type, error=type(poison.error).__name__)
                await self._bury(Dead(poison.incoming.record, "fold", repr(poison.error)))
                continue
            return list(customers.changes()), pending

    @staticmethod
    def _measure(applied: Sequence[Incoming]) -> None:
        now = time.time() * 1000
        for incoming in applied:
            LATENCY.observe(max(0.0, now - incoming.received) / 1000)
        APPLIED.inc(len(applied))
