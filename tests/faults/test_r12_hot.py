"""R12: one customer sends far more than all others: nothing is lost, order is kept, and the others hardly notice."""

from __future__ import annotations

import asyncio
import bisect
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NamedTuple

import orjson
import pytest

from hub import bus
from hub.event import Event, make
from hub.identity import Identity
from profile_store import keys
from profile_store.draft import FORGET_EVERY
from profile_store.store import Store
from tests.faults.conftest import Install
from tests.faults.harness import Installation
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer

HOT: Final = "hot"
LAG: Final = 2.0
"""Seconds from receipt to applied within which 99 of 100 of the others' events are."""
LARGEST: Final = 64_000
"""Bytes of a profile as JSON, whatever its customer sends."""
TICK: Final = 0.02
SOURCE: Final = "/test/web"


class Size(NamedTuple):
    seconds: float
    hot: int
    """Events a second of one customer."""
    others: int
    """Events a second of all others."""
    customers: int


CI: Final = Size(4.0, 2_000, 100, 200)
FULL: Final = Size(10.0, 10_000, 500, 1_000)


def said(who: str, number: int) -> Event:
    """An event of a customer who never says the same thing: each name is one more that a profile could keep."""
    identities: list[Identity] = [{"type": "user_id", "value": who, "verified": True}]
    more: dict[str, Any] = {"name": f"Event {number % 997}"} if number % 2 else {"traits": {f"t{number % 499}": number}}
    return make(
        "web.track" if number % 2 else "web.identify",
        id=f"{who}/{number}",
        source=SOURCE,
        identities=identities,
        received=datetime.now(UTC),
        **more,
    )


async def send(hub: Installation, producer: bus.Producer, who: Callable[[], str], rate: int, seconds: float) -> float:
    """Have so many events a second accepted; how many it were in truth."""
    started = time.monotonic()
    number = 0
    while (past := time.monotonic() - started) < seconds:
        part = [said(who(), one) for one in range(number, int(past * rate) + 1)]
        number += len(part)
        await hub.accept(producer, part, at_once=1_000)
        await asyncio.sleep(max(0.0, TICK - (time.monotonic() - started - past)))
    return number / (time.monotonic() - started)


class Watch:
    """When each record was applied, by looking at the watermarks again and again."""

    def __init__(self, hub: Installation) -> None:
        self._hub = hub
        self._times: list[float] = []
        self._applied: list[dict[int, int]] = []

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._applied.append(await self._hub.applied())
            self._times.append(time.time())
            await asyncio.sleep(TICK)

    def lags(self, who: Callable[[Event], bool]) -> list[float]:
        """Seconds from receipt to applied, of some customers' events; the shortest first."""
        found = []
        for message in self._hub.log.all():
            event = Event.from_json(message.value)
            if who(event):
                place = bisect.bisect_right(
                    self._applied, message.offset, key=lambda one: one.get(message.partition, 0)
                )
                found.append(self._times[place] - event.receivedat.timestamp())
        return sorted(found)


def p99(found: Sequence[float]) -> float:
    """What 99 of 100 stay below."""
    return found[int(len(found) * 0.99)]


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="faust"))
async def test_hot_customer(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    random = Random(seed)
    hub = install(kafka_server, private_redis(flavour=flavour), runner=runner)
    async with hub.producer() as producer, hub.workers(2) as fleet:
        watch = Watch(hub)
        watching = asyncio.create_task(watch.run())
        rate, _ = await asyncio.gather(
            send(hub, producer, lambda: HOT, size.hot, size.seconds),
            send(hub, producer, lambda: f"other-{random.randrange(size.customers)}", size.others, size.seconds),
        )
        caught_up = await hub.until_applied()
        await asyncio.sleep(10 * TICK)
        watching.cancel()
        exits = list(fleet.exits)
    others = await asyncio.to_thread(watch.lags, lambda event: event.subject != f"user_id:{HOT}")
    verdict = await judge(hub)
    found = await Store(hub.redis).find(f"user_id:{HOT}")
    assert found is not None
    large, rows = len(orjson.dumps(found[1])), int(await hub.redis.llen(keys.timeline(found[1]["id"])))
    print(
        f"R12 {runner} {flavour}: {rate:.0f}/s of one customer, others' p99 lag {p99(others):.2f} s, all applied "
        f"{caught_up:.1f} s after the last, the hot profile has {large} bytes and {rows} rows"
    )
    assert exits == []
    assert rate > size.hot / 2, "this machine is too busy for the test to mean anything"
    assert not verdict.faults, shown(verdict.faults)
    assert p99(others) <= LAG
    assert large <= LARGEST
    assert rows <= keys.TIMELINE_ROWS + FORGET_EVERY
