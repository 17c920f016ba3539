"""A customer whom ever older ones took over is still found by every identity, in a real Redis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from redis.asyncio import Redis

from hub.event import Event, make
from hub.identity import Identity
from hub.ids import customer_id
from hub.kinds import Policy
from profile_store import keys
from profile_store.connect import install
from profile_store.document import alias
from profile_store.ledger import Ledger
from profile_store.store import Store
from streams.decode import Dead
from streams.pipeline import Pipeline
from tests.servers import RedisServer
from tests.unit.memory import incoming, quiet

COOKIES = 40
START = datetime(2026, 1, 1, tzinfo=UTC)


async def never(dead: Dead) -> None:
    raise AssertionError(dead)


def seen(run: str, hour: int, *numbers: int) -> Event:
    """A page that somebody looked at, known by some cookies."""
    who: list[Identity] = [
        {"type": "anonymous_id", "value": f"{run}-{number:02}", "verified": False} for number in numbers
    ]
    return make(
        "web.page", id=f"{run}/{hour}/{numbers}", source="/test", identities=who, received=START + timedelta(hours=hour)
    )


async def test_found_by_every_identity_however_often_it_was_joined(redis_server: RedisServer) -> None:
    client: Redis = Redis.from_url(redis_server.url, protocol=3)
    try:
        await install(client)
        run = uuid4().hex
        worker = Pipeline(Ledger(client, run), quiet, never, Policy())
        told = [seen(run, COOKIES - number, number) for number in range(COOKIES)]  # each is older than those before
        told += [seen(run, COOKIES + number, 0, number) for number in range(1, COOKIES)]
        for offset, event in enumerate(told):
            await worker.run([incoming(event, offset, policy=Policy())], [])
        store = Store(client)
        names = [f"anonymous_id:{run}-{number:02}" for number in range(COOKIES)]
        found = [one[1] if (one := await store.find(name)) else None for name in names]
        assert found == [found[-1]] * COOKIES
        assert found[-1] is not None
        assert sorted(found[-1]["identities"]) == names
        # What another worker walks along to the end, nobody has to walk again.
        worker = Pipeline(Ledger(client, run), quiet, never, Policy())
        again = [seen(run, 3 * COOKIES, number) for number in range(COOKIES)]
        await worker.run(
            [incoming(event, len(told) + number, policy=Policy()) for number, event in enumerate(again)], []
        )
        values = [await client.get(keys.profile(customer_id(name))) for name in names]
        assert {alias(value) for value in values if isinstance(value, bytes)} == {None, found[-1]["id"]}
    finally:
        await client.aclose()
