"""Decisions about identities that stand in the log further on than it is applied.

An event that is read again decides nothing; what was decided about it is an event of its own, which may stand behind
others that are new. Those must not be decided as if nobody knew. So before the first new event, the links of all
decisions that the log holds are laid down; the decisions themselves are applied when their turn comes, and then find
their links there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hub.errors import Rejected
from hub.kinds import Policy
from hub.settings import Settings
from streams.arrange import DECISIONS, SOURCE
from streams.decode import Incoming, one
from streams.reader import FETCH, reading

_MARK = SOURCE.encode()


@dataclass(frozen=True, slots=True)
class Line:
    """A record that was not read by a runner."""

    value: bytes | None
    partition: int = -1
    offset: int = -1
    timestamp: int = 0
    key: bytes | None = None


def decisions(values: Iterable[bytes], policy: Policy) -> Iterator[Incoming]:
    """Those of some events that are decisions, to be foretold."""
    for value in values:
        if _MARK in value:  # most are none, and need not be read for that
            with suppress(Rejected):
                found = one(Line(value), "", True, policy)
                if found.event.source == SOURCE and found.event.type in DECISIONS:
                    found.foretold = True
                    yield found


async def further_on(consumer: Any, since: dict[int, int], policy: Policy) -> list[Incoming]:
    """The decisions in a reader's partitions from offsets on, which are brought to where the log ends now."""
    found: list[Incoming] = []
    ends = await consumer.end_offsets(list(consumer.assignment()))
    for place in ends:
        consumer.seek(place, since[place.partition])
    while places := [place for place, end in ends.items() if since[place.partition] < end]:
        for records in (await consumer.getmany(*places, timeout_ms=500, max_records=FETCH)).values():
            found += decisions((record.value or b"" for record in records), policy)
        for place in places:
            since[place.partition] = await consumer.position(place)
    return found


async def outstanding(settings: Settings, offsets: Mapping[int, int]) -> list[Incoming]:
    """The decisions in the log from these offsets on, by partition. Raises Transient."""
    async with reading(settings, offsets) as consumer:
        return await further_on(consumer, dict(offsets), settings.policy)
