"""R13: each event comes three times, by other edges, in any order and days late; it has one effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Final, NamedTuple, cast

import pytest

from hub import bus
from hub.event import Event
from hub.identity import key
from profile_store.applied import days, stored
from profile_store.keys import SEEN_MS
from tests.faults.conftest import Install
from tests.faults.harness import Installation
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, shown
from tests.servers import Flavour, KafkaServer, RedisServer

TIMES: Final = 3
LATEST: Final = timedelta(hours=72)
WINDOW: Final = timedelta(milliseconds=SEEN_MS)
BYTES: Final = 64
"""Of Redis's memory for each event in the window."""
PATIENT: Final = f"{THANKS}max_age: 7d\n"


class Size(NamedTuple):
    events: int
    customers: int


CI: Final = Size(2_000, 100)
FULL: Final = Size(50_000, 1_000)

Sent = tuple[str, Event]
"""The key that an edge gives an event in Kafka, and the event."""


def repeated(random: Random, told: Sequence[Event]) -> list[Sent]:
    """Each event three times, by edges that key it otherwise and receive it up to three days late; shuffled."""
    copies: list[Sent] = []
    for event in told:
        for edge in range(TIMES):
            subject = key(random.choice(event.identities)) if edge else event.subject
            late = LATEST * random.random() if edge else timedelta()
            copy = event.model_copy(update={"subject": subject, "receivedat": event.receivedat + late})
            copies.append((f"{edge or ''}{subject}", copy))
    random.shuffle(copies)
    return copies


async def accept(hub: Installation, producer: bus.Producer, copies: Sequence[Sent]) -> None:
    """Publish each under the key of its edge; what is keyed by its subject goes through the history, too."""
    for part in bursts(copies, max(1, len(copies) // 200)):
        await hub.accept(producer, [event for name, event in part if name == event.subject])
        await hub.send(producer, [(name, event.to_json()) for name, event in part if name != event.subject])


async def windows(hub: Installation) -> dict[str, tuple[int, int]]:
    """Customer → how many applied events are remembered, and the bytes that takes."""
    names = [name async for name in hub.redis.scan_iter("{b*}:d:*", count=1000)]
    return {
        name.decode().partition(":d:")[2]: (
            len(days(stored(cast(dict[bytes, bytes], await hub.redis.hgetall(name))))),
            int(await hub.redis.memory_usage(name, samples=0) or 0),
        )
        for name in names
    }


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="faust"))
async def test_everything_three_times(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    hub = install(kafka_server, private_redis(flavour=flavour), runner=runner)
    hub.rule("thanks", PATIENT)
    told = [  # three days ago, so that what is latest comes now, as the rules' own events do
        one.model_copy(update={"time": one.time - LATEST, "receivedat": one.receivedat - LATEST})
        for one in story(seed, size.events, size.customers)
    ]
    copies = repeated(Random(seed), told)
    started = time.monotonic()
    async with hub.producer() as producer, hub.workers(2) as fleet:
        await accept(hub, producer, copies)
        await hub.until_applied()
        full = await windows(hub)
        exits = list(fleet.exits)
    verdict = await judge(hub)
    events, taken = (sum(one) for one in zip(*full.values(), strict=True))
    most = max(full.values())
    print(
        f"R13 {runner} {flavour}: {len(told)} events, {len(copies)} sent, {taken / events:.0f} bytes for each, "
        f"{most[1] / most[0]:.0f} for each of the {most[0]} of one customer, {time.monotonic() - started:.1f} s"
    )
    assert exits == []
    # One identity's copies lie in several partitions: no order is promised among these.
    faults = [fault for fault in verdict.faults if not fault.startswith("order:")]
    assert not faults, shown(faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
    assert taken / events <= BYTES
    assert most[1] / most[0] <= BYTES, "also where one customer has many"
