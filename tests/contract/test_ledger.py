"""What every ledger keeps to: in memory, on Redis, on Valkey, and on a cluster of six nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from hub.errors import Transient
from profile_store import keys
from profile_store.applied import RECORD
from profile_store.connect import Gap
from profile_store.document import VERSION, alias
from profile_store.effects import day
from profile_store.ledger import Held, Ledger, Raise
from tests.contract.places import KINDS, Change, Place, apart, join, place, refs, seen, somebody, write


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """Each kind of store in turn."""
    kind = request.param
    fixture = {"redis": "real_redis", "valkey": "real_valkey", "cluster": "redis_cluster"}.get(kind)
    async with place(kind, request.getfixturevalue(fixture).url if fixture else "") as found:
        yield found


async def test_what_was_committed_is_read(store: Place) -> None:
    one, other = apart(2)
    names = refs(3)
    ledger = store.ledger()
    first = write(one, rows=[b"row 1", b"row 2"], seen=seen(names[:2]))
    assert await ledger.commit([first, write(other)], []) == []
    held = await store.held(one, names)
    assert held.value == first.parts[0][2]["document"]
    assert held.applied == frozenset(names[:2])
    assert await store.rows(one) == [b"row 1", b"row 2"]
    assert (await store.held(somebody())).value is None
    assert list(await ledger.read({other: [], one: []})) == [other, one]
    assert await ledger.read({}) == {}


async def test_a_stale_version_is_refused_and_its_neighbours_are_written(store: Place) -> None:
    one, other = apart(2)
    ledger = store.ledger()
    await ledger.commit([write(one)], [])
    version = await store.version(one)
    assert await ledger.commit([write(one, version, rows=[b"new"])], []) == []
    rise = Raise(0, "", "topic:5")
    assert await ledger.commit([write(one, version, rows=[b"stale"]), write(other)], [rise]) == [0]
    assert await store.rows(one) == [b"new"]
    assert (await store.held(other)).value is not None
    assert await ledger.watermarks() == {}
    assert await ledger.commit([write(one, await store.version(one))], [rise]) == []
    assert await ledger.watermarks() == {0: "topic:5"}


async def test_watermarks_rise_by_compare_and_set(store: Place) -> None:
    ledger, customer = store.ledger(), somebody()
    await ledger.watermarks()
    await ledger.commit([], [Raise(0, "", "topic:5"), Raise(3, "", "topic:9")])
    assert await ledger.watermarks() == {0: "topic:5", 3: "topic:9"}
    with pytest.raises(Gap):
        await ledger.commit([write(customer)], [Raise(0, "topic:4", "topic:6")])
    assert (await store.held(customer)).value is None
    await ledger.watermarks()
    await ledger.commit([write(customer)], [Raise(0, "topic:5", "topic:6")])
    assert await ledger.watermarks() == {0: "topic:6", 3: "topic:9"}


async def test_who_lost_its_partition_raises_nothing(store: Place) -> None:
    zombie, owner, customer = store.ledger(), store.ledger(), somebody()
    await zombie.commit([write(customer)], [Raise(0, "", "topic:5")])
    assert await owner.watermarks() == {0: "topic:5"}
    await owner.commit([write(customer, await store.version(customer))], [Raise(0, "topic:5", "topic:7")])
    kept = await store.held(customer)
    with pytest.raises(Gap):
        await zombie.commit([write(customer, await store.version(customer))], [Raise(0, "topic:5", "topic:6")])
    assert await store.held(customer) == kept
    assert await owner.watermarks() == {0: "topic:7"}


async def test_watermarks_rise_only_when_all_of_a_large_batch_is_written(store: Place) -> None:
    ledger, many = store.ledger(), [somebody() for _ in range(120)]
    stale, free = many[5], [*many[:5], *many[6:]]
    await ledger.watermarks()
    await ledger.commit([write(stale)], [Raise(0, "", "topic:5")])
    # The first is refused long before the last is written.
    assert await ledger.commit([write(one) for one in many], [Raise(0, "topic:5", "topic:9")]) == [5]
    assert await ledger.watermarks() == {0: "topic:5"}
    assert None not in [one.value for one in (await ledger.read({one: [] for one in free})).values()]
    again = write(stale, await store.version(stale))
    assert await ledger.commit([again], [Raise(0, "topic:5", "topic:9")]) == []
    assert await ledger.watermarks() == {0: "topic:9"}


async def test_identities_become_part_of_a_customer(store: Place) -> None:
    customer, *places = apart(5)
    change = write(customer)
    change.parts += [(keys.profile(one), "", {"document": f">{customer}"}) for one in places]
    assert await store.ledger().commit([change], []) == []
    found = await store.ledger().read({one: [] for one in places})
    assert {alias(held.value or b"") for held in found.values()} == {customer}


async def test_a_change_is_written_whole_or_not_at_all(store: Place) -> None:
    customer, taken, free = apart(3)
    ledger = store.ledger()
    await ledger.commit([write(taken)], [])
    change = write(customer, rows=[b"row"], outbox=["trigger", b"body"])
    change.parts += [(keys.profile(one), "", {"document": f">{customer}"}) for one in (free, taken)]
    assert await ledger.commit([change], []) == [0]
    found = await ledger.read({one: [] for one in (customer, taken, free)})
    assert [found[customer].value, found[free].value] == [None, None]
    assert await store.rows(customer) == []
    # Nothing is left that would hinder the next one.
    assert await ledger.commit([write(free), write(customer), write(taken, await store.version(taken))], []) == []


@pytest.mark.parametrize("near", [True, False])
async def test_a_customer_that_becomes_part_of_another_brings_all_it_had(store: Place, near: bool) -> None:
    winner, loser = (somebody(7), somebody(7)) if near else apart(2)
    names = refs(6)
    ledger = store.ledger()
    await ledger.commit(
        [
            write(winner, rows=[b"winner 1"], seen=seen(names[:2])),
            write(loser, rows=[b"loser 1", b"loser 2"], seen=seen(names[2:5])),
        ],
        [],
    )
    joined = join(
        winner,
        await store.version(winner),
        loser,
        await store.version(loser),
        rows=[b"both"],
        seen=seen(names[5:]),
    )
    assert await ledger.commit([joined], []) == []
    assert alias((await store.held(loser)).value or b"") == winner
    assert (await store.held(winner, names)).applied == frozenset(names)
    assert await store.rows(winner) == [b"loser 1", b"loser 2", b"winner 1", b"both"]
    # It goes on there, and the old place is no hindrance.
    assert await ledger.commit([write(winner, await store.version(winner), rows=[b"more"])], []) == []
    assert (await store.rows(winner))[-1] == b"more"


def _drawn(count: int, seed: int) -> list[str]:
    """Short names of so many events, spread as hashes are."""
    draw = Random(seed)
    return [f"{draw.getrandbits(40):010x}" for _ in range(count)]


@pytest.mark.parametrize("many", [9, 10, 150, 3_000])
async def test_many_applied_events_are_all_known_and_no_others(store: Place, many: int) -> None:
    customer, ledger = somebody(), store.ledger()
    names, others = _drawn(many, 1), _drawn(many, 2)
    for start in range(0, many, 500):
        part = seen(names[start : start + 500])
        await ledger.commit([write(customer, await store.version(customer), seen=part)], [])
    assert (await store.held(customer, [*others, *names])).applied == frozenset(names)
    history = await ledger.history(customer)
    assert sorted(RECORD.iter_unpack(history.seen)) == sorted(RECORD.iter_unpack(seen(names)))


async def test_what_rules_did_is_counted_with_the_customers_that_are_written(store: Place) -> None:
    one, other, third = apart(3)
    rule, today, ledger = f"r{one[:8]}", day(int(time.time() * 1000)), store.ledger()
    await ledger.commit([write(one, effects=[(rule, today, "said", 2), (rule, today, "held:cap", 1)])], [])
    stale = write(one, effects=[(rule, today, "said", 5)])
    assert await ledger.commit([stale, write(other, effects=[(rule, today, "said", 3)])], []) == [0]
    await ledger.commit([write(third, effects=[(rule, today - 29, "said", 1), (rule, today - 90, "said", 9)])], [])
    version = await store.version(third)
    winner = join(one, await store.version(one), third, version, effects=[(rule, today - 1, "sent", 1)])
    assert await ledger.commit([winner], []) == []
    found = await store.effects(rule, today)
    assert (found.said[-1], found.said[0], sum(found.said), found.held[-1]) == (5, 1, 6, 1)
    assert (found.reasons, found.became) == ({"cap": 1}, {"sent": 1})
    later = await store.effects(rule, today + 29)
    assert (later.said[0], sum(later.said)) == (5, 5)
    assert not (await store.effects(f"{rule}-nobody", today)).any


async def test_a_generation_that_is_built_beside_counts_nothing_again(store: Place) -> None:
    if store.kind not in {"redis", "valkey"}:
        pytest.skip("it has one generation only")
    client: Any = store.client
    customer, at = somebody(), keys.Keys(4_000_000 + int(store.group[5:9], 16))
    rule, today = f"r{customer[:8]}", day(int(time.time() * 1000))
    said = [(rule, today, "said", 2)]
    await store.ledger().commit([write(customer, effects=said)], [])
    await client.hset(keys.GENERATION, keys.BUILDING, at.generation)
    try:
        change = write(customer, effects=said)
        change.parts = [(at.profile(customer), "", what) for _, _, what in change.parts]
        assert await Ledger(client, store.group, at).commit([change], []) == []
    finally:
        await client.hdel(keys.GENERATION, keys.BUILDING)
    assert await client.exists(at.profile(customer))
    assert sum((await store.effects(rule, today)).said) == 2


async def test_names_alike_in_all_but_the_end_are_told_apart(store: Place) -> None:
    customer, names = somebody(), refs(400)  # they have seven of ten digits in common
    await store.ledger().commit([write(customer, seen=seen(names[::2]))], [])
    assert (await store.held(customer, names)).applied == frozenset(names[::2])


async def test_a_name_is_not_found_across_the_bounds_of_others(store: Place) -> None:
    customer, names = somebody(), ["a0a1a2a3a4", "a5a6a7a8a9"]
    written = seen(names)
    within = [written[at : at + 5].hex() for at in range(1, 10) if at != RECORD.size]
    assert within[0].startswith("a"), "it is looked for where those lie"
    await store.ledger().commit([write(customer, seen=written)], [])
    assert (await store.held(customer, [*within, *names])).applied == frozenset(names)


@pytest.mark.parametrize("many", [20, 1_000])
async def test_what_was_received_before_a_day_is_forgotten(store: Place, many: int) -> None:
    if store.kind == "memory":
        pytest.skip("the stand-in forgets nothing")
    customer, ledger = somebody(), store.ledger()
    days = {day: _drawn(many, day) for day in (3, 4, 5)}
    everything = [name for names in days.values() for name in names]
    await ledger.commit([write(customer, seen=b"".join(seen(names, day) for day, names in days.items()))], [])

    async def left(day: int) -> frozenset[str]:
        await ledger.commit([write(customer, await store.version(customer), forget=day)], [])
        return (await store.held(customer, everything)).applied

    assert await left(-5) == await left(3) == frozenset(everything)
    assert await left(4) == frozenset(days[4] + days[5])
    assert await left(3) == frozenset(days[4] + days[5])
    assert await left(5) == frozenset(days[5])
    # What was forgotten can be remembered again.
    await ledger.commit([write(customer, await store.version(customer), seen=seen(days[3], 5))], [])
    assert (await store.held(customer, everything)).applied == frozenset(days[3] + days[5])


async def test_a_timeline_can_be_replaced(store: Place) -> None:
    customer, ledger = somebody(), store.ledger()
    await ledger.commit([write(customer, rows=[b"1", b"2"])], [])
    await ledger.commit([write(customer, await store.version(customer), rows=[b"2"], replace=True)], [])
    assert await store.rows(customer) == [b"2"]


@pytest.mark.parametrize("near", [True, False])
async def test_rows_that_were_brought_along_are_not_there_twice(store: Place, near: bool) -> None:
    winner, loser = (somebody(7), somebody(7)) if near else apart(2)
    ledger = store.ledger()
    await ledger.commit([write(winner, rows=[b"w"]), write(loser, rows=[b"1", b"2"])], [])
    rows = [b"1", b"w", b"3"]
    joined = join(winner, await store.version(winner), loser, await store.version(loser), rows=rows, replace=True)
    assert await ledger.commit([joined], []) == []
    assert await store.rows(winner) == [b"2", *rows]


async def test_a_customer_can_be_parted_again(store: Place) -> None:
    winner, loser = apart(2)
    ledger = store.ledger()
    await ledger.commit([write(winner), write(loser)], [])
    await ledger.commit([join(winner, await store.version(winner), loser, await store.version(loser))], [])
    back = somebody()  # a place that points to the winner, from the beginning
    pointing = write(winner, await store.version(winner))
    pointing.parts.append((keys.profile(back), "", {"document": f">{winner}"}))
    await ledger.commit([pointing], [])
    parted = write(winner, await store.version(winner))
    own = write(back, await store.version(back), rows=[b"its own"])
    assert await ledger.commit([Change(parted.parts + own.parts)], []) == []
    assert alias((await store.held(back)).value or b"") is None
    async with asyncio.timeout(15):  # on a cluster it waits until nothing of it can get lost
        while await ledger.commit([write(back, await store.version(back))], []):
            await ledger.tidy()
            await asyncio.sleep(0.05)
    assert await store.rows(back) == [b"its own"]


async def test_triggers_wait_until_they_are_sent(store: Place) -> None:
    ledger, customers = store.ledger(), apart(3)
    await ledger.commit([write(one, outbox=[f"t-{one}", one.encode()]) for one in customers], [])
    waiting = await ledger.waiting_triggers()
    assert {waiting[keys.bucket(one)][f"t-{one}"] for one in customers} == {one.encode() for one in customers}
    await ledger.relayed((keys.bucket(one), f"t-{one}") for one in customers[1:])
    left = {id for bucket in (await ledger.waiting_triggers()).values() for id in bucket}
    assert {f"t-{one}" for one in customers} & left == {f"t-{customers[0]}"}


def _version(held: Held) -> str:
    return (held.value or b"")[:VERSION].decode()


async def _persist(store: Place, winner: str, loser: str) -> None:
    """Join two customers as workers do: read, follow pointers, try again when refused."""
    ledger = store.ledger()
    for _ in range(200):
        roots = []
        for one in (winner, loser):
            place = one
            while (target := alias((await ledger.read({place: []}))[place].value or b"")) is not None:
                place = target
            roots.append(place)
        if roots[0] == roots[1]:
            return
        held = await ledger.read({one: [] for one in roots})
        if any(alias(one.value or b"") is not None for one in held.values()):
            continue
        keep, lose = roots
        change = join(keep, _version(held[keep]), lose, _version(held[lose]), rows=[f"{lose}".encode()])
        if await ledger.commit([change], []) == []:
            return
        await asyncio.sleep(0.001)
    raise Transient("refused for ever")


async def test_crossed_joins_come_to_an_end(store: Place) -> None:
    for _ in range(5):
        one, other = apart(2)
        await store.ledger().commit([write(one, rows=[one.encode()]), write(other, rows=[other.encode()])], [])
        async with asyncio.timeout(20):
            await asyncio.gather(_persist(store, one, other), _persist(store, other, one))
        targets = {place: alias((await store.held(place)).value or b"") for place in (one, other)}
        kept = [place for place, target in targets.items() if target is None]
        assert len(kept) == 1
        assert set(targets.values()) == {None, kept[0]}
        assert {one.encode(), other.encode()} <= set(await store.rows(kept[0]))


async def test_rings_and_chains_of_joins_come_to_an_end(store: Place) -> None:
    ring = apart(6)
    await store.ledger().commit([write(one, rows=[b"own " + one.encode()]) for one in ring], [])
    async with asyncio.timeout(30):
        await asyncio.gather(*(_persist(store, one, ring[number - 1]) for number, one in enumerate(ring)))
    kept = [one for one in ring if alias((await store.held(one)).value or b"") is None]
    assert len(kept) == 1
    rows = [row for row in await store.rows(kept[0]) if row.startswith(b"own ")]
    assert sorted(rows) == sorted(b"own " + one.encode() for one in ring)


async def test_timers_are_leased_and_dropped(store: Place) -> None:
    if store.kind == "memory":
        pytest.skip("the stand-in has no timers")
    ledger, customers = store.ledger(), apart(3)
    members = {one: keys.timer(one, "slot", f"timer-{one}") for one in customers}
    await ledger.commit([write(one, timers=[1_000 + number, members[one]]) for number, one in enumerate(customers)], [])
    everywhere = range(keys.BUCKETS)
    due = [one for one in await ledger.due(everywhere, 1_001) if one[0] in members]
    assert sorted(due) == sorted((one, "slot", f"timer-{one}") for one in customers[:2])
    assert not [one for one in await ledger.due(everywhere, 1_001) if one[0] in members]
    await ledger.drop_timers(members.values())
    assert not [one for one in await ledger.due(everywhere, 1_000_000) if one[0] in members]
    assert await ledger.due([], 5_000) == []


async def test_moments_are_kept(store: Place) -> None:
    if store.kind == "memory":
        pytest.skip("the stand-in does not tell them")
    ledger = store.ledger()
    await ledger.read_up_to({0: 5, 1: 3})
    assert await ledger.all_read_up_to(2) == 3
    assert await ledger.all_read_up_to(3_000) == 0


async def test_a_server_without_our_functions_gets_them(store: Place) -> None:
    if store.client is None:
        pytest.skip("the stand-in has no functions")
    client, ledger, customer = store.client, store.ledger(), somebody()
    nodes = store.cluster.get_primaries() if store.kind == "cluster" else [None]
    for node in nodes:
        await client.execute_command("FUNCTION FLUSH", **({"target_nodes": node} if node else {}))
    with pytest.raises(Transient):
        await ledger.commit([write(customer)], [])
    assert await ledger.commit([write(customer)], []) == []
