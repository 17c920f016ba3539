"""A small store and bus in memory, so that the desk can be looked at without the rest of the hub."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, cast

from desk.ports import Page, Row, Whose
from hub.arrivals import Arrivals
from hub.errors import Rejected, Transient
from hub.event import Event
from hub.profile import Document, Profile, blank, empty, part
from hub.settings import Settings
from hub.topics import RULES
from profile_store import timeline, why
from profile_store.effects import Effects
from rules.history import FOLDER, Change, publication
from rules.history import History as RuleHistory
from rules.load import load_folder
from rules.model import Rule

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class FakeStore:
    """Customers in a dictionary; `change` is what the workers would do."""

    def __init__(self) -> None:
        self.profiles: dict[str, Profile] = {}
        self.versions: dict[str, int] = {}
        self.rows: dict[str, list[Row]] = {}
        self.aliases: dict[str, str] = {}
        self.documents: dict[str, Document] = {}
        """Of customers whose parts matter; of all others the whole profile is one part."""
        self.trimmed: dict[str, int] = {}
        """Customers of whom older rows are only in the log → until when those came in."""
        self.segments: dict[str, list[str]] = {}
        self.declarations: bytes | None = None
        self.came: dict[str, dict[str, Arrivals]] = {}
        """How fields came, by kind of event and name."""
        self.did: dict[str, Effects] = {}
        """What rules did."""
        self.away = False
        """Whether what is known of rules cannot be had."""
        self._watchers: dict[str, set[asyncio.Queue[int]]] = {}
        self._desk: set[asyncio.Queue[dict[str, Any]]] = set()

    def add(self, profile: Profile, rows: Sequence[Row] = ()) -> None:
        self.profiles[profile["id"]] = profile
        self.versions[profile["id"]] = len(rows) + 1
        self.rows[profile["id"]] = sorted(rows, key=lambda row: row["time"], reverse=True)

    def change(self, customer: str, *rows: Row) -> None:
        """The profile was changed in place and these rows came."""
        self.versions[customer] += 1
        self.rows[customer] = sorted([*rows, *self.rows[customer]], key=lambda row: row["time"], reverse=True)
        for queue in self._watchers.get(customer, ()):
            queue.put_nowait(self.versions[customer])

    def notify(self, notice: dict[str, Any]) -> None:
        for queue in self._desk:
            queue.put_nowait(notice)

    async def get(self, customer: str) -> tuple[int, Profile] | None:
        customer = self.aliases.get(customer, customer)
        profile = self.profiles.get(customer)
        return None if profile is None else (self.versions[customer], profile)

    async def find(self, identity: str) -> tuple[int, Profile] | None:
        for profile in self.profiles.values():
            if identity in profile["identities"]:
                return await self.get(profile["id"])
        return None

    async def document(self, customer: str) -> tuple[int, Document] | None:
        found = await self.get(customer)
        if found is None:
            return None
        version, profile = found
        if profile["id"] in self.documents:
            return version, self.documents[profile["id"]]
        document = blank(profile["id"], *profile["identities"])
        one = {name: profile[name] for name in part() if name in profile}  # type: ignore[literal-required]
        document["parts"] = {name: cast(Any, {**part(), **one}) for name in document["nodes"][:1]}
        document["links"] = profile["links"]
        return version, document

    async def claimants(self, identities: Iterable[str]) -> list[Profile]:
        names = set(identities)
        return [one for one in self.profiles.values() if names & set(why.standing(one))]

    async def declared(self) -> bytes | None:
        return self.declarations

    async def segment_size(self, segment: str) -> int:
        return len(self.segments.get(segment, ()))

    async def segment_members(self, segment: str, after: str, limit: int) -> tuple[list[str], str]:
        if after and not after.isdecimal():
            raise Rejected("this is no cursor of ours", field="after")
        start = int(after or 0)
        found = self.segments.get(segment, [])
        return found[start : start + limit], str(start + limit) if start + limit < len(found) else ""

    async def arrivals(self, kinds: Collection[str]) -> dict[str, dict[str, Arrivals]]:
        self._reach()
        return {kind: self.came[kind] for kind in kinds if kind in self.came}

    async def effects(self, rules: Collection[str], today: int) -> dict[str, Effects]:
        self._reach()
        return {rule: self.did.get(rule, Effects()) for rule in rules}

    def _reach(self) -> None:
        if self.away:
            raise Transient("Redis does not answer")

    async def forgotten(self, customer: str) -> int | None:
        return self.trimmed.get(customer)

    async def timeline(self, customer: str, before: str | None = None, limit: int = 50) -> tuple[list[Row], str | None]:
        rows, cursor = timeline.page(cast(Any, self.rows.get(customer, [])), before, limit)
        return rows, cursor

    async def search(self, prefix: str, limit: int = 20) -> list[Profile]:
        wanted = prefix.lower().lstrip("+")
        return [one for one in self.profiles.values() if any(term.startswith(wanted) for term in _terms(one))][:limit]

    async def watch(self, customer: str) -> AsyncIterator[int]:
        queue: asyncio.Queue[int] = asyncio.Queue()
        watchers = self._watchers.setdefault(customer, set())
        watchers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            watchers.discard(queue)

    async def watch_desk(self) -> AsyncIterator[dict[str, Any]]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._desk.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._desk.discard(queue)


def _terms(profile: Profile) -> list[str]:
    name = str(profile["traits"].get("name", [""])[0]).lower()
    return [name, *name.split(), *(key.partition(":")[2].lstrip("+") for key in profile["identities"])]


class FakeBus:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.broken: Exception | None = None

    async def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        if self.broken is not None:
            raise self.broken
        self.sent += [(topic, key, value) for key, value in messages]


class FakeRules:
    """What the folder said at first, and what was published over the bus since."""

    def __init__(self, settings: Settings, bus: FakeBus) -> None:
        self._bus = bus
        folder = load_folder(settings.rules_dir).rules
        self._first = publication([Change(one.id, one) for one in folder], FOLDER, 1_767_268_800_000)

    async def history(self) -> RuleHistory:
        history = RuleHistory()
        published = [body for topic, _, body in self._bus.sent if topic.endswith(RULES)]
        for offset, message in enumerate([*self._first, *published]):
            history.apply(offset, message)
        return history

    async def close(self) -> None:
        """There is nothing to let go of."""


class FakeJudge:
    """What a rule did and would have done, as a test says."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.refusal: Rejected | None = None

    async def why(self, rule: str, customer: str, at: int | None) -> dict[str, Any]:
        self.asked.append((rule, customer, at))
        if self.refusal is not None:
            raise self.refusal
        part = {"asked": "profile.traits.tier eq gold", "answer": "no", "found": "silver", "parts": []}
        missing = {"asked": "event.properties.total ge 50", "answer": "unknown", "found": "", "parts": []}
        return {
            "summary": "It kept silent: the tier is silver",
            "steps": [{"asked": "all", "answer": "no", "found": "", "parts": [part, missing]}],
            "gates": ["consent: given"],
            "event": {"id": "e1", "type": "web.track", "time": "2026-01-05T10:00:00Z"},
        }

    async def backtest(self, rule: str | Rule, since: int, until: int, *, as_it_was: bool = False) -> dict[str, Any]:
        self.asked.append((rule if isinstance(rule, str) else rule.id, since, until, as_it_was))
        if self.refusal is not None:
            raise self.refusal
        days = [{"day": f"2026-01-{day:02d}", "sent": day * 7 % 11, "held": day % 3} for day in range(1, 15)]
        sent, held = (sum(int(str(one[key])) for one in days) for key in ("sent", "held"))
        return {"days": days, "sent": sent, "customers": sent - 3, "held": {"cap": held}}


