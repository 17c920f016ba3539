"""A worker whose store is this process's memory and whose clock is the log: the same steps, one event after another.

A live worker reads a batch's customers from Redis, works on them in memory, and writes them back. Here the whole
log is one batch that begins with an empty store, so the code that identifies, folds and decides is the worker's
own. Nothing is written anywhere, and nothing is sent.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from hub.event import Event
from hub.kinds import Policy
from hub.profile import Profile
from profile_store.draft import Draft
from rules.before import Before
from rules.decision import Decision
from streams.arrange import arrange
from streams.declared import Declared
from streams.decode import SWITCHED, Incoming, one
from streams.directory import Loaded, Stale
from streams.foretell import Line
from streams.identify import Customers
from streams.pipeline import Poison, apply
from streams.recorded import Recorded, occasion
from streams.relay import EVENT, FIRED
from streams.segment import ENTERED, LEFT, TIMER_DUE
from streams.timers import due_event

LATE: Final = 60_000
"""Milliseconds after it was due within which the live run's word that a wait is over is taken for this wait's."""
OWN: Final = -1
"""The partition of events that are not in the log."""

Wait = tuple[str, str, str]
"""Customer, slot, timer."""
Watch = Callable[["Looked", Sequence[Decision]], Sequence[Decision]]
"""Sees what the rules make of an event; what it answers is what counts."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the rules looked at: an event at its time (ms), the profile with it, and what they noted before it."""

    event: Event
    ms: int
    profile: Profile
    before: Before | None = None


class Watched:
    """The rules, with somebody who looks on."""

    def __init__(self, engine: Any, watch: Watch) -> None:
        self._engine, self._watch = engine, watch

    def before(self, event: Event, ms: int, profile: Profile) -> Any:
        """What the rules want to know of the profile before it contains the event."""
        return self._engine.before(event, ms, profile)

    def decide(self, event: Event, ms: int, profile: Profile, before: Any = None) -> Sequence[Decision]:
        """As the rules decide."""
        return self._watch(Looked(event, ms, profile, before), self._engine.decide(event, ms, profile, before))

    def again(self, event: Event, ms: int, profile: Profile) -> Sequence[Decision]:
        """As the rules go on after a timer that comes due once more."""
        found: Sequence[Decision] = self._engine.again(event, ms, profile)
        return found


