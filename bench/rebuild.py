"""How quickly all customers are rebuilt from the log, through the command that people use."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from typing import cast

from redis.asyncio import Redis

from bench.figures import Figure
from bench.ground import Ground
from bench.load import events
from bench.throughput import applied
from hub.cli.local import environment
from profile_store import keys
from profile_store.keys import Keys

LEAST = 15_000
CUSTOMERS = 5_000
COMMAND = ("customer", "rebuild", "--all")


def _spent() -> float:
    """Seconds of processor time of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _spent_by(redis: Redis) -> float:
    """Seconds of processor time of Redis."""
    info = await redis.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


async def _generation(redis: Redis) -> int:
    return int(cast(bytes | None, await redis.hget(keys.GENERATION, keys.CURRENT)) or 0)


async def _rebuilt(ground: Ground, redis: Redis) -> float:
    """Rebuild; seconds from the start of the command until what it built is in use."""
    before, start = await _generation(redis), time.perf_counter()
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", *COMMAND, env={**os.environ, **environment(ground.settings)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    while command.returncode is None and await _generation(redis) == before:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    took = time.perf_counter() - start
    if code := await command.wait():
        raise RuntimeError(f"the rebuild ended with {code}")
    return took


async def rebuild(ground: Ground, share: float = 1.0) -> list[Figure]:
    """Events a second of a rebuild, the start of its processes included, of what a worker applied before."""
    total, group = int(150_000 * share), ground.settings.group
    redis = Redis.from_url(ground.settings.redis_url.get_secret_value())
    await ground.fill(list(events(total, CUSTOMERS)))
    async with ground.process("worker"):
        while await applied(redis, group) < total:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    total = await applied(redis, group)  # more, where the broker was slow to say that it had some
    own, its = _spent(), await _spent_by(redis)
    took = await _rebuilt(ground, redis)
    own, its = _spent() - own, await _spent_by(redis) - its
    found = await applied(redis, group, Keys(await _generation(redis)))
    await redis.aclose()
    if found != total:
        raise RuntimeError(f"the store that was built has {found} of {total} events")
    note = (
        f"{total:,} events, start included; {own / total * 1e6:.0f} µs of processor each, Redis {its / total * 1e6:.0f}"
    )
    return [Figure("rebuild of all customers", total / took, "events/s", LEAST, note=note)]
