"""R1: workers are killed at work, and every event has exactly one effect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random

import pytest

from tests.faults.conftest import Install
from tests.faults.harness import doubled
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.verdict import judge, shown
from tests.servers import KafkaServer, RedisServer


@pytest.mark.parametrize(
    ("events", "customers", "kills", "runner"),
    [
        pytest.param(10_000, 500, 5, "faust", id="ci"),
        pytest.param(5_000, 300, 2, "plain", id="ci-plain"),
        pytest.param(100_000, 2_000, 20, "faust", id="full", marks=pytest.mark.full),
        pytest.param(100_000, 2_000, 20, "plain", id="full-plain", marks=pytest.mark.full),
    ],
)
async def test_killed_workers(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    events: int,
    customers: int,
    kills: int,
    runner: str,
) -> None:
    random = Random(seed)
    hub = install(kafka_server, private_redis(), fetch=100, runner=runner)
    hub.rule("thanks", THANKS)
    told = story(seed, events, customers)
    started = time.monotonic()
    async with hub.producer() as producer, hub.workers(3) as fleet:
        for number, burst in enumerate(bursts(told, kills + 1)):
            await fleet.ready()
            before = sum((await hub.applied()).values())
            sending = asyncio.create_task(hub.accept(producer, burst))
            if number < kills:
                await hub.until_count(before + random.randrange(len(burst)))
                random.choice(fleet.children).kill()
            await sending
        await hub.until_applied()
        exits = list(fleet.exits)
    verdict = await judge(hub)
    print(
        f"R1: {len(told)} events, {verdict.customers} customers, {len(exits)} kills, "
        f"{len(verdict.triggers)} triggers ({len(doubled(verdict.triggers.elements()))} sent again), "
        f"{time.monotonic() - started:.1f} s"
    )
    assert exits == [-9] * kills
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
