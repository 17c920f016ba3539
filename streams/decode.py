"""First step: bytes from the log become events, or dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from hub.errors import Rejected
from hub.event import Event
from hub.identity import key
from hub.ids import customer_id

IDENTITIES: Final = 20
"""Identities one event may have; more is an attack or a fault."""


OURS: Final = ("/timers", "/rules", "/segments", "/dispatcher", "/desk/")
"""Sources of the hub's own events: they may name a customer by its id, which is a place in the store."""


class Record(Protocol):
    """A message as either runner hands it over."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(slots=True)
class Incoming:
    """An event at its place in the log."""

    record: Record
    event: Event
    ms: int
    received: int
    ref: str
    keys: tuple[str, ...]
    """Identities, `type:value`; the first is the one the event is keyed by."""
    places: tuple[str, ...]
    """Where each identity lives in the store."""
    fence: str
    """The log this offset counts in: `topic id/partition`."""
    replayed: bool = False
    """Read again after a loss: what it set off was sent long ago."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A record that cannot be processed, and why."""

    record: Record
    reason: str
    error: str


place = lru_cache(maxsize=131072)(customer_id)


def _place(identity: str) -> str:
    return identity.partition(":")[2] if identity.startswith("customer:") else place(identity)


def one(record: Record, topic_id: str, replayed: bool) -> Incoming:
    """Read one record. Raises Rejected."""
    if record.value is None:
        raise Rejected("the message is empty", field="body")
    event = Event.from_json(record.value)
    keys = _keys(event)
    return Incoming(
        record=record,
        event=event,
        ms=event.ms,
        received=int(event.receivedat.timestamp() * 1000),
        ref=event.ref,
        keys=keys,
        places=tuple(map(_place, keys)),
        fence=f"{topic_id}/{record.partition}",
        replayed=replayed,
    )


def _keys(event: Event) -> tuple[str, ...]:
    """Whom an event is about, the identity it is keyed by first. Raises Rejected."""
    keys = {event.subject: None}
    try:
        for identity in event.identities:
            keys[key(identity)] = None
    except (KeyError, TypeError) as error:
        raise Rejected(f"data.identities: {error!r}", field="data.identities") from None
    if len(keys) > IDENTITIES:
        raise Rejected(f"data.identities: {len(keys)} of them", field="data.identities", limit=str(IDENTITIES))
    if not event.source.startswith(OURS):
        for name in keys:
            if name.startswith("customer:"):
                raise Rejected("data.identities: only the hub itself names customers", field="data.identities")
    return tuple(keys)


def decode(records: Sequence[Record], topic_id: str, replay_until: int) -> tuple[list[Incoming], list[Dead]]:
    """Read records of one partition in order; what cannot be read is dead, its neighbours are not."""
    alive: list[Incoming] = []
    dead: list[Dead] = []
    for record in records:
        try:
            alive.append(one(record, topic_id, record.offset < replay_until))
        except Rejected as error:
            dead.append(Dead(record, "unreadable", str(error)))
    return alive, dead
