"""Offsets never pass unfinished work; customers are side by side, one customer's messages in order."""

from __future__ import annotations

import asyncio

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from channels.lanes import Lanes, Progress

PLACE = TopicPartition("t", 0)


@given(order=st.permutations(range(12)), confirmed=st.lists(st.booleans(), min_size=12, max_size=12))
def test_an_offset_is_committed_when_everything_before_it_is_done(order: list[int], confirmed: list[bool]) -> None:
    progress, done, committed = Progress(), set[int](), 0
    for offset in range(12):
        progress.begin(PLACE, offset)
    for offset, arrives in zip(order, confirmed, strict=True):
        progress.done(PLACE, offset)
        done.add(offset)
        expected = next((number for number in range(13) if number not in done), 12)
        offsets = progress.committable()
        assert offsets == ({PLACE: expected} if expected > committed else {})
        if arrives:
            progress.committed(offsets)
            committed = expected


def test_what_is_anothers_is_forgotten() -> None:
    progress = Progress()
    progress.begin(PLACE, 1)
    progress.done(PLACE, 1)
    progress.forget({PLACE})
    progress.done(PLACE, 1)
    assert progress.committable() == {}


async def test_order_within_a_lane_and_none_between_lanes() -> None:
    lanes, said = Lanes(), list[str]()
    gate = asyncio.Event()

    async def say(word: str, wait: bool = False) -> None:
        if wait:
            await gate.wait()
        said.append(word)

    lanes.put("a", lambda: say("a1", wait=True))
    lanes.put("a", lambda: say("a2"))
    lanes.put("b", lambda: say("b1"))
    await asyncio.sleep(0.01)
    assert said == ["b1"]
    gate.set()
    await lanes.drain(1)
    assert said == ["b1", "a1", "a2"]
    assert len(lanes) == 0


async def test_a_fault_is_kept_and_a_late_task_is_cut_off() -> None:
    lanes = Lanes()

    async def break_down() -> None:
        raise ValueError("x")

    lanes.put("a", break_down)
    lanes.put("b", lambda: asyncio.sleep(60))
    await lanes.drain(0.05)
    assert isinstance(lanes.fault, ValueError)
    assert len(lanes) == 0
