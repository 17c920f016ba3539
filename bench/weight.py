"""What the rules in force weigh: memory a rule, seconds to build, and how long an event loop waits meanwhile."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from bench.figures import Figure
from bench.rulesets import Load, as_rules
from bench.ticking import count, longest, waited
from hub.beside import quiet
from rules.engine import Engine
from rules.model import Rule

BYTES, BUILD_S = 2_000.0, 1.0
REPEATS: Final = 5
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


async def _paused(rules: list[Rule]) -> list[tuple[float, float]]:
    """How long a loop waits for an engine, and for somebody who only counts as long: ms, in turns."""
    waits = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        ours = await longest(partial(Engine, rules))
        waits.append((ours, await longest(partial(count, time.perf_counter() - began))))
    return waits


async def weight(size: int) -> list[Figure]:
    """The figures of so many rules."""
    raw = as_rules(Load(size), SEND)
    rules, models = _grown(lambda: [Rule.model_validate(one) for one in raw])
    engine, beyond = _grown(lambda: Engine(rules))
    del engine
    seconds = _built(rules)
    waits = await _paused(rules)
    bound = size >= 10_000
    return [
        Figure("memory of a rule in force", beyond / size, "bytes", BYTES, "at most", note="beyond the rule as read"),
        Figure("the same with the rule as read", (beyond + models) / size, "bytes"),
        Figure(f"{size:,} rules put in force", seconds, "s", BUILD_S if bound else None, "at most", note="processor"),
        waited("longest wait of an event loop meanwhile", waits, bound=bound),
    ]
