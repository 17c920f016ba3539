"""Is a customer what its events make of it? One customer, folded again from the log alone.

The worker has a store, batches and other customers beside; here is nothing but the events, in the order of one
partition after the other. What is shared with the worker is only what is pure: whose an event is, how a part is
folded, and what a decision does to identities.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import orjson

from hub.partition import partition
from hub.profile import APART, JOINED, PSEUDO, Document, Link, Part, blank, part
from profile_store.draft import place
from profile_store.registers import NAMES, bound
from profile_store.structure import candidates, components, newer, pair
from streams.arrange import DECISIONS
from streams.decode import Incoming
from streams.fold import PLAIN, Folding
from streams.identify import REFUSALS

dumps = partial(orjson.dumps, option=orjson.OPT_SORT_KEYS)

TRIED: Final = 300
"""Events of which each is left out once, to find the one that makes a difference."""
STATES: Final = (JOINED, APART)
SHOWN: Final = 200
"""Characters of a value in a difference."""


@dataclass(slots=True)
class Refold:
    """The parts and links of some identities, as far as the log is read."""

    folding: Folding = PLAIN
    parts: dict[str, Part] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    nodes: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    """Place → the identity that has it."""
    seen: set[tuple[str, str]] = field(default_factory=set)
    events: int = 0

    def apply(self, incoming: Incoming) -> None:
        """Take the next event of the log; one that was sent again counts once."""
        owner = self.named(incoming.keys[0])
        if (owner, incoming.ref) in self.seen:
            return
        self.seen.add((owner, incoming.ref))
        self.nodes.add(owner)
        if incoming.event.type in DECISIONS:
            self._decided(_links(incoming))
        told = self.parts.setdefault(owner, part())
        self.folding.fold(told, incoming.event, incoming.keys, incoming.ms, incoming.ref)
        told["fences"][incoming.fence] = incoming.record.offset
        self.events += 1

    def named(self, key: str) -> str:
        """A customer's place that an event of our own names, as the identity whose place it is."""
        return self.names.get(place(key), key) if key.startswith(PSEUDO) else key

    def learn(self, incoming: Incoming) -> None:
        """Take note of names before anything is applied: a place may be spoken of before its name is."""
        ends = [entry[:2] if entry[2] in STATES else entry[:1] for entry in _links(incoming)]
        for name in (incoming.keys[0], *(str(name) for some in ends for name in some)):
            if not name.startswith(PSEUDO):
                self.names[place(name)] = name

    def _decided(self, entries: Iterable[list[Any]]) -> None:
        for left, right, *said in entries:
            self.nodes.add(left)
            if said[0] not in STATES:
                self._refused(left, right, said)
                continue
            self.nodes.add(right)
            name = pair(left, right)
            if newer(self.links.get(name), said):
                self.links[name] = said

    def _refused(self, owner: str, name: str, said: list[Any]) -> None:
        table = self.parts.setdefault(owner, part())["refused"]
        known = table.get(name)
        if known is None or said[1:] > known[1:]:
            table[name] = said
            bound(table, REFUSALS)

    def document(self, identity: str) -> Document | None:
        """The customer of an identity, as the events so far make it."""
        identity = self.named(identity)
        group = next((one for one in components(self.nodes, self.links) if identity in one), None)
        return None if group is None else self._document(group, self._ends())

    def documents(self) -> Iterator[Document]:
        """Every customer, as the events so far make them."""
        ends = self._ends()
        return (self._document(group, ends) for group in components(self.nodes, self.links))

    def _ends(self) -> dict[str, list[str]]:
        """The links of each identity."""
        found: dict[str, list[str]] = {}
        for name in self.links:
            for end in name.split("\n", 1):
                found.setdefault(end, []).append(name)
        return found

    def _document(self, group: Sequence[str], ends: Mapping[str, Sequence[str]]) -> Document:
        links = {name: self.links[name] for end in group for name in ends.get(end, ())}
        made = blank(place(candidates(group, links)[0]), *group)
        made["parts"] = {name: self.parts[name] for name in group if name in self.parts}
        made["links"] = links
        return made


def differences(stored: Any, folded: Any, where: str = "") -> list[str]:
    """Where two documents differ, one line a place: what is stored, and what the events say."""
    return [
        f"{place}: stored {_short(one)}, folded {_short(other)}" for place, one, other in _places(stored, folded, where)
    ]


