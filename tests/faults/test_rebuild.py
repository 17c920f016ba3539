"""`hub customer rebuild --all` while events come in: the same customers, byte for byte, and nothing is said again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from hub.bus import Producer
from hub.cli.rebuilding import rebuild_all, take
from hub.event import Event
from profile_store.generations import Generations
from tests.faults.bytes import changed, folded, sent, stored
from tests.faults.conftest import Install
from tests.faults.harness import Installation, until
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.servers import KafkaServer, RedisServer


async def generation(hub: Installation) -> int:
    """Which generation is in use."""
    return (await Generations(hub.redis, hub.settings.group).standing()).current


async def trickle(hub: Installation, producer: Producer, events: Sequence[Event]) -> None:
    """Send some hundred events a second."""
    for part in bursts(events, len(events) // 5):
        await hub.accept(producer, part)
        await asyncio.sleep(0.01)


async def accepted_at(hub: Installation, wanted: int) -> int:
    """How many events were accepted when this generation came in use."""

    async def there() -> bool:
        return await generation(hub) == wanted

    await until("the new generation is in use", there)
    return len(hub.accepted())


async def test_rebuilt_while_events_come_in(
    seed: int, install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer]
) -> None:
    hub = install(kafka_server, private_redis())
    hub.rule("thanks", THANKS)
    told = story(seed, 6_000, 300)
    async with hub.producer() as producer, hub.workers(2) as fleet:
        await hub.accept(producer, told[:4_000])
        await hub.until_applied()
        said = await sent(hub)
        sending = asyncio.create_task(trickle(hub, producer, told[4_000:]))
        switched = asyncio.create_task(accepted_at(hub, 1))
        started = time.monotonic()
        progress = await rebuild_all(hub.settings, resume=False)
        took = time.monotonic() - started
        await sending
        assert 4_000 < await switched < len(told), "events came in before and after"
        await hub.until_applied()
        assert await generation(hub) == 1
        before = await stored(hub)
        print(f"rebuilt {progress.done} events in {took:.2f} s, workers held for {progress.held * 1000:.0f} ms")
        assert not changed(before, await folded(hub)), changed(before, await folded(hub))
        at_rest = await sent(hub)
        await rebuild_all(hub.settings, resume=False)
        await hub.until_applied()
        assert await generation(hub) == 2
        assert not changed(before, await stored(hub)), changed(before, await stored(hub))
        exits = list(fleet.exits)
        counts = await sent(hub)
    assert exits == []
    assert len(counts) > 100
    assert counts.keys() <= thanked(told)
    # A trigger that was in a worker's hands may come twice, under one id: it is sent once. What was said stays said.
    assert {cause: len(ids) for cause, ids in counts.items()} == dict.fromkeys(counts, 1)
    assert {cause: counts[cause] for cause in said} == said
    assert counts == at_rest
    left = [name async for name in hub.redis.scan_iter("g1{b*", count=1000)]
    assert not left


async def test_a_snapshot_taken_while_events_come_in_is_exact(
    seed: int, install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer]
) -> None:
    hub = install(kafka_server, private_redis())
    told = story(seed, 4_000, 200)
    async with hub.producer() as producer, hub.workers(2):
        await hub.accept(producer, told[:2_500])
        await hub.until_applied()
        sending = asyncio.create_task(trickle(hub, producer, told[2_500:]))
        await hub.until_accepted(2_600)
        snapshot = await take(hub.settings)
        copied = len(hub.accepted())
        progress = await rebuild_all(hub.settings, snapshot=snapshot.folder)
        await sending
        await hub.until_applied()
        before = await stored(hub)
        assert not changed(before, await folded(hub)), changed(before, await folded(hub))
        records = sum(hub.log.ends().values())
    print(
        f"{snapshot.places} places copied, workers held for {snapshot.held * 1000:.0f} ms; {progress.done} events read"
    )
    assert 2_600 < copied < len(told), "events came in while the snapshot was taken"
    assert progress.done < records // 2
