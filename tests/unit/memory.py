"""Stand-ins without servers: a store that keeps the promises of functions.lua, a log, and what stands between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.errors import Transient
from hub.event import Event
from hub.kinds import OPEN, Policy
from profile_store import keys
from profile_store.applied import RECORD, names
from profile_store.connect import Gap
from profile_store.document import VERSION
from profile_store.draft import Effect, History
from profile_store.ledger import Change, Held, Raise
from streams.declared import Declared, everywhere
from streams.decode import Incoming, Record, one

TOPIC_ID = "topic1"


@dataclass(frozen=True)
class Line:
    """A record of a log."""

    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = b"key"
    timestamp: int = 1_700_000_000_000


def incoming(
    event: Event, offset: int, partition: int = 0, *, replayed: bool = False, policy: Policy = OPEN
) -> Incoming:
    """An event as it comes out of the first step."""
    return one(Line(partition, offset, event.to_json()), TOPIC_ID, replayed, policy)


class Memory:
    """The store as `Ledger` shows it to a worker; several workers may share one."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.applied: dict[str, dict[bytes, int]] = {}
        self.rows: dict[str, list[bytes]] = {}
        self.outbox: dict[int, dict[str, bytes]] = {}
        self.timers: dict[str, int] = {}
        """What waits, and until when."""
        self.members: set[str] = set()
        """The index of segments."""
        self.effects: Counter[Effect] = Counter()
        """What rules did, by rule, day and what."""
        self.marks: dict[int, str] = {}
        self.progress: dict[int, int] = {}
        self.away = 0
        """How many of the next calls find nobody there."""
        self.commits = 0
        self.at = keys.FIRST
        self.lost_answers = 0
        """After how many of the next commits the connection breaks: written, and nobody is told."""

    def _reach(self) -> None:
        if self.away:
            self.away -= 1
            raise Transient("nobody there")

    async def read(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, Held]:
        await asyncio.sleep(0)
        self._reach()
        found = {}
        for customer, refs in wanted.items():
            there = self.applied.get(customer, {})
            value = self.values.get(keys.profile(customer))
            found[customer] = Held(value, frozenset(ref for ref in refs if names([ref]) in there))
        return found

    async def commit(self, drafts: Sequence[Change], raises: Sequence[Raise]) -> list[int]:
        await asyncio.sleep(0)
        self._reach()
        for mark in raises:
            if self.marks.get(mark.partition, "") != mark.expected:
                raise Gap(f"GAP {mark.partition}")
        groups = [draft.members() for draft in drafts]
        refused = [
            number
            for number, group in enumerate(groups)
            if any(self.values.get(key, b"")[:VERSION].decode() != expected for key, expected, _ in group)
        ]
        for number, group in enumerate(groups):
            if number not in refused:
                for key, _, written in group:
                    self._write(key, written)
        if not refused:
            self.marks |= {mark.partition: mark.new for mark in raises}
        self.commits += 1
        if self.lost_answers:
            self.lost_answers -= 1
            raise Transient("the answer is lost")
        return refused

    def _write(self, key: str, written: dict[str, Any]) -> None:
        document, customer = written["document"], key.partition(":c:")[2]
        self.values[key] = document if isinstance(document, bytes) else document.encode()
        if "absorbed" in written:
            target = written["absorbed"].partition(":c:")[2]
            self.applied.setdefault(target, {}).update(self.applied.pop(customer, {}))
            there = self.rows.get(target, [])
            self.rows[target] = [row for row in self.rows.pop(customer, []) if row not in there] + there
        if written.get("replace") or written.get("moved"):
            self.rows[customer] = []
        if written.get("moved"):
            self.applied[customer] = {}
        mine = self.applied.setdefault(customer, {})
        self.applied[customer] = dict(RECORD.iter_unpack(written.get("seen", b""))) | mine
        self.rows.setdefault(customer, []).extend(written.get("rows", []))
        due = written.get("timers", [])
        self.timers.update(zip(due[1::2], due[::2], strict=True))
        for member in written.get("cancelled", []):
            self.timers.pop(member, None)
        self.members |= set(written.get("entered", [])[1::2])
        self.members -= set(written.get("left", []))
        self.effects.update({(rule, day, what): number for rule, day, what, number in written.get("effects", [])})
        parts = written.get("outbox", [])
        self.outbox.setdefault(keys.bucket(customer), {}).update(zip(parts[::2], parts[1::2], strict=True))

    async def history(self, customer: str) -> History:
        self._reach()
        seen = self.applied.get(customer, {})
        return History(list(self.rows.get(customer, [])), b"".join(RECORD.pack(*one) for one in seen.items()))

    async def tidy(self) -> int:
        return 0

    async def follow(self) -> bool:
        self._reach()
        return False

    async def moved(self) -> bool:
        self._reach()
        return False

    async def watermarks(self) -> dict[int, str]:
        self._reach()
        return dict(self.marks)

    async def locate(self) -> dict[int, str]:
        return await self.watermarks()

    async def read_up_to(self, moments: Mapping[int, int]) -> None:
        self._reach()
        self.progress |= moments

    async def relayed(self, triggers: Iterable[tuple[int, str]]) -> None:
        self._reach()
        for bucket, id in triggers:
            self.outbox.get(bucket, {}).pop(id, None)

    async def waiting_triggers(self) -> dict[int, dict[str, bytes]]:
        self._reach()
        return {bucket: dict(waiting) for bucket, waiting in self.outbox.items() if waiting}

    def held(self) -> dict[str, bytes]:
        """Customer → stored value."""
        return {key.partition(":c:")[2]: value for key, value in self.values.items()}

    def snapshot(self) -> Memory:
        """The store as it is now, for later."""
        copy = Memory()
        copy.values, copy.marks, copy.members = dict(self.values), dict(self.marks), set(self.members)
        copy.effects, copy.timers = self.effects.copy(), dict(self.timers)
        copy.outbox = {bucket: dict(waiting) for bucket, waiting in self.outbox.items()}
        copy.applied = {customer: dict(refs) for customer, refs in self.applied.items()}
        copy.rows = {customer: list(rows) for customer, rows in self.rows.items()}
        return copy

    def restore(self, before: Memory) -> None:
        """Lose everything that was written since."""
        copy = before.snapshot()
        self.values, self.applied, self.rows = copy.values, copy.applied, copy.rows
        self.outbox, self.marks, self.members = copy.outbox, copy.marks, copy.members
        self.effects, self.timers = copy.effects, copy.timers


