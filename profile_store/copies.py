"""Copies of customers as files: a document or pointer with all that lies beside it, and back into a store."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import msgpack
from redis.asyncio import Redis

from profile_store import keys, segments
from profile_store.connect import translated
from profile_store.document import alias, unpacked, view
from profile_store.draft import place
from profile_store.keys import Keys
from profile_store.search import entry, terms

AT_ONCE: Final = 200
LEVEL: Final = 1
"""Of gzip: documents shrink to a quarter already with the quickest."""


class Copy(NamedTuple):
    """What lies at one place of the store."""

    place: str
    value: bytes
    rows: list[bytes]
    seen: bytes
    """Records of applied events."""


class Copies:
    """Reads and writes what lies at places of one generation."""

    def __init__(self, client: Redis, at: Keys, group: str) -> None:
        self._client = client
        self._at = at
        self._group = group

    async def places(self) -> AsyncIterator[list[str]]:
        """All places, some at once; one may come twice. Raises Transient."""
        found: list[str] = []
        with translated():
            async for name in self._client.scan_iter(self._at.pattern(), count=1_000):
                key = name.decode()
                if self._at.kind(key) == "c":
                    found.append(self._at.customer(key))
                if len(found) >= AT_ONCE:
                    yield found
                    found = []
        if found:
            yield found

    async def read(self, places: Sequence[str]) -> list[Copy]:
        """What lies there now, of each place with all beside it; nothing of empty ones. Raises Transient."""
        asked = msgpack.packb([self._at.profile(one) for one in places], use_bin_type=False)
        with translated():
            found = await self._client.fcall_ro("hub_copy", 1, self._at.watermarks(self._group), asked)
        parts = zip(places, found[::3], found[1::3], found[2::3], strict=True)
        return [Copy(one, value, rows, seen) for one, value, rows, seen in parts if value is not None]

    async def put(self, copies: Iterable[Copy]) -> None:
        """Write them into an empty generation. Raises Transient."""
        async with self._client.pipeline(transaction=False) as pipe:
            for one in copies:
                self._put(pipe, one)
            with translated():
                await pipe.execute()

    def _put(self, pipe: Any, one: Copy) -> None:
        pipe.set(self._at.profile(one.place), one.value)
        if alias(one.value) is not None:
            return
        if one.rows:
            pipe.rpush(self._at.timeline(one.place), *one.rows)
        if one.seen:
            pipe.fcall("hub_put", 1, self._at.profile(one.place), one.seen)
        document, bucket = unpacked(one.value), keys.bucket(one.place)
        found = terms(view(document))
        if found:
            pipe.zadd(self._at.search(bucket), {entry(term, one.place): 0 for term in found})
        members = {segments.entry(name, one.place): 0 for name in document["segments"]}
        if members:
            pipe.zadd(self._at.segments(bucket), members)
        waiting = {keys.timer(one.place, slot, timer[0]): timer[1] for slot, timer in document["timers"].items()}
        if waiting:
            pipe.zadd(self._at.timers(bucket), waiting)

    async def begin_at(self, marks: Mapping[int, str]) -> None:
        """Everything is there: the log goes on after these watermarks. Raises Transient."""
        if marks:
            with translated():
                names = {str(partition): mark for partition, mark in marks.items()}
                await self._client.hset(self._at.watermarks(self._group), mapping=cast(Any, names))


def concerned(copies: Iterable[Copy]) -> set[str]:
    """All places that belong to these customers, or that they lead to."""
    found: set[str] = set()
    for one in copies:
        target = alias(one.value)
        found |= {target} if target is not None else {place(node) for node in unpacked(one.value)["nodes"]}
    return found


class Writer:
    """Appends copies to a file."""

    def __init__(self, path: Path) -> None:
        self._file = gzip.open(path, "wb", compresslevel=LEVEL)  # noqa: SIM115  closed by close()
        self.count = 0

    def add(self, copies: Sequence[Copy]) -> None:
        """Append some."""
        for one in copies:
            self._file.write(msgpack.packb(tuple(one)))
        self.count += len(copies)

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


def stored(path: Path) -> Iterator[Copy]:
    """The copies in a file."""
    with gzip.open(path, "rb") as file:
        for found in msgpack.Unpacker(file, max_buffer_size=0):
            yield Copy(*found)
