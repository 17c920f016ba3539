"""Which partition a key lives in: Kafka's own murmur2, so that every client of any language agrees."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash of the Java client's default partitioner, with a word a step instead of a byte."""
    words, rest = divmod(len(data), 4)
    hashed = _SEED ^ len(data)
    for word in struct.unpack_from(f"<{words}I", data):
        mixed = word * _M & _MASK
        hashed = (hashed * _M & _MASK) ^ ((mixed ^ mixed >> 24) * _M & _MASK)
    if rest:
        tail = int.from_bytes(data[words * 4 :], "little")
        hashed = (hashed ^ tail) * _M & _MASK
    hashed = (hashed ^ hashed >> 13) * _M & _MASK
    return hashed ^ hashed >> 15


@lru_cache(maxsize=32_768)
def partition(key: str, partitions: int) -> int:
    """The number of the partition, of so many, that holds everything with this key."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
