"""Workers die between steps and nodes lose their last moments, again and again: nothing is lost and nothing doubled."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from random import Random
from typing import Any, Final

import pytest
from redis import Redis

from profile_store import helping
from profile_store.cluster import ClusterLedger
from tests.clusters import RedisCluster
from tests.contract.places import place
from tests.flow.cluster_model import Worker, faults, tell

PARTITIONS, WORKERS, PEOPLE = 6, 3, 12
CI, FULL = (1_500, 12), (10_000, 80)

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


async def lose(cluster: RedisCluster, random: Random, times: int, workers: list[Worker]) -> int:
    """Make nodes what they were a moment ago; how often."""
    lost = 0
    for _ in range(times):
        node = random.choice(cluster.nodes[:3])
        with Redis(port=node.port) as admin:
            before: Any = admin.eval(KEEP, 0)
            await asyncio.sleep(0.02 + random.random() * 0.15)
            admin.eval(PUT_BACK, 0, *before)
        lost += 1
        await asyncio.sleep(random.random() * 0.2)
    return lost


@pytest.mark.parametrize(
    ("events", "losses"), [pytest.param(*CI, id="ci"), pytest.param(*FULL, id="full", marks=pytest.mark.full)]
)
async def test_nothing_is_lost_and_nothing_doubled(
    private_cluster: Callable[..., RedisCluster], monkeypatch: pytest.MonkeyPatch, events: int, losses: int
) -> None:
    seed = int(os.environ.get("HUB_TEST_SEED") or secrets.randbelow(2**32))
    print(f"HUB_TEST_SEED={seed}")
    random = Random(seed)
    monkeypatch.setattr(helping, "GRACE", 0.05)
    monkeypatch.setattr(helping, "SETTLED_MS", 400)  # a node loses at most half of that here
    monkeypatch.setattr(helping, "ABANDONED_MS", 400)
    log = tell(random, PARTITIONS, events, PEOPLE)
    cluster = private_cluster()
    async with place("cluster", cluster.url) as store:
        workers = [
            Worker(store.cluster, store.group, {one: log[one] for one in range(number, PARTITIONS, WORKERS)}, random)
            for number in range(WORKERS)
        ]

        async def tidy() -> None:
            while True:
                await ClusterLedger(store.cluster, store.group).tidy()
                await asyncio.sleep(0.1)

        tidying = asyncio.create_task(tidy())
        losing = asyncio.create_task(lose(cluster, random, losses, workers))
        async with asyncio.timeout(300):
            while True:
                await asyncio.gather(*(worker.run() for worker in workers))
                if losing.done():
                    break
        await asyncio.gather(*(worker.run() for worker in workers))
        await asyncio.sleep(1.0)
        tidying.cancel()
        wrong = await faults(store.cluster, store.group, log)
        deaths, gaps, refused = (sum(getattr(one, name) for one in workers) for name in ("deaths", "gaps", "refused"))
        print(f"{events} events, {losses} losses, {deaths} deaths, {gaps} gaps, {refused} refused, {wrong[:5]}")
        assert not wrong
