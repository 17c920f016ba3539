"""The writing side of the store: read a batch's customers, write them in one step, keep the watermarks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, cast

import msgpack

from hub.lots import lots
from profile_store import applied, keys
from profile_store.connect import Client, Gap, NoFunctions, install, translated
from profile_store.draft import History, Member
from profile_store.keys import FIRST, Keys
from profile_store.shards import many, only_server

LEASE_MS: Final = 15_000
"""How long a due timer is in the hands of the worker that took it."""
DUE_AT_ONCE: Final = 1_000
READ_AT_ONCE: Final = 256
WRITTEN_AT_ONCE: Final = 48
"""Customers in one step of the server. Nobody else is answered meanwhile, and who reads a profile waits no longer than
a few milliseconds."""


class Change(Protocol):
    """What is written together or not at all: of a draft, this is all that a ledger looks at."""

    def members(self, at: Keys = FIRST) -> list[Member]:
        """Key, version the store must hold, and what is written. The first is the customer it is about."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of one customer, and which of the asked events it has applied."""

    value: bytes | None
    applied: frozenset[str]


@dataclass(frozen=True, slots=True)
class Raise:
    """A partition's watermark: where it must stand, and where it goes. Empty: there is none yet."""

    partition: int
    expected: str
    new: str

    @property
    def held(self) -> Raise:
        """It must stand there, and goes nowhere."""
        return Raise(self.partition, self.expected, self.expected)


# The old form of MessagePack, which tells no bytes from text: Redis reads no other.
_pack = partial(msgpack.packb, use_bin_type=False)
NONE: Final[frozenset[str]] = frozenset()


def _applied(refs: Sequence[str], flags: bytes) -> frozenset[str]:
    return frozenset(ref for ref, flag in zip(refs, flags, strict=True) if flag == 49) if b"1" in flags else NONE


def asked(wanted: Mapping[str, Sequence[str]], at: Keys = FIRST) -> bytes:
    """What is to be read, as `hub_read` takes it."""
    return cast(bytes, _pack([(at.profile(customer), applied.names(refs)) for customer, refs in wanted.items()]))


def answered(wanted: Mapping[str, Sequence[str]], found: Sequence[Any]) -> dict[str, Held]:
    """What `hub_read` answered."""
    return {
        customer: Held(value, _applied(refs, mark))
        for (customer, refs), value, mark in zip(wanted.items(), found[::2], found[1::2], strict=True)
    }


