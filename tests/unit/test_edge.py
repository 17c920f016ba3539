"""The edge: what is accepted is safe and in order; what cannot be read by anybody is a dead letter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channels import edge as edges
from channels import spool
from channels.base import Channel
from channels.edge import Edge
from channels.registry import build
from hub.deadletter import DeadLetter
from hub.errors import Transient
from hub.event import Event, make
from hub.identity import Identity
from hub.settings import Settings
from tests.contract import recorded
from tests.waiting import until

REGISTRY = build(recorded.settings())
WEB, SMS = REGISTRY["web", "segment"], REGISTRY["sms", "twilio"]
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


class FakeProducer:
    """A Kafka that can be away, or slow."""

    def __init__(self) -> None:
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.got: list[tuple[str, str, bytes]] = []
        self.ready = True

    async def start(self) -> None:
        """Connected at once."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        """Take them all, or refuse."""
        await self.gate.wait()
        if self.away:
            raise Transient("Kafka does not answer", retry_after=2)
        self.got += [(topic, key, value) for key, value in messages]

    def ids(self) -> list[str]:
        """The events' ids in the order they came."""
        return [Event.from_json(value).id for topic, _, value in self.got if topic == "hub.interactions"]


class Set:
    """An edge and the Kafka behind it."""

    def __init__(self, folder: Path) -> None:
        self.kafka = FakeProducer()
        self.edge = Edge(Settings(state=folder, kafka_bootstrap_servers="127.0.0.1:1"))
        self.edge._producer = self.kafka  # type: ignore[assignment]

    @property
    def depth(self) -> int:
        """Records in the spool."""
        return self.edge._spool.depth


@pytest.fixture
async def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Set]:
    monkeypatch.setattr(spool, "_PAUSE", 0.01)
    one = Set(tmp_path)
    await one.edge.start()
    yield one
    await one.edge.stop()


def event(id: str, channel: Channel = SMS, **data: Any) -> Event:
    person: Identity = {"type": "phone", "value": "+4915112345678", "verified": False}
    return make(f"{channel.name}.received", id=id, source="/channels/x", identities=[person], received=NOW, **data)


async def test_senders_that_repeat_themselves_are_told_to(both: Set) -> None:
    both.kafka.away = True
    with pytest.raises(Transient):
        await both.edge.accept(WEB, [event("1", WEB)])
    assert both.depth == 0


async def test_others_are_spooled_and_later_in_kafka(both: Set) -> None:
    both.kafka.away = True
    for number in range(10):
        await both.edge.accept(SMS, [event(str(number))])
    await both.edge.accept(WEB, [event("pixel", WEB)], keep=True)
    assert both.depth == 11
    both.kafka.away = False
    await until(lambda: both.depth == 0)
    assert both.kafka.ids() == [*map(str, range(10)), "pixel"]


async def test_what_comes_while_others_wait_goes_behind_them(both: Set) -> None:
    """Or a customer's second message would be in the log before the first."""
    both.kafka.away = True
    await both.edge.accept(SMS, [event("first")])
    both.kafka.gate.clear()  # the drain is stuck in the middle of its attempt
    both.kafka.away = False
    second = asyncio.create_task(both.edge.accept(SMS, [event("second")]))
    await asyncio.sleep(0.05)
    both.kafka.gate.set()
    await second
    await until(lambda: both.depth == 0)
    assert both.kafka.ids() == ["first", "second"]
    await both.edge.accept(SMS, [event("third")])
    assert both.kafka.ids() == ["first", "second", "third"]


@pytest.mark.parametrize(
    "data",
    [{"text": "x" * 900_001}, {"deep": eval("[" * 90 + "1" + "]" * 90), "more": eval("[" * 120 + "]" * 120)}],
    ids=["large", "deep"],
)
async def test_what_no_reader_takes_is_a_dead_letter(both: Set, data: dict[str, Any]) -> None:
    await both.edge.accept(WEB, [event("1", WEB), event("2", WEB, **data), event("3", WEB)])
    assert both.kafka.ids() == ["1", "3"]
    (letter,) = [DeadLetter.from_json(value) for topic, _, value in both.kafka.got if topic == "hub.dead-letters"]
    assert letter.reason == "payload"
    assert letter.key == "phone:+4915112345678"
    assert len(letter.to_json()) < 1_000_000


async def test_broad_is_not_deep(both: Set) -> None:
    await both.edge.accept(WEB, [event("1", WEB, many=[{"a": [1]} for _ in range(500)])])
    assert both.kafka.ids() == ["1"]


async def test_too_much_at_once_is_refused(both: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edges, "_MOST_IN_FLIGHT", 5)
    both.kafka.gate.clear()
    first = asyncio.create_task(both.edge.accept(WEB, [event(str(number), WEB) for number in range(6)]))
    await asyncio.sleep(0.01)
    with pytest.raises(Transient, match="at once"):
        await both.edge.accept(WEB, [event("7", WEB)])
    both.kafka.gate.set()
    await first
    await both.edge.accept(WEB, [event("8", WEB)])


async def test_it_says_what_it_waits_for(both: Set) -> None:
    assert both.edge.waiting_for() == ""
    both.kafka.ready = False
    assert both.edge.waiting_for() == "Kafka does not answer"
