"""Generations on a real Redis: who may write which, when one takes the other's place, and what is removed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from hub.errors import Transient
from hub.ids import customer_id
from hub.profile import blank
from profile_store import keys
from profile_store.changes import Changes
from profile_store.connect import Gap, install
from profile_store.draft import Draft
from profile_store.generations import Generations
from profile_store.keys import FIRST, Keys
from profile_store.ledger import Ledger, Raise
from profile_store.store import Store
from tests.servers import RedisServer

GROUP = "g"
SARA = "email:sara@example.com"


@pytest.fixture
async def redis(private_redis: Callable[..., RedisServer]) -> AsyncIterator[Redis]:
    client = Redis.from_url(private_redis().url)
    await install(client)
    yield client
    await client.aclose()


def ledger(client: Redis, at: Keys = FIRST) -> Ledger:
    """One that tells the feed."""
    return Ledger(client, GROUP, at, feed=True)


async def write(where: Ledger, mark: str, before: str = "", version: str = "") -> None:
    """Write Sara once, and raise the watermark of the only partition."""
    draft = Draft(blank(customer_id(SARA), SARA), version, changed=True)
    assert await where.commit([draft], [Raise(0, before, mark)]) == []


async def test_the_new_generation_takes_the_place_of_the_old(redis: Redis) -> None:
    old, generations = ledger(redis), Generations(redis, GROUP)
    await write(old, "t:1")
    at = await generations.begin()
    new = ledger(redis, at)
    await write(new, "t:1")
    assert not await generations.switch(FIRST, at, {0: "t:2"}, {0: "t:1"}), "the old one went on"
    assert not await generations.switch(FIRST, at, {0: "t:1"}, {0: "t:0"}), "the new one is not there yet"
    assert not await generations.switch(FIRST, at, {0: "t:1"}, {}), "a partition more than was thought of"
    assert not await old.moved()
    assert await generations.switch(FIRST, at, {0: "t:1"}, {0: "t:1"})
    assert await old.moved()
    with pytest.raises(Gap):
        await write(old, "t:2", "t:1")
    assert await old.follow()
    assert old.at == at
    assert await Store(redis).where() == at
    now = await generations.standing()
    assert (now.current, now.building, now.old) == (at.generation, None, (0,))


async def test_who_was_overtaken_by_another_rebuild_can_write_nothing(redis: Redis) -> None:
    generations = Generations(redis, GROUP)
    first, second = await generations.begin(), await generations.begin()
    assert first != second
    with pytest.raises(Gap):
        await write(ledger(redis, first), "t:1")
    with pytest.raises(Gap):
        await generations.switch(FIRST, first, {}, {})
    assert (await generations.standing()).old == (first.generation,)


async def test_nobody_writes_while_it_is_sealed_but_who_builds(redis: Redis) -> None:
    generations = Generations(redis, GROUP)
    at = await generations.begin()
    await generations.seal(60_000)
    with pytest.raises(Transient):
        await write(ledger(redis), "t:1")
    await write(ledger(redis, at), "t:1")
    await generations.seal(-1)
    await write(ledger(redis), "t:1")


async def test_what_is_built_is_told_to_nobody(redis: Redis) -> None:
    generations = Generations(redis, GROUP)
    at = await generations.begin()
    listening = redis.pubsub(ignore_subscribe_messages=True)
    await listening.subscribe(keys.live(customer_id(SARA)))
    await listening.get_message(timeout=1)
    await write(ledger(redis, at), "t:1")
    await write(ledger(redis), "t:1")
    first = await listening.get_message(timeout=5)
    assert first is not None
    assert await listening.get_message(timeout=0.2) is None
    await listening.aclose()  # type: ignore[no-untyped-call]
    bucket = keys.bucket(customer_id(SARA))
    assert [one.version for one in await Changes(redis, ledger(redis)).some(bucket, 10)] == [1]
    assert await Changes(redis, ledger(redis, at)).some(bucket, 10) == []


async def test_who_changed_again_is_told_again(redis: Redis) -> None:
    where, bucket = ledger(redis), keys.bucket(customer_id(SARA))
    changes = Changes(redis, where)
    await write(where, "t:1")
    told = await changes.some(bucket, 10)
    value = (await where.read({customer_id(SARA): []}))[customer_id(SARA)].value
    assert value is not None
    await write(where, "t:2", "t:1", value[:12].decode())
    await changes.done(bucket, told)
    again = await changes.some(bucket, 10)
    assert [one.version for one in again] == [2]
    await changes.done(bucket, again)
    assert await changes.some(bucket, 10) == []


async def test_only_what_belongs_to_the_old_generation_is_removed(redis: Redis) -> None:
    generations = Generations(redis, GROUP)
    await write(ledger(redis), "t:1")
    at = await generations.begin()
    await write(ledger(redis, at), "t:1")
    kept = {keys.claim("t1"), keys.claims(3), keys.outbox(3)}
    for name in kept:
        await redis.set(name, "x")
    mine = {name.decode() async for name in redis.scan_iter(f"{at.mark}*") if name.decode() != keys.GENERATION}
    assert await generations.switch(FIRST, at, {0: "t:1"}, {0: "t:1"})
    assert [count async for count in generations.remove(0)][-1] > 0
    left = {name.decode() async for name in redis.scan_iter("*")}
    assert left == kept | mine | {keys.GENERATION}
    assert (await generations.standing()).old == ()