@dataclass
class Book:
    """A log as a runner shows it; `fetch` reads on from where it was sent."""

    lines: dict[int, list[bytes]]
    mine: set[int] = field(default_factory=set)
    at: dict[int, int] = field(default_factory=dict)
    done: dict[int, int] = field(default_factory=dict)
    seeks: list[tuple[int, int]] = field(default_factory=list)
    paused: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.mine = self.mine or set(self.lines)

    def assigned(self) -> frozenset[int]:
        return frozenset(self.mine)

    def partitions(self) -> frozenset[int]:
        return frozenset(self.lines)

    def end(self, partition: int) -> int | None:
        return len(self.lines[partition])

    def asked(self, partition: int) -> int:
        return 0

    async def beginnings(self, partitions: Iterable[int]) -> Mapping[int, int]:
        return dict.fromkeys(partitions, 0)

    async def committed(self, partition: int) -> int | None:
        return self.done.get(partition)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        self.done |= offsets

    def seek(self, partition: int, offset: int) -> None:
        if partition not in self.mine:
            raise Transient("not assigned")
        self.seeks.append((partition, offset))
        self.at[partition] = offset

    def pause(self, partition: int) -> None:
        if partition not in self.mine:
            raise Transient("not assigned")
        self.paused.add(partition)

    def resume(self, partition: int) -> None:
        if partition not in self.mine:
            raise Transient("not assigned")
        self.paused.discard(partition)

    def fetch(self, count: int = 500) -> dict[int, Sequence[Record]]:
        """The next records of every partition, as the broker would send them."""
        found: dict[int, Sequence[Record]] = {}
        for partition in sorted(self.mine - self.paused):
            start = self.at.get(partition, 0)
            part = self.lines[partition][start : start + count]
            if part:
                found[partition] = [Line(partition, start + number, value) for number, value in enumerate(part)]
                self.at[partition] = start + len(part)
        return found


class Silent:
    """Rules that never speak."""

    def before(self, event: Any, ms: int, profile: Any) -> None:
        """They ask for nothing."""

    def decide(self, event: Any, ms: int, profile: Any, before: object = None) -> Sequence[Any]:
        return ()

    def again(self, event: Any, ms: int, profile: Any) -> Sequence[Any]:
        return ()


def quiet() -> Declared:
    """Nothing declared."""
    return Declared(everywhere(Silent()))


class Wire:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.away = 0

    async def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        if self.away:
            self.away -= 1
            raise Transient("no broker")
        self.sent += [(topic, key, value) for key, value in messages]
