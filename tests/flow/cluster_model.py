"""A small pipeline on a cluster, to see whether anything is lost or doubled: customers that keep lists of offsets.

Each event belongs to one identity, whose partition it lies in, and may name a second one; then the two are one
customer. A customer keeps, for each of its identities, the offsets of the events it has. Nodes lose their last
moments, workers die between steps; in the end each event must be in exactly one place.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, cast

import orjson
from redis.asyncio import RedisCluster

from hub.errors import Transient
from hub.ids import customer_id
from profile_store import keys
from profile_store.cluster import ClusterLedger
from profile_store.connect import Gap
from profile_store.document import VERSION, alias
from profile_store.ledger import Held, Raise
from tests.contract.places import Change, document

TOPIC: Final = "topic"
Parts = dict[str, list[int]]


class Killed(Exception):
    """A worker ends between two steps."""


@dataclass(frozen=True)
class Told:
    """An event: its own identity, and perhaps another."""

    offset: int
    identity: str
    other: str | None = None


def tell(random: Random, partitions: int, events: int, people: int) -> dict[int, list[Told]]:
    """A log: partition → events. An identity is in one partition; a person has six identities."""
    log: dict[int, list[Told]] = {number: [] for number in range(partitions)}
    for _ in range(events):
        person = random.randrange(people)
        names = [f"{person}/{number}" for number in range(6)]
        one = random.choice(names)
        other = random.choice(names) if random.random() < 0.3 else None
        part = log[sum(one.encode()) % partitions]
        part.append(Told(len(part), one, other if other != one else None))
    return log


@dataclass
class Draft:
    """A customer while it is being changed."""

    id: str
    version: str = ""
    parts: Parts = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    absorbed: list[Draft] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    changed: bool = False

    def members(self, at: keys.Keys = keys.FIRST) -> list[Any]:
        """As the pipeline's drafts have them."""
        own = {"document": document(self.version, self.id, parts=self.parts), "rows": self.rows}
        found: list[Any] = [(keys.profile(self.id), self.version, own)]
        found += [(keys.profile(one), "", {"document": f">{self.id}"}) for one in self.aliases]
        moved = {"document": f">{self.id}", "absorbed": keys.profile(self.id)}
        return [*found, *((keys.profile(one.id), one.version, moved) for one in self.absorbed)]


def joined(ours: Parts, theirs: Mapping[str, list[int]]) -> Parts:
    """An identity is in both only if they were not read at the same moment; then this will be refused."""
    for identity, offsets in theirs.items():
        ours[identity] = max(ours.get(identity, []), offsets, key=len)
    return ours


class Batch:
    """The customers of one batch."""

    def __init__(self, held: Mapping[str, bytes | None]) -> None:
        self._held = held
        self._forward: dict[str, str] = {}
        self.drafts: dict[str, Draft] = {}

    def _root(self, place: str) -> str:
        while True:
            target = self._forward.get(place) or alias(self._held.get(place) or b"")
            if target is None:
                return place
            place = target

    def _find(self, place: str) -> Draft | None:
        root = self._root(place)
        value = self._held.get(root)
        if root not in self.drafts and value is not None:
            parts: Parts = orjson.loads(value[VERSION:])["parts"]
            self.drafts[root] = Draft(root, value[:VERSION].decode(), parts)
        return self.drafts.get(root)

    def apply(self, partition: int, event: Told) -> None:
        """Bring one event into its customer."""
        places = [customer_id(event.identity)] + ([customer_id(event.other)] if event.other else [])
        found = [draft for draft in map(self._find, places) if draft is not None]
        draft = found[0] if found else self.drafts.setdefault(self._root(places[0]), Draft(self._root(places[0])))
        for place in places:
            root = self._root(place)
            if root == draft.id:
                continue
            other = self._find(place)
            self._forward[root] = draft.id
            draft.changed = True
            if other is None:
                draft.aliases.append(root)
                continue
            joined(draft.parts, other.parts)
            draft.aliases += other.aliases
            draft.absorbed += other.absorbed
            draft.rows = other.rows + draft.rows
            if other.version:
                draft.absorbed.append(other)
            else:
                draft.aliases.append(other.id)
            del self.drafts[other.id]
        offsets = draft.parts.setdefault(event.identity, [])
        if not offsets or offsets[-1] < event.offset:
            offsets.append(event.offset)
            draft.rows.append(f"{partition}/{event.offset}".encode())
            draft.changed = True


