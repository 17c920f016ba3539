"""A declared lifecycle on real workers: stages move by events and by time, and a rebuild makes the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from hub.cli.rebuilding import rebuild_all
from hub.event import Event, make
from hub.identity import Identity
from hub.ids import customer_id
from profile_store.store import Store
from tests.faults.conftest import Install
from tests.faults.harness import Installation, until
from tests.faults.test_redeclare import ORDERS, declare
from tests.servers import KafkaServer, RedisServer

LIFECYCLE = """
lifecycle:
  - {name: silent, title: Silent, if: {not: {field: profile.last, op: within, value: 4s}}}
  - {name: buyer, title: Buyer, if: {field: profile.computed.orders, op: ge, value: 1}}
  - {name: new, title: New, otherwise: true}
---
of: profile.computed.orders
tiers:
  - {name: bronze, title: Bronze, least: 1}
  - {name: gold, title: Gold, least: 2}
"""
CUSTOMERS = 6


def act(customer: int, kind: str, **data: Any) -> Event:
    who: Identity = {"type": "user_id", "value": f"u{customer}", "verified": True}
    return make(kind, id=uuid4().hex, source="/test", identities=[who], received=datetime.now(UTC), **data)


def bought(customer: int) -> Event:
    return act(customer, "web.track", name="Order Completed", properties={"total": 5})


async def standing(hub: Installation) -> list[tuple[str, list[str]]]:
    """Where each customer stands, as the desk reads it; the lists of members say the same."""
    store = Store(hub.redis)
    found = [await store.find(f"user_id:u{number}") for number in range(CUSTOMERS)]
    profiles = [one[1] for one in found if one is not None]
    for name in {name for one in profiles for name in one["segments"]}:
        listed, _ = await store.segment_members(name, "", 100)
        if set(listed) != {one["id"] for one in profiles if name in one["segments"]}:
            return []  # somebody moves just now
    return [(one["stage"], sorted(one["segments"])) for one in profiles]


async def entered(hub: Installation) -> Counter[tuple[str, str]]:
    """How often who entered what, as the log tells it; the same event again is not news."""
    found: dict[str, tuple[str, str]] = {}
    for message in await asyncio.to_thread(hub.log.all):
        event = Event.from_json(message.value)
        if event.type == "segment.entered":
            found[event.id] = event.subject, event.data["name"]
    return Counter(found.values())


async def test_stages_move_by_events_and_by_time(
    install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer]
) -> None:
    hub = install(kafka_server, private_redis())
    declare(hub, "traits", ORDERS)
    declare(hub, "segments", LIFECYCLE)
    once, twice = ["stage:silent", "tier:bronze"], ["stage:silent", "tier:gold"]
    silent = [("silent", twice), *[("silent", once)] * 2, *[("silent", ["stage:silent"])] * 3]
    async with hub.producer() as producer, hub.workers(2) as fleet:
        pages = [act(number, "web.page") for number in range(CUSTOMERS)]
        await hub.accept(producer, [*pages, *(bought(number) for number in (0, 1, 2, 0))])
        await until("all fell silent", lambda: _is(hub, silent, 6))
        await hub.accept(producer, [act(number, "web.page") for number in (0, 5)])
        await until("two came back, and fell silent again", lambda: _is(hub, silent, 8))

        told = await entered(hub)
        subjects = [f"customer:{customer_id(f'user_id:u{number}')}" for number in range(CUSTOMERS)]
        ways = [{name: count for (who, name), count in told.items() if who == one} for one in subjects]
        assert ways[0] == {"stage:new": 1, "stage:buyer": 2, "stage:silent": 2, "tier:bronze": 1, "tier:gold": 1}
        assert ways[1] == {"stage:new": 1, "stage:buyer": 1, "stage:silent": 1, "tier:bronze": 1}
        assert ways[5] == {"stage:new": 2, "stage:silent": 2}

        await rebuild_all(hub.settings)
        await hub.until_applied()
        await until("time has moved them there in the new store too", lambda: _is(hub, silent, 8))
        assert await entered(hub) == told, "a rebuild tells nothing anew"
        assert fleet.exits == []


async def _is(hub: Installation, wanted: list[tuple[str, list[str]]], fell_silent: int) -> bool:
    """Whether they stand there, and so many times somebody had fallen silent."""
    if await standing(hub) != wanted:
        return False
    return sum(count for (_, name), count in (await entered(hub)).items() if name == "stage:silent") == fell_silent
