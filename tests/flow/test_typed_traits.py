"""Typed traits on their whole way: a worker's batches, a real Redis, and what the desk's API says."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import httpx
from pydantic import SecretStr
from redis.asyncio import Redis

from desk.app import create_app
from hub.kinds import OPEN
from hub.settings import Settings
from profile_store.connect import functions
from profile_store.document import canonical
from profile_store.ledger import Ledger
from profile_store.store import Store
from rules.book import Book
from streams.declared import Declarations, folding_of
from streams.decode import Dead
from streams.pipeline import Pipeline
from streams.verify import refold
from tests.browser.fakes import FakeBus, FakeDeadLetters, FakeLog, FakeTriggers
from tests.browser.kit import HERE, SECRET, token
from tests.servers import RedisServer
from tests.unit.memory import incoming
from tests.unit.test_traits import DECLARED, said


async def nobody(dead: Dead) -> None:
    raise AssertionError(dead)


async def test_from_the_worker_to_the_desk(redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "traits").mkdir()
    (tmp_path / "traits" / "all.yaml").write_text(DECLARED, encoding="utf-8")
    settings = Settings(state=tmp_path, jwt_secret=SecretStr(SECRET))
    client: Redis = Redis.from_url(redis_server.url, protocol=3)
    try:
        await client.function_load(functions(), replace=True)
        who, ledger = f"u{uuid4().hex}", Ledger(client, uuid4().hex)
        declarations = Declarations(settings)
        pipeline = Pipeline(ledger, declarations, nobody, OPEN)
        events = [said(1, who=who, age="۴۱", tier="طلایی", hobby="chess"), said(2, who=who, age="۱۳۱")]
        read = [incoming(event, number) for number, event in enumerate(events)]
        await pipeline.run(read, [])

        store = Store(client)
        fakes = (FakeTriggers(), FakeDeadLetters(), FakeLog())
        app = create_app(settings, store, FakeBus(), triggers=fakes[0], dead_letters=fakes[1], log=fakes[2])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as desk:
            headers = {"Authorization": f"Bearer {token()}"}
            answer = await desk.get(f"/api/v1/customers?identifier=user_id:{who}", headers=headers)
        (body,) = answer.json()["items"]
        assert {name: one["value"] for name, one in body["traits"].items()} == {
            "age": 41,
            "tier": "gold",
            "hobby": "chess",
        }
        assert {name: one["text"] for name, one in body["unfit"].items()} == {"age": "age must be at most 130"}

        # What the store is folded with is what it is verified with.
        book = Book.from_json(declarations.book.to_json())
        found = await store.document(body["id"])
        made = refold(read, folding_of(book)).document(f"user_id:{who}")
        assert found is not None
        assert made is not None
        assert canonical(found[1]) == canonical(made)
    finally:
        await client.aclose()
