"""What the rules in force weigh: memory a rule, seconds to build, and how long an event loop waits meanwhile."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, Final

from bench.figures import Figure
from bench.rulesets import Load, as_rules
from hub.beside import beside, quiet
from rules.engine import Engine
from rules.model import Rule

BYTES, BUILD_S, PAUSE_MS = 2_000.0, 1.0, 5.0
TICK_S: Final = 0.001
REPEATS: Final = 3
SEND: Final = {"channel": "sms", "purpose": "marketing", "text": "Hello {{ customer.name }}"}


def _grown(make: Callable[[], Any]) -> tuple[Any, float]:
    """What was made, and the bytes that are kept for it."""
    gc.collect()
    tracemalloc.start()
    try:
        made = make()
        gc.collect()
        return made, float(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()


def _built(rules: list[Rule]) -> float:
    """Seconds of processor for an engine, made as a worker makes it, the best of some."""
    best = float("inf")
    for _ in range(REPEATS):
        gc.collect()
        with quiet():
            start = time.process_time()
            Engine(rules)
            best = min(best, time.process_time() - start)
    return best


async def _paused(rules: list[Rule]) -> float:
    """The longest that a ticking loop waited while another thread built an engine: ms beyond its tick, the best of
    some, since a busy machine makes it wait as well."""
    best = float("inf")
    for _ in range(REPEATS):
        gc.collect()
        building = asyncio.create_task(beside(Engine, rules))
        longest, last = 0.0, time.perf_counter()
        while not building.done():
            await asyncio.sleep(TICK_S)
            now = time.perf_counter()
            longest, last = max(longest, now - last - TICK_S), now
        await building
        best = min(best, longest)
    return best * 1000


async def weight(size: int) -> list[Figure]:
    """The figures of so many rules."""
    raw = as_rules(Load(size), SEND)
    rules, models = _grown(lambda: [Rule.model_validate(one) for one in raw])
    engine, beyond = _grown(lambda: Engine(rules))
    del engine
    seconds, pause = _built(rules), await _paused(rules)
    bound = size >= 10_000
    return [
        Figure("memory of a rule in force", beyond / size, "bytes", BYTES, "at most", note="beyond the rule as read"),
        Figure("the same with the rule as read", (beyond + models) / size, "bytes"),
        Figure(f"{size:,} rules put in force", seconds, "s", BUILD_S if bound else None, "at most", note="processor"),
        Figure("longest wait of an event loop meanwhile", pause, "ms", PAUSE_MS if bound else None, "at most"),
    ]
