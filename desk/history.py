"""A customer's timeline as far back as it goes: the newest rows are in the store, older ones in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from desk.ports import Log, Row, Store, Whose
from hub.errors import Rejected
from hub.event import Event
from hub.ids import customer_id
from hub.profile import PSEUDO, Profile
from profile_store import timeline
from profile_store.search import letters
from streams.fold import UNSEEN

WHOLE: Final = 1_000
"""More rows than the store keeps of anybody."""
OLDER: Final = "log."
"""How the cursor of a page begins that is read from the log."""
DAY: Final = 24 * 3600 * 1000
"""By how much a sender's clock may be ahead of ours: an event is not received before it happens."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows are wanted."""

    types: tuple[str, ...] = ()
    """Types, `sms.received`, or what stands before their dot."""
    channel: str = ""
    """The customer's channel it went through."""
    text: str = ""
    """What must occur in it, in any form of its letters and digits."""
    after: int = 0
    """In milliseconds: what happened later."""
    until: int = 0
    """In milliseconds: what happened before; 0: until now."""

    def want(self, row: Row) -> bool:
        """Whether a row is wanted."""
        kind = row["type"]
        channel = row["data"].get("channel")
        through = channel if isinstance(channel, str) and channel else kind.partition(".")[0]
        return (
            (not self.types or kind in self.types or kind.partition(".")[0] in self.types)
            and (not self.channel or self.channel in (through, kind.partition(".")[0]))
            and (not self.after or row["time"] > self.after)
            and (not self.until or row["time"] < self.until)
            and (not self.text or letters(self.text) in letters(_words(row)))
        )


def _words(row: Row) -> str:
    return f"{row['text']} {orjson.dumps(row['data'], option=orjson.OPT_NON_STR_KEYS).decode()}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A page of the timeline, newest first; `next` is its end as a cursor, None at the end of all."""

    rows: list[Row]
    next: str | None
    reached: int | None = None
    """How far back the log was read for it, in milliseconds; None where it was not."""
    beside: Sequence[Row] = ()
    """All rows that the store has, wanted or not: what became of a message is told by another row."""


def whose(profile: Profile, since: int = 0) -> Whose:
    """The events of a customer, or those that came in since some moment."""
    nodes = set(profile["identities"])
    owners = nodes | {f"{PSEUDO}{customer_id(node)}" for node in nodes} | {f"{PSEUDO}{profile['id']}"}
    return Whose(
        frozenset(owners), frozenset(owners | set(profile["mentions"])), max(since, profile["first"], DAY) - DAY
    )


def as_row(event: Event) -> Row:
    """An event of the log as the store would hold it."""
    found = timeline.decode(timeline.of_event(event, event.ms, ""))
    return {
        "id": found["id"],
        "time": found["time"],
        "type": found["type"],
        "text": found["text"],
        "data": found["data"],
    }


class History:
    """The timeline of anybody, from a store and a log."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store = store
        self._log = log

    async def page(self, profile: Profile, before: str | None, limit: int, filters: Filters | None = None) -> Stretch:
        """A page of the timeline. From the log it may hold fewer rows than asked for, or none: its time is bounded.

        Raises Rejected for a cursor that is none of ours, or Transient.
        """
        filters = filters or Filters()
        if before and before.startswith(OLDER):
            return await self._older(profile, before.removeprefix(OLDER), limit, filters)
        if before and timeline.place(before) is None:
            raise Rejected("this is no cursor of ours", field="before")
        found, _ = await self._store.timeline(profile["id"], before, WHOLE)
        wanted = [row for row in found if filters.want(row)]
        chosen = wanted[:limit]
        if len(wanted) > limit:
            return Stretch(chosen, timeline.cursor({**chosen[-1]}), beside=found)
        more = await self._store.forgotten(profile["id"])
        return Stretch(chosen, None if more is None else OLDER, beside=found)

    async def _older(self, profile: Profile, position: str, limit: int, filters: Filters) -> Stretch:
        here, _ = await self._store.timeline(profile["id"], None, WHOLE)
        shown = {row["id"] for row in here}
        until = await self._store.forgotten(profile["id"])

        def want(event: Event) -> bool:
            return event.type not in UNSEEN and event.id not in shown and filters.want(as_row(event))

        found = await self._log.before(whose(profile, filters.after), until, position, limit, want=want)
        rows = sorted(map(as_row, found.events), key=lambda row: (row["time"], row["id"]), reverse=True)
        return Stretch(rows, f"{OLDER}{found.position}" if found.position else None, found.reached, here)

    async def whole(self, profile: Profile) -> AsyncIterator[Row]:
        """Every row there is, each once, the newest first but for what came in late. Raises Transient."""
        seen: set[str] = set()
        cursor: str | None = None
        while True:
            stretch = await self.page(profile, cursor, WHOLE)
            for row in stretch.rows:
                if row["id"] not in seen:
                    seen.add(row["id"])
                    yield row
            cursor = stretch.next
            if cursor is None:
                return

    async def events(self, profile: Profile) -> AsyncIterator[Event]:
        """Every event of a customer that the log has, whole and once, the newest first. Raises Transient."""
        seen: set[str] = set()
        position = ""
        while True:
            found = await self._log.before(whose(profile), None, position, WHOLE, want=lambda _: True)
            for event in found.events:
                if event.ref not in seen:
                    seen.add(event.ref)
                    yield event
            position = found.position
            if not position:
                return

    async def causes(self, profiles: Iterable[Profile], moments: Mapping[str, int]) -> dict[str, dict[str, Any]]:
        """Events of these customers by their short names: id, type, time, source, agent, an excerpt.

        Raises Transient.
        """
        keys = frozenset[str]().union(*(whose(profile).keys for profile in profiles))
        found = await self._log.find(keys, moments)
        return {ref: _cause(event) for ref, event in found.items()}


def _cause(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "time": event.ms,
        "source": event.source,
        "agent": event.data.get("agent"),
        "text": str(event.data.get("text") or "")[:200],
    }
