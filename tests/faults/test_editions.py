"""Rules that change while events come in: at every place of the log one edition decides, on whichever worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from hub.event import Event, make
from hub.identity import Identity
from hub.topics import TRIGGERS
from hub.trigger import Trigger
from streams.decode import SWITCHED
from streams.rulelog import whole
from tests.faults.conftest import Install
from tests.faults.harness import Installation, until
from tests.faults.rules import THANKS
from tests.faults.sending import Sending
from tests.faults.topic import Topic
from tests.servers import KafkaServer, RedisServer

CHANGES = 3


def order(number: int) -> Event:
    who: Identity = {"type": "email", "value": f"p{number}@example.org", "verified": True}
    return make(
        "web.track",
        id=f"order-{number}",
        source="/test",
        identities=[who],
        received=datetime.now(UTC),
        name="Order Completed",
    )


def edition(number: int) -> str:
    return THANKS.replace("Your order has reached us.", f"Edition {number}.")


async def said(hub: Installation) -> dict[str, str]:
    """What was said about each order."""
    topic = Topic(hub.settings, TRIGGERS)
    try:
        found = [Trigger.from_json(one.value) for one in await asyncio.to_thread(topic.all)]
    finally:
        topic.close()
    return {one.cause: one.text for one in found}


async def test_behind_its_marker_an_edition_decides(
    install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer]
) -> None:
    hub = install(kafka_server, private_redis(), fetch=50, runner="plain")
    hub.rule("thanks", edition(0))
    async with hub.producer() as producer, hub.workers(2) as fleet:
        sending = Sending(hub, producer, order, ahead=200)
        task = asyncio.create_task(sending.run())
        for number in range(1, CHANGES + 1):
            hub.rule("thanks", edition(number))

            async def heard(text: str = f"Edition {number}.") -> bool:
                return text in (await said(hub)).values()

            await until(f"edition {number} speaks", heard)
            if number == 1:
                fleet.children[0].kill()  # whoever takes over must know where which edition began
        sending.over = True
        await task
        await hub.until_applied()
        await hub.until_committed()
    history, spoken = await asyncio.to_thread(whole, hub.settings), await said(hub)
    assert len(history.editions) == CHANGES + 1
    assert not history.pending
    markers, wrong = 0, []
    for message in await asyncio.to_thread(hub.log.all):
        event = orjson.loads(message.value)
        markers += event["type"] == SWITCHED
        if event["type"] == "web.track":
            in_force = history.rules(history.at(message.partition, message.offset))[0].send.text["und"]
            if spoken.get(event["id"]) != in_force:
                wrong.append((message.partition, message.offset, spoken.get(event["id"]), in_force))
    assert markers >= CHANGES * hub.settings.partitions
    assert not wrong, f"{len(wrong)} of {sending.sent}: {wrong[:5]}"
    assert len(set(spoken.values())) == CHANGES + 1
