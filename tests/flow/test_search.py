"""Searching in a real Redis: in the order people expect, merged customers once, and in few round trips."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from hub.ids import customer_id
from hub.profile import Part, blank, part
from profile_store import keys
from profile_store.connect import functions
from profile_store.draft import Draft
from profile_store.ledger import Ledger
from profile_store.store import FEW, SHORT, Store
from tests.servers import RedisServer

LETTERS = str.maketrans("0123456789", "ghijklmnop")


@pytest.fixture
async def client(redis_server: RedisServer) -> AsyncIterator[Redis]:
    found: Redis = Redis.from_url(redis_server.url, protocol=3)
    await found.function_load(functions(), replace=True)
    yield found
    await found.aclose()


def customer(name: str, last: int, identity: str) -> Draft:
    """A new customer with a name."""
    document = blank(customer_id(identity), identity)
    told: dict[str, Any] = {
        "events": 1,
        "first": 1,
        "last": last,
        "traits": {"name": [name, last, "r", "web.identify"]},
    }
    document["parts"][identity] = cast(Part, {**part(), **told})
    return Draft(document, changed=True)


async def write(client: Redis, drafts: Sequence[Draft]) -> None:
    assert await Ledger(client, uuid4().hex).commit(drafts, []) == []


async def test_the_best_come_first_and_merged_customers_once(client: Redis) -> None:
    word = uuid4().hex[:12].translate(LETTERS)
    exact = customer("Somebody", 10, f"user_id:{word}")
    older, newer = customer(f"{word} Older", 20, f"user_id:1{word}"), customer(f"The {word}ish", 30, f"user_id:2{word}")
    begins = customer("Nobody", 90, f"email:{word}@example.org")
    gone = customer(f"{word} Older", 20, f"user_id:3{word}")
    await write(client, [exact, older, newer, begins, gone])
    await client.set(keys.profile(gone.id), f">{older.id}")  # its entry in the index is still there

    store = Store(client)
    found = [one["id"] for one in await store.search(f" {word.upper()}")]
    assert found == [exact.id, newer.id, older.id, begins.id]
    assert [one["id"] for one in await store.search(word, 1)] == [exact.id]
    assert await store.search(word + "x") == []
    assert await store.search(" ") == []

    await client.set(keys.profile(older.id), f">{newer.id}")  # and merged once more
    assert [one["id"] for one in await store.search(f"{word} older")] == [newer.id]


async def test_a_search_takes_two_round_trips_however_many_it_finds(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = uuid4().hex[:12].translate(LETTERS)
    await write(client, [customer(f"{word} {number}", number + 1, f"user_id:{word}{number}") for number in range(100)])
    trips = []
    pipeline = client.pipeline

    def counted(*args: Any, **kwargs: Any) -> Any:
        trips.append(1)
        return pipeline(*args, **kwargs)

    monkeypatch.setattr(client, "pipeline", counted)
    store = Store(client)
    assert len(await store.search(word, 20)) == 20
    assert len(trips) == 2
    assert len(await store.search(word[: SHORT - 1], 20)) <= 20
    assert len(await store.search(word[: SHORT - 1], 200)) <= FEW * keys.BUCKETS
