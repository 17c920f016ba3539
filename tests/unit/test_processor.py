"""One worker and its partitions: holes are read again, what is applied is not, and a loss is noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.deadletter import DeadLetter
from hub.event import Event, make
from hub.ids import trigger_id
from hub.kinds import OPEN
from hub.profile import Profile
from hub.settings import Settings
from hub.topics import DEAD_LETTERS, INTERACTIONS, TRIGGERS
from hub.trigger import Trigger
from profile_store.document import profile_of
from profile_store.ledger import Raise
from rules.decision import Decision
from rules.engine import Engine
from rules.model import Rule
from streams import aftermath, gate
from streams import processor as module
from streams.declared import Declared, everywhere
from streams.decode import Record, decode
from streams.patience import patiently
from streams.pipeline import Pipeline
from streams.processor import Processor
from streams.relay import Relay
from tests.unit.memory import TOPIC_ID, Book, Memory, Silent, Wire
from tests.unit.test_identify import wrong

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def spoken(event: Event, customer: str) -> Decision:
    """A decision to send a message."""
    trigger = Trigger(
        id=trigger_id("thanks", customer, event.id),
        rule="thanks",
        version="1",
        customer=customer,
        time=event.time,
        channel="email",
        to=event.subject,
        text="Thank you",
        cause=event.id,
    )
    return Decision("thanks", "1", "fired", "sent: over email", trigger=trigger)


class Chatty:
    """Rules that answer every page."""

    def before(self, event: Event, ms: int, profile: Profile) -> None:
        """They ask for nothing."""

    def decide(self, event: Event, ms: int, profile: Profile, before: object = None) -> Sequence[Decision]:
        return [spoken(event, profile["id"])] if event.type == "web.page" else []

    def again(self, event: Event, ms: int, profile: Profile) -> Sequence[Decision]:
        return []


class Broken:
    """Rules with a fault that shows on one event."""

    def before(self, event: Event, ms: int, profile: Profile) -> None:
        """They ask for nothing."""

    def decide(self, event: Event, ms: int, profile: Profile, before: object = None) -> Sequence[Decision]:
        if event.id == "x":
            raise ZeroDivisionError
        return []

    def again(self, event: Event, ms: int, profile: Profile) -> Sequence[Decision]:
        return []


class Bench:
    """A processor on stand-ins; several may share a store."""

    def __init__(self, store: Memory, engine: Any = None, topic_id: str = TOPIC_ID) -> None:
        self.wire = Wire()
        self.relay = Relay(self.wire, store, Settings(state=Path("/nowhere")))  # type: ignore[arg-type]
        self.pipeline = Pipeline(store, lambda: Declared(everywhere(engine or Silent())), self.relay.bury, OPEN)  # type: ignore[arg-type]
        self.processor = Processor(store, self.pipeline, self.relay, topic_id, OPEN)  # type: ignore[arg-type]

    def sent(self, name: str) -> list[bytes]:
        """What was sent to a topic."""
        return [body for topic, _, body in self.wire.sent if topic.endswith(name)]

    async def begin(self, book: Book) -> None:
        """Find out where to begin."""
        await self.take(book, {})

    async def take(self, book: Book, records: Mapping[int, Sequence[Record]]) -> None:
        """Take a fetch, and do what follows from it."""
        await self.processor.take(book, records)
        await patiently(self.processor.aftermath.step)

    async def read(self, book: Book, fetches: int = 20, count: int = 500) -> None:
        """Take what the log brings."""
        for _ in range(fetches):
            await self.take(book, book.fetch(count))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aftermath, "COMMIT_EVERY", 0.0)
    monkeypatch.setattr(module, "CHECK_EVERY", 0.0)
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(gate, "LOOK_EVERY", 0.0)


def pages(count: int, person: str = "a") -> list[Event]:
    """Events of one person."""
    who = [{"type": "email", "value": f"{person}@example.org", "verified": False}]
    return [
        make("web.page", id=f"{person}{n}", source="/t", identities=who, received=NOW + timedelta(seconds=n))  # type: ignore[arg-type]
        for n in range(count)
    ]


def book(*partitions: Sequence[Event]) -> Book:
    """A log with these events."""
    return Book({number: [event.to_json() for event in part] for number, part in enumerate(partitions)})


async def test_everything_is_applied_once_and_reported() -> None:
    store, log = Memory(), book(pages(30), pages(20, "b"))
    bench = Bench(store)
    await bench.read(log, count=7)
    assert not wrong(store, pages(30) + pages(20, "b"))
    assert store.marks == {0: f"{TOPIC_ID}:29", 1: f"{TOPIC_ID}:19"}
    assert log.done == {0: 30, 1: 20}


async def test_after_a_hole_the_reader_is_sent_back() -> None:
    store, log = Memory(), book(pages(10))
    bench = Bench(store)
    await bench.begin(log)
    await bench.take(log, log.fetch(4))
    log.fetch(3)  # lost on the way
    await bench.take(log, log.fetch(1))
    assert (log.seeks[-1], store.marks[0]) == ((0, 4), f"{TOPIC_ID}:3")
    await bench.read(log, 2)
    assert not wrong(store, pages(10))


async def test_a_hole_with_nothing_behind_it_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    store, log = Memory(), book(pages(10), pages(3, "b"))
    bench = Bench(store)
    await bench.begin(log)
    await bench.take(log, log.fetch(4))
    log.fetch()  # the rest is lost on the way
    await bench.read(log, 3)
    assert store.marks[0] == f"{TOPIC_ID}:3"
    monkeypatch.setattr(module, "STALLED", 0.0)
    await bench.read(log, 3)
    assert not wrong(store, pages(10) + pages(3, "b"))


async def test_what_is_applied_is_dropped() -> None:
    store, log = Memory(), book(pages(10))
    bench = Bench(store)
    await bench.read(log, 2)
    commits = store.commits
    log.at[0] = 5  # as after a rebalance: from an older commit
    await bench.read(log, 1)
    assert (store.commits, store.marks[0]) == (commits, f"{TOPIC_ID}:9")


async def test_a_restarted_worker_goes_on_from_the_watermark() -> None:
    store, log = Memory(), book(pages(10))
    await Bench(store).processor.take(log, {})
    await Bench(store).processor.take(log, log.fetch(6))
    log.at, log.done = {}, {}
    second = Bench(store)
    await second.processor.take(log, {})
    assert log.seeks[-1] == (0, 6)
    await second.read(log, 2)
    assert not wrong(store, pages(10))


async def test_a_topic_made_anew_is_read_from_its_beginning() -> None:
    store = Memory()
    await Bench(store).read(book(pages(5)), 2)
    fresh = book(pages(5, "b"))
    await Bench(store, topic_id="other").read(fresh, 2)
    assert store.marks == {0: "other:4"}
    assert not wrong(store, pages(5) + pages(5, "b"))


@pytest.mark.parametrize("idle", [True, False])
async def test_a_store_that_lost_its_tail_gets_it_again(idle: bool) -> None:
    store, log = Memory(), book(pages(12))
    bench = Bench(store, Chatty())
    await bench.begin(log)
    await bench.take(log, log.fetch(4))
    before = store.snapshot()
    await bench.take(log, log.fetch(4))
    store.restore(before)
    if idle:
        await bench.take(log, {})
        assert log.seeks[-1] == (0, 4)
    await bench.read(log, 5)
    assert not wrong(store, pages(12))
    # What was decided before the loss was sent then, and is not said again.
    assert len(bench.sent(TRIGGERS)) == len({Trigger.from_json(one).id for one in bench.sent(TRIGGERS)}) == 12


async def test_a_partition_that_changes_hands_in_the_middle_of_a_rebuild_says_nothing_twice() -> None:
    store, log = Memory(), book(pages(12), pages(5, "b"))
    first, second = Bench(store, Chatty()), Bench(store, Chatty())
    await first.read(log, 3)
    log.lines[0] += first.sent(INTERACTIONS)
    await first.read(log, 3)
    held = {one: profile_of(value) for one, value in store.held().items()}
    store.restore(Memory())
    first.wire.sent.clear()
    await first.begin(log)
    await first.take(log, log.fetch(4))
    assert store.marks[0] == f"{TOPIC_ID}:3", "it is in the middle of it"
    await second.read(log, 5)
    assert (first.wire.sent, second.wire.sent) == ([], [])
    assert {one: profile_of(value) for one, value in store.held().items()} == held


async def test_a_lost_store_is_rebuilt_without_a_word() -> None:
    store, log = Memory(), book(pages(12), pages(5, "b"))
    bench = Bench(store, Chatty())
    await bench.read(log, 3)
    log.lines[0] += bench.sent(INTERACTIONS)
    await bench.read(log, 3)
    held = {one: profile_of(value) for one, value in store.held().items()}
    store.restore(Memory())
    bench.wire.sent.clear()
    await bench.read(log, 5)
    assert bench.wire.sent == []
    assert {one: profile_of(value) for one, value in store.held().items()} == held
    assert sum(len(one["fired"]) for one in held.values()) == 17


async def test_rules_are_told_what_an_event_changed() -> None:
    mail: dict[str, Any] = {"channel": "email", "purpose": "service", "subject": "x", "text": "x"}
    rule: dict[str, Any] = {"id": "r", "name": "r", "on": "web.identify", "send": mail}
    rules = [Rule.model_validate({**rule, "if": {"changed": "profile.traits.plan", "from": "free", "to": "gold"}})]
    plans = ("free", "free", "gold", "gold", "free", "gold")
    who = [{"type": "email", "value": "a@example.org", "verified": True}]
    events = [
        make("web.identify", id=str(n), source="/t", identities=who, received=NOW + timedelta(days=n), traits=traits)  # type: ignore[arg-type]
        for n, traits in enumerate({"plan": plan} for plan in plans)
    ]
    bench = Bench(Memory(), Engine(rules))
    await bench.read(book(events), 3)
    assert [Trigger.from_json(one).cause for one in bench.sent(TRIGGERS)] == ["2", "5"]


async def test_two_owners_of_one_partition() -> None:
    store, first_log, second_log = Memory(), book(pages(12)), book(pages(12))
    zombie, owner = Bench(store, Chatty()), Bench(store, Chatty())
    await zombie.begin(first_log)
    await zombie.take(first_log, first_log.fetch(3))
    fetched = first_log.fetch(5)
    await owner.begin(second_log)
    await owner.take(second_log, second_log.fetch(6))
    commits = store.commits
    await zombie.take(first_log, fetched)
    assert (store.marks[0], store.commits) == (f"{TOPIC_ID}:8", commits)
    await zombie.read(first_log, 3)
    await owner.read(second_log, 3)
    assert not wrong(store, pages(12))
    ids = [Trigger.from_json(one).id for one in zombie.sent(TRIGGERS) + owner.sent(TRIGGERS)]
    assert len(ids) == len(set(ids)) == 12


async def test_an_answer_that_got_lost_is_asked_for_again() -> None:
    store, log = Memory(), book(pages(6))
    bench = Bench(store)
    await bench.begin(log)
    store.lost_answers = 1
    await bench.read(log, 4, count=3)
    assert not wrong(store, pages(6))
    assert store.marks[0] == f"{TOPIC_ID}:5"


async def test_nothing_counts_as_done_before_it_is_sent() -> None:
    store, log = Memory(), book(pages(3))
    bench = Bench(store, Chatty())
    await bench.begin(log)
    bench.wire.away = 2
    await bench.take(log, log.fetch())
    assert (len(bench.sent(TRIGGERS)), log.done, store.outbox) == (3, {0: 3}, {next(iter(store.outbox)): {}})
    assert [orjson.loads(one)["type"] for one in bench.sent(INTERACTIONS)] == ["rule.fired"] * 3


async def test_nothing_counts_as_done_before_it_is_sent_when_the_answer_got_lost() -> None:
    store, log = Memory(), book(pages(3))
    bench = Bench(store, Chatty())
    await bench.begin(log)
    store.lost_answers = 1
    await bench.take(log, log.fetch())
    assert log.done == {}
    await bench.read(log, 2)
    assert (len(bench.sent(TRIGGERS)), store.marks) == (3, {0: f"{TOPIC_ID}:2"})


async def test_what_the_last_owner_left_is_sent_before_anything_is_done() -> None:
    store, log = Memory(), book(pages(3))
    dead, heir = Bench(store, Chatty()), Bench(store, Chatty())
    alive, _ = decode(log.fetch()[0], TOPIC_ID, 0, OPEN)
    await dead.pipeline.run(alive, [Raise(0, "", f"{TOPIC_ID}:2")])
    await heir.begin(log)
    assert (len(heir.sent(TRIGGERS)), dead.wire.sent) == (3, [])


async def test_a_partition_that_is_taken_away_while_it_is_looked_for() -> None:
    store, log = Memory(), book(pages(3), pages(3, "b"))
    bench, seek = Bench(store), log.seek

    def taken(partition: int, offset: int) -> None:
        log.mine.discard(1)
        seek(partition, offset)

    log.seek = taken  # type: ignore[method-assign]
    await bench.read(log, 2)
    assert store.marks == {0: f"{TOPIC_ID}:2"}
    assert bench.processor.assigned == {0}


async def test_poison_is_buried_and_its_neighbours_go_on() -> None:
    good = pages(4)
    crash = good[1].model_copy(update={"id": "x"})
    store, log = Memory(), Book({0: [good[0].to_json(), b"\xff", crash.to_json(), b"{}", good[2].to_json()]})
    bench = Bench(store, Broken())
    await bench.read(log, 2)
    letters = sorted(map(DeadLetter.from_json, bench.sent(DEAD_LETTERS)), key=lambda one: int(one.place["offset"]))
    assert [(one.reason, one.raw, one.place["offset"]) for one in letters] == [
        ("unreadable", b"\xff", 1),
        ("fold", crash.to_json(), 2),
        ("unreadable", b"{}", 3),
    ]
    assert not wrong(store, [good[0], good[2]])
    assert store.marks == {0: f"{TOPIC_ID}:4"}


async def test_a_trigger_that_a_merge_moved_leaves_the_outbox() -> None:
    a, b = pages(1)[0], pages(1, "b")[0]
    both = a.model_copy(
        update={"id": "both", "type": "web.screen", "data": {"identities": [*a.identities, *b.identities]}}
    )
    store, log = Memory(), book([a, b, both])
    bench = Bench(store, Chatty())
    alive, _ = decode(log.fetch()[0], TOPIC_ID, 0, OPEN)
    await bench.pipeline.run(alive, [])
    # Two triggers, and the decision that the two are one.
    assert [await bench.relay.sweep() for _ in range(3)] == [0, 3, 0]
    assert len(bench.sent(TRIGGERS)) == 2


async def test_numbers_too_long_for_the_store_are_no_poison() -> None:
    event = pages(1)[0]
    long = event.model_copy(update={"data": {**event.data, "traits": {"id": 10**30}, "properties": {"n": [10**40]}}})
    store, log = Memory(), book([long])
    bench = Bench(store)
    await bench.read(log, 2)
    assert bench.wire.sent == []
    assert not wrong(store, [long])
