"""The protocol as a model: real workers on a store, a log and a group that fail at any step, driven by hand.

There is no event loop and no clock: every await of a stand-in is a step, and a schedule draws who takes the next
one. So a worker can be killed or stopped between any two of them, and a seed repeats everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch
from zlib import crc32

from prometheus_client.metrics import MetricWrapperBase

from hub.deadletter import DeadLetter
from hub.errors import Transient
from hub.event import Event
from hub.ids import trigger_id
from hub.kinds import Policy, described
from hub.profile import Profile
from hub.settings import Settings
from hub.trigger import Trigger
from profile_store.ledger import Change, Held, Raise
from rules.decision import Decision
from streams import aftermath, decide, foretell, gate, identify, patience, pipeline, processor, relay
from streams.declared import Declared, everywhere
from streams.decode import Incoming, Record
from streams.patience import patiently
from streams.pipeline import Pipeline
from streams.processor import Processor
from streams.relay import Relay
from tests.faults import decisions
from tests.unit.memory import TOPIC_ID, Book, Memory

POLICY: Final = Policy(described({"email": {"limit": 2}, "anonymous_id": {"limit": 3}}))
SETTINGS: Final = Settings(state=Path("/nowhere"))


@types.coroutine
def pause() -> Generator[None, None, None]:
    """A step of somebody: others may come between."""
    yield


class Clock:
    """Time passes by steps of the schedule that is being played."""

    def __init__(self) -> None:
        self.steps = 0

    def monotonic(self) -> float:
        """In the place of `time.monotonic`."""
        return float(self.steps)

    def time(self) -> float:
        """As `time.time`, for metrics."""
        return 1_700_000_000.0


CLOCK: Final = Clock()


@dataclass
class Fate:
    """What goes wrong: drawn from the schedule's seed."""

    random: Random
    trouble: float = 0.03
    """How often a call fails, before or after it has had its effect."""
    acting: Link | None = None
    """Whose step it is."""

    def strikes(self, share: float = 1.0) -> bool:
        """Whether this time something goes wrong."""
        return self.random.random() < self.trouble * share


@dataclass
class Link:
    """A connection to the store, of one task of a worker."""

    restarts: int
    """Of the store, as far as this connection knows."""


