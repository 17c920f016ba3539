"""One seeded schedule of the protocol: a story, what goes wrong meanwhile, and what must hold in the end."""

from __future__ import annotations

import random as chance
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import orjson

from hub.event import Event, make
from hub.identity import Identity
from hub.ids import customer_id
from hub.profile import Document
from profile_store import keys, timeline
from profile_store.document import alias, unpacked
from streams.decode import decode
from streams.pipeline import Pipeline
from tests.faults import decisions
from tests.unit import protocol
from tests.unit.memory import TOPIC_ID, Line, Memory, quiet
from tests.unit.protocol import CLOCK, POLICY, Fate, Net, Store, Worker, finished

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
QUIET: Final = ("timer.due", "rule.fired", "identity.merged", "identity.unmerged")
PATIENCE: Final = 20_000
NAMES: Final = (
    *(f"user_id:u{number}" for number in range(3)),
    *(f"email:e{number}@x.org" for number in range(3)),
    *(f"phone:+49301{number}" for number in range(3)),
    *(f"anonymous_id:a{number}" for number in range(4)),
)


def who(name: str, *, verified: bool = False) -> Identity:
    """An identity as an event lists it."""
    kind, _, value = name.partition(":")
    return {"type": kind, "value": value, "verified": verified}


class Schedule:
    """A town of few people, few partitions and few workers."""

    def __init__(self, seed: int) -> None:
        chance.seed(seed)  # versions of documents are drawn by lot
        self.random = Random(seed)
        CLOCK.steps = 0
        self.fate = Fate(self.random)
        self.store = Store(self.fate)
        self.net = Net(self.fate, {number: [] for number in range(self.random.randint(2, 4))})
        self.workers: list[Worker] = [Worker(self.store, self.net) for _ in range(self.random.randint(2, 3))]
        self.saved: list[Memory] = []
        self.lost = False
        """Whether the store lost anything."""
        self.told: list[Event] = []
        self.names = self.random.sample(NAMES, 8)
        self.calm = self.random.random() < 0.3
        """Nothing is lost from the store: then limits hold as well."""

    def run(self) -> list[str]:
        """Play it; what is wrong in the end, in words."""
        self._rebalance()
        for number in range(self.random.randint(10, 25)):
            self._tell(number)
            for _ in range(self.random.choice((0, 1, 5, 20))):
                self._step()
            if self.random.random() < 0.25:
                self._trouble()
        return self._settle() or self.faults()

    # What happens.

    def _tell(self, number: int) -> None:
        draw = self.random.random()
        if self.told and draw < 0.1:
            self._again(number)
        elif draw < 0.2:
            one, other = self.random.sample(self.names, 2)
            self._merge(number, one, other)
            if self.random.random() < 0.3:
                self._merge(number, other, one)
        elif draw < 0.3:
            out = self.random.sample(self.names, self.random.randint(1, 3))
            self._publish(_asked(number, "agent.unmerge", out[0], unmerge={"identities": out}))
        else:
            self._publish(self._event(number))

    def _merge(self, number: int, one: str, other: str) -> None:
        force = self.random.random() < 0.3
        self._publish(_asked(number, "agent.merge", one, other, merge={"force": force}))

    def _event(self, number: int) -> Event:
        people = self.random.sample(self.names, self.random.choice((1, 1, 2, 2, 3)))
        received = START + timedelta(seconds=number + self.random.randrange(-2, 3))
        return make(
            self.random.choice(("web.page", "web.identify", "email.received")),
            id=f"e{number}",
            source="/test",
            identities=[who(one, verified=self.random.random() < 0.6) for one in people],
            received=received,
            time=received - timedelta(seconds=self.random.choice((0, 0, 3, 50))),
            traits={self.random.choice("ab"): number},
        )

    def _again(self, number: int) -> None:
        """An event comes again, over another edge: keyed otherwise, and received later."""
        event = self.random.choice(self.told)
        update: dict[str, Any] = {"receivedat": START + timedelta(seconds=number)}
        if event.source == "/test":
            one = self.random.choice(event.identities)
            update["subject"] = f"{one['type']}:{one['value']}"
        self._append(self.random.choice(list(self.net.lines)), event.model_copy(update=update))

    def _publish(self, event: Event) -> None:
        self.told.append(event)
        self._append(int(customer_id(event.subject)[1:5], 16) % len(self.net.lines), event)

    def _append(self, partition: int, event: Event) -> None:
        self.net.lines[partition].append(event.to_json())

    # Who works, and what goes wrong.

    def _step(self) -> None:
        awake = [one for one in self.workers if not one.frozen]
        if awake:
            CLOCK.steps += 1
            self.random.choice(awake).step()

    def _trouble(self) -> None:
        weights = (3, 4, 3, 3, 0 if self.calm else 2, 3, 0 if self.calm else 0.4)
        troubles: tuple[Callable[[], None], ...] = (
            *(self._rebalance, self._kill, self._freeze, self._thaw, self._lose, self._save, self._flush),
        )
        self.random.choices(troubles, weights)[0]()

    def _rebalance(self, *, all_: bool = False) -> None:
        """Partitions move; whoever is frozen, and sometimes another, does not learn of it yet."""
        members = [one for one in self.workers if not one.frozen]
        if not members:
            return
        self.net.generation += 1
        shares: list[set[int]] = [set() for _ in members]
        for partition in self.net.lines:
            self.random.choice(shares).add(partition)
        for worker, share in zip(members, shares, strict=True):
            if all_ or self.random.random() < 0.8:
                worker.view.join(share)

    def _kill(self) -> None:
        number = self.random.randrange(len(self.workers))
        self.workers[number].kill()
        self.workers[number] = Worker(self.store, self.net)
        self._rebalance()

    def _freeze(self) -> None:
        self.random.choice(self.workers).frozen = True
        self._rebalance()

    def _thaw(self) -> None:
        self.random.choice(self.workers).frozen = False

    def _save(self) -> None:
        self.saved.append(self.store.snapshot())

    def _lose(self) -> None:
        if self.saved:
            self._restart(self.saved[-1])

    def _flush(self) -> None:
        self.saved.clear()
        self._restart(Memory())

    def _restart(self, with_: Memory) -> None:
        """The store comes back with what it had then; connections to it break."""
        self.store.restore(with_)
        self.store.restarts += 1
        self.lost = True

    def _settle(self) -> list[str]:
        """Nothing more goes wrong, and all there is comes to its end."""
        self.fate.trouble = 0.0
        for worker in self.workers:
            worker.frozen = False
        self._rebalance(all_=True)
        for _ in range(PATIENCE):
            self._step()
            if not CLOCK.steps % 10 and self._done():
                break
        else:
            return [f"stuck: {self.store.marks} of { {one: len(lines) for one, lines in self.net.lines.items()} }"]
        for worker in self.workers:
            worker.kill()
        return []

    def _done(self) -> bool:
        ends = {one: len(lines) for one, lines in self.net.lines.items() if lines}
        marks = {one: int(mark.partition(":")[2]) + 1 for one, mark in self.store.marks.items() if mark}
        return ends == marks and not any(self.store.outbox.values())

    # What must hold.

    def faults(self) -> list[str]:
        """What is wrong, in words."""
        events = [Event.from_json(line) for lines in self.net.lines.values() for line in lines]
        documents, faults = documents_of(self.store)
        faults += [f"buried: {one}" for one in self.net.buried]
        wanted = decisions.customers(events, POLICY)
        faults += self._customers(documents, wanted)
        pages = {protocol.answer(one.id) for one in self.told if one.type == "web.page"}
        sent = set(self.net.triggers)
        if sent != pages:
            faults.append(f"triggers: {len(pages - sent)} missing, {len(sent - pages)} more")
        if not faults:
            faults += self._rebuilt(documents)
        return faults

    def _customers(self, documents: dict[str, Document], wanted: list[decisions.Customer]) -> list[str]:
        faults, claimed = [], set()
        for one in wanted:
            found = {resolve(self.store, decisions.place(name)) for name in one.nodes}
            id = found.pop()
            if found or id is None or id not in documents:
                faults.append(f"torn: {sorted(one.nodes)} lead to {[*found, id]}")
                continue
            claimed.add(id)
            faults += [f"differs: {fault}" for fault in decisions.differences(documents[id], one)]
            faults += self._history(id, one)
            if not self.lost:  # what was decided twice, once without what was lost, stands both times
                faults += self._forbidden(one)
        return faults + [f"orphan: {documents[one]['nodes']}" for one in documents.keys() - claimed]

    def _forbidden(self, wanted: decisions.Customer) -> list[str]:
        """Who is one although a limit, or somebody who took them apart, stood against it."""
        asked = [one.data["merge"]["force"] for one in self.told if one.type == "agent.merge"]
        kinds = Counter(name.partition(":")[0] for name in wanted.nodes)
        over = [kind for kind, count in kinds.items() if (most := POLICY.of(f"{kind}:").limit) and count > most]
        faults = [f"limit: {kind} of {sorted(wanted.nodes)}" for kind in over if not any(asked)]
        return faults + [f"apart: {sorted(one)} are one" for one in wanted.apart if not asked]

    def _history(self, id: str, wanted: decisions.Customer) -> list[str]:
        decoded = map(timeline.decode, self.store.rows.get(id, ()))
        rows = Counter(row["id"] for row in decoded if row["type"] not in QUIET)
        events = Counter(one.id for told in wanted.told.values() for one in told if one.type not in QUIET)
        return [f"rows: {rows - events} too much, {events - rows} missing"] if rows != events else []

    def _rebuilt(self, documents: dict[str, Document]) -> list[str]:
        """The log alone, read in another order of partitions, gives the same bytes."""
        store = Memory()
        pipeline = Pipeline(store, quiet, _never, POLICY)  # type: ignore[arg-type]
        at = dict.fromkeys(self.net.lines, 0)
        while waiting := [one for one, start in at.items() if start < len(self.net.lines[one])]:
            one, size = self.random.choice(waiting), self.random.choice((3, 10, 50))
            lines = self.net.lines[one][at[one] : at[one] + size]
            batch, _ = decode([Line(one, at[one] + n, line) for n, line in enumerate(lines)], TOPIC_ID, 1 << 40, POLICY)
            finished(pipeline.run(batch, []))
            at[one] += size
        again, faults = documents_of(store)
        for id in documents.keys() | again.keys():
            before, after = (canonical(found[id]) if id in found else b"nothing" for found in (documents, again))
            if before != after:
                faults.append(f"rebuilt: {_unlike(documents.get(id), again.get(id))}")
        return faults


