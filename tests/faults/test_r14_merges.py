"""R14: customers become one and are taken apart again, crosswise and at once, while workers or a master die."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Final, NamedTuple

import pytest

from hub.kinds import Policy
from tests.clusters import RedisCluster
from tests.faults.bytes import changed, folded, stored
from tests.faults.conftest import Install
from tests.faults.harness import Fleet, Installation, doubled
from tests.faults.merging import ROUNDS, Story, as_never_merged, ends, merged, play
from tests.faults.rules import THANKS, thanked
from tests.faults.tiers import sizes
from tests.faults.verdict import judge, pointers, shown, values
from tests.servers import Flavour, KafkaServer, RedisServer


class Size(NamedTuple):
    sets: int
    """Families of each plot."""
    merges: int
    each: int
    """Ordinary events of one person in a round."""
    kills: int


CI: Final = Size(sets=1, merges=20, each=4, kills=2)
FULL: Final = Size(sets=9, merges=200, each=6, kills=20)


def killing(hub: Installation, fleet: Fleet, random: Random, kills: int) -> Callable[[int, int], Awaitable[None]]:
    """Kills workers while events come in, one after the other, each when all are well again."""
    first = random.randrange(ROUNDS)
    rounds = Counter((first + number) % ROUNDS for number in range(kills))

    async def trouble(number: int, events: int) -> None:
        before = sum((await hub.applied()).values())
        for at in sorted(random.randrange(events) for _ in range(rounds[number])):
            await hub.until_count(before + at)
            await fleet.ready()
            random.choice(fleet.children).kill()

    return trouble


async def judged(hub: Installation, story: Story, size: Size, faults: Sequence[str]) -> str:
    """Compare what there is in the end with the log and with what people were told; a few figures."""
    verdict = await judge(hub, decisions=True)
    steps, circles = pointers(await values(hub))
    merges = merged(story, verdict.events)
    different = changed(await stored(hub), await folded(hub))
    assert not circles, circles
    assert not verdict.faults, shown(verdict.faults)
    assert not different, different
    assert not faults, shown(faults)
    assert not (wrong := await ends(hub, story)), shown(wrong)
    assert not (wrong := await as_never_merged(hub, story, verdict.events)), shown(wrong)
    assert {cause: len(ids) for cause, ids in verdict.causes.items()} == dict.fromkeys(thanked(verdict.events), 1)
    assert merges >= size.merges
    kinds = Counter(event.type for event in verdict.events)
    return (
        f"{len(verdict.events)} events, {merges} merges, {kinds['agent.merge']} asked for, "
        f"{kinds['agent.unmerge']} unmerges, {verdict.customers} customers, {len(verdict.triggers)} triggers "
        f"({len(doubled(verdict.triggers.elements()))} sent again), pointers by steps {dict(sorted(steps.items()))}"
    )


@pytest.mark.parametrize(("size", "runner", "flavour"), sizes(CI, FULL, runner="plain"))
async def test_merges_while_workers_are_killed(
    seed: int,
    install: Install,
    kafka_server: KafkaServer,
    private_redis: Callable[..., RedisServer],
    size: Size,
    runner: str,
    flavour: Flavour,
) -> None:
    hub = install(kafka_server, private_redis(flavour=flavour), policy=Policy(), fetch=100, runner=runner)
    hub.rule("thanks", THANKS)
    story = Story.of(seed, size.sets, size.each)
    started = time.monotonic()
    async with hub.workers(3) as fleet:
        faults = await play(hub, story, killing(hub, fleet, Random(seed), size.kills))
        exits = list(fleet.exits)
    figures = await judged(hub, story, size, faults)
    print(f"R14 {runner} {flavour}: {figures}, {len(exits)} kills, {time.monotonic() - started:.1f} s")
    assert exits == [-9] * size.kills


@pytest.mark.parametrize("size", [pytest.param(CI, id="ci"), pytest.param(FULL, id="full", marks=pytest.mark.full)])
async def test_merges_while_a_master_dies(
    seed: int, install: Install, kafka_server: KafkaServer, private_cluster: Callable[..., RedisCluster], size: Size
) -> None:
    random, cluster = Random(seed), private_cluster()
    hub = install(kafka_server, cluster, policy=Policy(), fetch=100)
    hub.rule("thanks", THANKS)
    story = Story.of(seed, size.sets, size.each)
    started = time.monotonic()

    async def trouble(number: int, events: int) -> None:
        if number == ROUNDS // 2:
            before = sum((await hub.applied()).values())
            await hub.until_count(before + random.randrange(events // 2))
            dead = random.choice(cluster.masters())
            await asyncio.to_thread(cluster.fail_over, dead)
            await asyncio.to_thread(dead.start)
            await asyncio.to_thread(cluster.until_whole)

    async with hub.workers(3) as fleet:
        faults = await play(hub, story, trouble)
        exits, rewinds = list(fleet.exits), await fleet.metric("hub_gap_rewinds_total")
        logs = [child.log for child in fleet.children]
    assert exits == [], logs
    figures = await judged(hub, story, size, faults)
    print(f"R14 cluster: {figures}, {rewinds:.0f} rewinds, {time.monotonic() - started:.1f} s")
