"""The writing side of the store on a Redis Cluster: one step for each bucket, and sealed steps over several.

A function sees one bucket only. A change of customers of one bucket is one call there, as on a single server. One
that reaches into several buckets goes in steps, and whoever finds it half done can finish it:

1. *open*: a record in the bucket of its first customer says that it is under way.
2. *seal* the others where they are what they are expected to be. Nobody can change what is sealed.
3. *commit*: one call writes the first customer and what is to be written to the others, if the record is still open.
4. *carry out*: the others are written, under their seals. The record goes when that is safe.

Nobody waits for anybody while holding a seal: who is refused lets go of all, rests for a random while, and starts
again. So nothing can lock itself up.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import msgpack
from redis.asyncio import RedisCluster

from profile_store import keys, seals
from profile_store.connect import Client, Gap, Unsound
from profile_store.draft import Member
from profile_store.helping import Helper
from profile_store.ledger import DUE_AT_ONCE, LEASE_MS, Change, Held, Ledger, Raise, answered, asked, due_ones
from profile_store.marks import Marks
from profile_store.seals import Transaction
from profile_store.shards import Call, Shards

REST: Final = (0.002, 0.2)
"""Seconds to rest after a refused change over several buckets: at most, at first and in the end."""

Step = Callable[[str], Awaitable[None]]


async def _on(step: str) -> None:
    """Between two steps of a commit. Tests end a worker there."""


@dataclass(slots=True)
class Group:
    """One draft's change: the members in the bucket of the first of them, and those elsewhere."""

    number: int
    """Its place among the drafts."""
    bucket: int
    near: list[Member]
    far: list[Member]
    transaction: Transaction | None = None
    sealed: list[str] = field(default_factory=list)
    refused: bool = False

    @classmethod
    def of(cls, number: int, members: Sequence[Member]) -> Group:
        """A group from what a draft writes."""
        bucket = keys.bucket_of(members[0][0])
        near = [one for one in members if keys.bucket_of(one[0]) == bucket]
        far = sorted((one for one in members if keys.bucket_of(one[0]) != bucket), key=lambda one: one[0])
        return cls(number, bucket, near, far, Transaction.new(bucket) if far else None)

    @property
    def others(self) -> list[seals.Write]:
        """What is written to the members elsewhere. A timeline was taken along already; there it only goes."""
        return [(key, _moved(what)) for key, _, what in self.far]

    def step(self) -> tuple[Any, ...]:
        """What the call in its own bucket takes."""
        if self.transaction is None:
            return self.near, ""
        return self.near, self.transaction.id, seals.packed(self.others)

    def take_along(self, key: str, found: Sequence[Any]) -> None:
        """A member is sealed; with it comes what it had, if it becomes part of the first."""
        self.sealed.append(key)
        if found:
            self.near[0][2].setdefault("adopted", []).append(found)


def _moved(what: dict[str, Any]) -> dict[str, Any]:
    if "absorbed" not in what:
        return what
    return {**{name: part for name, part in what.items() if name != "absorbed"}, "moved": True}


