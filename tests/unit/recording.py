"""A live hub without servers, that keeps its log: stories for backtests, with rules that speak and waits that end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml

from hub.event import Event, make
from hub.ids import customer_id
from hub.kinds import Policy
from hub.profile import Document
from hub.replay import Stored
from hub.settings import Settings
from hub.trigger import Trigger
from rules.history import FOLDER, Change, History, publication, switched
from streams.backtest import opened
from streams.declared import Declarations
from streams.decode import Incoming, one
from streams.editions import marker
from streams.pipeline import Pipeline
from streams.recorded import Recorded, line_of, recorded
from streams.relay import EVENT, firing
from streams.timers import due_event
from streams.topic import Described
from tests.unit.memory import TOPIC_ID, Memory
from tests.unit.test_arrange import START, Town, event, never, sure

POLICY = Policy()
PARTITIONS = 3
DESCRIBED = Described(TOPIC_ID, tuple(range(PARTITIONS)))
SMS: dict[str, Any] = {"channel": "sms", "purpose": "service", "text": "Hello {{ customer.first_name }}"}
MAIL: dict[str, Any] = {"channel": ["email", "sms"], "purpose": "marketing", "subject": "Hi", "text": "Hi"}
CART: dict[str, Any] = {
    "on": "web.track/Product Added",
    "wait": "30m",
    "unless": {"seen": "web.track/Order Completed"},
    "send": {**MAIL, "text": "{{ event.properties.name }}"},
}
RULES: dict[str, dict[str, Any]] = {
    "cart": CART,
    "first": {"on": "sms.received", "send": SMS, "once": "ever"},
    "daily": {"on": "web.page", "send": {**MAIL, "text": "Good day"}, "once": "per-day"},
    "thanks": {
        "on": "web.track/Order Completed",
        "if": {"field": "profile.counts.sms.received", "op": "ge", "value": 1},
        "send": {**SMS, "text": "Thank you"},
        "cap": {"count": 1, "per": "1h"},
    },
    "in": {"on": "segment.entered/buyers", "send": {**SMS, "text": "Welcome back"}},
    "out": {"on": "segment.left/buyers", "send": {**SMS, "text": "We miss you"}, "once": "per-day"},
    "told": {"on": "web.page", "if": {"field": "profile.counts.email.sent", "op": "ge", "value": 2}, "send": SMS},
}
SEGMENT = {"id": "buyers", "name": "Buyers", "if": {"seen": "web.track/Order Completed", "within": "1h"}}


def settings(folder: Path, rules: Mapping[str, Mapping[str, Any]]) -> Settings:
    """An installation with these rules, and one segment."""
    for kind, files in {"rules": rules, "segments": {"buyers": SEGMENT}, "traits": {}}.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for id, parts in files.items():
            text = yaml.safe_dump({"id": id, "name": id, **parts})
            (folder / kind / f"{id}.yaml").write_text(text)
    return Settings(state=folder)


def ms(minute: float) -> int:
    return int((START + timedelta(minutes=minute)).timestamp() * 1000)


@dataclass
class Shop:
    """A live hub without servers: a log, a worker that applies it at once, a relay, and a clock that is told."""

    declarations: Declarations
    log: list[list[Stored]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    store: Memory = field(default_factory=Memory)
    triggers: list[Trigger] = field(default_factory=list)
    published: list[bytes] = field(default_factory=list)
    """The topic of rules."""
    lag: int = 300
    """Milliseconds from when something is due to when it is said."""
    last: int = 0

    def __post_init__(self) -> None:
        rules = self.declarations.editions.newest.rules
        self.declarations.editions.history = History()
        self._publish(publication([Change(one.id, one) for one in rules], FOLDER, 0))
        self.worker = Pipeline(self.store, self.declarations, never, POLICY)  # type: ignore[arg-type]

    def _publish(self, messages: Iterable[bytes]) -> None:
        history = self.declarations.editions.history
        for message in messages:
            history.apply(len(self.published), message)
            self.published.append(message)

    def changes(self, *changes: Change, told: bool = True) -> None:
        """Other rules begin in each partition where their marker stands; `told`: the topic says where that is."""
        history = self.declarations.editions.history
        self._publish(publication(changes, "mina", self.last))
        places: dict[int, int] = {}
        for number, part in enumerate(self.log):
            self.last += 1
            said = marker(history.newest, number, Settings(partitions=PARTITIONS))
            places[number] = len(part)
            part.append(Stored(number, len(part), self.last, said.subject, said.to_json()))
            history.switch(number, places[number], history.newest)
        if told:
            self._publish([switched(history.newest, places)])

    async def write(self, said: Event, at: int) -> None:
        """An event comes in, and all that follows from it."""
        waiting = [said]
        while waiting:
            self.last = at = max(at, self.last + 1)
            await self._append(waiting.pop(0), at)
            found = {id: body for outbox in self.store.outbox.values() for id, body in outbox.items()}
            self.store.outbox.clear()
            for id, body in found.items():
                waiting += [Event.from_json(body)] if id.startswith(EVENT) else self._sent(Trigger.from_json(body), at)

    async def _append(self, said: Event, at: int) -> None:
        number = int(customer_id(said.subject)[1:5], 16) % PARTITIONS
        line = Stored(number, len(self.log[number]), at, said.subject, said.to_json())
        self.log[number].append(line)
        await self.worker.run([one(line_of(line), TOPIC_ID, False, POLICY)], [])

    def _sent(self, trigger: Trigger, at: int) -> list[Event]:
        self.triggers.append(trigger)
        return [firing(trigger, "default"), sent(trigger, at)]

    async def says(self, number: int, minute: float, *names: Any, kind: str, **data: Any) -> None:
        await self.until(minute)
        when = START + timedelta(minutes=minute)
        said = event(number, *names, kind=kind, **data)
        await self.write(said.model_copy(update={"time": when, "receivedat": when}), ms(minute))

    async def until(self, minute: float) -> None:
        """Time goes on, and whatever is due comes back through the log, a little later than it was due."""
        while due := min(self._due(), default=None):
            at, customer, slot, timer = due
            if at + self.lag > ms(minute):
                return
            now = datetime.fromtimestamp((at + self.lag) / 1000, UTC)
            await self.write(due_event(customer, slot, timer, "default", now), at + self.lag)

    def _due(self) -> Iterator[tuple[int, str, str, str]]:
        for one_ in self.documents():
            for slot, (timer, due, *_) in one_["timers"].items():
                yield due, one_["id"], slot, timer

    def documents(self) -> list[Document]:
        town = Town()
        town.store = self.store
        return list(town.documents().values())

    def lines(self) -> list[Stored]:
        """The log as one, by time."""
        return sorted((line for part in self.log for line in part), key=lambda line: line.timestamp)

    def incoming(self) -> list[Incoming]:
        return [one(line_of(line), TOPIC_ID, False, POLICY) for line in self.lines()]

    def known(self) -> Recorded:
        return recorded(self.lines(), TOPIC_ID, POLICY)


def sent(trigger: Trigger, at: int) -> Event:
    """What the dispatcher says of a message that went out."""
    kind, _, value = trigger.to.partition(":")
    return make(
        f"{trigger.channel}.sent",
        id=f"{trigger.id}-sent",
        source="/dispatcher",
        identities=[{"type": kind, "value": value, "verified": False}],
        received=datetime.fromtimestamp(at / 1000, UTC),
        trigger=trigger.id,
        rule=trigger.rule,
    )


NEVER: Mapping[int, Sequence[Change]] = {}
KINDS = ("web.page", "sms.received", "web.track/Product Added", "web.track/Order Completed", "email.received")


async def story(folder: Path, seed: int, count: int = 60, changed: Mapping[int, Sequence[Change]] = NEVER) -> Shop:
    """Two people do this and that, under several names that turn out to be one, while rules are live.

    `changed`: what becomes different about the rules after so many events.
    """
    random = Random(seed)
    shop = Shop(opened(settings(folder, RULES), folder / "rules"), lag=random.choice((0, 300, 20_000)))
    minute = 0.0
    for number in range(count):
        if number in changed:
            shop.changes(*changed[number], told=number % 2 == 0)
        person = random.choice("ab")
        names = [f"user_id:{person}", f"email:{person}@x.org", f"phone:+4930{ord(person)}", f"anonymous_id:{person}"]
        minute += random.choice((0.01, 1, 7, 45))
        if random.random() < 0.3:
            consent = {"channel": "any", "purpose": "marketing", "given": random.random() < 0.8}
            people = [sure(one) for one in random.sample(names, 3)]
            await shop.says(number, minute, *people, kind="web.identify", traits={"first_name": "Ada"}, consent=consent)
            continue
        kind, _, name = random.choice(KINDS).partition("/")
        data = {"name": name, "properties": {"name": f"thing {number}"}} if name else {}
        await shop.says(number, minute, sure(random.choice(names)), kind=kind, **data)
    await shop.until(minute + 100)
    return shop
