"""Workers die between steps and nodes lose their last moments, again and again: nothing is lost and nothing doubled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any, Final

import pytest
from redis import Redis

from hub.errors import Transient
from profile_store import helping, keys
from profile_store.cluster import ClusterLedger
from profile_store.connect import cluster_functions
from tests.clusters import RedisCluster
from tests.contract.places import Place, place
from tests.flow.cluster_model import Told, Worker, faults, tell

PARTITIONS, WORKERS, PEOPLE = 6, 3, 12
CI, FULL = (1_500, 12), (8_000, 80)

KEEP: Final = """#!lua flags=allow-cross-slot-keys
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  found[#found + 1] = key
  found[#found + 1] = redis.call('DUMP', key)
end
return found
"""
PUT_BACK: Final = """#!lua flags=allow-cross-slot-keys
for _, key in ipairs(redis.call('KEYS', '*')) do
  redis.call('DEL', key)
end
for number = 1, #ARGV, 2 do
  redis.call('RESTORE', ARGV[number], 0, ARGV[number + 1])
end
"""


async def lose(cluster: RedisCluster, random: Random, times: int) -> int:
    """Make nodes what they were a moment ago; how often."""
    lost = 0
    for _ in range(times):
        node = random.choice(cluster.nodes[:3])
        with Redis(port=node.port) as admin:
            before: Any = admin.eval(KEEP, 0)
            await asyncio.sleep(0.02 + random.random() * 0.15)
            with admin.pipeline(transaction=True) as pipe:
                pipe.function_load(cluster_functions(), replace=True)  # it forgets, as a server does that starts
                pipe.eval(PUT_BACK, 0, *before)
                pipe.execute()
        lost += 1
        await asyncio.sleep(random.random() * 0.2)
    return lost


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What this run is made from."""
    chosen = int(os.environ.get("HUB_TEST_SEED") or secrets.randbelow(2**32))
    print(f"{request.node.name}: HUB_TEST_SEED={chosen}")
    return chosen


async def work(
    store: Place, log: Mapping[int, list[Told]], random: Random, trouble: Awaitable[Any], *, pause: float = 0.0
) -> list[str]:
    """Let workers apply the log while there is trouble, and after it; what is wrong then."""
    workers = [
        Worker(store.cluster, store.group, {one: log[one] for one in range(number, PARTITIONS, WORKERS)}, random)
        for number in range(WORKERS)
    ]

    for worker in workers:
        worker.pause = pause

    async def tidy() -> None:
        while True:
            with contextlib.suppress(Transient):
                await ClusterLedger(store.cluster, store.group).tidy()
            await asyncio.sleep(0.1)

    tidying, troubling = asyncio.create_task(tidy()), asyncio.ensure_future(trouble)
    async with asyncio.timeout(300):
        over = False
        while not over:
            over = troubling.done()
            await asyncio.gather(*(worker.run() for worker in workers))
    tidying.cancel()
    counts = {name: sum(getattr(one, name) for one in workers) for name in ("deaths", "gaps", "refused")}
    print(f"{sum(map(len, log.values()))} events, {await troubling} losses, {counts}")
    return await faults(store.cluster, store.group, log)


@pytest.mark.parametrize(
    ("events", "losses"), [pytest.param(*CI, id="ci"), pytest.param(*FULL, id="full", marks=pytest.mark.full)]
)
async def test_nothing_is_lost_and_nothing_doubled(
    seed: int, private_cluster: Callable[..., RedisCluster], monkeypatch: pytest.MonkeyPatch, events: int, losses: int
) -> None:
    random = Random(seed)
    monkeypatch.setattr(helping, "GRACE", 0.05)
    monkeypatch.setattr(helping, "SETTLED_MS", 400)  # a node loses at most half of that here
    monkeypatch.setattr(helping, "ABANDONED_MS", 400)
    cluster = private_cluster()
    async with place("cluster", cluster.url) as store:
        log = tell(random, PARTITIONS, events, PEOPLE)
        assert not await work(store, log, random, lose(cluster, random, losses), pause=0.03)
        await _all_tidied(store)


async def _all_tidied(store: Place) -> None:
    """In the end no record and no seal is left."""
    started = time.monotonic()
    while True:
        await ClusterLedger(store.cluster, store.group).tidy()
        left = [await store.cluster.hgetall(keys.transactions(one)) for one in range(keys.BUCKETS)]
        if not any(left):
            break
        assert time.monotonic() - started < 20, left
        await asyncio.sleep(0.1)
    values = [await store.cluster.get(name) async for name in store.cluster.scan_iter("{b*}:c:*", count=1000)]
    assert values
    assert not [value for value in values if value is not None and value[:1] == b"!"]


async def break_down(cluster: RedisCluster, random: Random) -> int:
    """A master dies and its replica takes over; another one dies and comes back without the end of its log."""
    await asyncio.sleep(0.5)
    dead = cluster.nodes[random.randrange(3)]
    await asyncio.to_thread(cluster.fail_over, dead)
    await asyncio.to_thread(dead.start)
    await asyncio.to_thread(cluster.until_whole)
    torn = random.choice([node for node in cluster.masters() if node.port != dead.port])
    torn.kill()
    size = torn.aof.stat().st_size
    os.truncate(torn.aof, size - random.randrange(1, min(size // 3, 3_000)))
    await asyncio.to_thread(torn.start)
    await asyncio.to_thread(cluster.until_whole)
    return 2


async def test_a_master_dies_and_another_loses_the_end_of_its_log(
    seed: int, private_cluster: Callable[..., RedisCluster]
) -> None:
    random = Random(seed)
    cluster = private_cluster()
    async with place("cluster", cluster.url) as store:
        log = tell(random, PARTITIONS, 3_000, PEOPLE)
        assert not await work(store, log, random, break_down(cluster, random), pause=0.1)
