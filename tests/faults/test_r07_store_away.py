"""R7: Redis is away for longer than a worker may be silent: work goes on by itself when it returns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

import pytest

from hub import bus
from tests.faults.conftest import Install
from tests.faults.harness import Installation, until
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer

BACK: Final = 30.0
"""Seconds until everything is applied once Redis is back."""


class Size(NamedTuple):
    events: int
    poll: float
    """Seconds a worker may spend on one batch; then it leaves the group."""
    outages: tuple[str, ...]
    """How each outage is made: a killed server refuses, a frozen one keeps silent."""


CI: Final = Size(2_000, 2.0, ("killed",))
FULL: Final = Size(20_000, 5.0, ("killed", "frozen", "killed", "frozen"))


async def _all_have_left(hub: Installation) -> float:
    """Wait until the workers were silent for so long that the group has none left; seconds."""
    admin = await asyncio.to_thread(bus.admin, hub.settings)

    def members() -> int:
        return len(admin.describe_groups([hub.settings.group])[hub.settings.group]["members"])

    async def none() -> bool:
        return await asyncio.to_thread(members) == 0

    try:
        return await until("the group is empty", none)
    finally:
        await asyncio.to_thread(admin.close)


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="faust"))
async def test_store_away(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    random = Random(seed)
    redis = private_redis(flavour=flavour)
    hub = install(kafka_server, redis, fetch=100, runner=runner, poll_interval=size.poll)
    hub.rule("thanks", THANKS)
    told = story(seed, size.events, size.events // 20)
    started = time.monotonic()
    left: list[float] = []
    back: list[float] = []
    async with hub.producer() as producer, hub.workers(2) as fleet:
        for how, burst in zip(size.outages, bursts(told, len(size.outages)), strict=True):
            before = sum((await hub.applied()).values())
            sending = asyncio.create_task(hub.accept(producer, burst))
            await hub.until_count(before + random.randrange(len(burst) // 2))
            await asyncio.to_thread(redis.kill if how == "killed" else redis.freeze)
            await sending
            left.append(await _all_have_left(hub))
            await asyncio.to_thread(redis.start if how == "killed" else redis.thaw)
            back.append(await hub.until_applied())
        exits = list(fleet.exits)
    verdict = await judge(hub)
    print(
        f"R7 {runner} {redis.flavour}: {len(told)} events, {', '.join(size.outages)}, the group is empty after "
        f"{[round(one, 1) for one in left]} s, all applied {[round(one, 1) for one in back]} s after the return, "
        f"{len(exits)} workers started again, {time.monotonic() - started:.1f} s"
    )
    # aiokafka may lose its place for good while it leaves: that worker ends and starts again, and says so.
    assert set(exits) <= {1}
    assert max(back) <= BACK
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