class FakeTriggers:
    """Gives what a test puts in."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.asked: list[tuple[str | None, str | None]] = []

    async def follow(self, since: str | None, position: str | None) -> AsyncIterator[tuple[str, bytes]]:
        self.asked.append((since, position))
        while True:
            yield await self.queue.get()


class FakeLog:
    """A log in memory, oldest first; a page reads at most so many events of it, as Kafka's reads so long."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.stretch = 100

    async def before(
        self, wanted: Whose, until: int | None, position: str, limit: int, *, want: Callable[[Event], bool]
    ) -> Page:
        if position and not position.isdigit():
            raise Rejected("this is no position of ours", field="before")
        end = int(position) if position else len([one for one in self.events if until is None or one.ms <= until])
        start = max(0, end - self.stretch)
        found: list[Event] = []
        while end > start and len(found) < limit:
            end -= 1
            if self.events[end].subject in wanted.owners and want(self.events[end]):
                found.append(self.events[end])
        reached = self.events[end].ms if end else wanted.since
        return Page(found, str(end) if end else "", reached)

    async def find(self, keys: Collection[str], refs: Mapping[str, int]) -> dict[str, Event]:
        return {one.ref: one for one in self.events if one.ref in refs and one.subject in keys}


class FakeDeadLetters:
    """One letter that nobody could read."""

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        letter = {"id": "0-7", "reason": "unreadable", "error": "not JSON", "body": "{"}
        return [letter][:limit]


def row(id: str, age: int, kind: str, text: str = "", **data: Any) -> Row:
    return {"id": id, "time": now_ms() - age, "type": kind, "text": text, "data": data}


def person(id: str, name: str, *identities: str, **traits: Any) -> Profile:
    """A profile with verified identities."""
    profile = empty(id)
    profile["first"], profile["last"] = now_ms() - 1600 * DAY, now_ms() - HOUR
    profile["events"] = 40
    profile["identities"] = {
        one: {"verified": True, "first": profile["first"], "last": profile["last"]} for one in identities
    }
    said = {"name": name, **traits}
    profile["traits"] = {key: [value, profile["last"], "r", "web.identify"] for key, value in said.items() if value}
    return profile
