"""A store that is built beside another takes its place in the middle of everything, and a lost one comes back whole."""

from __future__ import annotations

from copy import deepcopy
from random import Random

import pytest

from profile_store.keys import FIRST, Keys
from profile_store.structure import components
from streams.decode import Incoming
from streams.foretell import decisions
from streams.verify import refold
from tests.unit.memory import incoming
from tests.unit.test_arrange import Town, canonical, live


def documents(town: Town) -> dict[str, bytes]:
    """All customers with events, to compare."""
    return {id: canonical(one) for id, one in town.documents().items() if one["parts"]}


def logged(town: Town) -> list[Incoming]:
    """The whole log, partition after partition."""
    return [
        incoming(one, offset, partition, replayed=True, policy=town.policy)
        for partition, part in enumerate(town.log)
        for offset, one in enumerate(part)
    ]


def from_the_log(town: Town) -> dict[str, bytes]:
    """The customers that the log alone makes."""
    made = refold(logged(town))
    found = (made.document(group[0]) for group in components(made.nodes, made.links))
    return {one["id"]: canonical(one) for one in found if one is not None and one["parts"]}


async def beside(town: Town, random: Random, *, foretell: bool) -> Town:
    """The same town with a store that was built from what it had applied of its log."""
    again = Town(town.policy, [part[:end] for part, end in zip(town.log, town.at, strict=True)])
    await again.settle(random, replayed=True)
    again.log = [list(part) for part in town.log]
    again.store.outbox = deepcopy(town.store.outbox)
    ahead = [body for outbox in again.store.outbox.values() for body in outbox.values()]
    ahead += [one.to_json() for part, end in zip(town.log, town.at, strict=True) for one in part[end:]]
    found = list(decisions(ahead, town.policy))
    if foretell and found:
        await again.worker.run(found, [])
    return again


@pytest.mark.parametrize("block", range(4))
async def test_a_store_built_beside_goes_on_like_the_one_before(block: int) -> None:
    blind = 0
    for seed in range(block * 25, block * 25 + 25):
        town = await live(Random(seed), 40, to_the_end=False)
        new, careless = [await beside(town, Random(seed), foretell=told) for told in (True, False)]
        for one in (town, new, careless):
            await one.settle(Random(seed + 1))
        assert documents(new) == documents(town), f"seed {seed}"
        assert documents(new) == from_the_log(new), f"seed {seed}"
        blind += documents(careless) != documents(town)
    assert blind, "what is decided and not applied makes a difference"


def test_the_first_generation_has_the_keys_it_always_had() -> None:
    assert (FIRST.profile("c1"), FIRST.watermarks("g")) == (Keys(0).profile("c1"), "w:g")
    assert FIRST.profile("c1").startswith("{b")


@pytest.mark.parametrize("number", [0, 1, 12])
def test_a_key_says_what_it_is_of(number: int) -> None:
    at = Keys(number)
    for key, kind in ((at.profile("c1"), "c"), (at.timeline("c1"), "t"), (at.applied("c1"), "d")):
        assert at.kind(key) == kind
    assert at.customer(at.profile("c1")) == "c1"
    assert [at.kind(key) for key in (at.timers(3), at.search(3), at.fed(3))] == ["z", "s", "f"]
    mine = at.mark + "{b03}"
    assert {at.kind(f"{mine}:{rest}") for rest in ("claim:t1", "claims", "o")} == {""}
