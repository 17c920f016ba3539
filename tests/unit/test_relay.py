"""The relay: what lies in the outbox goes out in portions that a slow broker can take, each of them once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from hub.errors import Transient
from hub.settings import Settings
from hub.topics import INTERACTIONS, TRIGGERS
from hub.trigger import Trigger
from streams.aftermath import Aftermath, Outbox
from streams.relay import AT_ONCE, Relay

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 5 * AT_ONCE + 7


class Slow:
    """A broker that takes so many messages at a time, and whose producer gives up waiting for more."""

    def __init__(self, most: int = AT_ONCE) -> None:
        self.most = most
        self.asked = 0
        self.away_at = 0
        """At which call it is away."""
        self.sent: list[tuple[str, str]] = []
        """(topic, id)"""

    async def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        self.asked += 1
        self.sent += [(topic, orjson.loads(body)["id"]) for _, body in messages[: self.most]]
        if len(messages) > self.most or self.asked == self.away_at:
            raise Transient("Kafka did not acknowledge in time")

    def of(self, name: str) -> Counter[str]:
        return Counter(id for topic, id in self.sent if topic.endswith(name))


class Store:
    """The outboxes of a store."""

    def __init__(self) -> None:
        self.outboxes: dict[int, dict[str, bytes]] = {}

    def put(self, outboxes: Sequence[Outbox]) -> None:
        for number, outbox in outboxes:
            self.outboxes.setdefault(number, {}).update(outbox)

    async def waiting_triggers(self) -> Mapping[int, Mapping[str, bytes]]:
        return {number: dict(outbox) for number, outbox in self.outboxes.items()}

    async def relayed(self, entries: Iterable[tuple[int, str]]) -> None:
        for number, id in entries:
            self.outboxes[number].pop(id, None)

    @property
    def left(self) -> int:
        return sum(map(len, self.outboxes.values()))


def trigger(number: int) -> bytes:
    return Trigger(
        id=f"t{number}",
        rule="r",
        version="v",
        customer=f"c{number}",
        time=NOW,
        channel="email",
        to=f"email:{number}@example.org",
        text="Hello",
        purpose="service",
        reason="Rule",
        cause=f"e{number}",
    ).to_json()


def outboxes(count: int = MANY) -> list[Outbox]:
    return [(number % 16, {f"t{number}": trigger(number)}) for number in range(count)]


@pytest.fixture
def store() -> Store:
    return Store()


def relay(broker: Slow, store: Store) -> Relay:
    return Relay(broker, store, Settings(state=Path("/nowhere")))  # type: ignore[arg-type]


async def test_more_than_the_broker_takes_at_a_time_is_swept_out_once(store: Store) -> None:
    broker = Slow()
    store.put(outboxes())
    assert await relay(broker, store).sweep(all_=True) == MANY
    assert store.left == 0
    assert set(broker.of(TRIGGERS).values()) == set(broker.of(INTERACTIONS).values()) == {1}
    assert len(broker.of(TRIGGERS)) == MANY


async def test_what_was_sent_before_the_broker_went_away_is_not_sent_again(store: Store) -> None:
    broker = Slow()
    broker.away_at = 5  # two portions are done by then, and the messages of the third are handed over
    sender = relay(broker, store)
    store.put(outboxes())
    with pytest.raises(Transient):
        await sender.sweep(all_=True)
    assert store.left == MANY - 2 * AT_ONCE
    await sender.sweep(all_=True)
    assert store.left == 0
    assert Counter(broker.of(TRIGGERS).values()) == {1: MANY - AT_ONCE, 2: AT_ONCE}


async def test_what_batches_left_goes_on_where_it_was_interrupted(store: Store) -> None:
    broker, some = Slow(), outboxes()
    broker.away_at = 5
    store.put(some)
    aftermath = Aftermath(store, relay(broker, store))  # type: ignore[arg-type]
    for start in range(0, MANY, AT_ONCE):
        aftermath._outboxes += some[start : start + AT_ONCE]
    with pytest.raises(Transient):
        await aftermath.step()
    await aftermath.step()
    assert store.left == 0
    assert Counter(broker.of(TRIGGERS).values()) == {1: MANY - AT_ONCE, 2: AT_ONCE}


async def test_decisions_about_identities_go_before_all_messages(store: Store) -> None:
    broker = Slow()
    decision = orjson.dumps({"id": "d", "subject": "email:a@example.org"})
    store.put([*outboxes(), (3, {"event:d": decision})])
    await relay(broker, store).sweep(all_=True)
    assert broker.sent[0][1] == "d"
    assert store.left == 0
