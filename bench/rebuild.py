"""How quickly all customers are rebuilt from the log, through the command that people use."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from bench.figures import Figure
from bench.ground import Ground
from bench.load import events
from hub.cli.local import environment

LEAST = 15_000
CUSTOMERS = 5_000
COMMAND = ("customer", "rebuild", "--all")


async def _hub(ground: Ground, *arguments: str) -> int:
    """Run a command of the hub against the ground; its exit code."""
    env = {**os.environ, **environment(ground.settings)}
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", *arguments, env=env,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await running.wait()


async def rebuild(ground: Ground, share: float = 1.0) -> list[Figure]:
    """Events a second of a rebuild from its start to its end, the start of its processes included."""
    if await _hub(ground, *COMMAND, "--help"):
        return [Figure("rebuild of all customers", 0.0, "events/s", note="this hub has no `customer rebuild --all`")]
    total = int(150_000 * share)
    await ground.fill(list(events(total, CUSTOMERS)))
    start = time.perf_counter()
    if code := await _hub(ground, *COMMAND):
        raise RuntimeError(f"the rebuild ended with {code}")
    rate = total / (time.perf_counter() - start)
    return [Figure("rebuild of all customers", rate, "events/s", LEAST, note=f"{total:,} events, start included")]
