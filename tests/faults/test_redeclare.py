"""Computed traits and segments that are declared or changed while events come in: as if it had always been so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hub.cli.rebuilding import rebuild_all
from hub.event import Event
from profile_store.document import alias, unpacked
from profile_store.generations import Generations
from profile_store.keys import BUCKETS, Keys
from profile_store.segments import parted
from profile_store.store import Store
from rules.book import Book
from tests.faults.bytes import changed, stored
from tests.faults.conftest import Install
from tests.faults.harness import Installation, until
from tests.faults.story import bursts, story
from tests.faults.verdict import values
from tests.servers import KafkaServer, RedisServer

ORDERS = """
id: orders
name: Orders so far
on: web.track/Order Completed
compute: count
"""
BUYERS = """
id: buyers
name: Bought {count} times or more
if: {{field: profile.computed.orders, op: ge, value: {count}}}
"""


def declare(hub: Installation, folder: str, text: str) -> None:
    """Put a declaration into the folder it belongs in, at once."""
    (hub.state / folder).mkdir(exist_ok=True)
    part = hub.state / folder / "_part"
    part.write_text(text)
    part.rename(hub.state / folder / "one.yaml")


async def until_in_force(hub: Installation, what: Callable[[Book], bool]) -> None:
    """Wait until the store in use is folded with such declarations, and the workers have told what changed by them."""
    generations = Generations(hub.redis, hub.settings.group)

    async def there() -> bool:
        at = Keys((await generations.standing()).current)
        said = await generations.declared(at)
        return said is not None and what(Book.from_json(said)) and not await generations.untold(at)

    await until("the declarations are in force", there)


async def members(hub: Installation) -> set[str]:
    """The customers in the segment, as their documents say; the index of segments says the same."""
    at = await Store(hub.redis).where()
    found = [one for number in range(BUCKETS) for one in await hub.redis.zrange(at.segments(number), 0, -1)]
    listed = {customer for name, customer in map(parted, (one.decode() for one in found)) if name == "buyers"}
    documents = [unpacked(value) for value in (await values(hub)).values() if alias(value) is None]
    assert listed == {one["id"] for one in documents if "buyers" in one["segments"]}
    return listed


async def told(hub: Installation) -> dict[str, tuple[str, str]]:
    """What was said about the segment: event → customer and what happened. The same event again is not news.

    Who became one with another is spoken of by the id that both have now.
    """
    found, store = {}, Store(hub.redis)
    for message in await asyncio.to_thread(hub.log.all):
        event = Event.from_json(message.value)
        if event.source == "/segments" and event.data.get("name") == "buyers":
            customer = await store.get(event.subject.removeprefix("customer:"))
            assert customer is not None
            found[event.id] = customer[1]["id"], event.type
    return found


async def test_what_is_declared_later_is_as_if_it_had_always_been(
    seed: int, install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer]
) -> None:
    hub = install(kafka_server, private_redis())
    events = story(seed, 4_000, 200)
    async with hub.producer() as producer, hub.workers(2) as fleet:
        await hub.accept(producer, events[:2_500])
        await hub.until_applied()
        assert not any(b"windows" in one for one in (await stored(hub)).values())

        declare(hub, "traits", ORDERS)
        declare(hub, "segments", BUYERS.format(count=1))
        for part in bursts(events[2_500:3_500], 200):
            await hub.accept(producer, part)
        await until_in_force(hub, lambda book: len(book.traits) == len(book.segments) == 1)
        await hub.accept(producer, events[3_500:])
        await hub.until_applied()
        first = await members(hub)
        before = await stored(hub)
        assert any(b"windows" in one for one in before.values()), "the trait is backfilled"
        await rebuild_all(hub.settings)
        await hub.until_applied()
        assert not changed(before, await stored(hub)), changed(before, await stored(hub))
        assert await members(hub) == first
        assert len(first) > 20
        said = await told(hub)
        assert {customer for customer, kind in said.values() if kind == "segment.entered"} >= first

        declare(hub, "segments", BUYERS.format(count=2))
        await until_in_force(hub, lambda book: '"value":2' in book.segments[0].model_dump_json())
        await hub.until_applied()
        second = await members(hub)
        assert second < first
        news = sorted(one for id, one in (await told(hub)).items() if id not in said)
        assert news == sorted((customer, "segment.left") for customer in first - second), "said of each, and once"

        now = (await Generations(hub.redis, hub.settings.group).standing()).current
        declare(hub, "segments", BUYERS.format(count=3).replace("ge", "no-operator"))
        await until("the mistake is told", _said(fleet.said, "a declaration is wrong"))
        assert (await Generations(hub.redis, hub.settings.group).standing()).current == now
        assert fleet.exits == []


def _said(count: Callable[[str], int], word: str) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return count(word) > 0

    return there
