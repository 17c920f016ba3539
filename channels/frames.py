"""How records lie in a spool file: framed, checksummed, so that a torn end is seen and left out."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FRAME: Final = struct.Struct(">II")
"""Length and CRC-32 of what follows."""
_HEAD: Final = struct.Struct(">dBH")
"""Time in seconds since 1970, length of the topic's name, length of the key."""
_LARGEST: Final = 16_000_000
_CHUNK: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class Record:
    """One message on its way to a topic (logical name)."""

    topic: str
    key: str
    value: bytes
    time: float
    """When it was accepted, in seconds since 1970."""

    def pack(self) -> bytes:
        """The record as it lies in a file."""
        topic, key = self.topic.encode(), self.key.encode()
        body = _HEAD.pack(self.time, len(topic), len(key)) + topic + key + self.value
        return _FRAME.pack(len(body), zlib.crc32(body)) + body


def _unpack(body: bytes) -> Record:
    time, topic, key = _HEAD.unpack_from(body)
    middle, end = _HEAD.size + topic, _HEAD.size + topic + key
    return Record(body[_HEAD.size : middle].decode(), body[middle:end].decode(), body[end:], time)


def read(path: Path, start: int, end: int | None = None) -> Iterator[tuple[Record, int]]:
    """The whole records between two positions, each with the position behind it. Stops at the first torn one."""
    with path.open("rb") as file:
        limit = os.fstat(file.fileno()).st_size if end is None else end
        file.seek(start)
        position = start
        while position + _FRAME.size <= limit:
            length, checksum = _FRAME.unpack(file.read(_FRAME.size))
            if not _HEAD.size <= length <= min(_LARGEST, limit - position - _FRAME.size):
                return
            body = file.read(length)
            if zlib.crc32(body) != checksum:
                return
            position += _FRAME.size + length
            yield _unpack(body), position


def read_some(path: Path, start: int, end: int, most: int) -> tuple[list[Record], int]:
    """At most so many records (about a megabyte of them), and the position behind the last."""
    records: list[Record] = []
    position = start
    for record, after in read(path, start, end):
        records.append(record)
        position = after
        if len(records) >= most or position - start >= _CHUNK:
            break
    return records, position
