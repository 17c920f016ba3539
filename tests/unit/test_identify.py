"""Whose event is it: identities join customers, in any order, in any batches, with several workers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Transient
from hub.event import Event, make
from hub.ids import customer_id
from hub.kinds import OPEN
from profile_store.document import alias, profile_of
from streams.decode import Dead, Incoming
from streams.pipeline import Pipeline
from tests.faults import oracle
from tests.faults.story import story
from tests.unit.memory import Memory, incoming, quiet
from tests.unit.strategies import events

SOME = settings(deadline=None, max_examples=60, print_blob=True)


async def never(dead: Dead) -> None:
    raise AssertionError(dead)


def worker(store: Memory) -> Pipeline:
    """A worker's pipeline on a store."""
    return Pipeline(store, quiet, never, OPEN)  # type: ignore[arg-type]


def wrong(store: Memory, told: Sequence[Event]) -> list[str]:
    """What the store holds otherwise than the oracle."""
    held, faults, found = store.held(), [], set()
    for names, part in oracle.components(told):
        roots = set()
        for name in names:
            place: str | None = customer_id(name)
            while place is not None and (target := alias(held.get(place, b">"))) is not None:
                place = target if place in held else None
            roots.add(place)
        root = roots.pop()
        if roots or root is None:
            faults.append(f"{names} lead to {roots | {root}}")
        elif oracle.digest(profile_of(held[root])) != oracle.digest(oracle.expected(part)):
            faults.append(f"{root}: {profile_of(held[root])} instead of {oracle.expected(part)}")
        found.add(root)
    orphans = {one for one, value in held.items() if alias(value) is None} - found
    return faults + [f"orphan {one}" for one in orphans]


def event(id: str, *names: str) -> Event:
    """An event about these people."""
    who = [{"type": "user_id", "value": name, "verified": False} for name in names]
    return make("web.page", id=id, source="/test", identities=who, received=datetime(2026, 1, 1, tzinfo=UTC))  # type: ignore[arg-type]


def logged(told: Sequence[Event], partitions: int = 1) -> dict[int, list[Incoming]]:
    """The events in their partitions, by subject, each with its offset."""
    found: dict[int, list[Incoming]] = {number: [] for number in range(partitions)}
    for one in told:
        number = int(customer_id(one.subject)[1:], 16) % partitions
        found[number].append(incoming(one, len(found[number]), number))
    return found


@SOME
@given(events(12), st.lists(st.integers(1, 5), min_size=12, max_size=12))
async def test_batches_and_joins(told: list[Event], sizes: list[int]) -> None:
    store, rest = Memory(), logged(told)[0]
    for size in sizes:
        if rest:
            await worker(store).run(rest[:size], [])
        rest = rest[size:]
    assert not wrong(store, told)


@SOME
@given(events(10), st.data())
async def test_a_resend_has_no_second_effect(told: list[Event], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(told), max_size=8))
    store, rest = Memory(), logged([*told, *again])[0]
    while rest:
        size = data.draw(st.integers(1, 6))
        await worker(store).run(rest[:size], [])
        rest = rest[size:]
    assert not wrong(store, told)


@SOME
@given(events(10), st.integers(1, 6), st.integers(0, 10))
async def test_reading_again_has_no_second_effect(told: list[Event], size: int, back: int) -> None:
    store, all_ = Memory(), logged(told)[0]
    for start in range(0, len(all_), size):
        await worker(store).run(all_[max(0, start - back) : start + size], [])
    assert not wrong(store, told)


@pytest.mark.parametrize("seed", range(4))
async def test_workers_that_meet_at_the_same_customers(seed: int) -> None:
    random = Random(seed)
    told = story(seed, 400, 12, weld=0.1)
    store = Memory()

    async def work(part: list[Incoming]) -> None:
        pipeline = worker(store)
        while part:
            size = random.choice((1, 7, 50))
            store.lost_answers = random.random() < 0.1
            store.away = random.random() < 0.1
            batch, part = part[:size], part[size:]
            while True:
                try:
                    await pipeline.run(batch, [])
                    break
                except Transient:
                    continue

    await asyncio.gather(*map(work, logged(told, 4).values()))
    assert not wrong(store, told)


async def test_a_resend_is_recognised_behind_a_chain_of_merges() -> None:
    store = Memory()
    first = [event("1", "a"), event("2", "b"), event("3", "x"), event("4", "b", "a"), event("5", "x", "b")]
    for number, one in enumerate(first):
        await worker(store).run([incoming(one, number)], [])
    assert len([1 for value in store.values.values() if alias(value) is not None]) == 2
    # In one batch: somebody who is found by way of two pointers, and a resend at the customer they lead to.
    batch = [event("6", one) for one in "abx"] + [event("3", "x")]
    fresh = [one.model_copy(update={"id": f"new{number}"}) for number, one in enumerate(batch[:3])]
    await worker(store).run([incoming(one, 10 + number) for number, one in enumerate([*fresh, batch[3]])], [])
    assert not wrong(store, [*first, *fresh])


async def test_a_store_that_forgot_a_merge_is_not_believed_to_know_it() -> None:
    store = Memory()
    pipeline = worker(store)
    told = [event("1", "a"), event("2", "x"), event("3", "a", "x"), event("4", "a")]
    for number in (0, 1):
        await pipeline.run([incoming(told[number], number)], [])
    before = store.snapshot()
    await pipeline.run([incoming(told[2], 2)], [])
    await pipeline.run([incoming(told[3], 3)], [])
    store.restore(before)
    store.away = 1
    with pytest.raises(Exception, match="nobody"):
        await pipeline.run([incoming(told[3], 3)], [])
    await pipeline.run([incoming(told[3], 3)], [])
    assert not wrong(store, [told[0], told[1], told[3]])
