"""Events offered to the log at a fixed rate, from a process of its own, so that it does not disturb who measures."""

from __future__ import annotations

import asyncio
import os
import random
import time

import uvloop

from bench.load import lives
from hub import bus
from hub.settings import read
from hub.topics import INTERACTIONS

EVERY = 0.02
"""Seconds between two lots."""


async def offer(rate: int, seconds: float, customers: int) -> None:
    """Publish so many events a second, by the clock and not by the answers."""
    settings, draw = read(), random.Random(4)
    producer = bus.Producer(settings.kafka_bootstrap_servers, client="bench-offer", linger_ms=5)
    await producer.start()
    name, lot = bus.topic(settings, INTERACTIONS), int(rate * EVERY)
    start, waiting = time.perf_counter(), set[asyncio.Task[None]]()
    for number in range(int(seconds / EVERY)):
        numbers = range(number * lot, (number + 1) * lot)
        events = [next(lives(1, 1, seed=10**9 + one, first=draw.randrange(customers))) for one in numbers]
        await asyncio.sleep(max(0.0, start + number * EVERY - time.perf_counter()))
        task = asyncio.create_task(producer.publish(name, [(one.subject, one.to_json()) for one in events]))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)
    await producer.stop()


if __name__ == "__main__":
    where = os.environ
    uvloop.run(offer(int(where["RATE"]), float(where["SECONDS"]), int(where["CUSTOMERS"])))
