"""How quickly a profile is read by any identifier while events are written."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time

from redis.asyncio import Redis

from bench.figures import Figure, percentile
from bench.fill import fill, identifiers
from bench.ground import Ground
from bench.throughput import applied
from hub.cli.local import environment
from hub.tuning import calm_collector
from profile_store.connect import connect_server, install
from profile_store.store import Store
from rules.watch import RuleFolder

CUSTOMERS = 100_000
READS, WRITES = 500, 2_000
SECONDS, WARM_UP = 20.0, 8.0
READ_P99 = 5.0
KEEPS_UP = 0.95


async def _read(store: Store, customers: int, seconds: float) -> list[float]:
    """Read at the fixed rate, whether or not earlier reads were answered; the milliseconds of each."""
    draw, took, asked = random.Random(1), list[float](), set[asyncio.Task[None]]()

    async def one(due: float) -> None:
        identity = draw.choice(identifiers(draw.randrange(customers)))
        if await store.find(identity) is None:
            raise RuntimeError(f"{identity} is not there")
        took.append((time.perf_counter() - due) * 1000)

    start = time.perf_counter()
    for number in range(int(seconds * READS)):
        due = start + number / READS
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        # From when the read began: what the clock of this process is late is the load's fault, not the store's.
        task = asyncio.create_task(one(max(due, time.perf_counter())))
        asked.add(task)
        task.add_done_callback(asked.discard)
    await asyncio.gather(*asked)
    return took


async def _rate(redis: Redis, group: str, seconds: float) -> float:
    """Events a second that are really applied."""
    first, start = await applied(redis, group), time.perf_counter()
    await asyncio.sleep(seconds)
    return (await applied(redis, group) - first) / (time.perf_counter() - start)


async def reads(ground: Ground, share: float = 1.0) -> list[Figure]:
    """The figures at the fixed rates of reads and writes."""
    customers, seconds = int(CUSTOMERS * share), SECONDS * share
    redis = connect_server(ground.settings)
    await install(redis)
    ground.settings.rules_dir.mkdir(parents=True, exist_ok=True)
    await fill(redis, RuleFolder(ground.settings.rules_dir), range(customers))
    env = {
        **os.environ,
        **environment(ground.settings),
        "RATE": str(WRITES),
        "SECONDS": str(seconds + WARM_UP + 1),
        "CUSTOMERS": str(customers),
    }
    calm_collector()
    async with ground.process("worker"):
        offering = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.offer", env=env)
        await asyncio.sleep(WARM_UP)
        took, rate = await asyncio.gather(
            _read(Store(redis), customers, seconds), _rate(redis, ground.settings.group, seconds)
        )
        await offering.wait()
    await redis.aclose()
    note = f"{READS}/s of {customers:,} customers by either identifier for {seconds:.0f} s"
    return [
        Figure("profile read by any identifier, p50", percentile(took, 0.5), "ms", note=note),
        Figure("profile read by any identifier, p99", percentile(took, 0.99), "ms", READ_P99, "at most"),
        Figure("events written meanwhile", rate, "events/s", WRITES * KEEPS_UP, note=f"{WRITES:,}/s offered"),
    ]
