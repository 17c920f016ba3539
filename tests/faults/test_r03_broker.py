"""R3: the broker is killed under the senders: what it acknowledged is applied, and nobody has to be restarted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random

import pytest

from tests.faults.conftest import Install
from tests.faults.rules import THANKS, thanked
from tests.faults.story import story
from tests.faults.verdict import judge, shown
from tests.servers import KafkaServer, RedisServer

BACK = 15.0
"""Seconds until the edge accepts again."""


@pytest.mark.parametrize(
    ("events", "kills"), [pytest.param(5_000, 2, id="ci"), pytest.param(50_000, 10, id="full", marks=pytest.mark.full)]
)
async def test_killed_broker(
    seed: int,
    install: Install,
    private_kafka: Callable[[], KafkaServer],
    private_redis: Callable[..., RedisServer],
    events: int,
    kills: int,
) -> None:
    random = Random(seed)
    kafka = await asyncio.to_thread(private_kafka)
    hub = install(kafka, private_redis())
    hub.rule("thanks", THANKS)
    told = story(seed, events, events // 20)
    back: list[float] = []
    started = time.monotonic()
    async with hub.producer() as producer, hub.workers(2) as fleet:
        sending = asyncio.create_task(hub.accept(producer, told, at_once=10))
        for number in range(kills):
            await hub.until_accepted((number * events + random.randrange(events // 2)) // kills)
            await asyncio.to_thread(kafka.kill)
            await asyncio.to_thread(kafka.start)
            back.append(await hub.until_accepted(len(hub.accepted()) + 1))
        refused = await sending
        caught_up = await hub.until_applied()
        exits = list(fleet.exits)
    verdict = await judge(hub)
    print(
        f"R3: {len(told)} events, {kills} kills, accepted again after {[round(one, 1) for one in back]} s, "
        f"{refused} refusals, {verdict.records} records, all applied {caught_up:.1f} s after the last, "
        f"{time.monotonic() - started:.1f} s"
    )
    assert refused > 0
    assert max(back) <= BACK
    assert exits == []
    assert len(hub.accepted()) == len(told)
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
