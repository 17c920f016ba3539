"""R1: workers are killed at work, and every event has exactly one effect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

import pytest

from tests.faults.conftest import Install
from tests.faults.harness import doubled
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer


class Size(NamedTuple):
    events: int
    customers: int
    kills: int


CI: Final = Size(10_000, 500, 5)
CI_PLAIN: Final = Size(5_000, 300, 2)
FULL: Final = Size(100_000, 2_000, 20)


@pytest.mark.parametrize(
    ("size", "runner", "flavour"),
    [*sizes(CI, FULL, runner="faust"), pytest.param(CI_PLAIN, "plain", "", id="ci-plain")],
)
async def test_killed_workers(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    random = Random(seed)
    hub = install(kafka_server, private_redis(flavour=flavour), fetch=100, runner=runner)
    hub.rule("thanks", THANKS)
    told = story(seed, size.events, size.customers)
    started = time.monotonic()
    async with hub.producer() as producer, hub.workers(3) as fleet:
        for number, burst in enumerate(bursts(told, size.kills + 1)):
            await fleet.ready()
            before = sum((await hub.applied()).values())
            sending = asyncio.create_task(hub.accept(producer, burst))
            if number < size.kills:
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
    assert exits == [-9] * size.kills
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
