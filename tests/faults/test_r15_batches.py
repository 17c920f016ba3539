"""R15: one log, read in batches of any size by any number of workers, gives the same profiles."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import pytest

from hub.event import Event
from hub.identity import key
from profile_store.store import Store
from tests.faults.conftest import Install
from tests.faults.harness import Installation
from tests.faults.oracle import PARTS
from tests.faults.story import story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer

BATCHES, WORKERS = (1, 7, 500), (1, 2, 4)


class Size(NamedTuple):
    events: int
    ways: tuple[tuple[int, int], ...]
    """Events in a batch, at most, and workers."""


CI: Final = Size(1_200, ((1, 2), (7, 4), (500, 1)))
FULL: Final = Size(20_000, tuple(itertools.product(BATCHES, WORKERS)))


async def digests(hub: Installation, told: Sequence[Event]) -> dict[str, str]:
    """Identity → SHA-256 of what its customer's profile says, as the desk reads it."""
    store = Store(hub.redis)
    found: dict[str, str] = {}
    for name in sorted({key(one) for event in told for one in event.identities}):
        held = await store.find(name)
        assert held is not None, f"{name} leads to nobody"
        said = {part: value for part, value in held[1].items() if part in PARTS}
        found[name] = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return found


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="plain"))
async def test_batches_of_any_size(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    redis = private_redis(flavour=flavour)
    prefix = f"r15-{time.time_ns()}."
    told = story(seed, size.events, size.events // 20)
    found: dict[tuple[int, int], dict[str, str]] = {}
    took: dict[tuple[int, int], float] = {}
    for batch, workers in size.ways:
        # Each reads the same topics as a group of its own, into an empty store.
        hub = install(kafka_server, redis, topic_prefix=prefix, group=f"{batch}-{workers}", fetch=batch, runner=runner)
        if not found:
            await _accept(hub, told)
        await hub.redis.flushall()
        async with hub.workers(workers) as fleet:
            took[batch, workers] = await hub.until_applied()
            exits = list(fleet.exits)
        hub.history.touch()
        verdict = await judge(hub)
        assert exits == []
        assert not verdict.faults, f"{batch} events, {workers} workers: {shown(verdict.faults)}"
        found[batch, workers] = await digests(hub, told)
    print(
        f"R15 {runner} {flavour}: {len(told)} events, seconds by batch and workers "
        f"{ {way: round(seconds, 1) for way, seconds in took.items()} }"
    )
    first = found[size.ways[0]]
    assert len(set(first.values())) > size.events // 100
    for way, other in found.items():
        assert other == first, f"{way} differs from {size.ways[0]}"


async def _accept(hub: Installation, told: Sequence[Event]) -> None:
    async with hub.producer() as producer:
        await hub.accept(producer, told)
