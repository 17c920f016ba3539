"""How many events one worker applies, whole pipeline and a thousand rules, beside the bare loop."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from typing import cast

from redis.asyncio import Redis

from bench.figures import Figure
from bench.ground import Ground, memory_mb
from bench.load import events, rules
from hub import bus
from hub.topics import INTERACTIONS
from profile_store.keys import FIRST, Keys

RULES = 1_000
BARE_SHARE = 0.4
LEAST = 12_000
WORKER_MB = 250
ROUNDS = 3


async def applied(redis: Redis, group: str, at: Keys = FIRST) -> int:
    """How many records of the log are applied, by the watermarks."""
    marks = await redis.hgetall(at.watermarks(group))
    return sum(int(cast(bytes, mark).rpartition(b":")[2]) + 1 for mark in marks.values())


async def worker_rate(ground: Ground, total: int, group: str) -> tuple[float, float]:
    """Events a second of one worker from its first batch to its last, and its memory in MB."""
    redis = Redis.from_url(ground.settings.redis_url.get_secret_value())
    changes = {"HUB_GROUP": group}
    async with ground.process("worker", **changes) as worker:
        start, first = 0.0, 0
        while True:
            now, done = time.perf_counter(), await applied(redis, group)
            if done and not start:
                start, first = now, done
            if done >= total:
                break
            await asyncio.sleep(0.01)
        rate = (done - first) / (now - start)
        memory = memory_mb(worker.pid)
    await redis.aclose()
    return rate, memory


async def bare_rate(ground: Ground, total: int) -> float:
    """Events a second of the baseline, in a process of its own."""
    env = {
        **os.environ,
        "SERVERS": ground.settings.kafka_bootstrap_servers,
        "TOPIC": bus.topic(ground.settings, INTERACTIONS),
        "URL": ground.settings.redis_url.get_secret_value(),
        "TOTAL": str(total),
        "FETCH": str(ground.settings.fetch),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bare", env=env, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return float(out)


async def throughput(ground: Ground, share: float = 1.0) -> list[Figure]:
    """The figures of one worker."""
    total, customers = int(150_000 * share), 5_000
    shutil.rmtree(ground.settings.rules_dir, ignore_errors=True)
    rules(ground.settings.rules_dir, RULES)
    await ground.fill(list(events(total, customers)))
    bare = await bare_rate(ground, total)
    rate, memory = await worker_rate(ground, total, "bench-throughput")
    note = f"{total:,} events of {customers:,} customers, {RULES:,} rules"
    return [
        Figure("worker, whole pipeline", rate, "events/s", LEAST, baseline=bare, note=note),
        Figure("worker beside a bare aiokafka loop", rate / bare, "×", BARE_SHARE, note="same run, same events"),
        Figure("worker process", memory, "MB", WORKER_MB, "at most"),
    ]
