"""Waiting for something to become true, for so long and no longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], object], seconds: float = 10, every: float = 0.005) -> float:
    """Wait until the condition holds; how long that took. Raises TimeoutError."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if condition():
            return time.monotonic() - start
        await asyncio.sleep(every)
    raise TimeoutError(f"not within {seconds} seconds")
