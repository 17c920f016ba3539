"""An installation for one test: real workers as processes, restarted when they end, on a real Kafka and Redis."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from asyncio import StreamReader
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

from hub import bus
from hub.errors import Transient
from hub.event import Event
from hub.kinds import OPEN, Policy
from hub.servers.ask import exchange, http_answers
from hub.servers.ports import LOCALHOST, free_port
from hub.servers.process import Child, Spec
from hub.settings import read
from hub.topics import INTERACTIONS
from profile_store import keys
from profile_store.store import Store
from tests.clusters import RedisCluster as Cluster
from tests.faults.topic import Topic
from tests.servers import KafkaServer, RedisServer

SESSION: Final = 3.0
PATIENCE: Final = 90.0
LONGEST: Final = 900.0
"""Seconds after which whoever still moves does not get anywhere."""
SELDOM: Final = 0.1
"""Seconds between questions that cost the broker and the store something, on the machine that is measured."""
ANSWER: Final = 5.0
"""Seconds that a worker has to tell its metrics."""
LAST_WORDS: Final = 6_000
"""Characters of a worker's log that are shown when it ended by itself."""
WORKER: Final = (
    "import asyncio; from hub import logs; from hub.settings import read; from streams.worker import run; "
    "logs.configure('worker'); asyncio.run(run(read()))"
)


async def until(
    what: str, condition: Callable[[], Awaitable[bool]], seconds: float = PATIENCE, *, every: float = 0.02
) -> float:
    """Ask again and again until it is so; how long that took, in seconds."""
    started = time.monotonic()
    while not await condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"after {seconds:g} s still waiting until {what}")
        await asyncio.sleep(every)
    return time.monotonic() - started


class Fleet:
    """Workers that are started again when they end, as a supervisor does."""

    def __init__(self, children: Sequence[Child], ports: Sequence[int]) -> None:
        self.children = children
        self.ports = ports
        self.exits: list[int] = []
        """How workers ended, other than at the end of the test."""
        self._closing = False
        self._keepers = [asyncio.create_task(self._keep(child)) for child in children]

    async def _keep(self, child: Child) -> None:
        while not self._closing:
            await child.start()
            code = await child.wait()
            if not self._closing:
                self.exits.append(code)
                if code > 0:
                    print(f"{child.log.name} ended with {code}:", child.log.read_text()[-LAST_WORDS:], sep="\n")

    async def ready(self) -> float:
        """Wait until every worker has partitions; seconds."""

        async def all_answer() -> bool:
            return all(await asyncio.gather(*(http_answers(port) for port in self.ports)))

        return await until("all workers have partitions", all_answer)

    async def metric(self, name: str, label: str = "") -> float:
        """The sum of a metric over all workers, since each was started; only of one label when it is given."""
        found = 0.0
        for port in self.ports:
            for line in (await _get(port)).splitlines():
                if line.partition("{")[0].partition(" ")[0] == name and (not label or f'="{label}"' in line):
                    found += float(line.rpartition(" ")[2])
        return found

    def said(self, word: str) -> int:
        """How many lines of all workers' logs hold a word."""
        return sum(line.count(word) > 0 for child in self.children for line in child.log.read_text().splitlines())

    async def close(self) -> None:
        """Stop them all."""
        self._closing = True
        await asyncio.gather(*(child.stop() for child in self.children))
        await asyncio.gather(*self._keepers)


async def _get(port: int) -> str:
    """Its metrics; nothing from a worker that is not there, or frozen."""
    question = b"GET /metrics HTTP/1.0\r\n\r\n"
    return (await exchange(LOCALHOST, port, question, StreamReader.read, seconds=ANSWER)).decode()


def client(url: str) -> Redis | RedisCluster:
    """A client that waits for servers that are killed."""
    retry = Retry(ConstantBackoff(0.1), 100)
    if "+cluster" not in url:
        return Redis.from_url(url, retry=retry)
    return RedisCluster.from_url(url.replace("+cluster", "").partition(",")[0], retry=retry)


