"""Live streams: a snapshot, then changes, and an honest word when something was missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import orjson
import pytest

from desk import live, sse, topics
from desk.feed import Feed
from desk.render import PANELS, renderer
from hub.errors import Rejected, Transient
from hub.settings import Settings
from tests.browser import story
from tests.browser.fakes import FakeStore, now_ms, row


def parsed(text: str) -> tuple[str, Any, str]:
    """Name, data and id of an event as it stands on the wire."""
    fields = dict(line.split(": ", 1) for line in text.strip().split("\n"))
    return fields["event"], orjson.loads(fields["data"]), fields.get("id", "")


class Reader:
    """Reads a customer's stream with patience that ends."""

    def __init__(self, store: FakeStore, feed: Feed, *, agent: str = "Mina", last: int | None = None) -> None:
        self.events = live.customer_events(store, feed, renderer("en", "UTC"), "csara", agent=agent, last=last)

    async def __aenter__(self) -> Reader:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.events.aclose()  # type: ignore[attr-defined]

    async def next(self) -> tuple[str, Any, str]:
        return parsed(await asyncio.wait_for(anext(self.events), 5))


@pytest.fixture
def store() -> FakeStore:
    found = FakeStore()
    story.fill(found)
    return found


async def test_snapshot_then_changes(store: FakeStore) -> None:
    async with Reader(store, Feed(store)) as reader:
        first = [await reader.next() for _ in range(3)]
        assert [name for name, _, _ in first] == ["profile", "panels", "timeline"]
        assert {id for _, _, id in first} == {str(store.versions["csara"])}
        assert set(first[1][1]) == set(PANELS)
        assert len(first[2][1]["items"]) == 22
        await asyncio.sleep(0.2)
        store.change("csara", row("new", 0, "sms.received", "Hello"))
        assert (await reader.next())[0] == "profile"
        name, news, id = await reader.next()
        assert (name, id) == ("timeline", str(store.versions["csara"]))
        assert [one["id"] for one in news["items"]] == ["new"]
        assert [one["id"] for one in news["entries"]] == ["new"]
        assert "Hello" in news["entries"][0]["html"]


async def test_resume_without_change_is_silent_and_with_change_is_not(store: FakeStore) -> None:
    version = store.versions["csara"]
    async with Reader(store, Feed(store), last=version) as reader:
        task = asyncio.create_task(reader.next())
        await asyncio.sleep(0.7)
        assert not task.done()
        store.change("csara", row("new", 0, "sms.received", "Hello"))
        assert (await task)[0] == "profile"
        assert [one["id"] for one in (await reader.next())[1]["items"]] == ["new"]
    async with Reader(store, Feed(store), last=version) as reader:
        assert [(await reader.next())[0] for _ in range(3)] == ["profile", "panels", "timeline"]


@pytest.mark.parametrize("last", [10_000, -600])
async def test_what_cannot_be_resumed_begins_anew(store: FakeStore, last: int) -> None:
    """The store was lost and rebuilt, or too much happened."""
    async with Reader(store, Feed(store), last=last) as reader:
        assert await reader.next() == ("reset", {"reason": "too-old"}, "")


async def test_merge_and_erasure_end_the_stream(store: FakeStore) -> None:
    async with Reader(store, Feed(store), last=store.versions["csara"]) as reader:
        task = asyncio.create_task(reader.next())
        await asyncio.sleep(0.2)
        store.change("csara")
        store.aliases["csara"] = "creza"
        assert await task == ("reset", {"reason": "merged", "customer": "creza"}, "")
        with pytest.raises(StopAsyncIteration):
            await anext(reader.events)
    store.aliases.clear()
    del store.profiles["csara"]
    async with Reader(store, Feed(store)) as reader:
        assert (await reader.next())[1] == {"reason": "gone"}


async def test_a_burst_is_one_update(store: FakeStore) -> None:
    async with Reader(store, Feed(store), last=store.versions["csara"]) as reader:
        task = asyncio.create_task(reader.next())
        await asyncio.sleep(0.6)
        for number in range(30):
            store.change("csara", row(f"n{number}", 0, "web.track", name="Step"))
        await task
        _, news, _ = await reader.next()
        assert len(news["items"]) == 30


