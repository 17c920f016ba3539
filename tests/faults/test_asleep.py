"""The whole machine sleeps: broker, store and workers stop for longer than a session lasts, and wake up together."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

import pytest

from tests.faults.conftest import Install
from tests.faults.harness import SESSION, Fleet, doubled
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer

AWAKE: Final = 30.0
"""Seconds after which everything must be applied."""


class Size(NamedTuple):
    events: int
    naps: int


CI: Final = Size(4_000, 2)
FULL: Final = Size(40_000, 16)


async def _signal(random: Random, pids: list[int], number: signal.Signals) -> None:
    random.shuffle(pids)
    for pid in pids:
        os.kill(pid, number)
        await asyncio.sleep(random.choice((0, 0.01)))


async def _sleep(random: Random, fleet: Fleet, kafka: KafkaServer, redis: RedisServer) -> float:
    """Stop all processes of the hub, wait, and let them go on, in any order; how long they slept, in seconds."""
    pids = [one for one in (kafka.pid, redis.pid, *(child.pid for child in fleet.children)) if one is not None]
    seconds = SESSION * random.uniform(0.5, 4)
    await _signal(random, pids, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    await _signal(random, pids, signal.SIGCONT)
    return seconds


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="plain"))
async def test_asleep(
    seed: int,
    install: Install,
    private_kafka: Callable[..., KafkaServer],
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    random = Random(seed)
    kafka, redis = private_kafka(), private_redis(flavour=flavour)
    hub = install(kafka, redis, fetch=100, runner=runner)
    hub.rule("thanks", THANKS)
    told = story(seed, size.events, size.events // 20)
    slept, took = [], []
    async with hub.producer() as producer, hub.workers(2) as fleet:
        for burst in bursts(told, size.naps):
            sending = asyncio.create_task(hub.accept(producer, burst))
            await asyncio.sleep(random.random())
            slept.append(await _sleep(random, fleet, kafka, redis))
            awake = time.monotonic()
            await sending
            await hub.until_applied()
            took.append(time.monotonic() - awake)
        exits = list(fleet.exits)
    verdict = await judge(hub)
    print(
        f"asleep {runner} {flavour}: {len(told)} events, {size.naps} naps of {min(slept):.0f} to {max(slept):.0f} s, "
        f"all applied {min(took):.1f} to {max(took):.1f} s after, "
        f"{len(doubled(verdict.triggers.elements()))} triggers sent again"
    )
    assert exits == []
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
    assert max(took) <= AWAKE