class Installation:
    """Settings, topics, a history of what was accepted, and what can be asked about the result."""

    def __init__(
        self,
        kafka: KafkaServer,
        redis: RedisServer | Cluster,
        state: Path,
        *,
        policy: Policy = OPEN,
        **settings: Any,
    ) -> None:
        self.state = state
        self.policy = policy
        self.environment = {
            "HUB_KAFKA_BOOTSTRAP_SERVERS": kafka.address,
            "HUB_REDIS_URL": redis.url,
            "HUB_STATE": str(state),
            "HUB_RULES": str(state / "rules"),
            "HUB_SESSION_TIMEOUT": str(SESSION),
            "HUB_GROUP": f"{state.name}-worker",
            "HUB_TOPIC_PREFIX": f"{state.name}.",
            "HUB_IDENTITY": orjson.dumps({name: kind.model_dump() for name, kind in policy.kinds.items()}).decode(),
            **{f"HUB_{name.upper()}": str(value) for name, value in settings.items()},
        }
        names: dict[str, Any] = {name.removeprefix("HUB_").lower(): value for name, value in self.environment.items()}
        self.settings = read(**{**names, "identity": orjson.loads(names["identity"])})
        (state / "rules").mkdir(exist_ok=True)
        self.history = state / "history.jsonl"
        bus.ensure_topics(self.settings)
        self.log = Topic(self.settings, INTERACTIONS)
        self.redis: Any = client(redis.url)

    def rule(self, name: str, text: str) -> None:
        """Put a rule into the folder."""
        (self.state / "rules" / f"{name}.yaml").write_text(text)

    def worker(self, number: int, *, hook: str = "") -> tuple[Child, int]:
        """A worker that can be started, and the port of its metrics."""
        port = free_port()
        spec = Spec(
            name=f"worker-{number}",
            argv=(sys.executable, "-c", hook + WORKER),
            env={**self.environment, "HUB_METRICS_PORT": str(port)},
            ready=lambda: http_answers(port),
        )
        return Child(spec, self.state), port

    @contextlib.asynccontextmanager
    async def workers(self, count: int, *, first: int = 0, hook: str = "", wait: bool = True) -> AsyncIterator[Fleet]:
        """That many workers, ready; stopped in the end. `hook` is run in each before all else."""
        made = [self.worker(number, hook=hook) for number in range(first, first + count)]
        fleet = Fleet([child for child, _ in made], [port for _, port in made])
        try:
            if wait:
                await fleet.ready()
            yield fleet
        finally:
            await fleet.close()

    @contextlib.asynccontextmanager
    async def producer(self) -> AsyncIterator[bus.Producer]:
        """A producer as the gateway has one."""
        producer = bus.Producer(self.settings.kafka_bootstrap_servers, client="test")
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def send(self, producer: bus.Producer, messages: Sequence[tuple[str, bytes]]) -> int:
        """Publish as a sender does that repeats what was refused; how often it was."""
        refused = 0
        while True:
            try:
                await producer.publish(bus.topic(self.settings, INTERACTIONS), messages)
            except Transient:
                refused += 1
                await asyncio.sleep(0.05)
            else:
                return refused

    async def accept(self, producer: bus.Producer, events: Sequence[Event], *, at_once: int = 50) -> int:
        """Publish events, and note a line for each that was acknowledged; how often the broker was not there."""
        refused = 0
        with self.history.open("ab") as history:
            for start in range(0, len(events), at_once):
                part = events[start : start + at_once]
                refused += await self.send(producer, [(event.subject, event.to_json()) for event in part])
                history.writelines(orjson.dumps([event.source, event.id]) + b"\n" for event in part)
                history.flush()
        return refused

    def accepted(self) -> list[tuple[str, str]]:
        """What was accepted, by (source, id), resends included."""
        return [(one[0], one[1]) for one in map(orjson.loads, self.history.read_bytes().splitlines())]

    async def applied(self) -> dict[int, int]:
        """Partition → how many records of it are applied."""
        at = await Store(self.redis).where()
        marks = await self.redis.hgetall(at.watermarks(self.settings.group))
        return {int(partition): int(cast(bytes, mark).rpartition(b":")[2]) + 1 for partition, mark in marks.items()}

    async def until_applied(self, seconds: float = PATIENCE) -> float:
        """Wait until everything in the log is applied and everything it set off is in the log; seconds.

        However much there is to do: the patience ends when for so many seconds nothing was applied.
        """
        known, moved = -1, time.monotonic()

        async def done() -> bool:
            nonlocal known, moved
            ends = await asyncio.to_thread(self.log.ends)
            applied = await self.applied()
            if sum(applied.values()) != known:
                known, moved = sum(applied.values()), time.monotonic()
            if time.monotonic() - moved > seconds:
                raise TimeoutError(f"nothing was applied for {seconds:.0f} s")
            if any(applied.get(partition, 0) != end for partition, end in ends.items()):
                return False
            waiting = [await self.redis.hlen(keys.outbox(number)) for number in range(keys.BUCKETS)]
            return not any(waiting) and ends == await asyncio.to_thread(self.log.ends)

        try:
            return await until("everything is applied", done, LONGEST, every=SELDOM)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {await self.applied()} of {self.log.ends()}") from None

    async def until_committed(self) -> float:
        """Wait until Kafka knows, too, that everything is done; seconds."""

        async def done() -> bool:
            committed = await asyncio.to_thread(self.log.committed, self.settings.group)
            return committed == await asyncio.to_thread(self.log.ends)

        return await until("everything is committed", done)

    async def until_accepted(self, wanted: int) -> float:
        """Wait until so many events are accepted; seconds."""

        async def there() -> bool:
            return self.history.exists() and len(self.accepted()) >= wanted

        return await until(f"{wanted} events are accepted", there)

    async def until_count(self, wanted: int) -> None:
        """Wait until so many records are applied."""

        async def there() -> bool:
            return sum((await self.applied()).values()) >= wanted

        try:
            await until(f"{wanted} records are applied", there)
        except TimeoutError as error:
            done = await asyncio.to_thread(self.log.committed, self.settings.group)
            raise TimeoutError(f"{error}: {await self.applied()} of {self.log.ends()}, done: {done}") from None

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.to_thread(self.log.close)
        await self.redis.aclose()


def doubled(found: Iterable[str]) -> dict[str, int]:
    """What is there more than once."""
    return {one: count for one, count in Counter(found).items() if count > 1}
