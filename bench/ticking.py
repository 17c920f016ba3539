"""How long a worker's event loop stands still, told by the worker itself: a task beside its work that ticks.

Another process may hold up the worker as well, on a machine that is busy. So what counts is not the time on the wall
but what the worker itself computed between two ticks, on whichever of its threads: while the loop waits for another
thread of its own, that one computes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson
import uvloop

from bench.figures import Figure
from hub import logs
from hub.beside import beside
from hub.settings import Settings, read

Process: TypeAlias = Callable[[Settings], Coroutine[Any, Any, None]]

PAUSE_MS: Final = 5.0
TICK_S: Final = 0.001
TOLD_MS: Final = 1.0
"""Shorter gaps are not written down."""
FILE: Final = "HUB_BENCH_TICKS"
"""The variable that names the file."""


async def ticking(path: Path) -> None:
    """Write a line `[moment, ms]` for each gap, until cancelled."""
    last = time.process_time()
    with path.open("ab", buffering=0) as file:
        while True:
            await asyncio.sleep(TICK_S)
            now = time.process_time()
            gap = (now - last - TICK_S) * 1000
            if gap > TOLD_MS:
                file.write(orjson.dumps([time.time(), gap]) + b"\n")
            last = time.process_time()


def gaps(path: Path, since: float = 0.0, until: float = float("inf")) -> list[float]:
    """The gaps between two moments, in ms, the longest first."""
    told: list[list[Any]] = [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
    return sorted((gap for moment, gap in told if since <= moment <= until), reverse=True)


async def longest(work: Callable[[], Any]) -> float:
    """The longest that a ticking loop waited while another thread worked: ms beyond its tick."""
    gc.collect()
    working = asyncio.create_task(beside(work))
    gap, last = 0.0, time.perf_counter()
    while not working.done():
        await asyncio.sleep(TICK_S)
        now = time.perf_counter()
        gap, last = max(gap, now - last - TICK_S), now
    await working
    return gap * 1000


def count(seconds: float) -> None:
    """Work in steps as small as there are."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def waited(name: str, waits: Sequence[tuple[float, float]], *, bound: bool) -> Figure:
    """How long a loop waited for work of ours, and for somebody who only counts as long, ms: a step of ours that is
    long is so each time, while a busy machine is now and then. So of each the best."""
    ours, counting = (min(some) for some in zip(*waits, strict=True))
    note = f"best of {len(waits)}; baseline: beside a thread that only counts, as long; no loop waits less"
    return Figure(name, ours, "ms", max(PAUSE_MS, counting) if bound else None, "at most", counting, note)


def process(work: Process) -> Process:
    """The same process, which ticks."""

    async def run(settings: Settings) -> None:
        task = asyncio.create_task(ticking(Path(os.environ[FILE])))
        try:
            await work(settings)
        finally:
            task.cancel()

    return run


if __name__ == "__main__":
    from streams import worker

    logs.configure("worker")
    uvloop.run(process(worker.run)(read()))
