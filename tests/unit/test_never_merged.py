"""Merged and taken apart again is never merged: byte for byte, whatever was told before, meanwhile and after."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.event import Event, make
from hub.profile import CAUSE
from profile_store.timeline import decode
from tests.unit.strategies import KINDS, data
from tests.unit.test_arrange import START, Town, by_hand, event, sure, who

MINE = ("user_id:anna", "email:a@x.org", "anonymous_id:a")
THEIRS = ("phone:+493012", "anonymous_id:b")
SOME = settings(deadline=None, max_examples=25, print_blob=True)


@st.composite
def told(draw: st.DrawFn, first: int) -> list[Event]:
    """A few events, each of one of the two; many at the same moment."""
    found = []
    for number in range(first, first + draw(st.integers(0, 6))):
        kind, names = draw(st.sampled_from(KINDS)), draw(st.sampled_from((MINE, THEIRS)))
        people = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        found.append(
            make(
                kind,
                id=f"e{number}",
                source=draw(st.sampled_from(("/a", "/b"))),
                identities=[who(one, verified=draw(st.booleans())) for one in people],
                received=START + timedelta(seconds=draw(st.integers(200, 203))),
                **draw(data(kind)),
            )
        )
    return found


async def lived(parts: list[list[Event]], random: Random, *, together: bool) -> tuple[Town, list[bool]]:
    """Two customers, and an agent who makes them one after the first part and several after the second.

    Not `together`: the agent asks for nothing with the same two events. Also whether they were one after each part.
    """
    town, one = Town(), []
    for names in (MINE, THEIRS):
        town.tell(event(100 + len(names), *map(sure, names)))
    await town.settle(random)
    mine, theirs = town.customer(MINE[0]), town.customer(THEIRS[0])
    asked = (
        by_hand(300, "agent.merge", mine, theirs if together else "", merge={}),
        by_hand(301, "agent.unmerge", mine, unmerge={"identities": list(THEIRS) if together else []}),
    )
    for number, part in enumerate(parts):
        for each in part:
            town.tell(each)
        await town.settle(random)
        one.append(town.customer(MINE[0]) == town.customer(THEIRS[0]))
        if number < len(asked):
            town.tell(asked[number])
            await town.settle(random)
    return town, one


def kept(town: Town) -> bytes:
    """All customers, but for what was decided by hand, and where in the log their events came."""
    by_agent = {one.ref for part in town.log for one in part if one.type.startswith("agent.")}
    found: dict[str, Any] = {}
    for id, document in town.documents().items():
        links = {name: link for name, link in document["links"].items() if link[CAUSE] not in by_agent}
        parts = {name: {**part, "fences": {}} for name, part in document["parts"].items()}
        rows = {row["id"] + row["type"]: row["text"] for row in map(decode, town.store.rows[id])}
        found[id] = {**document, "links": links, "parts": parts, "rows": rows}
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS)


@SOME
@given(told(0), told(10), told(20), st.randoms(use_true_random=False))
async def test_merged_and_taken_apart_is_never_merged(
    before: list[Event], meanwhile: list[Event], after: list[Event], random: Random
) -> None:
    parts = [before, meanwhile, after]
    town, one = await lived(parts, random, together=True)
    assert one == [False, True, False]
    apart, one = await lived(parts, random, together=False)
    assert one == [False, False, False]
    assert kept(town) == kept(apart)
