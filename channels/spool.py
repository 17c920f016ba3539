"""The spool: where events of senders that do not repeat themselves wait, on disk, until Kafka is back."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Final

from channels import frames
from channels.frames import Record
from hub.errors import Misconfigured, Transient
from hub.logs import get
from hub.metrics import SPOOL_AGE, SPOOL_DEPTH

_SEGMENT: Final = 8_000_000
_BATCH: Final = 500
_PAUSE: Final = 0.5
"""Seconds between two attempts to drain."""

log = get("spool")


@dataclass(slots=True)
class _Segment:
    path: Path
    size: int
    """Bytes that are safe on disk."""
    read: int = 0
    """Bytes that Kafka has."""
    file: int | None = None
    """Descriptor while it is written to."""


class Spool:
    """A queue in files: whatever `append` returned for survives kill -9, and leaves in order.

    A record is in Kafka at least once: after a crash in the middle of a file, the file is sent again from its
    beginning, with the same ids.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._segments: deque[_Segment] = deque()
        self._queue: list[tuple[Sequence[Record], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._file = asyncio.Lock()
        self._filled = asyncio.Event()
        self._depth = 0
        self._oldest: float | None = None
        self._lock: int | None = None

    @property
    def depth(self) -> int:
        """Records waiting, those on their way to the disk among them."""
        return self._depth + sum(len(records) for records, _ in self._queue)

    def open(self) -> None:
        """Take possession of the folder and find what an earlier run left. Raises Misconfigured."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                f"another gateway uses the spool {self._folder}", "Give each gateway its own HUB_SPOOL."
            ) from None
        except OSError as error:
            raise Misconfigured(
                f"the spool {self._folder} cannot be used: {error.strerror}", "Check path and rights (HUB_SPOOL)."
            ) from None
        for path in sorted(self._folder.glob("*.spool")):
            self._adopt(path)
        self._measure()

    async def close(self) -> None:
        """Finish what is being written and give the folder back."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        for segment in self._segments:
            _shut(segment)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def append(self, records: Sequence[Record]) -> None:
        """Keep the records; they are on disk when this returns. Raises Transient when that cannot be done."""
        if sum(one.size - one.read for one in self._segments) > self._limit:
            raise Transient("the spool is full", retry_after=30)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((records, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await asyncio.shield(done)

    async def drain(self, deliver: Callable[[Sequence[Record]], Awaitable[None]]) -> None:
        """Hand over what waits, oldest first, for as long as this runs; again when `deliver` raises Transient."""
        while True:
            await self._filled.wait()
            segment = self._segments[0]
            records, position = _read(segment)
            if not records:
                segment.read = segment.size
                await self._forget(segment)
                continue
            self._oldest = records[0].time
            try:
                await deliver(records)
            except Transient:
                await asyncio.sleep(_PAUSE)
                continue
            segment.read = position
            self._depth -= len(records)
            self._measure()
            if position == segment.size:
                await self._forget(segment)

    def _adopt(self, path: Path) -> None:
        end = 0
        for record, position in frames.read(path, 0):
            self._oldest = record.time if self._oldest is None else self._oldest
            self._depth += 1
            end = position
        torn = path.stat().st_size - end
        if torn:  # the process died while writing: nobody was told that this part is safe
            log.warning("the end of a spool file was torn", bytes=torn)
        self._segments.append(_Segment(path, end))
        self._filled.set()

    async def _write_all(self) -> None:
        """Group commit: while one fsync runs, the next records gather."""
        while self._queue:
            waiting, self._queue = self._queue, []
            records = [record for group, _ in waiting for record in group]
            self._depth += len(records)
            fault: Transient | None = None
            try:
                async with self._file:
                    await asyncio.to_thread(self._write, b"".join(record.pack() for record in records))
            except OSError as error:
                fault = Transient(f"the spool cannot be written: {error.strerror}", retry_after=30)
                self._depth -= len(records)
                log.error("the spool cannot be written", error=str(error))
            else:
                self._oldest = records[0].time if self._oldest is None else self._oldest
                self._filled.set()
            self._measure()
            for _, done in waiting:
                if not done.done():
                    done.set_result(None) if fault is None else done.set_exception(fault)
                    done.exception()  # whoever asked may have gone meanwhile

    def _write(self, data: bytes) -> None:
        segment = self._segments[-1] if self._segments else None
        if segment is None or segment.file is None or segment.size >= _SEGMENT:
            segment = self._new_segment()
        file = segment.file
        if file is None:  # a new segment always has one
            raise OSError("the spool file is closed")
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, segment.size)
            os.lseek(file, segment.size, os.SEEK_SET)
            raise
        segment.size += len(data)

    def _new_segment(self) -> _Segment:
        if self._segments:
            _shut(self._segments[-1])
        number = int(self._segments[-1].path.stem) + 1 if self._segments else int(time() * 1000)
        path = self._folder / f"{number:016d}.spool"
        segment = _Segment(path, 0, file=os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # or a power cut could lose the name of a file whose content is safe
        finally:
            os.close(folder)
        self._segments.append(segment)
        return segment

    async def _forget(self, segment: _Segment) -> None:
        """Delete a file that Kafka has all of."""
        async with self._file:
            if segment.read < segment.size:
                return
            _shut(segment)
            segment.path.unlink(missing_ok=True)
            self._segments.remove(segment)
            if not self._segments:
                self._filled.clear()
                self._oldest = None
        self._measure()

    def _measure(self) -> None:
        SPOOL_DEPTH.set(self._depth)
        SPOOL_AGE.set(0 if self._oldest is None else max(0.0, time() - self._oldest))


def _read(segment: _Segment) -> tuple[list[Record], int]:
    """The next records of a segment; none of one that somebody damaged since we wrote it."""
    found: tuple[list[Record], int] = [], segment.read
    try:
        found = frames.read_some(segment.path, segment.read, segment.size, _BATCH)
    except OSError as error:
        log.error("a spool file cannot be read", error=str(error))
    if not found[0] and segment.read < segment.size:
        log.error("a part of the spool is lost", bytes=segment.size - segment.read)
    return found


def _shut(segment: _Segment) -> None:
    if segment.file is not None:
        os.close(segment.file)
        segment.file = None
