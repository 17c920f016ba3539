"""`hub customer rebuild --all` while events come in: the same customers, byte for byte, and nothing is said again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from hub.bus import Producer
from hub.cli.rebuilding import rebuild_all
from hub.event import Event
from profile_store.generations import Generations
from tests.faults.conftest import Install
from tests.faults.harness import Installation, until
from tests.faults.rules import THANKS, thanked
from tests.faults.story import bursts, story
from tests.faults.verdict import canonical, changed, judge, shown
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
        sending = asyncio.create_task(trickle(hub, producer, told[4_000:]))
        switched = asyncio.create_task(accepted_at(hub, 1))
        started = time.monotonic()
        progress = await rebuild_all(hub.settings, resume=False)
        took = time.monotonic() - started
        await sending
        assert 4_000 < await switched < len(told), "events came in before and after"
        await hub.until_applied()
        exits = list(fleet.exits)
        assert await generation(hub) == 1
        verdict, before = await judge(hub), await canonical(hub)
        print(f"rebuilt {progress.done} events in {took:.2f} s, workers held for {progress.held * 1000:.0f} ms")
        await rebuild_all(hub.settings, resume=False)
        await hub.until_applied()
        assert await generation(hub) == 2
        faults = changed(before, await canonical(hub))
        assert not faults, "\n".join(faults[:20])
    assert exits == []
    assert not verdict.faults, shown(verdict.faults)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
    assert set(verdict.triggers.values()) == {1}
    left = [name async for name in hub.redis.scan_iter("g1{b*", count=1000)]
    assert not left