def _places(stored: Any, folded: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(stored, Mapping) and isinstance(folded, Mapping):
        for name in sorted({*stored, *folded}):
            yield from _places(stored.get(name), folded.get(name), f"{where}.{name}".lstrip("."))
    elif stored != folded:
        yield where, stored, folded


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def wanted(document: Document) -> set[str]:
    """Every identity that events of a customer may name: its own, those linked to them, and its places."""
    names = {*document["nodes"], *document["parts"]}
    names |= {end for name in document["links"] for end in name.split("\n", 1)}
    return names | {f"{PSEUDO}{place(name)}" for name in names}


def homes(document: Document, count: int) -> frozenset[int] | None:
    """The partitions that hold a customer's events; None when it may be any.

    An event lies where its subject's name leads it, and every name of every event is among the mentions. Only so
    many of those are kept.
    """
    mentions = [told["mentions"] for told in document["parts"].values()]
    if any(len(one) >= NAMES for one in mentions):
        return None
    return frozenset(partition(name, count) for name in wanted(document).union(*mentions))


def concerns(incoming: Incoming, names: Collection[str]) -> bool:
    """Whether an event is one of these identities', or says what belongs to them."""
    if incoming.keys[0] in names:
        return True
    return any(end in names for entry in _links(incoming) for end in entry[:2])


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first event that the store and the log disagree about."""

    incoming: Incoming
    what: str


def culprit(stored: Document, events: Sequence[Incoming], folding: Folding = PLAIN) -> Culprit | None:
    """Which event it is that makes the difference, if it is one; in the order it was read."""
    made = refold(events, folding)
    for name in sorted({*stored["parts"], *made.parts} & set(stored["nodes"])):
        left, right = _bare(stored["parts"].get(name)), _bare(made.parts.get(name))
        if left == right:
            continue
        mine = [one for one in events if made.named(one.keys[0]) == name]
        found = _cut(left, name, mine, folding) or _single(left, name, mine, folding)
        if found is not None:
            return found
        if mine:
            return Culprit(_last_touch(left, name, mine, folding), "the last one that touched this place")
    return None


def refold(events: Iterable[Incoming], folding: Folding = PLAIN, names_of: Iterable[Incoming] = ()) -> Refold:
    """What these events make; of others only the names are learned."""
    made, known = Refold(folding), list(events)
    for one in (*names_of, *known):
        made.learn(one)
    for one in known:
        made.apply(one)
    return made


def _links(incoming: Incoming) -> list[list[Any]]:
    """What an event says of identities, if it is a decision."""
    return list(incoming.event.data.get("links", ())) if incoming.event.type in DECISIONS else []


def _bare(told: Part | None) -> bytes:
    return dumps({name: value for name, value in (told or {}).items() if value})


def _cut(left: bytes, name: str, mine: Sequence[Incoming], folding: Folding) -> Culprit | None:
    """Does the store end before one of these events?"""
    made = refold((), folding, mine)
    for one in mine:
        if _bare(made.parts.get(name)) == left:
            return Culprit(one, "the store ends before it")
        made.apply(one)
    return None


def _single(left: bytes, name: str, mine: Sequence[Incoming], folding: Folding) -> Culprit | None:
    """Is it one event that is missing, or one too many? Only for as many as are tried in a moment."""
    for number, one in enumerate(mine[:TRIED]):
        if _bare(refold([*mine[:number], *mine[number + 1 :]], folding).parts.get(name)) == left:
            return Culprit(one, "it is not in the store")
    for number, one in enumerate(mine[:TRIED]):
        made = refold(mine[: number + 1], folding)
        made.seen.clear()
        for again in mine[number:]:
            made.apply(again)
        if _bare(made.parts.get(name)) == left:
            return Culprit(one, "it is in the store twice")
    return None


def _last_touch(left: bytes, name: str, mine: Sequence[Incoming], folding: Folding) -> Incoming:
    """The event that made the first differing place what it is."""
    whole = refold(mine, folding)
    first = next(_places(orjson.loads(left), orjson.loads(_bare(whole.parts.get(name))), ""))[0].split(".")
    made, before, last = refold((), folding, mine), None, mine[0]
    for one in mine:
        made.apply(one)
        now: Any = made.parts.get(name, {})
        for step in first:
            now = now.get(step) if isinstance(now, Mapping) else None
        told = dumps(now)
        if told != before:
            before, last = told, one
    return last
