"""A backlog of ten minutes that holds the purchase: nobody is reminded of a cart that was bought meanwhile.

The purchase stands in another partition than the cart and its timer, and that one has much more to be read.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from kafka import KafkaProducer

from hub import bus
from hub.event import Event, make
from hub.identity import Identity, key
from hub.ids import customer_id, event_id
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


def known(number: int) -> list[Identity]:
    """A customer by user id and by e-mail address."""
    return [
        {"type": "user_id", "value": f"lag-{number}", "verified": True},
        {"type": "email", "value": f"lag-{number}@example.com", "verified": True},
    ]


def behind(name: str, partitions: int) -> bool:
    """Whether what has this key lies in one of the partitions that are long."""
    return partition(name, partitions) < partitions // 2


def apart(partitions: int) -> list[int]:
    """Customers who fill carts, and whose timers come due, in short partitions, and who buy in long ones."""
    found = []
    for number in itertools.count():
        user, email = map(key, known(number))
        quick = [user, *(f"customer:{customer_id(one)}" for one in (user, email))]
        if behind(email, partitions) and not any(behind(one, partitions) for one in quick):
            found.append(number)
        if len(found) == CARTS:
            return found
    raise AssertionError


def did(who: list[Identity], name: str, moment: float) -> Event:
    when = datetime.fromtimestamp(moment, UTC)
    id = event_id("/test/lag", f"{key(who[0])}/{name}")
    return make("web.track", id=id, source="/test/lag", identities=who, received=when, time=when, name=name)


def backlog(now: float, carts: list[int], partitions: int) -> Iterator[tuple[Event, float]]:
    """Ten minutes as they were accepted: carts first, what others did, and purchases behind it."""
    for customer in carts:
        yield did(known(customer), "Product Added", now + LEFT), now + LEFT
    others = (f"other-{number}@example.com" for number in itertools.count())
    far = itertools.islice((one for one in others if behind(f"email:{one}", partitions)), FILL)
    for number, other in enumerate(far):
        moment = now + LEFT + 1 + (BOUGHT - LEFT - 2) * number / FILL
        yield did([{"type": "email", "value": other, "verified": True}], "Product Viewed", moment), moment
    for customer in carts[::2]:
        yield did(known(customer)[1:], "Order Completed", now + BOUGHT), now + BOUGHT


def accepted(hub: Installation, carts: list[int]) -> None:
    """Put the backlog into the log, each message with the moment at which it was accepted."""
    producer = KafkaProducer(bootstrap_servers=hub.settings.kafka_bootstrap_servers, acks="all", linger_ms=20)
    name = bus.topic(hub.settings, INTERACTIONS)
    for event, moment in backlog(time.time(), carts, hub.settings.partitions):
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
    carts = apart(hub.settings.partitions)
    accepted(hub, carts)
    wanted = {f"email:lag-{customer}@example.com" for customer in carts[1::2]}

    async def reminded() -> bool:
        return len({Trigger.from_json(one.value).to for one in read_all(hub.settings, TRIGGERS)}) >= len(wanted)

    async with hub.workers(2) as fleet:
        await until("reminders are decided", reminded)
        await hub.until_applied()
        held = await fleet.metric("hub_timers_held_by_lag_total")
    found = [Trigger.from_json(one.value).to for one in read_all(hub.settings, TRIGGERS)]
    assert set(found) == wanted
    assert held > 0, "the timers were due while the purchases were still to be read"