def _asked(number: int, kind: str, *names: str, **data: Any) -> Event:
    """What an agent asks for, of the customers of these identities."""
    people = [who(f"customer:{customer_id(name)}") for name in names]
    id = f"{kind}-{number}-{names[0]}"
    at = START + timedelta(seconds=number)
    return make(kind, id=id, source="/desk/agents/mina", identities=people, received=at, agent="mina", **data)


async def _never(dead: object) -> None:
    raise AssertionError(dead)


def resolve(store: Memory, place: str) -> str | None:
    """The customer that a place leads to; None where it leads nowhere, or in a circle."""
    held = store.values
    for _ in range(100):
        value = held.get(keys.profile(place))
        if value is None or (target := alias(value)) is None:
            return None if value is None else place
        place = target
    return None


def documents_of(store: Memory) -> tuple[dict[str, Document], list[str]]:
    """All customers of a store by id, and what is wrong with how they are found."""
    found: dict[str, Document] = {}
    faults = []
    for place, raw in store.held().items():
        if alias(raw) is None:
            found[place] = unpacked(raw)
            if found[place]["id"] != place:
                faults.append(f"place: {found[place]['id']} lies at {place}")
        elif resolve(store, place) is None:
            faults.append(f"alias: {place} leads nowhere")
    return found, faults


def _unlike(one: Any, other: Any, path: str = "") -> str:
    """Where two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
        return "; ".join(
            _unlike(one.get(name), other.get(name), f"{path}/{name}") for name in names if name != "fences"
        )
    return f"{path}: {one} became {other}"


def canonical(document: Document) -> bytes:
    """A document as it is compared: all but where in the log its events came."""
    parts = {name: {**part, "fences": {}} for name, part in document["parts"].items()}
    return orjson.dumps({**document, "parts": parts}, option=orjson.OPT_SORT_KEYS)
