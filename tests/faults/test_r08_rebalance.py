"""R8: workers come and go all the time while events come in; nothing is lost and nothing counts twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import pytest

from hub import bus
from hub.event import Event
from tests.faults.conftest import Install
from tests.faults.harness import Installation, doubled
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer

MORE: Final = 3
"""Workers that join the one that stays."""


class Size(NamedTuple):
    events: int
    seconds: float
    every: float
    """Seconds after which workers come or go."""


CI: Final = Size(3_000, 10.0, 2.5)
FULL: Final = Size(90_000, 180.0, 5.0)


async def trickle(hub: Installation, producer: bus.Producer, told: Sequence[Event], seconds: float) -> None:
    """Have the events accepted evenly over so many seconds."""
    started = time.monotonic()
    parts = bursts(told, int(seconds * 10))
    for number, part in enumerate(parts, 1):
        await hub.accept(producer, part)
        await asyncio.sleep(max(0.0, started + number * seconds / len(parts) - time.monotonic()))


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="plain"))
async def test_workers_come_and_go(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    hub = install(kafka_server, private_redis(flavour=flavour), fetch=100, runner=runner)
    hub.rule("thanks", THANKS)
    told = story(seed, size.events, size.events // 20)
    started = time.monotonic()
    storms, exits = 0, []
    async with hub.producer() as producer, hub.workers(1) as fleet:
        sending = asyncio.create_task(trickle(hub, producer, told, size.seconds))
        while not sending.done():
            async with hub.workers(MORE, first=1, wait=False) as more:
                await asyncio.sleep(size.every)
                exits += more.exits
            await asyncio.sleep(size.every)
            storms += 1
        await sending
        caught_up = await hub.until_applied()
        exits += fleet.exits
    verdict = await judge(hub)
    print(
        f"R8 {runner} {flavour}: {len(told)} events, {storms} times 1→{1 + MORE}→1 workers, "
        f"{len(doubled(verdict.triggers.elements()))} triggers sent again, all applied {caught_up:.1f} s after "
        f"the last, {time.monotonic() - started:.1f} s"
    )
    assert exits == []
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
