"""How much Redis a customer costs."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from redis.asyncio import Redis

from bench.figures import Figure
from bench.ground import Ground
from bench.load import lives
from bench.throughput import applied
from hub.event import Event
from profile_store import keys

EACH = 50
CUSTOMER_KB = 4.0
WARM = 200
"""Customers that are there before it is measured: what Redis needs once belongs to none of them."""


async def _apply(ground: Ground, redis: Redis, events: list[Event], total: int) -> None:
    await ground.fill(events)
    with suppress(TimeoutError):
        async with asyncio.timeout(120):
            while await applied(redis, ground.settings.group) < total or await _waiting(redis):  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def _waiting(redis: Redis) -> int:
    """How many customers the feed has not told yet: they lie in Redis for moments."""
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(keys.BUCKETS):
            pipe.zcard(keys.FIRST.fed(number))
        return sum(await pipe.execute())


async def size(ground: Ground, share: float = 1.0) -> list[Figure]:
    """Kilobytes of Redis for a customer with fifty events."""
    customers = int(2_000 * share)
    redis = Redis.from_url(ground.settings.redis_url.get_secret_value())
    async with ground.process("worker"):
        await _apply(ground, redis, list(lives(WARM, EACH)), WARM * EACH)
        before = (await redis.info("memory"))["used_memory"]
        events = list(lives(customers, EACH, first=WARM * EACH))
        await _apply(ground, redis, events, (WARM + customers) * EACH)
        after = (await redis.info("memory"))["used_memory"]
    await redis.aclose()
    kilobytes = (after - before) / customers / 1000
    note = f"in Redis, {customers:,} customers more"
    return [Figure(f"a customer with {EACH} events", kilobytes, "kB", CUSTOMER_KB, "at most", note=note)]
