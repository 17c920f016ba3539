"""The ledger on a cluster when things go wrong between two steps: whoever comes next finishes or undoes them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
from redis.asyncio import RedisCluster as Client

from hub.errors import Transient
from hub.settings import Settings
from profile_store import helping, keys
from profile_store.claims import RedisClaims
from profile_store.cluster import ClusterLedger
from profile_store.connect import Gap, cluster_functions, connect
from profile_store.document import alias
from profile_store.health import health
from profile_store.ledger import Raise
from profile_store.seals import sealed_by
from profile_store.store import Store
from tests.clusters import RedisCluster
from tests.contract.places import Change, Place, apart, join, place, refs, seen, write

STEPS = ("opened", "sealed", "committed", "finished")
BEFORE = ("opened", "sealed")
"""After these nothing has been decided."""


class Killed(Exception):
    """A worker ends here."""


def killed_after(step: str) -> Callable[[str], Awaitable[None]]:
    """Ends a worker after a step."""

    async def on(found: str) -> None:
        if found == step:
            raise Killed(step)

    return on


@pytest.fixture
async def store(redis_cluster: RedisCluster) -> AsyncIterator[Place]:
    """The cluster all tests share."""
    async with place("cluster", redis_cluster.url) as found:
        yield found


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before helping."""
    monkeypatch.setattr(helping, "GRACE", -1.0)
    monkeypatch.setattr(helping, "SETTLED_MS", -1)
    monkeypatch.setattr(helping, "ABANDONED_MS", -1)


async def raw(store: Place, customer: str) -> bytes:
    """The value as it is stored, with its seal."""
    return cast(bytes, await store.cluster.get(keys.profile(customer)) or b"")


async def records(store: Place) -> dict[bytes, bytes]:
    """Every record there is."""
    found: dict[bytes, bytes] = {}
    for number in range(keys.BUCKETS):
        found |= cast(dict[bytes, bytes], await store.cluster.hgetall(keys.transactions(number)))
    return found


async def two(store: Place) -> tuple[str, str, Change]:
    """Two customers on two nodes, and the change that joins them."""
    winner, loser = apart(2)
    names = refs(4)
    await store.ledger().commit(
        [
            write(winner, rows=[b"winner"], seen=seen(names[:1])),
            write(loser, rows=[b"loser 1", b"loser 2"], seen=seen(names[1:3])),
        ],
        [],
    )
    change = join(winner, await store.version(winner), loser, await store.version(loser), rows=[b"both"])
    return winner, loser, change


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("step", STEPS)
async def test_a_worker_that_dies_between_two_steps(store: Place, step: str) -> None:
    winner, loser, change = await two(store)
    with pytest.raises(Killed):
        await store.ledger(killed_after(step)).commit([change], [])
    if step in BEFORE:
        assert alias((await store.held(loser)).value or b"") is None
        assert await store.rows(winner) == [b"winner"]
        assert sealed_by(await raw(store, loser)) is None
        # The next worker can do it all again.
        assert await store.ledger().commit([change], []) == []
    assert alias((await store.held(loser)).value or b"") == winner
    assert await store.rows(winner) == [b"loser 1", b"loser 2", b"winner", b"both"]
    assert (await store.held(winner, refs(4))).applied == frozenset(refs(3))
    for _ in range(3):  # overwrite, drop, and whatever was left open
        await store.ledger().tidy()
    assert await raw(store, loser) == b">" + winner.encode()
    assert await store.rows(loser) == []
    assert await records(store) == {}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("step", STEPS)
async def test_places_that_held_nothing_are_free_or_taken(store: Place, step: str) -> None:
    customer, *places = apart(4)
    change = write(customer)
    change.parts += [(keys.profile(one), "", {"document": f">{customer}"}) for one in places]
    with pytest.raises(Killed):
        await store.ledger(killed_after(step)).commit([change], [])
    found = await store.ledger().read({one: [] for one in (customer, *places)})
    if step in BEFORE:
        assert {held.value for held in found.values()} == {None}
        assert await store.ledger().commit([write(one) for one in places], []) == []
    else:
        assert {alias(found[one].value or b"") for one in places} == {customer}
        assert {await raw(store, one) for one in places} == {b">" + customer.encode()}


async def test_a_worker_that_was_frozen_commits_nothing(store: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helping, "GRACE", -1.0)
    winner, loser, change = await two(store)
    frozen, thawed = asyncio.Event(), asyncio.Event()

    async def freeze(step: str) -> None:
        if step == "sealed":
            frozen.set()
            await thawed.wait()

    working = asyncio.create_task(store.ledger(freeze).commit([change], []))
    await frozen.wait()
    assert await store.ledger().commit([write(loser, await store.version(loser), rows=[b"new"])], []) == []
    thawed.set()
    assert await working == [0]
    assert alias((await store.held(loser)).value or b"") is None
    assert await store.rows(winner) == [b"winner"]
    assert await store.rows(loser) == [b"loser 1", b"loser 2", b"new"]


