"""R9: a worker is frozen with its work in hand, others take over, and it wakes up: what it still writes is refused."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

import psutil
import pytest

from hub.servers.process import Child
from tests.faults.conftest import Install
from tests.faults.harness import Fleet, Installation, doubled, until
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer

FREEZE: Final = """
import os, signal
from pathlib import Path
from hub.settings import read
from profile_store.ledger import Ledger
from streams.relay import Relay
def stopping(kind, name, at):
    work = getattr(kind, name)
    async def stop_first(self, what, *rest):
        if what:
            try:
                Path(read().state, at, str(os.getpid())).unlink()
            except FileNotFoundError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGSTOP)
        return await work(self, what, *rest)
    setattr(kind, name, stop_first)
stopping(Ledger, "commit", "commit")
stopping(Relay, "send", "send")
"""
"""Stops a process with a batch in hand: folded and not written, or written and its triggers not sent."""

POINTS: Final = ("commit", "send")


class Size(NamedTuple):
    events: int
    freezes: int


CI: Final = Size(3_000, 2)
FULL: Final = Size(60_000, 20)


async def _frozen(pid: int) -> bool:
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)


async def _others_have_all(hub: Installation, fleet: Fleet, zombie: Child) -> float:
    """Wait until the log is applied by the others, who must have been given the zombie's partitions for that."""

    async def done() -> bool:
        ends = await asyncio.to_thread(hub.log.ends)
        return sum((await hub.applied()).values()) == sum(ends.values())

    assert zombie.pid is not None
    took = await until("the others have applied everything", done)
    assert await _frozen(zombie.pid)
    return took


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="faust"))
async def test_zombie(
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
    for point in POINTS:
        (hub.state / point).mkdir()
    told = story(seed, size.events, size.events // 20)
    started = time.monotonic()
    refused = 0
    async with hub.producer() as producer, hub.workers(3, hook=FREEZE) as fleet:
        for number, burst in enumerate(bursts(told, size.freezes)):
            await fleet.ready()
            zombie, point = random.choice(fleet.children), POINTS[number % len(POINTS)]
            assert zombie.pid is not None
            before = await fleet.metric("hub_refused_commits_total", "gap")
            (hub.state / point / str(zombie.pid)).touch()
            sending = asyncio.create_task(hub.accept(producer, burst))

            async def frozen(pid: int = zombie.pid) -> bool:
                return await _frozen(pid)

            await until(f"a worker is frozen at {point}", frozen)
            await sending
            await _others_have_all(hub, fleet, zombie)
            os.kill(zombie.pid, signal.SIGCONT)
            if point == "commit":

                async def noted(before: float = before) -> bool:
                    return await fleet.metric("hub_refused_commits_total", "gap") > before

                await until("the zombie's write is refused and counted", noted)
                refused += 1
        await hub.until_applied()
        exits = list(fleet.exits)
    verdict = await judge(hub)
    print(
        f"R9 {runner} {flavour}: {len(told)} events, {size.freezes} freezes, {refused} writes refused, "
        f"{len(doubled(verdict.triggers.elements()))} triggers sent again, {time.monotonic() - started:.1f} s"
    )
    assert exits == []
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
