"""R16: what waits is not lost while nobody works, fires once, and stays silent when it was settled meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final

import pytest

from hub.event import Event, make
from hub.identity import Identity
from hub.ids import event_id
from hub.settings import Settings
from hub.topics import TRIGGERS
from hub.trigger import Trigger
from tests.faults.conftest import Install
from tests.faults.harness import until
from tests.faults.topic import read_all
from tests.servers import KafkaServer, RedisServer

REMINDER: Final = """
id: reminder
name: Cart left behind
on: web.track/Product Added
wait: {wait}s
unless: {{seen: web.track/Order Completed}}
send:
  channel: email
  purpose: transactional
  subject: Your cart
  text: It is still here.
"""
SOURCE: Final = "/test/timers"
AFTER_RETURN: Final = 5.0
"""Seconds within which everything due has fired once the workers are back."""


def _did(customer: int, name: str) -> Event:
    who: list[Identity] = [
        {"type": "user_id", "value": f"timer-{customer}", "verified": True},
        {"type": "email", "value": f"timer-{customer}@example.com", "verified": True},
    ]
    key = f"{customer}/{name}"
    return make(
        "web.track", id=event_id(SOURCE, key), source=SOURCE, identities=who, received=datetime.now(UTC), name=name
    )


def _carts(customers: int) -> Iterator[Event]:
    for customer in range(customers):
        yield _did(customer, "Product Added")


@pytest.mark.parametrize(
    ("carts", "away"),
    [pytest.param(400, 3, id="ci"), pytest.param(10_000, 60, id="full", marks=pytest.mark.full)],
)
async def test_timers_due_while_all_are_away(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    carts: int,
    away: int,
) -> None:
    hub = install(kafka_server, private_redis())
    hub.rule("reminder", REMINDER.format(wait=away))
    bought = set(Random(seed).sample(range(carts), carts // 3))
    async with hub.producer() as producer:
        async with hub.workers(2):
            await hub.accept(producer, list(_carts(carts)))
            await hub.until_applied()
        # Nobody works now. The timers come due, and some customers buy: both wait in the log and in the store.
        await hub.accept(producer, [_did(customer, "Order Completed") for customer in sorted(bought)])
        due = time.time() + away

        async def all_due() -> bool:
            return time.time() > due

        await until("every timer is due", all_due, away + 5)
        wanted = {f"email:timer-{customer}@example.com" for customer in range(carts) if customer not in bought}
        async with hub.workers(2) as fleet:
            fleet.children[0].kill()

            async def all_fired() -> bool:
                return len({one.to for one in _triggers(hub.settings)}) >= len(wanted)

            await fleet.ready()
            took = await until("every reminder is decided", all_fired)
            await hub.until_applied()
    fired = [one.to for one in _triggers(hub.settings)]
    print(f"R16: {carts} timers, {len(bought)} settled, all fired {took:.1f} s after the workers' return")
    assert set(fired) == wanted
    assert took <= AFTER_RETURN


def _triggers(settings: Settings) -> list[Trigger]:
    return [Trigger.from_json(one.value) for one in read_all(settings, TRIGGERS)]