async def test_one_that_is_at_work_is_left_alone_for_a_while(store: Place) -> None:
    winner, loser, change = await two(store)
    opened, go_on = asyncio.Event(), asyncio.Event()

    async def slow(step: str) -> None:
        if step == "sealed":
            opened.set()
            await go_on.wait()

    working = asyncio.create_task(store.ledger(slow).commit([change], []))
    await opened.wait()
    other = store.ledger()
    held = (await other.read({loser: []}))[loser]
    assert await other.commit([write(loser, (held.value or b"")[:12].decode())], []) == [0]
    go_on.set()
    assert await working == []
    assert alias((await store.held(loser)).value or b"") == winner


async def test_a_customer_stays_under_its_seal_until_its_new_place_is_safe(
    store: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner, loser, change = await two(store)
    ledger = store.ledger()
    assert await ledger.commit([change], []) == []
    await ledger.tidy()
    assert sealed_by(await raw(store, loser)) is not None
    assert alias((await store.held(loser)).value or b"") == winner
    found = await Store(store.cluster).get(loser)
    assert found is not None
    assert found[1]["id"] == winner
    monkeypatch.setattr(helping, "SETTLED_MS", -1)
    await ledger.tidy()
    assert await raw(store, loser) == b">" + winner.encode()


async def copy(client: Client, bucket: int) -> dict[bytes, bytes]:
    """Everything in a bucket."""
    found = [name async for name in client.scan_iter(f"{keys.tag(bucket)}:*", count=1000)]
    return {name: cast(bytes, await client.dump(name)) for name in found}


async def put_back(client: Client, bucket: int, before: dict[bytes, bytes]) -> None:
    """Make the bucket what it was, on a server that remembers nothing of it."""
    node = client.get_node_from_key(keys.sync(bucket))
    await client.execute_command("FUNCTION LOAD", "REPLACE", cluster_functions(), target_nodes=node)
    async for name in client.scan_iter(f"{keys.tag(bucket)}:*", count=1000):
        await client.delete(name)
    for name, value in before.items():
        await client.restore(name, 0, value)


async def at(store: Place, offset: int) -> ClusterLedger:
    """A worker that has applied its partition up to an offset."""
    ledger: ClusterLedger = store.ledger()
    marks = await ledger.watermarks()
    await ledger.commit([], [Raise(0, marks.get(0, ""), f"topic:{offset}")])
    return ledger


@pytest.mark.parametrize("lost", ["winner", "loser"])
@pytest.mark.usefixtures("at_once")
async def test_a_bucket_that_lost_its_end_is_noticed_and_read_again(store: Place, lost: str) -> None:
    winner, loser, _ = await two(store)
    ledger = await at(store, 10)
    changes = [write(one, await store.version(one)) for one in (winner, loser)]
    await ledger.commit(changes, [Raise(0, "topic:10", "topic:20")])
    number = keys.bucket(winner if lost == "winner" else loser)
    before = await copy(store.cluster, number)
    joined = join(winner, await store.version(winner), loser, await store.version(loser), rows=[b"both"])
    assert await ledger.commit([joined], [Raise(0, "topic:20", "topic:30")]) == []
    await put_back(store.cluster, number, before)
    # Idle, or with the next batch in its hands, the worker notices; so does whoever has the partition next.
    assert await store.ledger().watermarks() == {0: "topic:10"}
    one = winner if lost == "winner" else loser
    late = write(one, await store.version(one))
    with pytest.raises(Gap):
        await ledger.commit([late], [Raise(0, "topic:30", "topic:40")])
    # What the other node decided stays decided: nobody is in two places, and nobody in none.
    assert alias((await store.held(loser)).value or b"") == (None if lost == "winner" else winner)
    assert await store.rows(loser) == ([b"loser 1", b"loser 2"] if lost == "winner" else [])
    # It is read again from there: the change is made once more, and the rows do not double.
    assert await ledger.locate() == {0: "topic:10"}
    again = [join(winner, await store.version(winner), loser, await store.version(loser))] if lost == "winner" else []
    assert await ledger.commit(again, [Raise(0, "topic:10", "topic:30")]) == []
    assert await store.ledger().watermarks() == {0: "topic:30"}
    assert sorted(set(await store.rows(winner)) - {b"both"}) == [b"loser 1", b"loser 2", b"winner"]
    assert len(await store.rows(winner)) == len(set(await store.rows(winner)))


async def test_who_only_looks_at_the_watermarks_does_not_hide_a_loss(store: Place) -> None:
    one, other = apart(2)
    ledger = await at(store, 10)
    before = await copy(store.cluster, keys.bucket(one))
    # A batch wrote there and was not finished; what it wrote was read, and is lost before the next commit.
    with pytest.raises(Killed):
        await store.ledger(killed_after("committed")).commit([write(one)], [Raise(0, "topic:10", "topic:20")])
    ledger = store.ledger()
    await ledger.locate()
    assert (await ledger.read({one: []}))[one].value is not None
    await put_back(store.cluster, keys.bucket(one), before)
    await ledger.watermarks()
    with pytest.raises(Gap):
        await ledger.commit([write(other), write(one)], [Raise(0, "topic:10", "topic:20")])


async def test_a_batch_that_was_not_finished_is_read_again(store: Place) -> None:
    one, other = apart(2)
    await at(store, 10)
    dying = store.ledger(killed_after("committed"))
    await dying.watermarks()
    with pytest.raises(Killed):
        await dying.commit([write(one), write(other)], [Raise(0, "topic:10", "topic:20")])
    heir = store.ledger()
    assert await heir.watermarks() == {0: "topic:10"}
    changes = [write(place, await store.version(place)) for place in (one, other)]
    assert await heir.commit(changes, [Raise(0, "topic:10", "topic:15")]) == []
    assert await store.ledger().watermarks() == {0: "topic:15"}


async def test_a_bucket_nobody_writes_to_again_does_not_keep_the_partition_back(store: Place) -> None:
    one, other = apart(2)
    ledger = await at(store, 10)
    before = await copy(store.cluster, keys.bucket(one))
    await ledger.commit([write(one)], [Raise(0, "topic:10", "topic:20")])
    await put_back(store.cluster, keys.bucket(one), before)
    assert await ledger.locate() == {0: ""}
    await ledger.commit([write(other)], [Raise(0, "", "topic:15")])
    assert await store.ledger().watermarks() == {0: "topic:15"}
    assert await ledger.watermarks() == {0: "topic:15"}


async def test_a_change_is_heard_wherever_one_listens(store: Place) -> None:
    customer = apart(1)[0]
    reader = Store(store.cluster)
    heard: list[Any] = []

    async def listen(source: AsyncIterator[Any]) -> None:
        heard.append(await anext(source))

    customers_own, everybody = reader.watch(customer), reader.watch_desk()
    listening = [asyncio.create_task(listen(customers_own)), asyncio.create_task(listen(everybody))]
    started = time.monotonic()
    while not all(task.done() for task in listening):
        assert time.monotonic() - started < 10
        version = await store.version(customer)
        await store.ledger().commit([write(customer, version, news=b'{"what":"call"}')], [])
        await asyncio.wait(listening, timeout=0.05)
    await customers_own.aclose()  # type: ignore[attr-defined]
    await everybody.aclose()  # type: ignore[attr-defined]
    assert {"what": "call"} in heard
    assert any(isinstance(one, int) for one in heard)


async def test_who_listens_is_told_when_the_node_dies(private_cluster: Callable[..., RedisCluster]) -> None:
    cluster, customer = private_cluster(), apart(1)[0]
    async with place("cluster", cluster.url) as store:
        await store.ledger().commit([write(customer)], [])
        await store.held(customer)
        heard: list[int] = []

        async def listen() -> None:
            while len(heard) < 2:
                with contextlib.suppress(Transient):
                    async for version in Store(store.cluster).watch(customer):
                        heard.append(version)
                        break

        async def change() -> None:
            with contextlib.suppress(Transient, Gap):
                await store.ledger().commit([write(customer, await store.version(customer))], [])
            await asyncio.sleep(0.05)

        listening = asyncio.create_task(listen())
        async with asyncio.timeout(30):
            while not heard:
                await change()
            await asyncio.to_thread(cluster.fail_over, cluster.master_of(keys.profile(customer)))
            while not listening.done():
                await change()
        assert heard[1] > heard[0]


async def test_search_looks_into_every_bucket(store: Place) -> None:
    people = apart(6)
    word = f"zz{people[0][:8]}"
    await store.ledger().commit([_seen_last(one, number, word) for number, one in enumerate(people)], [])
    found = await Store(store.cluster).search(word)
    assert [one["id"] for one in found] == people[::-1]


def _seen_last(customer: str, last: int, word: str) -> Change:
    change = write(customer, terms=[0, f"{word} {last}\x00{customer}"])
    change.parts[0][2]["document"] = b"000000010000" + b'{"id":"%b","parts":{"user_id:u":{"events":1,"last":%d}}}' % (
        customer.encode(),
        last,
    )
    return change


async def test_claims_are_kept_on_every_node(redis_cluster: RedisCluster) -> None:
    claims = RedisClaims(connect(_settings(redis_cluster.url)))
    try:
        triggers = apart(8)
        token = await claims.begin_refill()
        await claims.refill(token, [(triggers[0], "sent"), (triggers[1], "sending:somebody")])
        assert await claims.end_refill(token)
        assert [await claims.look(one) for one in triggers[:3]] == ["sent", "sending:somebody", "free"]
        assert [await claims.take(one) for one in triggers[2:]] == ["mine"] * 6
        assert [await claims.arm(one) for one in triggers[2:]] == ["mine"] * 6
        await claims.finish(triggers[2], "sent")
        assert await claims.look(triggers[2]) == "sent"
    finally:
        await claims.close()


async def test_every_node_is_looked_at(store: Place, redis_cluster: RedisCluster) -> None:
    found = await health(store.cluster)
    assert {one.name for one in found} == {f"127.0.0.1:{node.port}" for node in redis_cluster.nodes}
    assert {(one.keeps, one.evicts, one.cluster) for one in found} == {(True, "noeviction", "ok")}
    assert max(one.clock for one in found) < 2


def _settings(url: str) -> Settings:
    return Settings(redis_url=url)
