"""How much Redis a customer costs."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from redis.asyncio import Redis

from bench.figures import Figure
from bench.ground import Ground
from bench.load import lives
from bench.throughput import applied

EACH = 50
CUSTOMER_KB = 6.0


async def size(ground: Ground, share: float = 1.0) -> list[Figure]:
    """Kilobytes of Redis for a customer with fifty events."""
    customers = int(2_000 * share)
    total = customers * EACH
    redis = Redis.from_url(ground.settings.redis_url.get_secret_value())
    before = (await redis.info("memory"))["used_memory"]
    await ground.fill(list(lives(customers, EACH)))
    async with ground.process("worker"):
        with suppress(TimeoutError):
            async with asyncio.timeout(120):
                while await applied(redis, ground.settings.group) < total:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
    after = (await redis.info("memory"))["used_memory"]
    await redis.aclose()
    kilobytes = (after - before) / customers / 1000
    return [Figure(f"a customer with {EACH} events", kilobytes, "kB", CUSTOMER_KB, "at most", note="in Redis")]