class ClusterLedger(Ledger):
    """Everything a worker does with the store, which is a cluster here."""

    one_server = False

    def __init__(self, client: RedisCluster, group: str, *, step: Step = _on) -> None:
        super().__init__(client, group)
        self._shards = Shards(client)
        self._marks = Marks(self._shards, group)
        self._names = {number: keys.marks(group, number) for number in range(keys.BUCKETS)}
        self._helper = Helper(self._shards)
        self._step = step
        self._rest = REST[0]

    async def moved(self) -> bool:
        """Never: a cluster has one generation of the store."""
        return False

    async def follow(self) -> bool:
        """As `moved`."""
        return False

    async def read(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, Held]:
        """Customers by id, each with the events to look for. Raises Transient."""
        found: dict[str, Held] = {}
        parts: dict[int, dict[str, Sequence[str]]] = {}
        for customer, refs in wanted.items():
            parts.setdefault(keys.bucket(customer), {})[customer] = refs
        calls: list[Call] = [("hub_look", [self._names[number]], [asked(part)]) for number, part in parts.items()]
        for part, answer in zip(parts.values(), await self._look(calls), strict=True):
            found |= answered(part, answer)
        under = {keys.profile(customer): one.value for customer, one in found.items() if seals.sealed_by(one.value)}
        if under:
            try:
                values = await self._helper.values(cast(dict[str, bytes], under))
            except Unsound:
                await self._helper.heal()
                return await self.read(wanted)
            found |= {
                customer: Held(values[keys.profile(customer)], one.applied)
                for customer, one in found.items()
                if keys.profile(customer) in values
            }
        return {customer: found[customer] for customer in wanted}

    async def commit(self, drafts: Sequence[Change], raises: Sequence[Raise]) -> list[int]:
        """Write the drafts, each whole or not at all; the places of those refused. Raises Gap or Transient.

        The watermarks rise when nothing was refused. When it raises, a part of the drafts may be written.
        """
        if not self._marks.epochs:
            await self.watermarks()
        self._marks.check(raises)
        groups = [Group.of(number, draft.members()) for number, draft in enumerate(drafts)]
        wide = [group for group in groups if group.transaction]
        if wide:
            await self._open(wide)
            await self._seal(wide, raises)
        await self._write([group for group in groups if not group.refused], raises)
        refused = [group.number for group in groups if group.refused]
        await self._finish(wide, [] if refused else raises)
        if any(group.refused for group in wide):
            await asyncio.sleep(random.random() * self._rest)
            self._rest = min(self._rest * 2, REST[1])
        else:
            self._rest = REST[0]
        return refused

    async def _open(self, wide: Sequence[Group]) -> None:
        record = b"o%013d" % (time.time() * 1000)
        await self._shards.commands(
            ("HSET", keys.transactions(group.bucket), group.transaction.id, record)
            for group in wide
            if group.transaction
        )
        await self._step("opened")

    async def _seal(self, wide: Sequence[Group], raises: Sequence[Raise]) -> None:
        parts: dict[int, list[tuple[Group, Member]]] = {}
        for group in wide:
            for member in group.far:
                parts.setdefault(keys.bucket_of(member[0]), []).append((group, member))
        marks = self._marks.next(raises, parts)
        calls: list[Call] = []
        for number, part in parts.items():
            wanted = [
                (key, expected, group.transaction.seal, "absorbed" in what)
                for group, (key, expected, what) in part
                if group.transaction
            ]
            calls.append(
                ("hub_seal", [self._names[number]], [_pack(marks[number]), _pack(wanted), self._marks.epochs[number]])
            )
        answers = await self._call(calls)
        self._marks.left(marks)
        for part, answer in zip(parts.values(), answers, strict=True):
            for (group, (key, _, _)), found in zip(part, answer, strict=True):
                if found is None:
                    group.refused = True
                else:
                    group.take_along(key, found)
        await self._step("sealed")

    async def _write(self, groups: Sequence[Group], raises: Sequence[Raise]) -> None:
        parts: dict[int, list[Group]] = {}
        for group in groups:
            parts.setdefault(group.bucket, []).append(group)
        marks = self._marks.next(raises, parts)
        calls: list[Call] = []
        for number, part in parts.items():
            wanted = [group.step() for group in part]
            calls.append(
                ("hub_bucket", [self._names[number]], [_pack(marks[number]), _pack(wanted), self._marks.epochs[number]])
            )
        answers = await self._call(calls)
        self._marks.left(marks)
        for part, answer in zip(parts.values(), answers, strict=True):
            for place in answer:
                part[place].refused = True
        await self._step("committed")

    async def _finish(self, wide: Sequence[Group], raises: Sequence[Raise]) -> None:
        """Carry out or let go, and raise the watermarks."""
        calls: list[Call] = []
        for group in wide:
            if group.transaction is None:
                continue
            if group.refused:
                calls += self._helper.let_go(group.transaction, group.sealed)
            else:
                # All others stay under their seals for a while: see helping.py.
                harmless = {key for key, expected, what in group.far if seals.harmless(expected, what["document"])}
                calls += self._helper.carry_out(group.transaction, [one for one in group.others if one[0] in harmless])
                if len(harmless) == len(group.far):
                    calls.append(self._helper.done(group.transaction))
        if raises:
            calls.append(self._marks.raise_(raises))
        await self._call(calls)
        if raises:
            self._marks.raised(raises)
        await self._step("finished")

    async def watermarks(self) -> dict[int, str]:
        """Up to where every partition is applied in every bucket: `topic id:offset`. Raises Transient.

        Lower than the watermark where a node lost its tail. What was applied after it is to be read again.
        """
        while True:
            try:
                return await self._marks.look()
            except Unsound:
                await self._helper.heal()

    async def _look(self, calls: Sequence[Call]) -> list[Any]:
        while True:
            try:
                return await self._shards.call(calls, read=True)
            except Unsound:
                await self._helper.heal()

    async def _call(self, calls: Sequence[Call]) -> list[Any]:
        try:
            return await self._shards.call(calls)
        except Unsound as error:
            await self._helper.heal()
            raise Gap(str(error)) from error

    async def due(self, buckets: Sequence[int], now: int) -> list[tuple[str, str, str]]:
        """Lease the due timers of these buckets: customer, slot, timer."""
        each = max(1, DUE_AT_ONCE // max(1, len(buckets)))
        calls: Iterable[Call] = (
            ("hub_lease", [keys.timers(number)], [now, now + LEASE_MS, each]) for number in buckets
        )
        return due_ones(member for found in await self._shards.call(calls) for member in found)

    async def tidy(self) -> int:
        """Finish changes over several buckets that others left half done; how many. Raises Transient."""
        return await self._helper.tidy()


def ledger(client: Client, group: str, *, feed: bool = False) -> Ledger:
    """The ledger for what the client leads to."""
    return ClusterLedger(client, group) if isinstance(client, RedisCluster) else Ledger(client, group, feed=feed)


def _pack(value: Any) -> bytes:
    return cast(bytes, msgpack.packb(value, use_bin_type=False))