class Town(Customers):
    """All customers there are, and which of them an event changed."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(Loaded(), policy)
        self.changed: dict[int, Draft] = {}

    def touch(self, draft: Draft, incoming: Incoming) -> None:
        """The event changed this customer."""
        self.changed[id(draft)] = draft

    def bond(self, one: Draft, other: Draft) -> None:
        """It changed both."""
        self.changed |= {id(one): one, id(other): other}

    def regrouped(self) -> list[Draft]:
        """Whose identities it changed."""
        found = super().regrouped()
        self.changed |= {id(draft): draft for draft in found}
        return found

    def taken(self) -> list[Draft]:
        """The customers that were changed since this was asked last."""
        found, self.changed = list(self.changed.values()), {}
        self._touched.clear()
        return found


class Rerun:
    """One run of rules over a log."""

    def __init__(
        self,
        declared: Declared,
        recorded: Recorded,
        policy: Policy,
        *,
        topic_id: str,
        tenant: str,
        watch: Watch,
        as_recorded: bool = False,
    ) -> None:
        """`as_recorded`: all that was said was said, and nothing else was; whatever the rules say today."""
        self._rules = declared.engine
        self._declared = replace(declared, engine=self._engine)
        self._recorded = recorded
        self._policy, self._topic_id, self._tenant = policy, topic_id, tenant
        self._watch = watch
        self._as_recorded = as_recorded
        self._fired: set[str] = set()
        self._awaited: set[tuple[str, str]] = set()
        self._seen: dict[str, set[str]] = {}
        """Whose part → names of its events: what was sent again counts once."""
        self._coming: list[tuple[int, int, Event | Wait]] = []
        """What the log does not have and this run leads to, by its moment."""
        self._own = 0
        self._place = (0, 0)
        """Where in the log it is: partition and offset."""
        self._orders = 0
        self.town = Town(policy)
        self.now = 0
        """The moment (ms) the log has come to."""
        self.dead = 0
        """Events that could not be applied."""

    def take(self, incoming: Incoming) -> None:
        """The next event of the log. What is due before it happens before it."""
        self.until(incoming.record.timestamp)
        self._place = incoming.place
        if self._counts(incoming.event):
            self._apply(incoming)

    def until(self, moment: int) -> None:
        """Let the clock go on to a moment (ms), and what is due before it happen."""
        while self._coming and self._coming[0][0] < moment:
            at, _, coming = heapq.heappop(self._coming)
            self.now = max(self.now, at)
            event = coming if isinstance(coming, Event) else self._due(coming, at)
            if event is not None:
                line = Line(event.to_json(), OWN, self._own, at)
                self._own += 1
                self._apply(one(line, self._topic_id, False, self._policy))
        self.now = max(self.now, moment)

    def customer(self, id: str) -> str:
        """Under which id a customer is known now."""
        found = self.town.find(id)
        return id if found is None else found.id

    def _engine(self, partition: int, offset: int) -> Watched:
        """The rules at a place; what is not in the log is decided by those where the log has come to."""
        return Watched(self._rules(*(self._place if partition == OWN else (partition, offset))), self._decided)

    def _counts(self, event: Event) -> bool:
        """Whether an event of the log happens in this run too: the hub's own ones only if this run led to them."""
        if event.type == SWITCHED:
            return False  # it is about nobody
        if event.type == TIMER_DUE:
            key = (str(event.data.get("slot")), str(event.data.get("timer")))
            expected = key in self._awaited
            self._awaited.discard(key)
            return expected
        if event.type in {ENTERED, LEFT}:
            expected = ("", event.id) in self._awaited
            self._awaited.discard(("", event.id))
            return expected
        if self._as_recorded:
            return True
        trigger = event.id if event.type == FIRED else event.data.get("trigger")
        return trigger not in self._recorded.fired or trigger in self._fired

    def _apply(self, incoming: Incoming) -> None:
        mine = self._seen.setdefault(incoming.keys[0], set())
        if incoming.ref in mine:
            return
        mine.add(incoming.ref)
        incoming.rehearsed = True
        try:
            for decision in self._recorded.decisions.get(occasion(incoming.event), ()):
                self.town.touch(arrange(self.town, self.town.of(decision), decision), decision)
            apply(self.town, incoming, self._declared)
        except (Poison, Stale):
            self.dead += 1
        for draft in self.town.taken():
            self._note(draft)

    def _decided(self, looked: Looked, found: Sequence[Decision]) -> Sequence[Decision]:
        if self._as_recorded and found:
            fired = self._recorded.fired
            found = [one for one in found if one.trigger is None or one.outcome != "fired" or one.trigger.id in fired]
        found = self._watch(looked, found)
        self._fired |= {one.trigger.id for one in found if one.trigger is not None}
        return found

    def _note(self, draft: Draft) -> None:
        """Take from a customer what a worker would write beside it, and remember what is to come of it."""
        for id, body in draft.outbox.items():
            if id.startswith(EVENT):
                self._tell(Event.from_json(body))
        for member, due in draft.timers.items():
            customer, slot, timer = member.split(" ", 2)
            self._set(customer, slot, timer, due)
        for one_ in (draft.outbox, draft.timers, draft.cancelled, draft.seen, draft.places):
            one_.clear()
        for some in (draft.rows, draft.absorbed, draft.siblings, draft.left, draft.parted):
            some.clear()
        draft.history, draft.news = None, b""

    def _tell(self, event: Event) -> None:
        """An event this run led to, other than a wait: what is told of segments."""
        there = self._recorded.moved.get(event.id)
        if there is not None and there >= self.now:
            self._awaited.add(("", event.id))
        elif event.type in {ENTERED, LEFT}:
            self._come(self.now, event)

    def _set(self, customer: str, slot: str, timer: str, due: int) -> None:
        """A wait begins. What the live run waited for too is over where it was over then."""
        at = max(due, self.now)
        there = self._recorded.timers.get((slot, timer))
        if there is not None and at <= there <= at + LATE:
            self._awaited.add((slot, timer))
        else:
            self._come(at, (customer, slot, timer))

    def _come(self, at: int, what: Event | Wait) -> None:
        self._orders += 1
        heapq.heappush(self._coming, (at, self._orders, what))

    def _due(self, wait: Wait, at: int) -> Event | None:
        """The event that a wait is over; None when nobody waits for it any more."""
        customer, slot, timer = wait
        draft = self.town.find(customer)
        waiting = None if draft is None else draft.profile["timers"].get(slot)
        if waiting is None or waiting[0] != timer:
            return None
        return due_event(customer, slot, timer, self._tenant, datetime.fromtimestamp(at / 1000, UTC))
