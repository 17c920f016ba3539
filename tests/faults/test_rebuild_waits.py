"""A rebuild in the middle of waits, and one that is killed: each reminder once, and never half a store."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import pytest

from hub.cli.rebuilding import rebuild_all
from hub.cli.verifying import check
from hub.event import Event, make
from hub.identity import Identity
from profile_store import keys
from profile_store.document import packed
from profile_store.generations import Generations
from profile_store.store import Store
from streams.verify import culprit, refold
from tests.faults.bytes import changed, sent, stored
from tests.faults.conftest import Install
from tests.faults.harness import until
from tests.faults.story import story
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
CARTS: Final = 200


def did(customer: int, name: str) -> Event:
    """Somebody does something now."""
    who: list[Identity] = [
        {"type": "user_id", "value": f"u{customer}", "verified": True},
        {"type": "email", "value": f"u{customer}@example.com", "verified": True},
    ]
    now = datetime.now(UTC)
    return make("web.track", id=f"{customer}/{name}", source="/test", identities=who, received=now, name=name)


def carts() -> Iterator[Event]:
    """Everybody puts something into the cart, and every third buys it."""
    for customer in range(CARTS):
        yield did(customer, "Product Added")
        if customer % 3 == 0:
            yield did(customer, "Order Completed")


@pytest.mark.parametrize("wait", [1, 10])
async def test_waits_that_a_rebuild_meets_are_over_once(
    seed: int, install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer], wait: int
) -> None:
    hub = install(kafka_server, private_redis())
    hub.rule("reminder", REMINDER.format(wait=wait))
    wanted = {f"{customer}/Product Added" for customer in range(CARTS) if customer % 3}
    async with hub.producer() as producer, hub.workers(2):
        await hub.accept(producer, list(carts()))
        await hub.until_applied()
        await rebuild_all(hub.settings)

        async def all_fired() -> bool:
            at = await Store(hub.redis).where()
            left = [await hub.redis.zcard(at.timers(number)) for number in range(keys.BUCKETS)]
            return not any(left)

        await until("nobody waits any more", all_fired)
        await hub.until_applied()
        messages = await sent(hub)
    total = Counter(trigger for ids in messages.values() for trigger in ids.elements())
    assert len(total) == len(wanted)
    assert set(total.values()) == {1}


async def test_a_killed_rebuild_changes_nothing_and_can_go_on(
    seed: int, install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer]
) -> None:
    hub = install(kafka_server, private_redis())
    async with hub.producer() as producer, hub.workers(2) as fleet:
        await hub.accept(producer, story(seed, 6_000, 300))
        await hub.until_applied()
        before = await stored(hub)
        generations = Generations(hub.redis, hub.settings.group)
        command = (sys.executable, "-m", "hub", "customer", "rebuild", "--all")
        child = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **hub.environment}, stdout=asyncio.subprocess.DEVNULL
        )

        async def under_way() -> bool:
            return bool(await generations.marks(keys.Keys(1)))

        await until("the rebuild has begun", under_way)
        child.kill()
        await child.wait()
        await hub.until_applied()
        assert not changed(before, await stored(hub)), changed(before, await stored(hub))
        await rebuild_all(hub.settings, resume=True)
        await hub.until_applied()
        now = await generations.standing()
        assert not changed(before, await stored(hub)), changed(before, await stored(hub))
        assert fleet.exits == []
    assert now.current > 0
    assert (now.building, now.old) == (None, ())


async def test_verify_names_the_event_that_the_store_lost(
    seed: int, install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer]
) -> None:
    hub = install(kafka_server, private_redis())
    told = [did(1, name) for name in ("Product Viewed", "Product Added", "Order Completed")]
    async with hub.producer() as producer, hub.workers(1):
        await hub.accept(producer, told)
        await hub.until_applied()
    found = await asyncio.to_thread(check, hub.settings, "user_id:u1", whole=False)
    assert found.equal
    key = keys.FIRST.profile(found.stored["id"])
    lost = [one for one in found.events if one.event.id != "1/Product Added"]
    document = refold(lost).document("user_id:u1")
    assert document is not None
    await hub.redis.set(key, packed("", document))
    found = await asyncio.to_thread(check, hub.settings, "user_id:u1", whole=False)
    assert not found.equal
    guilty = culprit(found.stored, found.events)
    assert guilty is not None
    assert guilty.incoming.event.id == "1/Product Added"
    assert guilty.what == "it is not in the store"
