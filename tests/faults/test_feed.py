"""The topic `profiles`: in the end the newest profile of everybody, and a tombstone for who became part of another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson

from hub.topics import PROFILES
from profile_store.document import alias, profile_of
from tests.faults.conftest import Install
from tests.faults.harness import Installation, until
from tests.faults.story import story
from tests.faults.topic import read_all
from tests.faults.verdict import values
from tests.servers import KafkaServer, RedisServer


async def told(hub: Installation) -> dict[str, bytes]:
    """The newest message of every key; empty for a tombstone."""
    return {one.key.decode(): one.value for one in await asyncio.to_thread(read_all, hub.settings, PROFILES)}


async def test_the_feed_ends_with_everybody_as_they_are(
    seed: int, install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer]
) -> None:
    hub = install(kafka_server, private_redis())
    events = story(seed, 3_000, 150)
    async with hub.producer() as producer, hub.workers(2) as fleet:
        await hub.accept(producer, events[:1_500])
        await hub.until_applied()

        async def silent() -> bool:
            return not [name async for name in hub.redis.scan_iter("{b*}:f", count=1000)]

        await until("the feed has everybody", silent)
        await hub.accept(producer, events[1_500:])
        await hub.until_applied()
        await until("the feed has everybody again", silent)
        published = await fleet.metric("hub_fed_profiles_total")
        held = await values(hub)
        feed = await told(hub)
    wanted = {one: orjson.loads(orjson.dumps(profile_of(raw))) for one, raw in held.items() if alias(raw) is None}
    found = {one: orjson.loads(value)["profile"] for one, value in feed.items() if value}
    assert found.keys() == wanted.keys()
    assert [one for one in wanted if found[one] != wanted[one]] == []
    gone = {one for one, value in feed.items() if not value}
    assert gone, "somebody became part of another"
    assert all(alias(held[one]) is not None for one in gone)
    assert published < len(hub.log.all()), "many changes become one message"
