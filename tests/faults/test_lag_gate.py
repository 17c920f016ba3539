"""A backlog of ten minutes that holds the purchase: nobody is reminded of a cart that was bought meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from kafka import KafkaProducer

from hub import bus
from hub.event import Event, make
from hub.identity import Identity
from hub.ids import event_id
from hub.partition import partition
from hub.topics import INTERACTIONS, TRIGGERS
from hub.trigger import Trigger
from tests.faults.conftest import Install
from tests.faults.harness import Installation, until
from tests.faults.test_r16_timers import REMINDER
from tests.faults.topic import read_all
from tests.servers import KafkaServer, RedisServer

CARTS, FILL = 120, 6_000
WAIT = 300
LEFT, BOUGHT = -600.0, -400.0
"""Seconds from now: when carts were filled, and when half were bought. Reminders are due between that and now."""


def did(customer: int, name: str, moment: float) -> Event:
    when = datetime.fromtimestamp(moment, UTC)
    who: list[Identity] = [{"type": "email", "value": f"lag-{customer}@example.com", "verified": True}]
    id = event_id("/test/lag", f"{customer}/{name}")
    return make("web.track", id=id, source="/test/lag", identities=who, received=when, time=when, name=name)


def backlog(now: float) -> Iterator[tuple[Event, float]]:
    """Ten minutes as they were accepted: carts first, what others did, and purchases behind it."""
    for customer in range(CARTS):
        yield did(customer, "Product Added", now + LEFT), now + LEFT
    for number in range(FILL):
        moment = now + LEFT + 1 + (BOUGHT - LEFT - 2) * number / FILL
        yield did(CARTS + number, "Product Viewed", moment), moment
    for customer in range(0, CARTS, 2):
        yield did(customer, "Order Completed", now + BOUGHT), now + BOUGHT


def accepted(hub: Installation) -> None:
    """Put the backlog into the log, each message with the moment at which it was accepted."""
    producer = KafkaProducer(bootstrap_servers=hub.settings.kafka_bootstrap_servers, acks="all", linger_ms=20)
    name = bus.topic(hub.settings, INTERACTIONS)
    for event, moment in backlog(time.time()):
        producer.send(
            name,
            key=event.subject.encode(),
            value=event.to_json(),
            partition=partition(event.subject, hub.settings.partitions),
            timestamp_ms=int(moment * 1000),
        )
    producer.flush()
    producer.close()


async def test_a_backlog_makes_no_reminder_of_what_was_bought(
    install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer]
) -> None:
    hub = install(kafka_server, private_redis(), fetch=50, timer_poll=0.02, runner="plain")
    hub.rule("reminder", REMINDER.format(wait=WAIT))
    accepted(hub)
    wanted = {f"email:lag-{customer}@example.com" for customer in range(1, CARTS, 2)}

    async def reminded() -> bool:
        return len({Trigger.from_json(one.value).to for one in read_all(hub.settings, TRIGGERS)}) >= len(wanted)

    async with hub.workers(2) as fleet:
        await until("reminders are decided", reminded)
        await hub.until_applied()
        held = await fleet.metric("hub_timers_held_by_lag_total")
    found = [Trigger.from_json(one.value).to for one in read_all(hub.settings, TRIGGERS)]
    assert set(found) == wanted
    assert held > 0, "the timers were due while the purchases were still to be read"
