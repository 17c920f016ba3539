"""Workers on a real Redis Cluster: a story with many joins, while masters die, judged as the fault tests do."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from random import Random

import pytest

from tests.clusters import RedisCluster
from tests.faults.harness import Installation
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.verdict import judge, shown
from tests.servers import KafkaServer

CI, FULL = (2_000, 1), (20_000, 4)


@pytest.mark.parametrize(
    ("events", "deaths"), [pytest.param(*CI, id="ci"), pytest.param(*FULL, id="full", marks=pytest.mark.full)]
)
async def test_a_story_on_a_cluster(
    kafka_server: KafkaServer,
    private_cluster: Callable[..., RedisCluster],
    tmp_path_factory: pytest.TempPathFactory,
    events: int,
    deaths: int,
) -> None:
    seed = int(os.environ.get("HUB_TEST_SEED") or secrets.randbelow(2**32))
    print(f"HUB_TEST_SEED={seed}")
    random, cluster = Random(seed), private_cluster()
    hub = Installation(kafka_server, cluster, tmp_path_factory.mktemp("hub"), fetch=200)
    hub.rule("thanks", THANKS)
    told = story(seed, events, events // 20, weld=0.05)
    started = time.monotonic()
    try:
        async with hub.producer() as producer, hub.workers(2) as fleet:
            for number, burst in enumerate(bursts(told, deaths + 1)):
                before = sum((await hub.applied()).values())
                await hub.accept(producer, burst)
                if number < deaths:
                    await hub.until_count(before + random.randrange(len(burst) // 2))
                    dead = random.choice(cluster.masters())
                    await asyncio.to_thread(cluster.fail_over, dead)
                    await asyncio.to_thread(dead.start)
                    await asyncio.to_thread(cluster.until_whole)
            await hub.until_applied()
            exits, rewinds = list(fleet.exits), await fleet.metric("hub_gap_rewinds_total")
            joined = await fleet.metric("hub_merged_customers_total")
        verdict = await judge(hub)
    finally:
        await hub.close()
    print(f"{events} events, {joined:.0f} joins, {rewinds:.0f} rewinds, {time.monotonic() - started:.1f} s")
    assert exits == []
    assert joined > 0
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
