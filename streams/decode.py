"""First step: bytes from the log become events, or dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from hub.errors import Rejected
from hub.event import Event
from hub.identity import Identity, key
from hub.kinds import Policy
from hub.profile import PSEUDO
from profile_store.draft import place

IDENTITIES: Final = 20
"""Identities one event may have; more is an attack or a fault."""
LARGEST: Final = 200
"""The same for the hub's own events."""


OURS: Final = ("/timers", "/rules", "/segments", "/dispatcher", "/desk/", "/identity", "/hub/")
"""Sources of the hub's own events: they may name a customer by its id, which is a place in the store."""


SWITCHED: Final = "rules.switched"
EDITIONS: Final = "/hub/rules"
"""The event from which on other rules decide, and its source. It is about no customer."""


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
    """Identities, `type:value`; the first owns the event: it becomes part of what is told of that one."""
    places: tuple[str, ...]
    """Where each identity lives in the store."""
    fence: str
    """The log this offset counts in: `topic id/partition`."""
    replayed: bool = False
    """Read again after a loss: what it set off was sent long ago."""
    foretold: bool = False
    """A decision whose links count already, and whose turn is still to come."""
    rehearsed: bool = False
    """Seen again in a backtest: what it led to among identities is laid down already, and no history is written."""

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.record.partition, self.record.offset


@dataclass(frozen=True, slots=True)
class Dead:
    """A record that cannot be processed, and why."""

    record: Record
    reason: str
    error: str


def one(record: Record, topic_id: str, replayed: bool, policy: Policy) -> Incoming:
    """Read one record. Raises Rejected."""
    if record.value is None:
        raise Rejected("the message is empty", field="body")
    event = Event.from_json(record.value)
    keys = _keys(event, policy)
    return Incoming(
        record=record,
        event=event,
        ms=event.ms,
        received=int(event.receivedat.timestamp() * 1000),
        ref=event.ref,
        keys=keys,
        places=tuple(map(place, keys)),
        fence=f"{topic_id}/{record.partition}",
        replayed=replayed,
    )


def _keys(event: Event, policy: Policy) -> tuple[str, ...]:
    """Whom an event is about, its owner first. Raises Rejected."""
    said: dict[str, list[Identity]] = {event.subject: []}
    try:
        for identity in event.identities:
            said.setdefault(key(identity), []).append(identity)
    except (KeyError, TypeError, AttributeError) as error:
        raise Rejected(f"data.identities: {error!r}", field="data.identities") from None
    ours = event.source.startswith(OURS)
    if len(said) > (LARGEST if ours else IDENTITIES):
        raise Rejected(f"data.identities: {len(said)} of them", field="data.identities", limit=str(IDENTITIES))
    if not ours and any(name.startswith(PSEUDO) for name in said):
        raise Rejected("data.identities: only the hub itself names customers", field="data.identities")
    if ours or len(said) == 1:
        return tuple(said)
    # Of equals the smallest name: sent again over another edge, with another subject, an event has the same owner.
    return tuple(sorted(sorted(said), key=lambda name: _strength(name, said[name], policy), reverse=True))


def _strength(name: str, said: Sequence[Identity], policy: Policy) -> tuple[bool, bool, int]:
    """Who owns an event: one that can be a customer's own, proven rather than claimed, by its type's priority."""
    proven = max((policy.level(name, one) for one in said), default=policy.level(name, {})) > 0
    return policy.connects(name), proven, policy.of(name).priority


@dataclass(frozen=True, slots=True)
class Marker:
    """From this place on an edition of the rules decides."""

    partition: int
    offset: int
    edition: int


def marker_of(found: Incoming) -> Marker | None:
    """The edition that begins at the place of an event; None when it is no marker of ours.

    Raises KeyError, TypeError or ValueError when it does not say which.
    """
    ours = found.event.type == SWITCHED and found.event.source == EDITIONS
    return Marker(*found.place, int(found.event.data["edition"])) if ours else None


def decode(
    records: Sequence[Record], topic_id: str, replay_until: int, policy: Policy, markers: list[Marker] | None = None
) -> tuple[list[Incoming], list[Dead]]:
    """Read records of one partition in order; what cannot be read is dead, its neighbours are not.

    Markers are no events of anybody: they are added to the list of those who want them.
    """
    alive: list[Incoming] = []
    dead: list[Dead] = []
    for record in records:
        try:
            found = one(record, topic_id, record.offset < replay_until, policy)
            if found.event.type == SWITCHED:
                marker = marker_of(found)
                if markers is not None and marker is not None:
                    markers.append(marker)
                continue
            alive.append(found)
        except (Rejected, KeyError, TypeError, ValueError) as error:
            dead.append(Dead(record, "unreadable", str(error)))
    return alive, dead
