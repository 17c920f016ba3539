"""Many customers at once, one customer's messages in order, and offsets that never pass unfinished work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition


class Progress:
    """Which offsets of each partition are done."""

    def __init__(self) -> None:
        self._open: dict[TopicPartition, dict[int, bool]] = {}
        self._reached: dict[TopicPartition, int] = {}

    def begin(self, place: TopicPartition, offset: int) -> None:
        """An offset is being worked on."""
        self._open.setdefault(place, {})[offset] = False

    def done(self, place: TopicPartition, offset: int) -> None:
        """It is done, or need not be done by us any more."""
        if offset in self._open.get(place, ()):
            self._open[place][offset] = True

    def committable(self) -> dict[TopicPartition, int]:
        """The next offset to read of each partition where that is not committed yet."""
        for place, offsets in self._open.items():
            for offset in list(offsets):
                if not offsets[offset]:
                    break
                del offsets[offset]
                self._reached[place] = offset + 1
        return dict(self._reached)

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """The broker has them."""
        for place, offset in offsets.items():
            if self._reached.get(place) == offset:
                del self._reached[place]

    def forget(self, places: set[TopicPartition]) -> None:
        """These partitions are another dispatcher's now."""
        for place in places:
            self._open.pop(place, None)
            self._reached.pop(place, None)


class Lanes:
    """Tasks, in order within a lane and side by side between lanes."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault: BaseException | None = None
        """What ended a task that should never end that way."""

    def __len__(self) -> int:
        return len(self._tasks)

    def put(self, lane: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work once everything before it in its lane is done."""
        task = asyncio.create_task(self._after(self._last.get(lane), work))
        self._last[lane] = task
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(lane, ended))

    @staticmethod
    async def _after(before: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]) -> None:
        if before is not None:
            await asyncio.wait([before])
        await work()

    def _ended(self, lane: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._last.get(lane) is task:
            del self._last[lane]
        if not task.cancelled() and task.exception() is not None:
            self.fault = task.exception()

    async def drain(self, seconds: float) -> None:
        """Wait for all of it, at most so long; then cut off what is left."""
        tasks = set(self._tasks)
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=5)
