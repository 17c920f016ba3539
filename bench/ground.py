"""The ground a benchmark stands on: a Kafka and a Redis of its own, and the hub's real processes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from hub import bus
from hub.cli.local import environment
from hub.errors import Transient
from hub.event import Event
from hub.lots import lots
from hub.servers.ask import http_answers
from hub.servers.kafka import kafka_spec, resolve_kafka
from hub.servers.ports import free_port
from hub.servers.process import Child, Spec
from hub.servers.redis import redis_spec
from hub.settings import Installation, Settings, read
from hub.topics import INTERACTIONS

LOT = 1_000
TRIES = 20


@dataclass(slots=True)
class Ground:
    """A running Kafka and Redis with topics, and the settings that lead to them."""

    settings: Settings
    state: Path
    redis_pid: int = 0

    @asynccontextmanager
    async def process(self, command: str, *, argv: Sequence[str] = (), **changes: str) -> AsyncIterator[Child]:
        """One process of the hub, running and ready; started otherwise than usual by `argv`."""
        port = free_port()
        env = {**environment(self.settings), "HUB_METRICS_PORT": str(port), **changes}
        spec = Spec(
            name=command,
            argv=[*(argv or (sys.executable, "-m", "hub", command))],
            env=env,
            ready=lambda: http_answers(port),
        )
        child = Child(spec, self.state)
        await child.start()
        try:
            await child.until_ready()
            yield child
        finally:
            await child.stop()

    async def fill(self, events: Sequence[Event]) -> None:
        """Put events into the log, through the hub's own producer."""
        producer = bus.Producer(self.settings.kafka_bootstrap_servers, client="bench", linger_ms=5)
        await producer.start()
        name = bus.topic(self.settings, INTERACTIONS)
        try:
            for some in lots(events, LOT):
                await _patiently(producer, name, [(one.subject, one.to_json()) for one in some])
        finally:
            await producer.stop()


async def _patiently(producer: bus.Producer, topic: str, lot: Sequence[tuple[str, bytes]]) -> None:
    """Publish a lot; a broker that was just started may need a while. Raises Transient when it takes too long."""
    for _ in range(TRIES):
        try:
            return await producer.publish(topic, lot)
        except Transient:
            await asyncio.sleep(1)
    return await producer.publish(topic, lot)


@asynccontextmanager
async def ground(state: Path) -> AsyncIterator[Ground]:
    """Start Kafka and Redis on free ports and make the topics; end both afterwards."""
    runtime = await asyncio.to_thread(resolve_kafka)
    used: list[int] = []
    for _ in range(6):
        used.append(free_port(avoid=used))
    kafka = Child(kafka_spec(runtime, state, used[0], used[1]), state)
    redis = Child(redis_spec(state, used[2]), state)
    try:
        for child in (kafka, redis):
            await child.start()
            await child.until_ready()
        settings = read(
            Installation,
            state=state,
            kafka_bootstrap_servers=f"127.0.0.1:{used[0]}",
            redis_url=f"redis://127.0.0.1:{used[2]}/0",
            gateway_port=used[3],
            smtp_port=used[4],
            desk_port=used[5],
            write_keys="bench-key",
            jwt_secret="bench-secret-bench-secret-bench-secret",
            rules=state / "rules",
            public_url=f"http://127.0.0.1:{used[3]}",
        )
        await asyncio.to_thread(bus.ensure_topics, settings)
        yield Ground(settings, state, redis.pid or 0)
    finally:
        for child in (redis, kafka):
            child.kill()
            await child.wait()


def memory_mb(pid: int | None) -> float:
    """Resident memory of a process, in MB."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6
