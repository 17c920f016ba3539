"""A store filled with many customers in bulk, as realistic as if a worker had applied their events.

The documents of some customers are made by the pipeline itself; the others are these under other names.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis

from bench.load import lives
from hub.event import Event, make
from hub.identity import Identity
from hub.ids import customer_id, event_id
from hub.kinds import OPEN
from profile_store import keys
from profile_store.document import ABSENT, packed, view
from profile_store.draft import Draft, History
from profile_store.ledger import Held, Ledger, Raise
from profile_store.search import entry, terms
from rules.engine import Engine
from rules.watch import RuleFolder
from streams.declared import Declared, everywhere
from streams.decode import Dead, one
from streams.pipeline import Pipeline

MODELS: Final = 40
EVENTS: Final = 20
"""Events of each customer."""
BULK: Final = 1_000
FIRST: Final = (
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Sara", "Reza", "سارا", "رضا",
    "مریم", "علی", "Lena", "Max", "Nora", "Omid", "Paul", "Rosa", "Sven", "Tara", "Uwe", "Vera", "Yara", "Zoe",
)  # fmt: skip
LAST: Final = (
    "Ahmadi", "Baker", "Cohen", "Diaz", "Evans", "Fischer", "Garcia", "Hansen", "Ivanov", "Jansen", "Karimi", "Lopez",
    "Meyer", "Nielsen", "Olsen", "Petrov", "احمدی", "کریمی", "محمدی", "Quinn", "Rossi", "Schmidt", "Tanaka", "Weber",
)  # fmt: skip
MARK: Final = 9_000_000
"""Numbers of customers from here on are the models'."""


def user(number: int) -> str:
    """The user id of the n-th customer."""
    return f"user-{number:07d}"


def name(number: int) -> str:
    """The name of the n-th customer."""
    return f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}"


def identifiers(number: int) -> tuple[str, str]:
    """What the n-th customer can be asked for by."""
    return f"user_id:{user(number)}", f"email:{user(number)}@example.com"


@dataclass(frozen=True, slots=True)
class Line:
    """A record of no log."""

    offset: int
    value: bytes
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None


class _Nowhere:
    """A store that is empty and takes everything."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    async def read(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, Held]:
        return {customer: Held(None, frozenset()) for customer in wanted}

    async def history(self, customer: str) -> History:
        return History()

    async def commit(self, drafts: Sequence[Draft], raises: Sequence[Raise]) -> list[int]:
        self.drafts += drafts
        return []


def pipeline(ledger: Ledger, folder: RuleFolder) -> Pipeline:
    """A worker's pipeline in this process."""

    async def bury(dead: Dead) -> None:
        raise RuntimeError(dead.error)

    engine = Engine(folder.rules)
    return Pipeline(ledger, lambda: Declared(everywhere(engine)), bury, OPEN)


async def apply(line: Pipeline, events: Sequence[Event], first: int = 0) -> None:
    """Apply events as one batch."""
    records = [Line(first + place, event.to_json()) for place, event in enumerate(events)]
    await line.run([one(record, "bench", False, OPEN) for record in records], [])


def _introduced(number: int, moment: Event) -> Event:
    """The event that tells who a customer is."""
    who: list[Identity] = [
        {"type": "user_id", "value": user(number), "verified": True},
        {"type": "email", "value": f"{user(number)}@example.com", "verified": True},
    ]
    traits = {"name": f"Name {user(number)}", "language": "en-GB"}
    return make(
        "web.identify", id=event_id("fill", str(number)), source="/bench", identities=who, received=moment.receivedat,
        time=moment.time, traits=traits, text=f"Made themselves known as Name {user(number)}",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Model:
    """A customer that others are made after."""

    token: str
    id: str
    root: int
    """Which of the identifiers gave the customer its id."""
    document: bytes
    rows: list[bytes]
    seen: bytes

    def like(self, number: int) -> _Filled:
        """Another customer with the same life."""
        id = customer_id(identifiers(number)[self.root])
        text = self.document.replace(f"Name {self.token}".encode(), name(number).encode())
        text = text.replace(self.token.encode(), user(number).encode()).replace(self.id.encode(), id.encode())
        return _Filled(number, orjson.loads(text), self.rows, self.seen)


@dataclass(frozen=True, slots=True)
class _Filled:
    """A customer as the ledger writes one."""

    number: int
    document: Any
    rows: list[bytes]
    seen: bytes

    def members(self, at: keys.Keys = keys.FIRST) -> list[tuple[str, str, dict[str, Any]]]:
        """As of a draft."""
        id = self.document["id"]
        found = [part for term in terms(view(self.document)) for part in (0, entry(term, id))]
        written = {"document": packed(ABSENT, self.document), "rows": self.rows, "seen": self.seen, "terms": found}
        places = [customer_id(one) for one in identifiers(self.number)]
        leading: dict[str, Any] = {"document": f">{id}"}
        return [
            (at.profile(id), ABSENT, written),
            *[(at.profile(place), ABSENT, leading) for place in places if place != id],
        ]


async def _models(folder: RuleFolder) -> list[_Model]:
    nowhere = _Nowhere()
    events = list(lives(MODELS, EVENTS - 1, first=MARK))
    known = [_introduced(MARK + number, event) for number, event in enumerate(events[:MODELS])]
    await apply(pipeline(cast(Ledger, nowhere), folder), known + events)
    found = []
    for draft in nowhere.drafts:
        written = draft.members()[0][2]
        number = int(next(node for node in draft.document["nodes"] if node.startswith("user_id:"))[-7:])
        root = [customer_id(one) for one in identifiers(number)].index(draft.id)
        text = orjson.dumps(draft.document)
        found.append(_Model(user(number), draft.id, root, text, written["rows"], written["seen"]))
    return found


async def fill(redis: Redis, folder: RuleFolder, numbers: range) -> float:
    """Put these customers into the store; how many seconds it took."""
    started, models, ledger = time.perf_counter(), await _models(folder), Ledger(redis, "fill")
    waiting: Iterator[int] = iter(numbers)
    while part := list(islice(waiting, BULK)):
        made = [models[number % len(models)].like(number) for number in part]
        refused = await ledger.commit(made, [])
        if refused:
            raise RuntimeError(f"{len(refused)} customers were there already")
    return time.perf_counter() - started
