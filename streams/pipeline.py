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
from hub.profile import Told
from profile_store.connect import Sealed
from profile_store.draft import Draft
from profile_store.ledger import Ledger, Raise
from profile_store.timeline import of_event
from rules.membership import Mark, Segments, mark
from streams import effects
from streams.arrange import DECISIONS, arrange
from streams.decide import again, decide
from streams.declared import Declared
from streams.decode import Dead, Incoming
from streams.directory import DIVIDING, Directory, Stale
from streams.fold import UNSEEN, Folding
from streams.identify import Customers
from streams.news import news
from streams.segment import aged, regrouped, segment

SEALED: Final = 0.01
"""Seconds between tries while nobody may write."""
TRIES: Final = 100
"""How often a batch is folded again because other workers changed the same customers."""

log = get("pipeline")


class Poison(Exception):
    """One event cannot be folded; its neighbours can."""

    def __init__(self, incoming: Incoming, error: Exception) -> None:
        super().__init__(str(error))
        self.incoming = incoming
        self.error = error


def apply(customers: Customers, incoming: Incoming, declared: Declared) -> None:
    """Identify, fold and decide one event. Raises Poison or Stale."""
    try:
        draft = customers.of(incoming)
        if incoming.foretold:
            _rearrange(customers, draft, incoming, declared.segments)
            return
        repeated = customers.applied(incoming, draft)
        if repeated:
            REPEATED.labels(repeated).inc()
            if incoming.event.type == "timer.due":
                aged(declared.segments, draft, incoming)
                again(declared.engine(*incoming.place), draft, incoming)
            if incoming.replayed and incoming.event.type in DECISIONS:
                # A customer that was copied later than another knows more; links tell by themselves what is news.
                _rearrange(customers, draft, incoming, declared.segments)
            elif draft.cancelled:
                customers.touch(draft, incoming)
            return
        draft = arrange(customers, draft, incoming)
        before = mark(draft.profile)
        engine = declared.engine(*incoming.place)
        noted = engine.before(incoming.event, incoming.ms, draft.profile)
        became = effects.became(draft.profile, incoming.event)
        _fold(draft, incoming, declared.folding)
        _place(customers, draft, incoming, declared.segments, before)
        decide(engine, draft, incoming, noted)
        effects.note(draft, incoming, became)
        draft.news = news(draft.profile, incoming) or draft.news
    except Stale:
        raise
    except Exception as error:
        raise Poison(incoming, error) from error
    customers.touch(draft, incoming)


def _rearrange(customers: Customers, draft: Draft, incoming: Incoming, segments: Segments) -> None:
    """Let a decision change what belongs together, and nothing else."""
    customers.touch(arrange(customers, draft, incoming), incoming)
    others = customers.regrouped()
    if segments.all.segments:
        for one in others:
            regrouped(segments, one, incoming)


def _fold(draft: Draft, incoming: Incoming, folding: Folding) -> None:
    event, ms, ref = incoming.event, incoming.ms, incoming.ref
    if "traits" in event.data:
        draft.know_terms()

    def change(told: Told) -> None:
        folding.fold(told, event, incoming.keys, ms, ref)

    part = draft.fold(incoming.keys[0], change)
    part["fences"][incoming.fence] = incoming.record.offset
    draft.seen[ref] = incoming.received
    if event.type not in UNSEEN and not incoming.rehearsed:
        draft.rows.append(of_event(event, ms, draft.node(incoming.keys[0]) or ""))


def _place(customers: Customers, draft: Draft, incoming: Incoming, segments: Segments, before: Mark) -> None:
    """Which segments the customer is in now, and those whose identities changed."""
    others = customers.regrouped()
    if not segments.all.segments:
        return
    for one in others:
        regrouped(segments, one, incoming)
    if draft not in others:
        segment(segments, draft, incoming, before)


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
        self,
        ledger: Ledger,
        declared: Callable[[], Declared],
        bury: Callable[[Dead], Awaitable[None]],
        policy: Policy,
        *,
        look: Callable[[Sequence[Incoming]], None] = lambda batch: None,
    ) -> None:
        """`look` is shown each batch after it is applied, outside of any commit."""
        self._look = look
        self._ledger = ledger
        self._declared = declared
        self._bury = bury
        self._policy = policy
        self.directory = Directory(ledger)
        self.read_up_to = 0
        """The moment (ms) up to which every partition is read, as far as is known."""
        self.met_again = False
        """Whether an event was met that another had applied: what it set off may still lie in the outbox."""

    def heard(self, moment: int) -> None:
        """Every partition is read up to this moment (ms)."""
        self.read_up_to = moment

    async def run(self, batch: Sequence[Incoming], raises: Sequence[Raise]) -> list[Draft]:
        """Apply a batch and raise the watermarks; what was written. What cannot be folded is buried first.

        Raises Transient when the store does not answer, Gap when it is not where it was.
        """
        *first, last = stretches(batch)
        written: list[Draft] = []
        for stretch in first:
            written += await self._apply(stretch, [one.held for one in raises])
        written += await self._apply(last, raises)
        self._look(batch)
        return written

    async def _apply(self, batch: Sequence[Incoming], raises: Sequence[Raise]) -> list[Draft]:
        written: list[Draft] = []
        pending = list(batch)
        for attempt in range(TRIES):
            drafts, pending = await self._fold(pending)
            for draft, _ in drafts:
                draft.read_up_to = self.read_up_to
            try:
                with STAGE.labels("commit").time():
                    refused = set(await self._commit([draft for draft, _ in drafts], raises))
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

    async def _commit(self, drafts: Sequence[Draft], raises: Sequence[Raise]) -> list[int]:
        """Write; while another generation is put in use, wait: nothing of it was written, and it takes a moment."""
        while True:
            try:
                return await self._ledger.commit(drafts, raises)
            except Sealed:
                await asyncio.sleep(SEALED)

    async def _fold(self, pending: list[Incoming]) -> tuple[list[tuple[Draft, list[Incoming]]], list[Incoming]]:
        with STAGE.labels("load").time():
            loaded = await self.directory.load(pending)
        stale = 0
        while True:
            customers, declared = Customers(loaded, self._policy), self._declared()
            try:
                with STAGE.labels("fold").time():
                    for incoming in pending:
                        apply(customers, incoming, declared)
            except Stale as place:
                stale += 1
                if stale > TRIES:  # not a hint that is old, but a store that contradicts itself
                    raise Transient(f"{place} leads to a customer who does not have it") from None
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
            if incoming.replayed:
                continue
            LATENCY.observe(max(0.0, now - incoming.received) / 1000)
        APPLIED.inc(len(applied))
