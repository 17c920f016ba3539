"""R11: what cannot be processed is put aside once, with all that is needed to repair it; its neighbours go on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from random import Random

import orjson
import pytest

from hub.deadletter import DeadLetter
from hub.event import Event
from hub.topics import DEAD_LETTERS, INTERACTIONS
from tests.faults.conftest import Install
from tests.faults.story import story
from tests.faults.topic import Message, read_all
from tests.faults.verdict import judge, shown
from tests.servers import KafkaServer, RedisServer

CRASH = """
from streams.fold import Folding
fold = Folding.fold
def crash(folding, told, event, *rest):
    fold(folding, told, event, *rest)
    if "crash" in event.data: raise ZeroDivisionError("the fold of tomorrow")
Folding.fold = crash
"""
"""No data is known that makes a fold fail; this stands for a fault still to come, in the middle of its work."""


def _not_utf8(event: Event) -> bytes:
    return event.to_json() + b"\xff\xfe"


def _not_json(event: Event) -> bytes:
    return event.to_json()[:-7]


def _wrong_schema(event: Event) -> bytes:
    fields = orjson.loads(event.to_json())
    del fields["time"]
    return orjson.dumps(fields)


def _wrong_identities(event: Event) -> bytes:
    return event.model_copy(update={"data": {"identities": [{"type": "email"}]}}).to_json()


def _crashing(event: Event) -> bytes:
    return event.model_copy(update={"data": {**event.data, "crash": True}}).to_json()


KINDS = {
    _not_utf8: ("unreadable", "body"),
    _not_json: ("unreadable", "body"),
    _wrong_schema: ("unreadable", "time"),
    _wrong_identities: ("unreadable", "data.identities"),
    _crashing: ("fold", "ZeroDivisionError"),
}
"""Makes poison of an event → the reason, and what the first error must name."""


@pytest.mark.parametrize(
    "events", [pytest.param(5_000, id="ci"), pytest.param(50_000, id="full", marks=pytest.mark.full)]
)
async def test_poison(
    seed: int, install: Install, kafka_server: KafkaServer, private_redis: Callable[..., RedisServer], events: int
) -> None:
    random = Random(seed)
    hub = install(kafka_server, private_redis())
    told = story(seed, events, events // 20)
    wanted: dict[bytes, tuple[str, str]] = {}
    names: set[str] = set()
    started = time.monotonic()
    async with hub.producer() as producer, hub.workers(2, hook=CRASH) as fleet:
        for start in range(0, len(told), 100):
            part = told[start : start + 100]
            place = random.randrange(len(part))
            make = list(KINDS)[len(wanted) % len(KINDS)]
            names.add(f"poison-{start}")
            body = make(part[place].model_copy(update={"id": f"poison-{start}"}))
            wanted[body] = KINDS[make]
            await hub.accept(producer, part[:place])
            await hub.send(producer, [(part[place].subject, body)])
            await hub.accept(producer, part[place:])
        await hub.until_applied()
        exits = list(fleet.exits)
    log = [one for one in await asyncio.to_thread(hub.log.all) if one.value in wanted]
    letters = [DeadLetter.from_json(one.value) for one in await asyncio.to_thread(read_all, hub.settings, DEAD_LETTERS)]
    verdict = await judge(hub, without=names)
    print(f"R11: {len(told)} events, {len(letters)} dead letters, {time.monotonic() - started:.1f} s")
    assert exits == []
    assert Counter(map(_place, letters)) == Counter(map(_of, log))
    for letter in letters:
        reason, named = wanted[letter.raw]
        assert (letter.reason, named in letter.error) == (reason, True), letter
        assert letter.place["topic"] == INTERACTIONS
    assert not verdict.faults, shown(verdict.faults)


def _place(letter: DeadLetter) -> tuple[int, int, str, bytes]:
    return letter.place["partition"], letter.place["offset"], letter.key, letter.raw


def _of(message: Message) -> tuple[int, int, str, bytes]:
    return message.partition, message.offset, message.key.decode(), message.value
