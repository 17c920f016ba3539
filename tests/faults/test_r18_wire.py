"""R18: the wires to Kafka and Redis are slow, torn, dead or lose answers: every event still has one effect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import pytest

from hub.servers.ports import free_port
from tests.faults.conftest import Install
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.faults.wire import Wire
from tests.servers import Flavour, KafkaServer, RedisServer

DELAY: Final = 0.5
"""Seconds that a question and its answer take longer."""
TORN_EVERY: Final = 2.0
LOST_EVERY: Final = 0.2


async def slow(kafka: Wire, redis: Wire, seconds: float) -> None:
    """Everything takes long."""
    kafka.delay = redis.delay = DELAY / 2
    await asyncio.sleep(seconds)


async def torn(kafka: Wire, redis: Wire, seconds: float) -> None:
    """Connections are reset again and again, those of Redis in between those of Kafka."""
    for _ in range(int(seconds / TORN_EVERY)):
        for wire in (kafka, redis):
            await asyncio.sleep(TORN_EVERY / 2)
            wire.tear()


async def dead(kafka: Wire, redis: Wire, seconds: float) -> None:
    """Connections stay open, and nothing comes through."""
    kafka.silence()
    redis.silence()
    await asyncio.sleep(seconds)


async def unanswered(kafka: Wire, redis: Wire, seconds: float) -> None:
    """What was asked is done, and the answer is lost."""
    for _ in range(int(seconds / LOST_EVERY)):
        kafka.swallow(b".triggers")
        redis.swallow(b"hub_commit")
        await asyncio.sleep(LOST_EVERY)


Fault = Callable[[Wire, Wire, float], Awaitable[None]]


class Size(NamedTuple):
    events: int
    faults: tuple[tuple[Fault, float], ...]
    """What the wires do, and for how many seconds."""


CI: Final = Size(1_500, ((slow, 2.0), (torn, 4.0), (unanswered, 2.0)))
FULL: Final = Size(40_000, ((slow, 30.0), (torn, 60.0), (dead, 30.0), (unanswered, 30.0)))


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="plain"))
async def test_bad_wires(
    seed: int,
    install: Install,
    private_kafka: Callable[..., KafkaServer],
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    port = free_port()
    kafka = await asyncio.to_thread(private_kafka, wire=port)
    redis = private_redis(flavour=flavour)
    to_kafka, to_redis = Wire(port, kafka.behind), Wire(free_port(avoid=[port]), redis.port)
    hub = install(kafka, redis, fetch=100, runner=runner)
    hub.rule("thanks", THANKS)
    hub.environment |= {  # only the workers': whoever looks at the result must see it
        "HUB_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
        "HUB_REDIS_URL": f"redis://127.0.0.1:{to_redis.port}/0",
    }
    told = story(seed, size.events, size.events // 20)
    took: dict[str, float] = {}
    started = time.monotonic()
    async with to_kafka.open(), to_redis.open():
        async with hub.producer() as producer, hub.workers(2) as fleet:
            for (fault, seconds), burst in zip(size.faults, bursts(told, len(size.faults)), strict=True):
                sending = asyncio.create_task(hub.accept(producer, burst, at_once=20))
                await fault(to_kafka, to_redis, seconds)
                to_kafka.heal()
                to_redis.heal()
                await sending
                took[fault.__name__] = await hub.until_applied()
            exits = list(fleet.exits)
        verdict = await judge(hub)
    print(
        f"R18 {runner} {flavour}: {len(told)} events, {to_kafka.resets}+{to_redis.resets} resets, "
        f"{to_kafka.swallowed}+{to_redis.swallowed} answers lost, all applied "
        f"{ {name: round(seconds, 1) for name, seconds in took.items()} } s after the last, "
        f"{time.monotonic() - started:.1f} s"
    )
    assert exits == []
    assert min(to_kafka.resets, to_redis.resets, to_kafka.swallowed, to_redis.swallowed) > 0
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
