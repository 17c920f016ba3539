"""A change to one customer, as it is being prepared: everything that is written in one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from hub.ids import customer_id
from hub.profile import PSEUDO, Document, Part, Profile, Told, part
from profile_store import applied, keys, segments
from profile_store.document import ABSENT, packed, refresh, view
from profile_store.search import entry, terms

FORGET_EVERY: Final = 16
"""At every so many events of a customer, names of events too old to be sent again are forgotten."""

Member = tuple[str, str, dict[str, Any]]
Effect = tuple[str, int, str]
"""A rule, a day (days since 1970 in UTC), and what it did or what became of it, as effects.py names it."""


@dataclass(slots=True)
class History:
    """What lies beside a customer's document: rows of the timeline, and records of applied events."""

    rows: list[bytes] = field(default_factory=list)
    seen: bytes = b""


@dataclass(slots=True)
class Draft:
    """One customer before and after a batch; `version` is what the store must still hold."""

    document: Document
    version: str = ABSENT
    profile: Profile = field(init=False)
    """The document's parts as one; brought up to date by `fold` and `regroup`."""
    rows: list[bytes] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    """Short name of each applied event → when it was received."""
    outbox: dict[str, bytes] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
    """Timers to set: member → due."""
    cancelled: set[str] = field(default_factory=set)
    memberships: frozenset[str] = frozenset()
    """Segments that the store has the customer in."""
    terms: set[str] = field(default_factory=set)
    """Search terms the store holds."""
    places: dict[str, str] = field(default_factory=dict)
    """Places that lead to this customer from now on → what the store must still hold there."""
    absorbed: list[Draft] = field(default_factory=list)
    """Customers that become part of this one."""
    siblings: list[Draft] = field(default_factory=list)
    """Customers that are written together with this one or not at all."""
    left: list[Draft] = field(default_factory=list)
    """Customers whose place leads here from now on, and who leave nothing there: all they had is elsewhere."""
    parted: list[Draft] = field(default_factory=list)
    """Those it was taken apart into by the last division."""
    history: History | None = None
    """What replaces the history in the store, after a customer was taken apart."""
    effects: Counter[Effect] = field(default_factory=Counter)
    """What rules did with this customer, to be counted with it."""
    news: bytes = b""
    read_up_to: int = 0
    """The moment (ms) up to which every partition is read: what may still be sent again is not forgotten before."""
    events: int = 0
    """How many events the stored document has."""
    changed: bool = False
    """Whether identities or names changed: then the search terms are made anew."""

    def __post_init__(self) -> None:
        self.profile = view(self.document)
        self.events = self.profile["events"]
        if self.version[:1] not in ("", ">"):
            self.memberships = frozenset(self.document["segments"])

    @property
    def id(self) -> str:
        """The customer's id."""
        return self.document["id"]

    @property
    def root(self) -> str:
        """The identity whose place is the customer's."""
        nodes = self.document["nodes"]
        return next((node for node in nodes if place(node) == self.id), nodes[0])

    def node(self, key: str) -> str | None:
        """The customer's identity that an event's key means; None when it is not the customer's."""
        if key in self.document["nodes"]:
            return key
        if key.startswith(PSEUDO):
            wanted = key.removeprefix(PSEUDO)
            return next((node for node in self.document["nodes"] if place(node) == wanted), None)
        return None

    def part(self, node: str) -> Part:
        """What the events of one of the identities tell."""
        found = self.document["parts"].get(node)
        if found is None:
            found = self.document["parts"][node] = part()
            self.regroup()
        return found

    def fold(self, key: str, change: Callable[[Told], None]) -> Part:
        """Change what is told of the identity that an event's key means, and of the customer with it."""
        one = self.part(self.node(key) or self.root)
        change(one)
        if len(self.document["parts"]) == 1:
            self.profile.update(cast(Profile, one))
        else:
            change(self.profile)
        refresh(self.profile, self.document["nodes"])
        return one

    def regroup(self) -> None:
        """Parts or identities came or went: put them together anew."""
        self.profile = view(self.document)

    def know_terms(self) -> None:
        """Note what the customer can be found by in the store, before that changes."""
        if not self.changed:
            self.changed = True
            self.terms = terms(self.profile)

    def touches(self) -> Iterator[str]:
        """The places this change writes."""
        yield self.id
        yield from self.places
        for one in (*self.absorbed, *self.left):
            yield one.id
        for one in self.siblings:
            yield from one.touches()

    def members(self, at: keys.Keys = keys.FIRST) -> list[Member]:
        """Everything this change writes, together or not at all: key, version the store must hold, and what."""
        found: list[Member] = [(at.profile(self.id), self.version, self._own())]
        found += [(at.profile(one), was, {"document": f">{self.id}"}) for one, was in self.places.items()]
        found += [(at.profile(one.id), one.version, _absorbed(at, self.id, one)) for one in self.absorbed]
        found += [(at.profile(one.id), one.version, _left(at, self.id, one)) for one in self.left]
        for one in self.siblings:
            found += one.members(at)
        return found

    def _own(self) -> dict[str, Any]:
        written: dict[str, Any] = {"document": packed(self.version, self.document)}
        seen = applied.records(self.seen)
        if self.history is not None:
            written["replace"] = True
            written["rows"] = [*self.history.rows, *self.rows][-keys.TIMELINE_ROWS :]
            seen = self.history.seen + seen
        elif self.rows:
            written["rows"] = self.rows[-keys.TIMELINE_ROWS :]
        if seen:
            written["seen"] = seen
            # Now and then is enough: what is too old or too much does no harm.
            if self.seen and self.profile["events"] // FORGET_EVERY != self.events // FORGET_EVERY:
                written["keep"] = keys.TIMELINE_ROWS
                newest = min(max(self.seen.values()), self.read_up_to)
                written["forget"] = (newest - keys.SEEN_MS) // keys.SEEN_UNIT
        if self.outbox:
            written["outbox"] = [part for item in self.outbox.items() for part in item]
        if self.timers:
            written["timers"] = [part for member, due in self.timers.items() for part in (due, member)]
        # One that was cancelled under this id, and then came with a customer that was absorbed, is waited for.
        if cancelled := self.cancelled - self.timers.keys():
            written["cancelled"] = sorted(cancelled)
        if self.changed:
            new = terms(self.profile)
            written["terms"] = [part for term in sorted(new - self.terms) for part in (0, entry(term, self.id))]
            written["gone"] = [entry(term, self.id) for term in sorted(self.terms - new)]
        written |= segments.written(self.id, self.memberships, self.document["segments"])
        if self.effects:
            written["effects"] = [(*effect, number) for effect, number in self.effects.items()]
        if self.news:
            written["news"] = self.news
        return written


def place(key: str) -> str:
    """Where the customer of an identity, or of `customer:<id>`, lies in the store."""
    return key.removeprefix(PSEUDO) if key.startswith(PSEUDO) else customer_id(key)


def _left(at: keys.Keys, customer: str, gone: Draft) -> dict[str, Any]:
    """What becomes of the place of a customer who was taken apart and continues elsewhere."""
    written = _absorbed(at, customer, gone)
    del written["absorbed"]
    return {**written, "moved": True}


def _absorbed(at: keys.Keys, customer: str, loser: Draft) -> dict[str, Any]:
    """What becomes of a customer that turns out to be part of another: a pointer; all it had moves."""
    waiting = (keys.timer(loser.id, slot, timer[0]) for slot, timer in loser.document["timers"].items())
    return {
        "document": f">{customer}",
        "absorbed": at.profile(customer),
        "cancelled": [*waiting, *sorted(loser.cancelled)],
        "gone": [entry(term, loser.id) for term in sorted(loser.terms)],
        **segments.written(loser.id, loser.memberships, ()),
    }