class Worker:
    """Works on its partitions until everything in them is applied; dies now and then."""

    def __init__(self, client: RedisCluster, group: str, log: Mapping[int, list[Told]], random: Random) -> None:
        self._client, self._group, self._log, self._random = client, group, log, random
        self.deadly = 0.02
        self.pause = 0.0
        """Seconds between two batches."""
        self.deaths = self.gaps = self.refused = 0
        self._ledger = self._new()
        self._marks: dict[int, str] = {}

    def _new(self) -> ClusterLedger:
        async def step(_: str) -> None:
            if self._random.random() < self.deadly:
                raise Killed

        return ClusterLedger(self._client, self._group, step=step)

    async def run(self) -> None:
        """Until nothing is left, and nothing was lost meanwhile."""
        found = False
        while not found:
            try:
                found = await self._pass()
            except Killed:
                self.deaths += 1
                self._ledger = self._new()
                self._marks = {}
            except Gap:
                self.gaps += 1
                self._marks = {}
            except Transient:
                await asyncio.sleep(0.05)

    async def _pass(self) -> bool:
        if not self._marks:
            marks = await self._ledger.locate()
            self._marks = {one: marks.get(one, "") for one in self._log}
        count = self._random.randrange(1, 12)
        batch: list[tuple[int, Told]] = []
        raises = []
        for partition, part in self._log.items():
            mark = self._marks[partition]
            first = int(mark.partition(":")[2]) + 1 if mark else 0
            taken = part[first : first + count]
            batch += [(partition, event) for event in taken]
            if taken:
                raises.append(Raise(partition, mark, f"{TOPIC}:{taken[-1].offset}"))
        if not batch:
            marks = await self._ledger.watermarks()
            lost = any(marks.get(one, "") != mark for one, mark in self._marks.items())
            self._marks = {} if lost else self._marks
            self.gaps += lost
            return not lost
        await self._apply(batch, raises)
        await asyncio.sleep(self.pause)
        self._marks |= {one.partition: one.new for one in raises}
        return False

    async def _apply(self, batch: Sequence[tuple[int, Told]], raises: Sequence[Raise]) -> None:
        while True:
            held = await self._load(batch)
            made = Batch(held)
            for partition, event in batch:
                made.apply(partition, event)
            drafts = [draft for draft in made.drafts.values() if draft.changed]
            refused = await self._ledger.commit([Change(draft.members()) for draft in drafts], raises)
            if not refused:
                return
            self.refused += len(refused)
            await asyncio.sleep(self._random.random() * 0.01)

    async def _load(self, batch: Sequence[tuple[int, Told]]) -> dict[str, bytes | None]:
        wanted = {customer_id(name) for _, event in batch for name in (event.identity, event.other) if name}
        held: dict[str, bytes | None] = {}
        while wanted:
            found: dict[str, Held] = await self._ledger.read({one: [] for one in wanted})
            held |= {one: value.value for one, value in found.items()}
            targets = {alias(value) for value in held.values() if value is not None}
            wanted = {one for one in targets if one is not None} - held.keys()
        return held


async def faults(client: RedisCluster, group: str, log: Mapping[int, list[Told]]) -> list[str]:
    """What is wrong in the end; nothing when all is well."""
    ledger = ClusterLedger(client, group)
    names = {name for part in log.values() for event in part for name in (event.identity, event.other) if name}
    held: dict[str, bytes | None] = {}
    wanted = {customer_id(name) for name in names}
    while wanted:
        held |= {one: value.value for one, value in (await ledger.read({one: [] for one in wanted})).items()}
        wanted = {target for value in held.values() if value and (target := alias(value))} - held.keys()
    wrong: list[str] = []
    rows: Counter[bytes] = Counter()
    places: Counter[str] = Counter()
    for customer, value in held.items():
        if value is not None and alias(value) is None:
            places.update(orjson.loads(value[VERSION:])["parts"].keys())
            rows.update(await cast(Any, client.lrange(keys.timeline(customer), 0, -1)))
    wrong += [f"{name} is in {count} customers" for name, count in places.items() if count > 1]
    for partition, part in log.items():
        for name in sorted({event.identity for event in part}):
            expected = [event.offset for event in part if event.identity == name]
            root = customer_id(name)
            while (target := alias(held[root] or b"")) is not None:
                root = target
            parts = orjson.loads((held[root] or b"")[VERSION:] or b'{"parts":{}}')["parts"]
            if parts.get(name) != expected:
                wrong.append(f"{name} of {partition}: {parts.get(name)} instead of {expected}")
            wrong += [
                f"row {partition}/{one}: {rows[f'{partition}/{one}'.encode()]}"
                for one in expected
                if rows[f"{partition}/{one}".encode()] != 1
            ]
    for event in (event for part in log.values() for event in part if event.other):
        roots = set()
        for name in (event.identity, str(event.other)):
            root = customer_id(name)
            while (target := alias(held[root] or b"")) is not None:
                root = target
            roots.add(root)
        if len(roots) != 1:
            wrong.append(f"not joined: {event}")
    return wrong
