"""A whole worker with ten thousand rules beside one with a hundred, and how it bears that all of them change at once.

Two installations on the same Kafka and Redis get the same events; which of them works changes from turn to turn. What
a worker said is compared with what its rules say in a backtest, message by message, before anything is reported.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeAlias, cast

import psutil
from redis.asyncio import Redis

from bench import ticking
from bench.contest import Differs
from bench.figures import Figure
from bench.ground import Ground
from bench.rulesets import (
    CLASSES,
    EVENT_FIELDS,
    NAMES,
    SETTINGS,
    WINDOWS,
    Draw,
    as_rules,
    name_of,
    numeric,
    own_fields,
)
from bench.throughput import applied
from hub import bus
from hub.event import Event, make
from hub.identity import Identity
from hub.ids import event_id
from hub.replay import ends, stored_since
from hub.topics import INTERACTIONS, RULES, TRIGGERS
from hub.trigger import Trigger
from profile_store.keys import FIRST
from rules.history import Change, publication
from rules.model import Rule
from streams.backtest import rehearse
from streams.rulelog import new_key

FEW, MANY = 100, 10_000
SELDOM: Final = SETTINGS[0.1]
"""The mixed load where rules match seldom: a message costs what it costs, however many rules there are."""
SHARE: Final = 0.7
ROUNDS: Final = 2
SWAPS: Final = 5
EACH: Final = 10
"""Events of a customer, beside the one that says who it is."""


def customers(count: int, seed: int = 5) -> list[Event]:
    """What the customers say of themselves, and then do: names, fields and traits as the rules ask for them."""
    draw, now, found = Draw(seed), datetime.now(UTC), list[Event]()
    about: dict[str, Any]
    for number in range(count * (EACH + 1)):
        customer, turn = number % count, number // count
        who: list[Identity] = [
            {"type": "email", "value": f"c{customer}@example.org", "verified": True},
        ]
        kind, about = "web.track", {}
        if turn == 0:
            own = own_fields(customer % CLASSES)
            kind, about = "web.identify", {"traits": {f"t{field}": draw.value(field) for field in own}}
        else:
            said, tags = draw.said(0.9), draw.tags()
            about = {"name": name_of(draw.rank(NAMES)), "properties": said, "tags": tags}
        id = event_id("bench", f"many/{number}")
        found.append(make(kind, id=id, source="/bench", identities=who, received=now, **about))
    return found


def rules(count: int, edition: int = 0) -> list[Rule]:
    """The mixed load as rules that speak; the first of them are those of a smaller load."""
    send = {"channel": "email", "purpose": "service", "subject": "Hello", "text": f"Hello {edition}"}
    return list(map(Rule.model_validate, as_rules(replace(SELDOM, rules=count), send)))


def _windows(ground: Ground) -> None:
    """Declare the traits that the rules call windows."""
    folder = ground.settings.traits_dir
    folder.mkdir(parents=True, exist_ok=True)
    for number, field in zip(range(WINDOWS), filter(numeric, range(EVENT_FIELDS)), strict=False):
        of = {"on": "web.track", "value": f"event.properties.f{field}", "compute": "last", "over": "30d"}
        (folder / f"w{number}.json").write_text(json.dumps({"id": f"w{number}", "name": f"Window {number}", **of}))


async def _publish(ground: Ground, some: Sequence[Rule], seconds: float = 20.0) -> None:
    producer = bus.Producer(ground.settings.kafka_bootstrap_servers, client="bench-rules")
    await producer.start()
    messages = publication([Change(one.id, one) for one in some], "bench", int(time.time() * 1000))
    try:
        async with asyncio.timeout(seconds):
            await producer.publish(bus.topic(ground.settings, RULES), [(new_key(), one) for one in messages])
    finally:
        await producer.stop()


async def _until(redis: Redis, group: str, wanted: int) -> None:
    async with asyncio.timeout(120):
        while await applied(redis, group) < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


Message: TypeAlias = tuple[str, str, str]
"""The rule, the event that it spoke to, and what it said."""


class Side:
    """An installation with so many rules, and what was measured of it."""

    def __init__(self, ground: Ground, size: int) -> None:
        settings = ground.settings.model_copy(update={"topic_prefix": f"bench{size}."})
        self.ground = replace(ground, settings=settings)
        self.size, self.rules = size, rules(size)
        self.ends: dict[int, int] = {}
        """Where the events end in each partition."""
        self.said: list[Counter[Message]] = []
        """In each turn."""
        self._heard: dict[int, int] = {}
        self.rates: list[float] = []
        self.costs: list[float] = []
        """µs of processor an event."""

    async def begin(self, events: Sequence[Event]) -> None:
        """Topics, rules and events."""
        await asyncio.to_thread(bus.ensure_topics, self.ground.settings)
        await _publish(self.ground, self.rules)
        await self.ground.fill(events)
        self.ends = await self._ends()
        self._heard = dict.fromkeys(self.ends, 0)

    @property
    def total(self) -> int:
        """How many events there are."""
        return sum(self.ends.values())

    async def _ends(self) -> dict[int, int]:
        return await asyncio.to_thread(ends, self.ground.settings, INTERACTIONS)

    async def turn(self, redis: Redis, number: int) -> None:
        """Let a new worker apply all of it into an empty store."""
        await redis.flushall()
        group = f"bench-many-{self.size}-{number}"
        async with self.ground.process("worker", HUB_GROUP=group) as worker:
            process = psutil.Process(worker.pid)
            first = 0
            while not first:
                await asyncio.sleep(0.01)
                first = await applied(redis, group)
            began, spent = time.perf_counter(), sum(process.cpu_times()[:2])
            while not await self._through(redis, group):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            seconds, spent = time.perf_counter() - began, sum(process.cpu_times()[:2]) - spent
            self.rates.append((self.total - first) / seconds)
            self.costs.append(spent / (self.total - first) * 1e6)
            await self._settled()
        self.said.append(await asyncio.to_thread(self._spoken))

    async def _through(self, redis: Redis, group: str) -> bool:
        """Whether all events are applied; what came of their messages lies behind them."""
        marks = await redis.hgetall(FIRST.watermarks(group))
        reached = {int(one): int(cast(bytes, mark).rpartition(b":")[2]) + 1 for one, mark in marks.items()}
        return all(reached.get(partition, 0) >= end for partition, end in self.ends.items())

    async def _settled(self) -> None:
        """Wait until nothing more is said."""
        before, now = -1, -2
        while before != now:
            await asyncio.sleep(1.0)
            before, now = now, await asyncio.to_thread(self._said)

    def _said(self) -> int:
        return sum(ends(self.ground.settings, TRIGGERS).values())

    def _spoken(self) -> Counter[Message]:
        """What was said in this turn. A trigger that a slow broker was sent again is the same, by its id."""
        since = dict(self._heard)
        self._heard = ends(self.ground.settings, TRIGGERS)
        lines = stored_since(self.ground.settings, TRIGGERS, since)
        found = {one.id: one for one in (Trigger.from_json(line.value) for line in lines if line.value)}
        return Counter((one.rule, one.cause, one.text) for one in found.values())

    async def check(self) -> float:
        """Messages an event. Raises Differs when the workers said anything else than the rules say by themselves."""
        (found,) = await rehearse(self.ground.settings, [self.rules], now=int(time.time() * 1000))
        wanted = Counter((one.rule, one.cause, one.text) for one in found.sent)
        for said in self.said:
            if said != wanted:
                missing, more = (wanted - said).total(), (said - wanted).total()
                raise Differs(f"a worker with {self.size} rules did not say {missing} messages, and {more} too many")
        return wanted.total() / self.total

    async def swaps(self, redis: Redis) -> list[tuple[float, float]]:
        """The longest that an idle worker's loop stood still while all its rules changed, and that a loop stood still
        beside a thread that only counts, as long: ms, some of each."""
        ticks, group = self.ground.state / "ticks", f"bench-many-{self.size}-{ROUNDS - 1}"
        argv, waits = (sys.executable, "-m", "bench.ticking"), list[tuple[float, float]]()
        changes = {"HUB_GROUP": group, ticking.FILE: str(ticks)}
        async with self.ground.process("worker", argv=argv, **changes):
            for number in range(1, SWAPS + 1):
                others = await asyncio.to_thread(rules, self.size, number)
                end = sum((await self._ends()).values())
                await _until(redis, group, end)
                began = time.time()
                await _publish(self.ground, others)
                await _until(redis, group, end + self.ground.settings.partitions)  # the markers
                pause = max(ticking.gaps(ticks, began), default=0.0)
                waits.append((pause, await ticking.longest(partial(ticking.count, time.time() - began))))
        return waits


async def many(ground: Ground, share: float = 1.0) -> list[Figure]:
    """The figures of a worker with many rules."""
    most = MANY if share >= 1 else 1_000
    _windows(ground)
    events = customers(int(3_000 * share))
    redis = Redis.from_url(ground.settings.redis_url.get_secret_value())
    few, many = sides = [Side(ground, size) for size in (FEW, most)]
    for side in sides:
        await side.begin(events)
    for number in range(ROUNDS):
        for side in sides:
            await side.turn(redis, number)
    waits = await many.swaps(redis)
    spoken = [await side.check() for side in sides]
    await redis.aclose()
    bound = most == MANY
    rate, beside = max(many.rates), max(few.rates)
    note = f"{len(events):,} events in turns; {spoken[1]:.2g} and {spoken[0]:.2g} messages an event, as in a backtest"
    title = f"worker with {most:,} rules"
    return [
        Figure(title, rate, "events/s", baseline=beside, note=f"baseline: with {FEW} rules"),
        Figure(f"{title}, an event", min(many.costs), "µs", baseline=min(few.costs), note="of the worker's processor"),
        Figure(f"{title} beside {FEW}", rate / beside, "×", SHARE if bound else None, note=note),
        ticking.waited("longest wait of a worker's loop while all change", waits, bound=bound),
    ]