async def test_entries_that_are_absorbed_are_gone(store: FakeStore) -> None:
    async with Reader(store, Feed(store), last=store.versions["csara"]) as reader:
        task = asyncio.create_task(reader.next())
        await asyncio.sleep(0.6)
        store.change("csara", row("late", 45 * 60_000, "agent.reply", "Hi", trigger="tx"))
        await task
        assert [one["id"] for one in (await reader.next())[1]["entries"]] == ["late"]
        store.rows["csara"] = [one for one in store.rows["csara"] if one["id"] != "late"]
        store.change("csara")
        await reader.next()
        assert (await reader.next())[1]["gone"] == ["late"]


async def test_the_store_may_go_and_come_back(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store.get
    away = True

    async def get(customer: str) -> Any:
        if away:
            raise Transient("Redis does not answer")
        return await real(customer)

    monkeypatch.setattr(store, "get", get)
    monkeypatch.setattr(live, "RECHECK", 0.05)
    async with Reader(store, Feed(store)) as reader:
        task = asyncio.create_task(reader.next())
        await asyncio.sleep(0.2)
        away = False
        assert (await task)[0] == "profile"


async def test_who_else_is_reading(store: FakeStore) -> None:
    feed = Feed(store)
    async with Reader(store, feed, last=store.versions["csara"]) as mina:
        task = asyncio.create_task(mina.next())
        await asyncio.sleep(0.1)
        async with Reader(store, feed, agent="Ana", last=store.versions["csara"]) as ana:
            assert await ana.next() == ("readers", {"agents": ["Mina"]}, "")
            assert await task == ("readers", {"agents": ["Ana"]}, "")
        assert await mina.next() == ("readers", {"agents": []}, "")
    assert feed.readers("csara") == []


async def test_desk_hears_of_calls_with_names(store: FakeStore) -> None:
    feed = Feed(store)
    task = asyncio.create_task(feed.run())
    await asyncio.sleep(0.05)
    for notice in story.notices():
        store.notify(notice)
    await asyncio.sleep(0.05)
    async with aclosing(live.desk_events(feed)) as events:  # type: ignore[type-var]
        name, data, _ = parsed(await anext(events))
        assert name == "snapshot"
        assert [one["customer"] for one in data["items"]] == ["csara", "creza", "cnew", "clena"]
        caller = data["items"][0]
        assert (caller["name"], caller["call"]["state"]) == ("Sara Mohammadi", "input")
        assert caller["since"] == pytest.approx(now_ms() - 42_000, abs=2000)
        assert data["items"][2]["display"] == "+49 30 5550101"
        store.notify({"type": "sms.received", "customer": "creza", "text": "Hi", "time": now_ms()})
        assert parsed(await asyncio.wait_for(anext(events), 5))[1]["name"] == "Reza Karimi"
    task.cancel()


async def test_a_slow_listener_is_told_that_it_missed_something(store: FakeStore) -> None:
    feed = Feed(store)
    with feed.listen() as queue:
        for number in range(1000):
            feed._tell({"type": "x", "customer": str(number)})
        assert await queue.get() is None or queue.qsize() <= 200


async def _forever() -> AsyncIterator[str]:
    await asyncio.Event().wait()
    yield ""


async def test_heartbeat_and_revocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "RECHECK", 0.02)
    monkeypatch.setattr(sse, "HEARTBEAT", 0.05)
    welcome = True
    stream = sse.alive(_forever(), sse.Life(lambda: welcome, asyncio.Event()), "test")
    assert (await anext(stream)).startswith("retry:")
    assert await asyncio.wait_for(anext(stream), 5) == ": alive\n\n"
    welcome = False
    assert parsed(await asyncio.wait_for(anext(stream), 5))[1] == {"reason": "signed-out"}
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_streams_end_with_the_server() -> None:
    closing = asyncio.Event()
    stream = sse.alive(_forever(), sse.Life(lambda: True, closing), "test")
    await anext(stream)
    task = asyncio.create_task(anext(stream, "end"))
    await asyncio.sleep(0.01)
    closing.set()
    assert await asyncio.wait_for(task, 1) == "end"


@pytest.mark.parametrize(("since", "position"), [("yesterday", None), (None, "x"), (None, "1:2:3"), ("9" * 30, None)])
def test_triggers_from_nowhere(since: str | None, position: str | None) -> None:
    with pytest.raises(Rejected):
        topics.KafkaTriggers(Settings()).follow(since, position)


def test_positions_are_read_as_they_are_written() -> None:
    assert topics.positions(topics.written({3: 9, 0: 12})) == {0: 12, 3: 9}
    assert topics._moment("2026-01-31T12:00:00 00:00") == topics._moment("2026-01-31T12:00:00Z")
