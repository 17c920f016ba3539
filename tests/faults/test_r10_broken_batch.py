"""R10: a batch that cannot be finished ends its worker, or holds it up; what was in the batch is applied anyway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import pytest

from hub.event import Event
from hub.partition import partition
from tests.faults.conftest import Install
from tests.faults.harness import Fleet, Installation, until
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer

GONE, BACK = 5.0, 10.0
"""Seconds from the exception to the end of the process, and from there until its successor has partitions."""

ONCE: Final = """
import os
from pathlib import Path
from hub.settings import read
def first_time(event):
    try:
        with (Path(read().state) / "met" / event.id).open("x") as mark: mark.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True
"""
BREAK: Final = (
    ONCE
    + """
import streams.pipeline as pipeline
apply = pipeline.apply
def broken(customers, incoming, engine):
    apply(customers, incoming, engine)
    if "break" in incoming.event.data and first_time(incoming.event): raise MemoryError("for this once")
pipeline.apply = broken
"""
)
"""An exception that is no event's fault: nobody may bury an event for it, so the process has to end."""

HOLD: Final = (
    ONCE
    + """
import asyncio
import streams.pipeline as pipeline
unheld = pipeline.Pipeline.run
async def held(self, batch, raises):
    if batch and "hold" in batch[0].event.data and first_time(batch[0].event): await asyncio.sleep(3600)
    return await unheld(self, batch, raises)
pipeline.Pipeline.run = held
"""
)


class Size(NamedTuple):
    events: int
    every: int
    """At every so many events an exception."""
    held: float
    """Seconds for which an event is held."""


CI: Final = Size(2_000, 1_000, 4.0)
FULL: Final = Size(20_000, 1_000, 30.0)


def halves(told: Sequence[Event], mark: str) -> tuple[list[Event], Event, list[Event]]:
    """An event from the middle with a mark that a hook looks for, and what comes before and after it."""
    # An event of its own, which is no resend; and not an order, of which a customer has only so many.
    place = next(one for one in range(len(told) // 2, len(told)) if not thanked([told[one]]))
    event = told[place]
    marked = event.model_copy(update={"id": f"{mark}-{event.id}", "data": {**event.data, mark: True}})
    return [*told[:place]], marked, [*told[place + 1 :]]


async def _in_hands(hub: Installation, event: Event) -> int:
    """Wait until a worker has the event in hand; its process."""
    mark = hub.state / "met" / event.id

    async def there() -> bool:
        return await asyncio.to_thread(lambda: mark.exists() and bool(mark.read_text()))

    await until(f"{event.id} is in a worker's hands", there)
    return int(await asyncio.to_thread(mark.read_text))


async def _ended(fleet: Fleet, before: int) -> float:
    async def gone() -> bool:
        return len(fleet.exits) > before

    return await until("the worker is gone", gone, GONE)


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="plain"))
async def test_exceptions_inside_a_batch(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    hub = install(kafka_server, private_redis(flavour=flavour), fetch=200, runner=runner)
    hub.rule("thanks", THANKS)
    (hub.state / "met").mkdir()
    told = story(seed, size.events, size.events // 20)
    gone: list[float] = []
    back: list[float] = []
    started = time.monotonic()
    async with hub.producer() as producer, hub.workers(2, hook=BREAK) as fleet:
        for burst in bursts(told, size.events // size.every):
            before, breaking, after = halves(burst, "break")
            sending = asyncio.create_task(hub.accept(producer, [*before, breaking, *after]))
            await _in_hands(hub, breaking)
            gone.append(await _ended(fleet, len(gone)))
            back.append(await fleet.ready())
            await sending
            await hub.until_applied()
        exits = list(fleet.exits)
    verdict = await judge(hub)
    print(
        f"R10 {runner} {flavour}: {len(told)} events, {len(exits)} exceptions, gone after {max(gone):.1f} s and "
        f"back after {max(back):.1f} s at most, {time.monotonic() - started:.1f} s"
    )
    assert exits == [1] * (size.events // size.every)
    assert max(back) <= BACK
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="faust"))
async def test_a_held_event(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    hub = install(kafka_server, private_redis(flavour=flavour), fetch=200, runner=runner)
    hub.rule("thanks", THANKS)
    (hub.state / "met").mkdir()
    told = story(seed, size.events, size.events // 20)
    before, holding, after = halves(told, "hold")
    async with hub.producer() as producer, hub.workers(2, hook=HOLD) as fleet:
        await hub.accept(producer, before)
        await hub.until_applied()
        await hub.accept(producer, [holding])  # alone, and so the first of its batch
        holder = await _in_hands(hub, holding)
        sending = asyncio.create_task(hub.accept(producer, after))
        await asyncio.sleep(size.held)
        await sending
        applied, ends = await hub.applied(), await asyncio.to_thread(hub.log.ends)
        stuck = {one for one, end in ends.items() if applied.get(one, 0) < end}
        assert partition(holding.subject, len(ends)) in stuck
        next(child for child in fleet.children if child.pid == holder).kill()
        took = await hub.until_applied()
        exits = list(fleet.exits)
    verdict = await judge(hub)
    print(
        f"R10 {runner} {flavour}: {holding.id} held for {size.held:g} s and {len(stuck)} partitions behind it, all "
        f"applied {took:.1f} s after the kill"
    )
    assert exits == [-9]
    assert took <= BACK
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
