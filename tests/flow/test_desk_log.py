"""Looking back in a real Kafka: every event once, the newest first, in pages whose time is bounded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from desk import log as looking
from desk.history import History, whose
from desk.log import KafkaLog
from hub.bus import Producer, ensure_topics
from hub.errors import Rejected, Transient
from hub.event import Event, make
from hub.identity import Identity
from hub.ids import customer_id
from hub.profile import Profile, empty
from hub.settings import Settings
from profile_store import keys
from profile_store.applied import records
from profile_store.connect import connect
from profile_store.store import Store
from tests.browser.fakes import FakeStore
from tests.servers import KafkaServer, RedisServer

TOPIC = "deep.interactions"
COUNT = 3_000
"""Events in the log, one in ten of them hers."""
BEGAN = datetime.now(UTC) - timedelta(days=2)


@dataclass
class Deep:
    """A log with much in it, and whose of it we look for."""

    settings: Settings
    profile: Profile
    hers: list[Event]


def who(name: str) -> Identity:
    kind, _, value = name.partition(":")
    return {"type": kind, "value": value, "verified": True}


NAMES = ("user_id:deep", "email:deep@x.org", f"customer:{customer_id('email:deep@x.org')}")


def _event(number: int) -> Event:
    mine = number % 10 == 0
    name = NAMES[number // 10 % 3] if mine else f"user_id:other{number}"
    source = "/desk/agents/mina" if name.startswith("customer:") else "/test"
    kind, people = "agent.note" if mine else "web.page", [who(name)]
    return make(kind, id=f"n{number}", source=source, identities=people, received=BEGAN, text=f"n{number}")


@pytest.fixture(scope="module")
def deep(kafka_server: KafkaServer) -> Deep:
    settings = Settings(kafka_bootstrap_servers=kafka_server.address, topic_prefix="deep.", partitions=6)
    events = [_event(number) for number in range(COUNT)]
    asyncio.run(_fill(settings, events))
    profile = empty(customer_id("user_id:deep"))
    profile["identities"] = {name: {"verified": True, "first": 1, "last": 1} for name in NAMES[:2]}
    profile["first"] = int(BEGAN.timestamp() * 1000)
    return Deep(settings, profile, events[::10])


async def _fill(settings: Settings, events: list[Event]) -> None:
    await asyncio.to_thread(ensure_topics, settings)
    producer = Producer(settings.kafka_bootstrap_servers, client="test")
    await producer.start()
    try:
        for start in range(0, len(events), 100):
            await _sent(producer, [(one.subject, one.to_json()) for one in events[start : start + 100]])
    finally:
        await producer.stop()


async def _sent(producer: Producer, messages: list[tuple[str, bytes]]) -> None:
    """What was not acknowledged in time is sent again: it may be there twice then, as in any log."""
    end = time.monotonic() + 30
    while True:
        try:
            return await producer.publish(TOPIC, messages)
        except Transient:
            assert time.monotonic() < end
            await asyncio.sleep(0.1)


async def pages(log: KafkaLog, profile: Profile, limit: int) -> AsyncIterator[list[Event]]:
    position = ""
    while True:
        page = await log.before(whose(profile), None, position, limit, want=bool)
        assert len(page.events) <= limit
        yield page.events
        position = page.position
        if not position:
            return


@pytest.mark.parametrize("limit", [7, 200])
async def test_every_event_of_hers_once(deep: Deep, limit: int) -> None:
    log = KafkaLog(deep.settings)
    found = [one.id async for page in pages(log, deep.profile, limit) for one in page]
    assert set(found) == {one.id for one in deep.hers}
    places = [int(id[1:]) for id in dict.fromkeys(found)]
    assert max(abs(place - wanted) for place, wanted in zip(places, sorted(places, reverse=True), strict=True)) < 1000


async def test_a_page_ends_in_time_and_the_next_goes_on(deep: Deep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "CHUNK", 50)
    monkeypatch.setattr(looking, "LARGEST_CHUNK", 50)
    monkeypatch.setattr(looking, "PATIENCE", 0.0)
    log = KafkaLog(deep.settings)
    first = await log.before(whose(deep.profile), None, "", 200, want=bool)
    assert first.position
    assert not first.events
    monkeypatch.setattr(looking, "PATIENCE", 0.02)
    found = {one.id async for page in pages(log, deep.profile, 200) for one in page}
    assert found == {one.id for one in deep.hers}


async def test_the_event_behind_a_decision(deep: Deep) -> None:
    log = KafkaLog(deep.settings)
    wanted = deep.hers[7]
    now = int(datetime.now(UTC).timestamp() * 1000)
    found = await log.find(whose(deep.profile).keys, {wanted.ref: now - looking.NEAR // 5, "0000000000": now})
    assert {ref: one.id for ref, one in found.items()} == {wanted.ref: wanted.id}
    assert await log.find([], {wanted.ref: now}) == {}


async def test_timeline_goes_on_where_the_store_ends(deep: Deep) -> None:
    store = FakeStore()
    newest = deep.hers[-20:]
    rows = [{"id": one.id, "time": one.ms, "type": one.type, "text": "", "data": {}} for one in newest]
    store.add(deep.profile, rows)  # type: ignore[arg-type]
    store.trimmed[deep.profile["id"]] = 1 << 52
    history = History(store, KafkaLog(deep.settings))
    found = [row["id"] async for row in history.whole(deep.profile)]
    assert sorted(found) == sorted(one.id for one in deep.hers)
    assert set(found[:20]) == {one.id for one in newest}


async def test_positions_that_are_none(deep: Deep) -> None:
    log = KafkaLog(deep.settings)
    with pytest.raises(Rejected):
        await log.before(whose(deep.profile), None, "x:y", 10, want=bool)
    page = await log.before(whose(deep.profile), None, "99:1,0:-5", 10, want=bool)
    assert (page.events, page.position) == ([], "")


async def test_the_store_knows_until_when_it_forgot(redis_server: RedisServer) -> None:
    client = connect(Settings(redis_url=SecretStr(redis_server.url)))
    day = 20_000
    try:
        store = Store(client)
        await client.rpush(keys.timeline("cforgot"), *[b"row"] * (keys.TIMELINE_ROWS - 1))
        assert await store.forgotten("cforgot") is None
        assert await store.forgotten("cnobody") is None
        await client.rpush(keys.timeline("cforgot"), b"row")
        received = {f"{n:010x}": (day + n) * keys.SEEN_UNIT for n in range(keys.TIMELINE_ROWS + 50)}
        await client.hset(keys.applied("cforgot"), mapping={"-": "7", "0": records(received)})
        until = await store.forgotten("cforgot")
        oldest_here = (day + 50) * keys.SEEN_UNIT
        assert until is not None
        assert oldest_here < until <= oldest_here + 2 * 24 * 3600 * 1000
        await client.delete(keys.applied("cforgot"))
        assert (await store.forgotten("cforgot") or 0) > time.time_ns() // 1_000_000
    finally:
        await client.aclose()
