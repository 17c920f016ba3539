"""The engines of editions: made beside the loop, kept while a partition needs them, and never in each other's way."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.errors import Transient
from hub.event import make
from hub.identity import Identity
from hub.profile import empty
from hub.settings import Settings, read
from rules import history as history_of_rules
from rules.engine import Engine
from rules.history import FOLDER, Change, History, publication, switched
from rules.model import Rule
from rules.watch import RuleFolder
from streams import editions as module
from streams.editions import KEPT, Editions, Publisher

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHO: Identity = {"type": "user_id", "value": "u", "verified": False}
SMS: dict[str, Any] = {"channel": "sms", "purpose": "service", "text": "Hello"}


RULE = """
id: r
name: Rule
on: sms.received
send: {channel: sms, purpose: service, text: Hello}
"""


def rule(number: int, **parts: Any) -> Rule:
    on = f"web.track/Kind {number}"
    return Rule.model_validate({"id": f"r{number}", "name": "Rule", "on": on, "send": SMS, **parts})


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.fixture
def eager() -> Iterator[None]:
    """Threads change places after every few steps."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(priority of its rules, thread) of each engine that was made."""
    found: list[tuple[int, int]] = []

    class Watched(Engine):
        def __init__(self, rules: Sequence[Rule], **options: Any) -> None:
            found.append((rules[0].priority, threading.get_ident()))
            super().__init__(rules, **options)

    monkeypatch.setattr(module, "Engine", Watched)
    return found


def published(count: int, partitions: int = 1) -> tuple[Editions, list[int]]:
    """So many editions, each of which changed one rule; behind place 10 n of every partition the n-th decides."""
    editions = Editions(read(Settings))
    numbers: list[int] = []
    offset = 0
    for number in range(count):
        for message in publication([Change("r0", rule(0, priority=number))], FOLDER, 0):
            editions.history.apply(offset, message)
            offset += 1
        numbers.append(editions.history.newest)
        if number:
            editions.history.apply(offset, switched(numbers[-1], dict.fromkeys(range(partitions), 10 * number)))
            offset += 1
    return editions, numbers


async def test_an_engine_is_made_once_and_not_by_the_loop(made: list[tuple[int, int]]) -> None:
    editions, (_, newest) = published(2)
    first, again = await asyncio.gather(editions.ready(newest), editions.ready(newest))
    assert first is again is editions.at(0, 10)
    assert [priority for priority, _ in made] == [1]
    assert made[0][1] != threading.get_ident()


async def test_partitions_far_apart_keep_their_engines(made: list[tuple[int, int]]) -> None:
    apart = KEPT + 3
    editions, numbers = published(apart + 2, partitions=apart)
    for number in (*numbers[:apart], numbers[-1]):
        await editions.ready(number)
    for _ in range(5):
        for partition in range(apart):
            engine = editions.at(partition, 10 * partition + 1)
            assert engine.rules[0].priority == partition
    made.clear()
    for partition in range(apart):
        editions.at(partition, 10 * partition + 2)
    assert not made, "each event would have the rules made again"


async def test_what_no_partition_needs_is_let_go(made: list[tuple[int, int]]) -> None:
    editions, numbers = published(8)
    for place, number in enumerate(numbers):
        await editions.ready(number)
        editions.at(0, 10 * place)
    made.clear()
    for number in numbers[-KEPT:]:
        editions.of(number)
    assert not made
    editions.of(numbers[0])
    assert [priority for priority, _ in made] == [0]


async def test_traits_that_change_have_the_engines_made_again_beside_the_loop(made: list[tuple[int, int]]) -> None:
    editions, (first, newest) = published(2)
    await editions.ready(newest)
    editions.at(0, 0)
    made.clear()
    editions.read_by(lambda profile, trait, now: 7)
    await editions.refresh()
    assert sorted(priority for priority, _ in made) == [0, 1]
    assert threading.get_ident() not in {thread for _, thread in made}
    made.clear()
    editions.of(first)
    editions.of(newest)
    assert not made


