"""The names of applied events beside a customer, by which one that comes again is recognised.

A record is a name, which is a hash of the event's source and id, and the day the event was received on. Records stand
one after another. applied.lua tells how the store keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from struct import Struct
from typing import Final

from profile_store import keys

RECORD: Final = Struct(">5sH")
LAST_DAY: Final = 0xFFFF
SWEPT: Final = b"-"
"""The field of the hash that holds no records."""


def names(refs: Iterable[str]) -> bytes:
    """The short names of events, one after another, as they are looked for."""
    return bytes.fromhex("".join(refs))


def records(received: Mapping[str, int]) -> bytes:
    """Short name of each event → when it was received (ms), as it is stored."""
    return b"".join([RECORD.pack(bytes.fromhex(ref), _day(ms)) for ref, ms in received.items()])


def _day(ms: int) -> int:
    return min(max(0, ms // keys.SEEN_UNIT), LAST_DAY)


def stored(fields: Mapping[bytes, bytes]) -> bytes:
    """The records in a hash of the store."""
    return b"".join([part for field, part in fields.items() if field != SWEPT])


def days(found: bytes) -> list[int]:
    """The days of records, the newest first."""
    return sorted((day for _, day in RECORD.iter_unpack(found)), reverse=True)
