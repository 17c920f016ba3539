"""A change of customers of several buckets, as it stands in a cluster: seals, and the record that decides.

| what | looks like | where |
|---|---|---|
| seal | `!`, the deciding bucket in 2 digits, the transaction in 24, what was there before | in place of a value |
| record, open | `o` and the time in 13 digits (ms) | in the deciding bucket |
| record, committed | `c`, the time, and what is still to be written to others | in the deciding bucket |
| record, carried out | `r`, the time, and the same | in the deciding bucket |

A seal whose record is committed means the new value; one without means the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import getrandbits
from time import time as clock
from typing import Any, Final, cast

import msgpack
from redis.asyncio import Redis

from profile_store import keys
from profile_store.connect import Client, translated

SEAL: Final = 27
"""Bytes of a seal before what was there before."""
HEAD: Final = 14
"""Characters of a record before what is to be written."""
OPEN: Final = b"o"
COMMITTED: Final = b"c"
CARRIED_OUT: Final = b"r"

Write = tuple[str, dict[str, Any]]
"""A profile's key, and what is written there."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A change of customers of several buckets; `bucket` decides it."""

    bucket: int
    id: str

    @classmethod
    def new(cls, bucket: int) -> Transaction:
        """One with a name of its own."""
        return cls(bucket, f"{int(clock() * 1000):011x}{getrandbits(52):013x}")

    @property
    def begun(self) -> int:
        """When it was begun, in ms."""
        return int(self.id[:11], 16)

    @property
    def seal(self) -> bytes:
        """What its seals begin with."""
        return b"!%02d%b" % (self.bucket, self.id.encode())


def sealed_by(value: bytes | None) -> Transaction | None:
    """The transaction that holds a value, or None."""
    if value is None or value[:1] != b"!":
        return None
    return Transaction(int(value[1:3]), value[3:SEAL].decode())


def before(value: bytes) -> bytes | None:
    """What was there before it was sealed."""
    return value[SEAL:] or None


def after(record: bytes | None, key: str) -> bytes | None:
    """What a record puts in the place of a value; None when it does not decide that."""
    if record is None or record[:1] == OPEN:
        return None
    written = dict(writes(record)).get(key)
    if written is None:
        return None
    document = written["document"]
    return document if isinstance(document, bytes) else cast(str, document).encode()


def harmless(before: str | bytes | None, document: str | bytes) -> bool:
    """Whether a member may be written at once, even if the decision were lost again.

    A place that held nothing and now points to a customer: what made it so will be read again and make it so again.
    """
    return not before and document[:1] in (">", b">")


def packed(others: list[Write]) -> bytes:
    """What is to be written to others, as a record keeps it."""
    return cast(bytes, msgpack.packb(others, use_bin_type=False))


def writes(record: bytes) -> list[Write]:
    """What a committed record writes to others."""
    found = msgpack.unpackb(record[HEAD:], raw=True)
    return [(key.decode(), {name.decode(): value for name, value in what.items()}) for key, what in found]


def time(record: bytes) -> int:
    """When a record was written, in ms."""
    return int(record[1:HEAD])


async def record_of(client: Client, transaction: Transaction) -> bytes | None:
    """The record of a transaction as it stands. Raises Transient."""
    with translated():
        found = await client.hget(keys.transactions(transaction.bucket), transaction.id)
    return cast(bytes | None, found)


async def unsealed(client: Client, key: str, value: bytes | None) -> bytes | None:
    """A value as it counts, whatever seal is on it; changes nothing. Raises Transient."""
    transaction = sealed_by(value)
    if transaction is None or value is None or isinstance(client, Redis):
        return value
    decided = after(await record_of(client, transaction), key)
    return before(value) if decided is None else decided
