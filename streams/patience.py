"""Waiting for a store or a broker that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from hub.errors import Transient
from hub.logs import get

FIRST: Final = 0.05
LONGEST: Final = 2.0

log = get("worker")
T = TypeVar("T")


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do it, again and again while it is Transient, with longer and longer pauses (seconds)."""
    wait = FIRST
    while True:
        try:
            return await work()
        except Transient as error:
            log.warning("waiting", error=str(error), seconds=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST)