class Store(Memory):
    """A store that is away at times, and whose answers get lost."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self.fate = fate
        self.restarts = 0

    async def _way(self) -> None:
        await pause()
        self._reach()
        if self.fate.strikes():
            raise Transient("nobody there")

    def _reach(self) -> None:
        link = self.fate.acting
        if link is not None and link.restarts != self.restarts:
            link.restarts = self.restarts
            raise Transient("the connection is gone")

    async def read(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, Held]:
        await self._way()
        found = await super().read(wanted)
        await pause()
        return found

    async def commit(self, drafts: Sequence[Change], raises: Sequence[Raise]) -> list[int]:
        await self._way()
        refused = await super().commit(drafts, raises)
        await self._way()
        return refused

    async def watermarks(self) -> dict[int, str]:
        found = await super().watermarks()
        await self._way()
        return found

    async def relayed(self, triggers: Any) -> None:
        await self._way()
        await super().relayed(triggers)
        await pause()

    async def waiting_triggers(self) -> dict[int, dict[str, bytes]]:
        found = await super().waiting_triggers()
        await self._way()
        return found


@dataclass
class Net:
    """The broker: a log in partitions, what the group committed, and who is a member of it."""

    fate: Fate
    lines: dict[int, list[bytes]]
    done: dict[int, int] = field(default_factory=dict)
    generation: int = 0
    triggers: list[str] = field(default_factory=list)
    """Ids on the topic of triggers."""
    buried: list[str] = field(default_factory=list)
    """Why records are dead letters: none should be."""

    async def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        """As a producer does that may lose the broker with a part of the messages sent."""
        for key, body in messages:
            await pause()
            if self.fate.strikes(0.5):
                raise Transient("no broker")
            if topic.endswith("interactions"):
                self.lines[crc32(key.encode()) % len(self.lines)].append(body)
            elif topic.endswith("triggers"):
                self.triggers.append(Trigger.from_json(body).id)
            else:
                self.buried.append(DeadLetter.from_json(body).error)
        if self.fate.strikes(0.5):
            raise Transient("the acknowledgement is lost")


class View(Book):
    """The log as one member of the group sees it, who may not know yet that it is none any more."""

    def __init__(self, net: Net) -> None:
        super().__init__(net.lines, {-1}, done=net.done)
        self.mine, self.net, self.generation = set(), net, 0

    def join(self, mine: set[int]) -> None:
        """The member learns what it has now: what is new to it begins where the group committed."""
        for partition in mine - self.mine:
            self.at[partition] = self.done.get(partition, 0)
        self.mine, self.generation = set(mine), self.net.generation
        self.paused.clear()

    async def committed(self, partition: int) -> int | None:
        await pause()
        return self.done.get(partition)

    async def outstanding(self, offsets: Mapping[int, int]) -> Sequence[Incoming]:
        """The decisions that the log holds from offsets on."""
        await pause()
        if self.net.fate.strikes():
            raise Transient("no broker")
        lines = (line for partition, start in offsets.items() for line in self.lines[partition][start:])
        return list(foretell.decisions(lines, POLICY))

    async def commit(self, offsets: Mapping[int, int]) -> None:
        await pause()
        if self.generation != self.net.generation:
            if self.net.fate.strikes(10):
                raise Transient("another generation")
            return
        if not self.net.fate.strikes(3):  # lost, and nobody says so
            self.done |= offsets
        await pause()

    def fetch(self, count: int = 500) -> dict[int, Sequence[Record]]:
        found = super().fetch(count)
        return {} if found and self.net.fate.strikes() else found  # thrown away by a rebalance


class Turn:
    """A lock without an event loop."""

    def __init__(self) -> None:
        self.taken = False

    async def __aenter__(self) -> None:
        while self.taken:
            await pause()
        self.taken = True

    async def __aexit__(self, *_: object) -> None:
        self.taken = False


class Chatty:
    """Rules that answer every page."""

    def before(self, event: Event, ms: int, profile: Profile) -> None:
        """They ask for nothing."""

    def decide(self, event: Event, ms: int, profile: Profile, before: object = None) -> Sequence[Decision]:
        if event.type != "web.page":
            return ()
        trigger = Trigger(
            id=answer(event.id),
            rule="thanks",
            version="1",
            customer=profile["id"],
            time=event.time,
            channel="email",
            to=decisions.owner(event, POLICY),
            text="Thank you",
            cause=event.id,
        )
        return [Decision("thanks", "1", "fired", "sent: over email", trigger=trigger)]

    def again(self, event: Event, ms: int, profile: Profile) -> Sequence[Decision]:
        return ()


def answer(event: str) -> str:
    """The id of the trigger that answers a page."""
    return trigger_id("thanks", "", event)


class Worker:
    """A real processor with what runs beside it, on stand-ins."""

    def __init__(self, store: Store, net: Net) -> None:
        self.view = View(net)
        self.frozen = False
        self._links = [Link(store.restarts) for _ in range(3)]
        self._fate = store.fate
        self._random = store.fate.random
        self._relay = Relay(net, store, SETTINGS)  # type: ignore[arg-type]
        steps = Pipeline(store, lambda: Declared(everywhere(Chatty())), self._relay.bury, POLICY)  # type: ignore[arg-type]
        self._processor = Processor(
            store,  # type: ignore[arg-type]
            steps,
            self._relay,
            TOPIC_ID,
            POLICY,
            outstanding=self.view.outstanding,
        )
        self._processor.aftermath._one_at_a_time = Turn()  # type: ignore[assignment]
        self._tasks: list[Coroutine[Any, Any, None]] = [self._work(), self._follow(), self._sweep()]

    async def _work(self) -> None:
        while True:
            await self._processor.take(self.view, self.view.fetch(self._random.choice((1, 2, 5, 20))))
            await pause()

    async def _follow(self) -> None:
        while True:
            await patiently(self._processor.aftermath.step)
            await pause()

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(Transient):
                await self._relay.sweep()
            for _ in range(15):
                await pause()

    def step(self) -> None:
        """One of its tasks goes on to its next await."""
        draw = self._random.random()
        number = 0 if draw < 0.6 else 1 if draw < 0.9 else 2
        self._fate.acting = self._links[number]
        self._tasks[number].send(None)
        self._fate.acting = None

    def kill(self) -> None:
        """It ends where it is."""
        for task in self._tasks:
            task.close()


class _Quiet:
    """A log or a metric that nobody reads."""

    def __getattr__(self, _: str) -> Callable[..., _Quiet]:
        return self._itself

    def _itself(self, *_: object, **__: object) -> _Quiet:
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


DRIVEN: Final = (aftermath, decide, gate, identify, patience, pipeline, processor, relay)
"""The modules that the model drives."""


@contextlib.contextmanager
def by_hand() -> Iterator[None]:
    """Workers' waiting becomes a step, and their clock counts steps; the same bytes are read as an event once."""
    quiet, read = _Quiet(), lru_cache(maxsize=4_000)(Event.from_json)
    with contextlib.ExitStack() as stack:
        for module in DRIVEN:
            for name, value in list(vars(module).items()):
                if name == "log" or isinstance(value, MetricWrapperBase):
                    stack.enter_context(patch.object(module, name, quiet))
        for timed in (aftermath, gate, processor):
            stack.enter_context(patch.object(timed, "time", CLOCK))
        stack.enter_context(patch.object(asyncio, "sleep", lambda _: pause()))
        stack.enter_context(patch.object(Event, "from_json", read))
        stack.enter_context(patch.object(processor, "CHECK_EVERY", 5.0))
        stack.enter_context(patch.object(processor, "LOOK_EVERY", 0.0))
        stack.enter_context(patch.object(processor, "STALLED", 40.0))
        stack.enter_context(patch.object(aftermath, "COMMIT_EVERY", 0.0))
        stack.enter_context(patch.object(gate, "LOOK_EVERY", 1.0))
        yield


def finished(work: Coroutine[Any, Any, Any]) -> Any:
    """Run something to its end, alone."""
    for _ in range(1_000):
        try:
            work.send(None)
        except StopIteration as end:
            return end.value
    raise RuntimeError("it never ends")
