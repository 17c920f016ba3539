"""R5: Redis is killed, and loses the end of its log: what it lost is read again, and nothing is counted twice."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from hub.servers.redis import Fsync
from tests.faults.conftest import Install
from tests.faults.harness import until
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer


class Size(NamedTuple):
    events: int
    kills: int


CI: Final = Size(5_000, 3)
FULL: Final = Size(50_000, 10)
LOSSES: Final = [("always", False), ("everysec", False), ("everysec", True)]
"""How Redis writes its log, and whether the end of that is torn off."""


def cases() -> list[Any]:
    """Every loss on every server, but for what Redis 7.0 makes of a torn log: DECISIONS.md."""
    return [
        pytest.param(*loss, *one.values, id=f"{loss[0]}{'-torn' * loss[1]}-{one.id}", marks=one.marks)
        for loss in LOSSES
        for one in sizes(CI, FULL, runner="faust")
        if not (loss[1] and one.values[2] == "redis")
    ]


def cut(redis: RedisServer, random: Random) -> int:
    """Tear off the end of what it wrote, in the middle of a command too; how many bytes."""
    size = redis.aof.stat().st_size
    gone = random.randrange(1, min(size // 3, 300_000))
    os.truncate(redis.aof, size - gone)
    return gone


@pytest.mark.parametrize(("fsync", "torn", "size", "runner", "flavour"), cases())
async def test_killed_store(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    fsync: Fsync,
    torn: bool,
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    random = Random(seed)
    redis = private_redis(appendfsync=fsync, flavour=flavour)
    hub = install(kafka_server, redis, fetch=200, runner=runner)
    hub.rule("thanks", THANKS)
    told = story(seed, size.events, size.events // 20)
    lost = 0
    started = time.monotonic()
    async with hub.producer() as producer, hub.workers(2) as fleet:
        for number, burst in enumerate(bursts(told, size.kills + 1)):
            before = sum((await hub.applied()).values())
            await hub.accept(producer, burst)
            if number < size.kills:
                await hub.until_count(before + random.randrange(len(burst)))
                await asyncio.to_thread(redis.kill)
                lost += cut(redis, random) if torn else 0
                await asyncio.to_thread(redis.start)
        caught_up = await hub.until_applied()

        async def noticed() -> bool:
            return await fleet.metric("hub_gap_rewinds_total") > 0

        if torn:
            await until("the gap guard has rewound", noticed, 5)
        rewinds = await fleet.metric("hub_gap_rewinds_total")
        exits = list(fleet.exits)
    verdict = await judge(hub)
    print(
        f"R5 {fsync}{' torn' if torn else ''}: {len(told)} events, {size.kills} kills, {lost} bytes torn off, "
        f"{rewinds:.0f} rewinds, all applied {caught_up:.1f} s after the last, {time.monotonic() - started:.1f} s, "
        f"{sum(len(ids) > 1 for ids in verdict.causes.values())} causes with two triggers"
    )
    assert exits == []
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
