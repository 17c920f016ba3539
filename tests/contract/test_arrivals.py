"""How fields came is added up alike by the stand-in, Redis, Valkey and a cluster, whoever tells first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from hub.arrivals import Arrivals
from hub.event import make
from profile_store import keys
from profile_store.arrivals import ArrivalStore, Looks
from profile_store.store import Store
from rules.arrivals import asked, missing
from streams.lookout import Lookout
from tests.contract.places import KINDS, place
from tests.unit.arrived import LOOKS, STRETCH, MemoryArrivals, added
from tests.unit.memory import incoming
from tests.unit.test_arrivals import NOW, WHO, rule

DAY = 86_400_000


@pytest.fixture(params=KINDS)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """A client of each kind of store; of the stand-in, None."""
    kind = request.param
    fixture = {"redis": "real_redis", "valkey": "real_valkey", "cluster": "redis_cluster"}.get(kind)
    async with place(kind, request.getfixturevalue(fixture).url if fixture else "") as found:
        yield found.client


def store_of(client: Any) -> Any:
    return MemoryArrivals() if client is None else ArrivalStore(client)


def looks(draw: Random, now: int, scale: int) -> Looks:
    """What a worker may see in some seconds."""
    count = draw.randrange(1, scale)
    seen = draw.choice((0, 0, draw.randrange(count + 1)))
    if not seen:
        return Looks(count, 0, count, 0, count, 0, now, now + 9, draw.randrange(count + 1))
    left = count - seen
    lead = draw.randrange(left + 1)
    dry = draw.randrange(left - lead + 1)
    since, longest = now + 5 if dry else 0, draw.randrange(left - lead - dry + 1)
    return Looks(count, seen, lead, longest, dry, now + 4, since, now + 9, draw.randrange(dry + 1))


@pytest.mark.parametrize("scale", [6, 20_000])
async def test_what_workers_tell_is_added_up(client: Any, scale: int) -> None:
    store, draw, kind = store_of(client), Random(scale), f"web.track/{uuid4().hex} added"
    expected: dict[str, Arrivals] = {}
    for step in range(60):
        told = {name: looks(draw, 1_795_000_000_000 + step * 10_000, scale) for name in ("event.a", "event.b:number")}
        expected = {name: added(expected.get(name, Arrivals()), one) for name, one in told.items()}
        await store.add(kind, told)
    assert await store.read([kind, "sms.received/nothing"]) == {kind: expected}
    assert all(one.looked <= LOOKS and one.longest <= STRETCH for one in expected.values())


async def test_what_several_tell_at_once_is_lost_for_none(client: Any) -> None:
    store, kind = store_of(client), f"web.track/{uuid4().hex}"
    one = Looks(3, 3, 0, 0, 0, 5_000, 0, 5_000, 0)
    await asyncio.gather(*(store.add(kind, {"event.a": one}) for _ in range(40)))
    found = (await store.read([kind]))[kind]["event.a"]
    assert (found.looked, found.seen, found.dry) == (120, 120, 0)


async def test_what_nobody_asks_about_any_more_is_forgotten(client: Any) -> None:
    if client is None:
        pytest.skip("the stand-in forgets nothing")
    store, kind, now = store_of(client), f"web.track/{uuid4().hex}", 1_795_000_000_000
    await store.add(kind, {name: Looks(1, 1, 0, 0, 0, now, 0, now, 0) for name in ("event.a", "event.b")})
    await store.add(kind, {"event.a": Looks(1, 1, 0, 0, 0, now + 29 * DAY, 0, now + 29 * DAY, 0)})
    assert set((await store.read([kind]))[kind]) == {"event.a", "event.b"}
    await store.add(kind, {"event.a": Looks(1, 0, 1, 0, 1, 0, now + 31 * DAY, now + 31 * DAY, 0)})
    assert set((await store.read([kind]))[kind]) == {"event.a"}
    assert 29 * 86_400 < await client.ttl(keys.arrivals(kind)) <= 30 * 86_400


async def test_what_a_worker_sees_reaches_the_desk(client: Any) -> None:
    if client is None:
        pytest.skip("the desk reads a store")
    kind = f"web.track/{uuid4().hex}"
    one = rule({"field": "event.properties.price", "op": "ge", "value": 50}, kind)
    seconds = 0.0
    worker = Lookout(ArrivalStore(client), lambda: (one,), lambda: frozenset({0}), lambda: seconds)
    await worker.step()
    for price in (*[60] * 80, *["60 EUR"] * 400):
        seconds += 10
        at = NOW + timedelta(seconds=seconds)
        more: dict[str, Any] = {"name": kind.partition("/")[2], "properties": {"price": price}}
        worker.look([incoming(make("web.track", id="e", source="/t", identities=WHO, received=at, **more), 0)])
        if seconds % 1000 == 0:
            await worker.step()
    await worker.step()
    (found,) = missing(asked(one), await Store(client).arrivals([kind]))
    assert (found.event, found.state, found.looked, found.otherwise) == (kind, "stopped", 400, True)
    assert found.since == int((NOW + timedelta(seconds=800)).timestamp() * 1000)
