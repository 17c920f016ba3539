"""Why a rule spoke to a customer at some moment, or did not: the profile as it was then, and the rule asked again.

The customer's events are read from the log and seen by the same steps as ever (rerun.py). What was said counts as
it was said, whatever rules are in force today; the rule that is asked about, and those asked before it, are today's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hub.errors import Rejected
from hub.event import Event, rfc3339
from hub.identity import normalise
from hub.profile import Document
from hub.replay import Stored, ends, in_order
from hub.settings import Settings
from hub.topics import INTERACTIONS
from profile_store.cluster import ledger
from profile_store.connect import connect
from profile_store.document import unpacked
from profile_store.store import Store
from rules.backtest import cause_of
from rules.decision import Decision
from rules.engine import TIMER_DUE, Engine
from rules.explain import Explanation, explain, kind_of, listens
from rules.model import Rule
from streams import verify
from streams.backtest import Kept
from streams.declared import Declarations, everywhere
from streams.decode import Incoming, one
from streams.recorded import Recorded, line_of, recorded
from streams.rerun import Looked, Rerun
from streams.rulelog import whole
from streams.topic import Described, describe


@dataclass(frozen=True, slots=True)
class Step:
    """What the rule decided at some moment (ms) about one event."""

    when: int
    outcome: str
    reason: str
    by: str = ""
    """The kind of event that led to it, where it was another one."""


@dataclass(slots=True)
class Why:
    """One rule, one customer, one event: every question with its answer, and what came of it."""

    customer: str
    """Under which id the customer was known then."""
    event: Event
    said: Explanation
    """Of the event."""
    then: Explanation | None = None
    """Of the end of the wait that the event began; None where none began, or none is over."""
    came: list[Step] = field(default_factory=list)
    """What the rule decided about this event, in order."""

    @property
    def blame(self) -> str:
        """The first thing that stood against it, in one sentence; empty when it spoke, or still waits."""
        if self.said.outcome == "waiting" and self.came and self.came[-1].outcome == "cancelled":
            last = self.came[-1]
            return (self.then.blame if self.then is not None else "") or f"{last.reason}: {last.by}"
        return self.said.blame or ("" if self.then is None else self.then.blame)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "customer": self.customer,
            "event": {"id": self.event.id, "type": self.event.type, "time": rfc3339(self.event.time)},
            "said": self.said.to_json(),
            "then": None if self.then is None else self.then.to_json(),
            "came": [{**asdict(step), "when": _moment(step.when)} for step in self.came],
            "blame": self.blame,
        }


async def why(settings: Settings, rule: str, customer: str, at: int | None = None, *, event: str = "") -> Why:
    """Ask a rule in force about an event of a customer: the one of this id, or the nearest to a moment (ms) of a kind
    it listens to, or the newest. `customer` is an id, or `type:value`.

    Raises Rejected when there is no such rule, customer or event; Transient when Kafka or Redis does not answer.
    """
    document, kept = await _document(settings, customer)
    found = Declarations(settings)
    found.editions.history = await asyncio.to_thread(whole, settings)
    await found.adopt(kept)
    newest = await found.editions.ready(found.editions.history.newest)
    asked = next((one for one in newest.rules if one.id == rule), None)
    if asked is None:
        known = ", ".join(sorted(one.id for one in newest.rules))
        raise Rejected(f"there is no rule {rule}; there are {known or 'none'}", field="rule")
    described = await asyncio.to_thread(describe, settings)
    past, events = await asyncio.to_thread(_read, settings, described, document)
    asking = Asking(settings, described.id, found, asked, choose(asked, events, at, event))
    return await asyncio.to_thread(asking.run, past, events)


async def _document(settings: Settings, customer: str) -> tuple[Document, Kept]:
    """The customer as it is stored now, and what the store is folded with. Raises Rejected."""
    client = connect(settings)
    try:
        store = Store(client)
        kind, colon, text = customer.partition(":")
        value = normalise(kind, text, settings.region) if colon else None
        found = await (store.find(f"{kind}:{value}") if value else store.get(customer))
        here = ledger(client, settings.group)
        here.at = await store.where()
        raw = None if found is None else (await here.read({found[1]["id"]: []}))[found[1]["id"]].value
        if raw is None or raw[:1] == b">":
            raise Rejected(f"nobody is known as {customer}", field="customer")
        return unpacked(raw), Kept(await store.declared())
    finally:
        await client.aclose()


def _read(settings: Settings, described: Described, document: Document) -> tuple[Recorded, list[Incoming]]:
    """The events of a customer, in order, and which of them the hub itself wrote."""
    names = verify.wanted(document)
    places = verify.homes(document, len(described.partitions))
    until = {one: end for one, end in ends(settings, INTERACTIONS).items() if places is None or one in places}
    mine: list[Stored] = []
    events: list[Incoming] = []
    for stored in in_order(settings, INTERACTIONS, until):
        with suppress(Rejected):  # it is among the dead letters
            incoming = one(line_of(stored), described.id, False, settings.policy)
            if verify.concerns(incoming, names):
                mine.append(stored)
                events.append(incoming)
    return recorded(mine, described.id, settings.policy), events


def choose(rule: Rule, events: Sequence[Incoming], at: int | None, id: str) -> Event:
    """The event that is asked about. Raises Rejected when there is none."""
    if id:
        named = next((one.event for one in events if one.event.id == id), None)
        if named is None:
            raise Rejected(f"the customer has no event {id}", field="event")
        return named
    mine = [one.event for one in events if listens(rule, one.event)]
    if not mine:
        kinds = ", ".join(map(str, rule.on))
        raise Rejected(f"the customer has no event that {rule.id} listens to: {kinds}", field="customer")
    return max(mine, key=lambda one: one.ms) if at is None else min(mine, key=lambda one: abs(one.ms - at))


class Asking:
    """Sees a customer's events go by until the one that is asked about, and what becomes of it."""

    def __init__(self, settings: Settings, topic_id: str, found: Declarations, rule: Rule, event: Event) -> None:
        self._settings, self._topic_id = settings, topic_id
        self._found = found
        self._engine: Engine = found.editions.newest
        self._rule, self._event = rule, event
        self._why: Why | None = None
        self._waits: set[str] = set()
        """The wait that the event began."""

    def run(self, known: Recorded, events: Sequence[Incoming]) -> Why:
        """Let them go by. Raises Rejected when the event is one that was not applied."""
        rerun = Rerun(
            replace(self._found(), engine=everywhere(self._engine)),
            known,
            self._settings.policy,
            topic_id=self._topic_id,
            tenant=self._settings.tenant,
            watch=self._watch,
            as_recorded=True,
        )
        for incoming in events:
            rerun.take(incoming)
        if self._why is None:
            raise Rejected(f"the event {self._event.id} was sent again or could not be applied", field="event")
        return self._why

    def _watch(self, looked: Looked, found: Sequence[Decision]) -> Sequence[Decision]:
        event = looked.event
        if self._why is None and event.id == self._event.id:
            self._why = Why(looked.profile["id"], event, self._explained(looked))
        mine = [one for one in found if one.rule == self._rule.id and self._concerns(one, event)]
        if self._why is None or not mine:
            return found
        by = "" if event.id == self._event.id else kind_of(event)
        self._why.came += [Step(looked.ms, one.outcome, one.reason, by) for one in mine]
        self._waits |= {one.timer.id for one in mine if one.timer is not None}
        if event.type == TIMER_DUE and event.id != self._event.id:
            self._why.then = self._explained(looked)
        return found

    def _concerns(self, decision: Decision, event: Event) -> bool:
        over = decision.over is not None and decision.over.id in self._waits
        return over or cause_of(decision, event.id) == self._event.id

    def _explained(self, looked: Looked) -> Explanation:
        return explain(
            self._rule,
            looked.event,
            looked.ms,
            looked.profile,
            computed=self._found.look,
            timezone=self._settings.timezone,
            engine=self._engine,
            before=looked.before,
        )


def lines(found: Why) -> Iterator[str]:
    """The whole of it as text."""
    yield f"customer {found.customer}, event {found.event.id} ({found.event.type}) of {rfc3339(found.event.time)}"
    yield from found.said.lines()
    if found.then is not None:
        yield "when the wait was over:"
        yield from (f"  {line}" for line in list(found.then.lines())[2:])
    for step in found.came:
        yield f"{_moment(step.when)} {step.outcome}: {step.reason}" + (f" ({step.by})" if step.by else "")
    yield f"because: {found.blame}" if found.blame else "nothing stood against it"


def _moment(ms: int) -> str:
    return rfc3339(datetime.fromtimestamp(ms / 1000, UTC))
