"""Real Kafka and Redis for tests: one of each for a whole run, and private ones that a test may kill.

conftest.py imports the fixtures from here. All methods block and may be called from any thread, also from inside
an event loop when a short block does no harm.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import pytest

from hub.servers.kafka import kafka_spec, resolve_kafka
from hub.servers.kafka_runtime import KafkaRuntime
from hub.servers.ports import LOCALHOST, free_port
from hub.servers.process import Child, Spec
from hub.servers.redis import Fsync, RedisBinary, find_redis, redis_spec

T = TypeVar("T")

Flavour = Literal["", "redis", "valkey"]
"""Which server; empty: whichever this machine would run the hub on."""


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """A loop that lives as long as the test run: a child dies with the thread that started it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="test-servers", daemon=True)
    thread.start()

    def close() -> None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    atexit.register(close)
    return loop


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


class Server:
    """A server that a test can start, kill, freeze and start again, on the same port and data."""

    def __init__(self, spec: Spec, state: Path) -> None:
        self.state = state
        self._child = Child(spec, state)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._child.pid

    @property
    def log(self) -> Path:
        """What it wrote."""
        return self._child.log

    def start(self) -> float:
        """Start it and wait until it answers; how long that took, in seconds."""

        async def start() -> float:
            await self._child.start()
            return await self._child.until_ready()

        return _run(start())

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.thaw()  # waiting for the end of a frozen process could take for ever elsewhere than on Linux
        self._child.kill()
        _run(self._child.wait())

    def stop(self) -> None:
        """Stop it properly."""
        self.thaw()
        _run(self._child.stop())

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def dispose(self) -> None:
        """End it and remove its data; the log stays for whoever looks into a failure."""
        self.kill()
        for data in ("kafka", "redis"):
            shutil.rmtree(self.state / data, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid:
            os.kill(self.pid, number)


class KafkaServer(Server):
    """A Kafka; `address` is for clients.

    `wire`: the port of a wire to it. Who asks at `behind` is sent there; `behind` is the wire's other end.
    """

    def __init__(self, runtime: KafkaRuntime, state: Path, *, heap_mb: int = 384, wire: int = 0) -> None:
        self.port = free_port(avoid=[wire])
        self.behind = free_port(avoid=[wire, self.port])
        self.address = f"{LOCALHOST}:{self.port}"
        controller = free_port(avoid=[wire, self.port, self.behind])
        spec = kafka_spec(runtime, state, self.port, controller, heap_mb=heap_mb)
        super().__init__(_wired(spec, state, self.behind, wire) if wire else spec, state)


def _wired(spec: Spec, state: Path, behind: int, wire: int) -> Spec:
    async def prepare() -> None:
        if spec.prepare:
            await spec.prepare()
        file = state / "kafka" / "server.properties"
        lines = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
        lines["listeners"] += f",WIRE://{LOCALHOST}:{behind}"
        lines["advertised.listeners"] += f",WIRE://{LOCALHOST}:{wire}"
        lines["listener.security.protocol.map"] = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,WIRE:PLAINTEXT"
        file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))

    return replace(spec, prepare=prepare)


class RedisServer(Server):
    """A Redis; `url` is for clients."""

    def __init__(
        self,
        state: Path,
        *,
        appendfsync: Fsync = "everysec",
        password: str = "",
        flavour: Flavour = "",
        binary: RedisBinary | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.flavour = flavour
        self.port = free_port()
        self.url = f"redis://{f':{quote(password)}@' if password else ''}{LOCALHOST}:{self.port}/0"
        binary = binary or _redis_binary(flavour or "valkey")  # the one that comes along
        super().__init__(
            redis_spec(state, self.port, appendfsync=appendfsync, password=password, binary=binary, more=more), state
        )

    @property
    def aof(self) -> Path:
        """The file that its last writes went to."""
        return max((self.state / "redis" / "appendonlydir").glob("*.incr.aof"), key=lambda file: file.stat().st_mtime)


_redis_binary = cache(find_redis)


@contextmanager
def _running(server: Server) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.dispose()


@pytest.fixture(scope="session")
def kafka_runtime() -> KafkaRuntime:
    """Kafka's jars, fetched when they are not here yet."""
    return resolve_kafka()


@pytest.fixture(scope="session")
def kafka_server(kafka_runtime: KafkaRuntime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """The Kafka that all tests share; make topics of your own and do not kill it."""
    server = KafkaServer(kafka_runtime, tmp_path_factory.mktemp("kafka"))
    with _running(server):
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis that all tests share; use keys of your own and do not kill it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    with _running(server):
        yield server


@pytest.fixture
def private_kafka(
    kafka_runtime: KafkaRuntime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., KafkaServer]]:
    """Makes a running Kafka for this test alone; takes `wire`."""
    servers: list[KafkaServer] = []

    def make(*, wire: int = 0) -> KafkaServer:
        servers.append(KafkaServer(kafka_runtime, tmp_path_factory.mktemp("private-kafka"), wire=wire))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.dispose()


@pytest.fixture
def private_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RedisServer]]:
    """Makes a running Redis for this test alone; takes `appendfsync`, `password` and `flavour`."""
    servers: list[RedisServer] = []

    def make(*, appendfsync: Fsync = "everysec", password: str = "", flavour: Flavour = "") -> RedisServer:
        state = tmp_path_factory.mktemp("private-redis")
        servers.append(RedisServer(state, appendfsync=appendfsync, password=password, flavour=flavour))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.dispose()
