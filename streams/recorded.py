"""What the hub itself wrote into the log while it was live, found before the log is read again for a backtest.

A backtest leads to events of its own: waits that come due, segments that are entered and left, messages. Where the
live run led to the same one, it stands in the log, and its place there is the right one. Where it did not, there is
nothing in the log; and what only the live run led to must not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from hub.errors import Rejected
from hub.event import Event
from hub.kinds import Policy
from hub.replay import Stored
from streams.arrange import DECISIONS
from streams.arrange import SOURCE as IDENTITY
from streams.decode import EDITIONS, Incoming, Marker, marker_of, one
from streams.foretell import Line
from streams.relay import FIRED
from streams.relay import SOURCE as RULES
from streams.segment import ENTERED, LEFT, TIMER_DUE
from streams.segment import SOURCE as SEGMENTS
from streams.timers import SOURCE as TIMERS

MARKS: Final = tuple(f'"{source}"'.encode() for source in (IDENTITY, TIMERS, RULES, SEGMENTS, EDITIONS))
"""What stands in an event of ours; most have none of it, and need not be read."""

Occasion = tuple[str, int]
"""The id of an event, and when (ms) it was received."""


def occasion(event: Event) -> Occasion:
    """What a decision about identities says of the event that led to it."""
    return event.id, int(event.receivedat.timestamp() * 1000)


@dataclass(slots=True)
class Recorded:
    """What the live run led to."""

    decisions: dict[Occasion, list[Incoming]] = field(default_factory=dict)
    """Decisions about identities, by the event that led to them."""
    timers: dict[tuple[str, str], int] = field(default_factory=dict)
    """Slot and timer → when (ms) it was said that the wait is over; the first time."""
    fired: set[str] = field(default_factory=set)
    """Triggers of rules. What an agent wrote is none of these."""
    moved: dict[str, int] = field(default_factory=dict)
    """Events of segments entered and left → when (ms) they were written."""
    markers: list[Marker] = field(default_factory=list)
    """Where editions of the rules begin."""

    def note(self, event: Incoming) -> None:
        """Take note of one event of the hub's own."""
        said, at = event.event, event.record.timestamp
        if said.source == IDENTITY and said.type in DECISIONS:
            key = (str(said.data.get("cause")), occasion(said)[1])
            self.decisions.setdefault(key, []).append(event)
        elif said.type == TIMER_DUE:
            self.timers.setdefault((str(said.data.get("slot")), str(said.data.get("timer"))), at)
        elif said.type == FIRED:
            self.fired.add(said.id)
        elif said.type in {ENTERED, LEFT}:
            self.moved.setdefault(said.id, at)
        elif (marker := marker_of(event)) is not None:
            self.markers.append(marker)


def line_of(stored: Stored) -> Line:
    """A record as the first step takes it."""
    return Line(stored.value, stored.partition, stored.offset, stored.timestamp)


def recorded(lines: Iterable[Stored], topic_id: str, policy: Policy) -> Recorded:
    """Go through a log for what the hub itself wrote."""
    found = Recorded()
    for stored in lines:
        if any(mark in stored.value for mark in MARKS):
            with suppress(Rejected, KeyError, TypeError, ValueError):  # it is among the dead letters
                found.note(one(line_of(stored), topic_id, True, policy))
    return found