def in_a_thread_until(over: Callable[[], bool], work: Callable[[], object]) -> list[BaseException]:
    """Do something again and again in a thread, while here another thing is done; what it raised."""
    raised: list[BaseException] = []
    stop = threading.Event()

    def run() -> None:
        try:
            while not stop.is_set():
                work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while not over() and not raised:
            pass
    finally:
        stop.set()
        thread.join()
    return raised


@pytest.mark.usefixtures("eager")
def test_rules_that_speak_do_not_disturb_the_making_of_others() -> None:
    rules = [rule(number) for number in range(400)]
    engine, profile, asked = Engine(rules), empty("c1"), iter(range(400))

    def speak() -> bool:
        number = next(asked, None)
        if number is None:
            return True
        event = make("web.track", id="e", source="/t", identities=[WHO], received=NOW, name=f"Kind {number}")
        engine.decide(event, event.ms, profile)
        return False

    assert not in_a_thread_until(speak, lambda: Engine(rules[:1], before=engine))


@pytest.mark.usefixtures("eager")
def test_more_may_be_read_while_an_edition_is_put_together() -> None:
    history, offset = History(), 0
    messages = iter([publication([Change(f"r{number}", rule(number))], FOLDER, 0)[0] for number in range(200)])

    def read_on() -> bool:
        nonlocal offset
        message = next(messages, None)
        if message is not None:
            history.apply(offset, message)
            offset += 1
        return message is None

    assert not in_a_thread_until(read_on, lambda: (history.rules(), history.of_folder([], complete=True)))


def test_a_message_is_understood_apart_from_the_history() -> None:
    small = history_of_rules.LARGEST
    changes = [Change(f"r{number}", rule(number, note="x" * 1_000)) for number in range(small // 500)]
    messages = publication(changes, FOLDER, 0)
    assert len(messages) > 1
    one, other = History(), History()
    for offset, message in enumerate(messages):
        one.apply(offset, message)
        other.take(offset, history_of_rules.understood(message))
    assert one.rules() == other.rules() == [change.rule for change in changes]
    assert one.editions == other.editions == [len(messages)]


class Topics:
    """A producer and the topic of rules, which is read at once."""

    def __init__(self, history: History) -> None:
        self.history, self.messages, self.away = history, list[bytes](), False

    async def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        if self.away:
            raise Transient("the broker is away")
        for _, message in messages:
            self.history.apply(len(self.messages), message)
            self.messages.append(message)

    async def place(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> list[tuple[int, int]]:
        return [(number, 0) for number in range(len(messages))]

    async def read(self) -> bool:
        return False

    async def close(self) -> None:
        pass


async def test_a_folder_is_compared_with_the_topic_only_when_one_of_them_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []

    def of_folder(self: History, rules: Sequence[Rule], *, complete: bool) -> list[Change]:
        compared.append(len(rules))
        return real(self, rules, complete=complete)

    real = History.of_folder
    monkeypatch.setattr(History, "of_folder", of_folder)
    (tmp_path / "r.yaml").write_text(RULE)
    editions = Editions(read(Settings, rules=tmp_path))
    topics = Topics(editions.history)
    publisher = Publisher(read(Settings, rules=tmp_path), editions, topics, lambda: frozenset({0}))  # type: ignore[arg-type]
    monkeypatch.setattr(publisher, "_rules", topics)
    monkeypatch.setattr(publisher, "_folder", RuleFolder(tmp_path, every=0))
    for _ in range(5):
        await publisher._step()
    assert [one.id for one in editions.history.rules()] == ["r"]
    assert compared == [1, 1], "when it was published, and once more to see that all is said"

    topics.away = True
    (tmp_path / "r.yaml").write_text(RULE.replace("Hello", "Hello again"))
    with pytest.raises(Transient):
        await publisher._step()
    topics.away = False
    await publisher._step()
    assert editions.history.rules()[0].send.text["und"] == "Hello again"
    await publisher._step()
    compared.clear()
    await topics.publish("rules", [("k", publication([Change("r", None)], "somebody", 0)[0])])
    for _ in range(3):
        await publisher._step()
    assert compared == [1, 1], "somebody else changed something, and then the markers were written"