class Ledger:
    """Everything a worker does with the store, which is one server here."""

    one_server = True

    def __init__(self, client: Client, group: str, at: Keys = FIRST, *, feed: bool = False) -> None:
        self._client = client
        self._group = group
        self._feed = b"1" if feed else b""
        self.at = at
        self._run = b""
        """The run of the server that answered last."""

    @property
    def _watermarks(self) -> str:
        return self.at.watermarks(self._group)

    async def moved(self) -> bool:
        """Whether another generation is in use than the one this ledger works on. Raises Transient."""
        with translated():
            return int(await self._client.hget(keys.GENERATION, keys.CURRENT) or 0) != self.at.generation

    async def follow(self) -> bool:
        """Go over to the generation in use; whether that is another one. Raises Transient."""
        with translated():
            generation = int(await self._client.hget(keys.GENERATION, keys.CURRENT) or 0)
        moved, self.at = generation != self.at.generation, Keys(generation)
        return moved

    async def declared(self, offer: bytes) -> bytes:
        """The declarations this generation is folded with; the offered ones when it has none yet. Raises Transient."""
        with translated():
            found = cast(bytes | None, await self._client.set(self.at.declared, offer, nx=True, get=True))
        return offer if found is None else found

    async def read(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, Held]:
        """Customers by id, each with the events to look for. Raises Transient; Gap where the server was restarted."""
        if not wanted:
            return {}
        held: dict[str, Held] = {}
        for some in lots(list(wanted.items()), READ_AT_ONCE):
            part = dict(some)
            *found, run = await self._fcall("FCALL_RO", "hub_read", (self._watermarks,), asked(part, self.at))
            before, self._run = self._run, run
            if before not in (b"", run):
                raise Gap("the server was started anew")
            held |= answered(part, found)
        return held

    async def commit(self, drafts: Sequence[Change], raises: Sequence[Raise]) -> list[int]:
        """Write the drafts, each whole or not at all; the places of those refused. Raises Gap or Transient.

        The watermarks rise in the same step as the last of them, unless something was refused. A worker that is
        stopped before it finds its events applied when it reads them again.
        """
        stay = [one.held for one in raises]
        parts = list(lots(drafts, WRITTEN_AT_ONCE)) or [()]
        refused: list[int] = []
        for number, part in enumerate(parts, 1):
            rise = raises if number == len(parts) and not refused else stay
            first = (number - 1) * WRITTEN_AT_ONCE
            refused += [first + one for one in await self._put(part, rise)]
        return refused

    async def _put(self, drafts: Sequence[Change], raises: Sequence[Raise]) -> list[int]:
        marks = _pack([(str(one.partition), one.expected, one.new) for one in raises])
        at = self.at
        groups = _pack([draft.members(at) for draft in drafts])
        names = (at.watermarks(self._group), keys.GENERATION)
        refused: list[int] = await self._fcall(
            "FCALL", "hub_commit", names, marks, groups, str(at.generation).encode(), self._feed, self._run
        )
        return refused

    async def history(self, customer: str) -> History:
        """What lies beside a customer's document. Raises Transient."""
        wanted = (
            ("LRANGE", self.at.timeline(customer), 0, -1),
            ("HGETALL", self.at.applied(customer)),
        )
        rows, seen = await many(self._client, wanted)
        return History(rows, applied.stored(seen))

    async def _fcall(self, command: str, function: str, names: Sequence[str], *args: bytes) -> Any:
        try:
            server: Any = only_server(self._client)
            with translated():
                return await server.execute_command(command, function, len(names), *names, *args)
        except NoFunctions:
            await install(self._client)  # it is a new server; the caller tries again
            raise

    async def watermarks(self) -> dict[int, str]:
        """Where every partition's watermark stands: `topic id:offset`."""
        with translated():
            found = await only_server(self._client).hgetall(self._watermarks)
        return {int(partition): cast(bytes, mark).decode() for partition, mark in found.items()}

    async def locate(self) -> dict[int, str]:
        """As `watermarks`, by a worker that goes on from there with what it reads and commits."""
        return await self.watermarks()

    async def read_up_to(self, moments: Mapping[int, int]) -> None:
        """Note the moment (ms) up to which partitions are read."""
        if moments:
            with translated():
                await self._client.hset(self.at.progress, mapping={str(one): ms for one, ms in moments.items()})

    async def all_read_up_to(self, partitions: int) -> int:
        """The moment (ms) up to which every partition is read; 0 when one was never."""
        with translated():
            found = await self._client.hgetall(self.at.progress)
        return min((int(found.get(str(one).encode(), 0)) for one in range(partitions)), default=0)

    async def due(self, buckets: Sequence[int], now: int) -> list[tuple[str, str, str]]:
        """Lease the due timers of these buckets: customer, slot, timer."""
        if not buckets:
            return []
        names = [self.at.timers(number) for number in buckets]
        with translated():
            found = await only_server(self._client).fcall(
                "hub_lease", len(names), *names, now, now + LEASE_MS, DUE_AT_ONCE
            )
        return due_ones(found)

    async def drop_timers(self, members: Iterable[str]) -> None:
        """Remove timers that nobody waits for any more."""
        await many(
            self._client,
            (("ZREM", self.at.timers(keys.bucket(member.partition(" ")[0])), member) for member in members),
        )

    async def waiting_triggers(self) -> dict[int, dict[str, bytes]]:
        """Everything in the outbox: bucket → trigger id → trigger. A merge may have moved it away from its customer."""
        found = await many(self._client, (("HGETALL", keys.outbox(number)) for number in range(keys.BUCKETS)))
        return {
            number: {id.decode(): body for id, body in bucket.items()} for number, bucket in enumerate(found) if bucket
        }

    async def relayed(self, triggers: Iterable[tuple[int, str]]) -> None:
        """Take triggers (bucket, id) out of the outbox: the topic has them."""
        await many(self._client, (("HDEL", keys.outbox(bucket), id) for bucket, id in triggers))

    async def tidy(self) -> int:
        """Finish what others left half done; how much there was. One server leaves nothing half done."""
        return 0


def due_ones(members: Iterable[bytes]) -> list[tuple[str, str, str]]:
    """Timers as they stand among their bucket's: customer, slot, timer."""
    return [tuple(member.decode().split(" ", 2)) for member in members]  # type: ignore[misc]
