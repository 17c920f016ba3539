"""All rules change at once while events come in: nothing is missed, nothing is said twice, and the loop goes on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from bench.ticking import FILE, gaps
from hub import bus
from hub.event import Event, make
from hub.identity import Identity
from hub.topics import RULES, TRIGGERS
from hub.trigger import Trigger
from rules.history import Change, publication
from rules.model import Rule
from streams.rulelog import new_key, whole
from tests.faults.conftest import Install
from tests.faults.harness import Installation, until
from tests.faults.sending import LOT, Sending
from tests.faults.tiers import sizes
from tests.faults.topic import read_all
from tests.servers import Flavour, KafkaServer, RedisServer

SWAPS: Final = 2
NAMES: Final = 50
AHEAD: Final = 100
"""Events that may wait: no faster than they are applied, so that each edition meets many."""
AFTER: Final = 200
"""Events after a swap."""
STILL_MS: Final = 150.0
"""The bench has the bound, without a load; here it is noticed when thousands of rules are worked on in one step. A step
of the loop's own takes twice as long while another thread works."""
TICKING: Final = "import bench.ticking; from streams import worker; worker.run = bench.ticking.process(worker.run); "


def on(number: int) -> str:
    return f"Kind {number % NAMES}"


def edition(number: int, size: int) -> Iterator[Change]:
    """Rules of which an event meets one by its name and number, and fulfils it."""
    for one in range(size):
        when: list[dict[str, Any]] = [
            {"field": "event.properties.number", "op": "eq", "value": one},
            {"field": "profile.events", "op": "ge", "value": 1},
            {"field": "event.properties.price", "op": "between", "value": [0, 100 + number]},
        ]
        send = {"channel": "email", "purpose": "transactional", "subject": "Hi", "text": f"Edition {number}."}
        raw = {"id": f"r{one}", "name": "Rule", "on": f"web.track/{on(one)}", "if": {"all": when}, "send": send}
        yield Change(f"r{one}", Rule.model_validate(raw))


def event(number: int, size: int) -> Event:
    who: Identity = {"type": "email", "value": f"p{number}@example.org", "verified": True}
    which = number * 7919 % size
    properties = {"number": which, "price": number % 100}
    return make(
        *("web.track",), id=f"e{number}", source="/test", identities=[who], received=datetime.now(UTC),
        name=on(which), properties=properties,
    )  # fmt: skip


async def publish(hub: Installation, producer: bus.Producer, number: int, size: int) -> None:
    messages = await asyncio.to_thread(lambda: publication(edition(number, size), "test", 0))
    for one in messages:  # a broker that just started, and one message after another: only the last makes the edition
        await producer.publish(bus.topic(hub.settings, RULES), [(new_key(), one)])


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(300, 10_000, runner="plain"))
async def test_each_event_is_answered_once_by_the_edition_at_its_place(
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    *,
    size: int,
    runner: str,
    flavour: Flavour,
) -> None:
    hub = install(kafka_server, private_redis(flavour=flavour), fetch=LOT, runner=runner)
    ticks = Path(hub.state / "ticks")
    hub.environment[FILE] = str(ticks)
    async with hub.producer() as producer:
        await publish(hub, producer, 0, size)
        async with hub.workers(1, hook=TICKING) as fleet:
            sending = Sending(hub, producer, partial(event, size=size), ahead=AHEAD)
            task = asyncio.create_task(sending.run())
            await sending.more(AFTER)
            began = time.time()
            for number in range(1, SWAPS + 1):
                await publish(hub, producer, number, size)

                async def swapped(times: int = number) -> bool:
                    return fleet.said("other rules are in force") >= times

                await until(f"swap {number} is done", swapped)
                await sending.more(AFTER)
            ended = time.time()
            sending.over = True
            await task
            await hub.until_applied()
        assert not fleet.exits
    still, usual = gaps(ticks, began, ended), gaps(ticks, ended)
    print(f"{size} rules: longest waits of the loop meanwhile {still[:3]} ms, afterwards {usual[:3]} ms")
    found = await asyncio.to_thread(compare, hub, size)
    assert sum(found.values()) == sending.sent
    assert found.keys() == {f"Edition {number}." for number in range(SWAPS + 1)}, "each edition met some"
    assert not still or still[0] < STILL_MS


def compare(hub: Installation, size: int) -> Counter[str]:
    """Which edition answered how many events; each must be answered once, by the one at its place."""
    history = whole(hub.settings)
    texts = {one: {rule.id: rule.send.text["und"] for rule in history.rules(one)} for one in history.editions}
    said = sorted(
        (one.cause, one.rule, one.text)
        for one in (Trigger.from_json(message.value) for message in read_all(hub.settings, TRIGGERS))
    )
    wanted = []
    for message in hub.log.all():
        told = Event.from_json(message.value)
        if told.type == "web.track":
            rule = f"r{told.data['properties']['number']}"
            wanted.append((told.id, rule, texts[history.at(message.partition, message.offset)][rule]))
    missed, more = Counter(wanted) - Counter(said), Counter(said) - Counter(wanted)
    assert not missed + more, f"missing: {list(missed)[:5]}, too much: {list(more)[:5]} of {len(wanted)}"
    return Counter(text for _, _, text in wanted)
