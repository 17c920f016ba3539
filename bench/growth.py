"""Whether it stays as quick when there are more customers: the worker, searching, and one very busy customer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

import psutil
from redis.asyncio import Redis

from bench.figures import Figure, percentile
from bench.fill import FIRST, LAST, apply, fill, identifiers, pipeline, user
from bench.ground import Ground
from bench.load import lives
from bench.throughput import applied
from hub.event import Event
from hub.settings import Settings
from profile_store.connect import connect_server, install
from profile_store.ledger import Ledger
from profile_store.store import Store
from rules.watch import RuleFolder

SIZES: Final = (10_000, 100_000, 1_000_000)
EVENTS: Final = 20_000
"""Events applied at each size, of customers drawn from all."""
ROUNDS: Final = 3
FLAT: Final = 1.1
SEARCH_P99: Final = 20.0
SEARCHES: Final = 1_000
BUSY: Final = 100_000
"""Events of the busy customer."""
BESIDE: Final = 1.25
SINGLES: Final = 300


async def _worker_cost(ground: Ground, redis: Redis, customers: int, count: int, seed: int) -> float:
    """Microseconds of processor time of one worker for each event, of customers drawn from all."""
    draw = random.Random(seed)
    before = await applied(redis, ground.settings.group)
    events = [_event(number, draw.randrange(customers), seed) for number in range(count)]
    await ground.fill(events)
    async with ground.process("worker") as child:
        worker, spent = psutil.Process(child.pid), 0.0
        while True:
            done, now = await applied(redis, ground.settings.group) - before, worker.cpu_times()
            if not done:
                spent = now.user + now.system
            if done >= count:
                break
            await asyncio.sleep(0.02)
        return float(now.user + now.system - spent) / count * 1e6


def _event(number: int, customer: int, seed: int) -> Event:
    return next(lives(1, 1, seed=seed * 1_000_000 + number, first=customer))


async def _searches(store: Store, customers: int, count: int) -> list[float]:
    """Milliseconds of searches as people type them: names, parts of them, and identifiers."""
    draw, took = random.Random(2), []
    for _ in range(count):
        words = (draw.choice(FIRST), draw.choice(LAST), f"{draw.choice(FIRST)} {draw.choice(LAST)}")
        word = draw.choice((*words, user(draw.randrange(customers)), f"{user(draw.randrange(customers))}@exam"))
        prefix = word[: draw.randrange(1, len(word) + 1)]
        start = time.perf_counter()
        if not await store.search(prefix):
            raise RuntimeError(f"nobody is found by {prefix}")
        took.append((time.perf_counter() - start) * 1000)
    return took


async def _costs(jobs: dict[str, Callable[[int], Awaitable[object]]], count: int) -> dict[str, float]:
    """The median of the processor time each job takes, in microseconds; in turns, so that both see the same machine."""
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(count):
        for name, job in jobs.items():
            start = time.process_time()
            await job(number)
            spent[name].append((time.process_time() - start) * 1e6)
    return {name: percentile(values, 0.5) for name, values in spent.items()}


async def _busy(redis: Redis, folder: RuleFolder, customers: int, share: float) -> list[Figure]:
    """A customer with very many events beside ordinary ones: applying one more event, and reading."""
    line, store = pipeline(Ledger(redis, "busy"), folder), Store(redis)
    total, singles, busy = int(BUSY * share), int(SINGLES * share) + 20, customers
    events = list(lives(1, total + singles, seed=5, first=busy))
    for start in range(0, total, 2_000):
        await apply(line, events[start : min(start + 2_000, total)], start)
    draw = random.Random(3)
    others = [draw.randrange(customers) for _ in range(singles)]
    jobs: dict[str, Callable[[int], Awaitable[object]]] = {
        "busy": lambda number: apply(line, [events[total + number]], total + number),
        "usual": lambda number: apply(line, [_event(number, others[number], 6)], number),
    }
    applying = await _costs(jobs, singles)
    reading = await _costs(
        {
            "busy": lambda _: store.find(f"user_id:{user(busy)}"),
            "usual": lambda number: store.find(identifiers(others[number])[0]),
        },
        singles,
    )
    what = f"a customer with {total:,} events beside usual ones"
    return [
        Figure(f"{what}, one more event", applying["busy"] / applying["usual"], "×", BESIDE, "at most",
               note=f"{applying['busy']:.0f} µs and {applying['usual']:.0f} µs of processor time"),
        Figure(f"{what}, reading", reading["busy"] / reading["usual"], "×", BESIDE, "at most",
               note=f"{reading['busy']:.0f} µs and {reading['usual']:.0f} µs of processor time"),
    ]  # fmt: skip


async def growth(ground: Ground, share: float = 1.0) -> list[Figure]:
    """The growth curve, searching at its end, and the busy customer; quickly, at a hundredth of the sizes."""
    settings: Settings = ground.settings
    redis, found = connect_server(settings), list[Figure]()
    await install(redis)
    settings.rules_dir.mkdir(parents=True, exist_ok=True)
    folder = RuleFolder(settings.rules_dir)
    count, before, smallest = int(EVENTS * share), 0, 0.0
    for place, full in enumerate(SIZES):
        customers = int(full * share * share)
        took = await fill(redis, folder, range(before, customers))
        memory = (await redis.info("memory"))["used_memory"] / customers / 1000
        before = customers
        # The least of several: on a shared machine the others measure its neighbours.
        cost = min([await _worker_cost(ground, redis, customers, count, place * ROUNDS + n) for n in range(ROUNDS)])
        smallest = smallest or cost
        note = f"{memory:.2f} kB a customer, filled in {took:.0f} s; {cost / smallest:.2f} of the smallest"
        bound = None if place == 0 else smallest * FLAT
        found.append(
            Figure(f"processor time an event, {customers:,} customers", cost, "µs", bound, "at most", note=note)
        )
    took_ms = await _searches(Store(redis), before, int(SEARCHES * share))
    note = f"{before:,} customers, p50 {percentile(took_ms, 0.5):.1f} ms"
    found.append(Figure("search, p99", percentile(took_ms, 0.99), "ms", SEARCH_P99, "at most", note=note))
    found += await _busy(redis, folder, before, share)
    await redis.aclose()
    return found
