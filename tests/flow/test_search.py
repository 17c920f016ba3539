"""Searching in a real Redis: in the order people expect, merged customers once, and in few round trips."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from hub.event import make
from hub.identity import Identity
from hub.ids import customer_id
from hub.kinds import Policy
from hub.profile import Part, blank, part
from profile_store import keys
from profile_store.connect import functions
from profile_store.draft import Draft
from profile_store.ledger import Ledger
from profile_store.store import FEW, SHORT, Store
from streams.decode import Dead, Incoming
from streams.pipeline import Pipeline
from tests.servers import RedisServer
from tests.unit.memory import incoming, quiet

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


async def test_whose_identity_was_claimed_finds_who_claimed_it(client: Redis) -> None:
    word = uuid4().hex[:12].translate(LETTERS)
    mail, user, shop = f"email:{word}@example.org", f"user_id:{word}", f"email:info@{word}.example"

    def said(number: int, *names: str, proven: bool = False) -> Incoming:
        people: list[Identity] = [
            {"type": kind, "value": value, "verified": proven}
            for kind, _, value in (name.partition(":") for name in names)
        ]
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        event = make("web.page", id=f"{word}{number}", source="/t", identities=people, received=moment)
        return incoming(event, number, policy=policy)

    async def never(dead: Dead) -> None:
        raise AssertionError(dead)

    policy = Policy()
    worker = Pipeline(Ledger(client, uuid4().hex), quiet, never, policy)
    store = Store(client)

    async def claimants(name: str) -> list[str]:
        return [one["id"] for one in await store.claimants([name])]

    await worker.run([said(1, mail), said(2, user, mail), said(3, user, shop)], [])
    assert await claimants(mail) == await claimants(shop) == [customer_id(user)]
    assert await claimants(user) == await claimants(mail[:-1]) == []
    assert await store.claimants([]) == []
    assert [one["id"] for one in await store.search(mail.partition(":")[2])] == [customer_id(mail)]

    await worker.run([said(4, user, mail, proven=True)], [])
    assert await claimants(mail) == []
    assert await claimants(shop) == [customer_id(mail)], "the claim goes with whoever the customer is part of now"


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
