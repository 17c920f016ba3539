"""After a loss, what is new waits until all partitions are where they had been."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.event import Event, make
from hub.ids import customer_id
from profile_store.document import alias
from streams import gate, processor
from tests.unit.memory import TOPIC_ID, Book, Memory
from tests.unit.schedule import who
from tests.unit.test_processor import Bench, book

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(processor, "CHECK_EVERY", 0.0)


def event(number: int, *names: str) -> Event:
    people = [who(name) for name in names]
    return make("web.page", id=f"e{number}", source="/t", identities=people, received=START + timedelta(seconds=number))


def workers(store: Memory, both: Book) -> list[tuple[Bench, Book]]:
    """Two workers on one store, each with one partition of the same log."""
    books = [Book(both.lines, {number}, done=both.done) for number in (0, 1)]
    return [(Bench(store), one) for one in books]


async def test_new_events_wait_for_the_slowest_partition() -> None:
    """Whose an address is, is known from the other partition: a new event must not take it for free."""
    ours = [event(1, "user_id:a"), event(4, "user_id:a", "email:x@x.org")]
    log = book(ours, [event(2, "email:x@x.org"), event(3, "email:x@x.org")])
    log.done = {0: 1, 1: 2}
    store = Memory()
    (quick, first), (slow, second) = workers(store, log)
    for _ in range(5):
        await quick.take(first, first.fetch())
    assert store.marks == {0: f"{TOPIC_ID}:0"}
    await slow.take(second, second.fetch(1))
    await quick.take(first, first.fetch())
    assert store.marks == {0: f"{TOPIC_ID}:0", 1: f"{TOPIC_ID}:0"}
    await slow.take(second, second.fetch())
    await slow.take(second, second.fetch())
    for _ in range(2):
        await quick.take(first, first.fetch())
    assert store.marks == {0: f"{TOPIC_ID}:1", 1: f"{TOPIC_ID}:1"}
    assert [one for one, raw in store.held().items() if alias(raw) is None] == [customer_id("user_id:a")]


async def test_without_a_loss_nobody_waits() -> None:
    log = book([event(1, "user_id:a")], [event(2, "email:x@x.org")])
    store = Memory()
    (quick, first), _ = workers(store, log)
    await quick.take(first, first.fetch())
    await quick.take(first, first.fetch())
    assert store.marks == {0: f"{TOPIC_ID}:0"}


async def test_what_waits_is_fetched_once_and_read_again_when_the_store_is_lost_meanwhile() -> None:
    """New events do not come over the wire again and again while they wait; what is old does, when it must."""
    log = book(
        [event(1, "user_id:a"), event(4, "user_id:a", "email:x@x.org")],
        [event(2, "email:x@x.org"), event(3, "email:x@x.org")],
    )
    log.done = {0: 1, 1: 2}
    store = Memory()
    (quick, first), (slow, second) = workers(store, log)
    fetches = 0
    for _ in range(10):
        found = first.fetch()
        fetches += bool(found)
        await quick.take(first, found)
    assert fetches == 1
    assert store.marks == {0: f"{TOPIC_ID}:0"}
    store.restore(Memory())
    for _ in range(3):
        await quick.take(first, first.fetch())
    assert store.marks == {0: f"{TOPIC_ID}:0"}
    for _ in range(3):
        await slow.take(second, second.fetch())
        await quick.take(first, first.fetch())
    assert store.marks == {0: f"{TOPIC_ID}:1", 1: f"{TOPIC_ID}:1"}
    assert [one for one, raw in store.held().items() if alias(raw) is None] == [customer_id("user_id:a")]
