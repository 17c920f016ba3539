"""How a process of ours ends: asked by a signal or by whoever started it, and never in the middle of a thing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any


async def until_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event | None = None) -> None:
    """Do the work until it ends, or until SIGTERM, SIGINT or `stop`: cancel it, and wait till it cleaned up."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(RuntimeError, ValueError):  # not in the main thread: a test stops us by the event
            loop.add_signal_handler(number, stop.set)
    working, asked = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, asked], return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        ended_by_itself = working.done()
        working.cancel()
        await asyncio.wait([working])
    if ended_by_itself or not working.cancelled():
        working.result()
