"""R6: somebody empties Redis: the workers notice, read everything again, and say nothing twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

import pytest

from tests.faults.bytes import changed, folded, sent, stored
from tests.faults.conftest import Install
from tests.faults.harness import until
from tests.faults.rules import THANKS, thanked
from tests.faults.story import story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer

NOTICED: Final = 5.0


class Size(NamedTuple):
    events: int
    rebuilt: float
    """Seconds until everything is there again."""


CI: Final = Size(5_000, 30.0)
FULL: Final = Size(100_000, 60.0)


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="faust"))
async def test_emptied_store(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    hub = install(kafka_server, private_redis(flavour=flavour), runner=runner)
    hub.rule("thanks", THANKS)
    told = story(seed, size.events, size.events // 20)
    async with hub.producer() as producer, hub.workers(2) as fleet:
        await hub.accept(producer, told[: size.events // 2], at_once=500)
        await hub.until_applied()
        before = await judge(hub)
        await hub.until_committed()
        await hub.redis.flushall()
        started = time.monotonic()

        async def noticed() -> bool:
            return await fleet.metric("hub_gap_rewinds_total") > 0

        seen = await until("somebody noticed", noticed, NOTICED)
        await hub.accept(producer, told[size.events // 2 :], at_once=500)
        await hub.until_applied()
        took = time.monotonic() - started
        exits = list(fleet.exits)
    verdict = await judge(hub)
    print(f"R6: {len(told)} events, noticed after {seen:.1f} s, rebuilt and caught up after {took:.1f} s")
    assert exits == []
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
    assert {one: count for one, count in verdict.triggers.items() if one in before.triggers} == before.triggers
    assert took <= size.rebuilt


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="faust"))
async def test_the_same_bytes(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    hub = install(kafka_server, private_redis(flavour=flavour), runner=runner)
    hub.rule("thanks", THANKS)
    told = story(seed, size.events, size.events // 20)
    async with hub.producer() as producer, hub.workers(2) as fleet:
        await hub.accept(producer, told, at_once=500)
        await hub.until_applied()
        await hub.until_committed()
        before, said = await stored(hub), await sent(hub)
        await hub.redis.flushall()
        started = time.monotonic()

        async def empty() -> bool:
            return await fleet.metric("hub_gap_rewinds_total") > 0

        await until("somebody noticed", empty, NOTICED)
        await hub.until_applied()
        took = time.monotonic() - started
        assert not changed(before, await stored(hub)), changed(before, await stored(hub))
        assert not changed(before, await folded(hub)), changed(before, await folded(hub))
        assert await sent(hub) == said
        assert await fleet.metric("hub_rebuilt_stores_total") > 0
        assert fleet.said("rebuilt from the log")
        exits = list(fleet.exits)
    print(f"R6: {sum(hub.log.ends().values())} records, the same bytes after {took:.1f} s")
    assert exits == []
    assert took <= size.rebuilt
