"""Our own Kafka and Redis, for real: they start fast, keep what they confirmed, and listen to this machine only."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from hub.errors import Misconfigured
from hub.servers import ask, checks, redis
from hub.servers.ask import http_answers, kafka_answers, port_answers, redis_answers
from hub.servers.kafka import kafka_spec
from hub.servers.kafka_runtime import KafkaRuntime
from hub.servers.ports import LOCALHOST, SPARE_PORTS, free_port, is_free
from hub.servers.process import Child
from hub.servers.redis import RedisBinary, find_redis, look_at, redis_spec
from hub.servers.supervisor import Happening, Supervisor
from tests.servers import KafkaServer, RedisServer

MakeKafka = Callable[[], KafkaServer]
MakeRedis = Callable[..., RedisServer]


async def make_topic(address: str, name: str) -> None:
    """A topic with one partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()


async def produce(address: str, topic: str, count: int) -> None:
    """So many events, each confirmed."""
    async with AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True) as producer:
        for future in [await producer.send(topic, str(number).encode()) for number in range(count)]:
            await future


async def consume(address: str, topic: str) -> list[int]:
    """Everything in a topic."""
    partition = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        found: list[int] = []
        while await consumer.position(partition) < end:
            found += [int(record.value) for record in (await consumer.getmany(timeout_ms=500)).get(partition, [])]
    return found


async def test_kafka_keeps_what_it_confirmed_over_kill_9(private_kafka: MakeKafka) -> None:
    kafka = private_kafka()
    await make_topic(kafka.address, "events")
    await produce(kafka.address, "events", 1000)
    kafka.kill()
    kafka.start()
    assert await consume(kafka.address, "events") == list(range(1000))
    await produce(kafka.address, "events", 1)


async def test_kafka_keeps_its_data_on_other_ports(kafka_runtime: KafkaRuntime, tmp_path: Path) -> None:
    # Also in a folder that neither ASCII nor a shell would like.
    state = tmp_path / "پوشهٔ من: #1 \\ = é"
    ports = [free_port() for _ in range(4)]
    async with Supervisor([kafka_spec(kafka_runtime, state, *ports[:2])], state=state):
        await make_topic(f"{LOCALHOST}:{ports[0]}", "events")
        await produce(f"{LOCALHOST}:{ports[0]}", "events", 10)
    async with Supervisor([kafka_spec(kafka_runtime, state, *ports[2:])], state=state):
        assert await consume(f"{LOCALHOST}:{ports[2]}", "events") == list(range(10))
    assert sorted(file.name for file in (state / "kafka").iterdir()) == ["data", "server.properties", "tmp"]


async def test_kafka_makes_its_store_again_when_that_was_interrupted(
    kafka_runtime: KafkaRuntime, tmp_path: Path
) -> None:
    unfinished = tmp_path / "kafka" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "meta.properties").write_text("version=1\ncluster.id=half a")
    spec = kafka_spec(kafka_runtime, tmp_path, free_port(), free_port())
    assert spec.prepare
    await spec.prepare()
    assert not unfinished.exists()
    first = (tmp_path / "kafka" / "data" / "meta.properties").read_text()
    await spec.prepare()
    assert (tmp_path / "kafka" / "data" / "meta.properties").read_text() == first


async def test_a_port_in_use_is_told_at_once(kafka_runtime: KafkaRuntime, tmp_path: Path) -> None:
    with socket.create_server((LOCALHOST, 0)) as taken:
        port = taken.getsockname()[1]
        for spec in (
            kafka_spec(kafka_runtime, tmp_path, port, free_port()),
            kafka_spec(kafka_runtime, tmp_path, free_port(), port),
            redis_spec(tmp_path, port),
        ):
            with pytest.raises(Misconfigured, match=f"{spec.name}: port {port} is in use"):
                await Supervisor([spec], state=tmp_path).start()


async def test_kafka_and_redis_listen_to_this_machine_only(
    kafka_server: KafkaServer, redis_server: RedisServer
) -> None:
    for server, ports in ((kafka_server, 2), (redis_server, 1)):
        listening = [c for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert {c.laddr.ip.removeprefix("::ffff:") for c in listening} == {LOCALHOST}
        assert len(listening) == ports


async def test_an_open_port_is_not_an_answer(
    redis_server: RedisServer, kafka_server: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "ANSWER_TIMEOUT", 0.5)
    with socket.create_server((LOCALHOST, 0)) as dumb:
        port = dumb.getsockname()[1]
        assert await port_answers(port)
        for answers in (kafka_answers, redis_answers, http_answers):
            assert not await answers(port)
    for answers in (kafka_answers, redis_answers, http_answers, port_answers):
        assert not await answers(port)
    assert await kafka_answers(kafka_server.port)
    assert await redis_answers(redis_server.port)
    assert not await kafka_answers(redis_server.port)
    assert not await redis_answers(kafka_server.port)
    assert not await http_answers(redis_server.port)


async def test_http_answers_only_on_200() -> None:
    answers = iter((b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 503 No\r\n\r\n", b""))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(answers))
        writer.close()

    async with await asyncio.start_server(serve, LOCALHOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert [await http_answers(port) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_redis_keeps_what_it_confirmed_over_kill_9(private_redis: MakeRedis, appendfsync: str) -> None:
    server = private_redis(appendfsync=appendfsync)
    with Redis.from_url(server.url) as client:
        for number in range(1000):
            client.set(f"key:{number}", number)
        assert client.config_get("appendfsync") == {"appendfsync": appendfsync}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    server.kill()
    server.start()
    with Redis.from_url(server.url) as client:
        assert client.dbsize() == 1000


def test_redis_starts_with_the_tail_of_its_log_cut(private_redis: MakeRedis) -> None:
    server = private_redis()
    with Redis.from_url(server.url) as client:
        for number in range(100):
            client.set(f"key:{number}", number)
    server.kill()
    os.truncate(server.aof, server.aof.stat().st_size - 5)
    server.start()
    with Redis.from_url(server.url) as client:
        assert client.dbsize() == 99
        client.set("after", 1)


def test_redis_asks_for_its_password_and_does_not_show_it(private_redis: MakeRedis) -> None:
    server = private_redis(password="p~'ss!word")
    with Redis.from_url(server.url) as client:
        assert client.ping()
    no_retry = Retry(NoBackoff(), 0)
    with Redis(host=LOCALHOST, port=server.port, retry=no_retry) as client, pytest.raises(AuthenticationError):
        client.ping()
    assert "ss!word" not in " ".join(psutil.Process(server.pid).cmdline())
    assert stat.S_IMODE((server.state / "redis" / "redis.conf").stat().st_mode) == 0o600


async def test_both_together_and_back_after_kill_9(kafka_runtime: KafkaRuntime, tmp_path: Path) -> None:
    told: list[Happening] = []
    specs = [
        kafka_spec(kafka_runtime, tmp_path, free_port(), free_port(), heap_mb=256),
        redis_spec(tmp_path, free_port()),
    ]
    async with Supervisor(specs, state=tmp_path, log=told.append) as hub, asyncio.timeout(60):
        for name in ("kafka", "redis"):
            os.kill(hub.pid(name) or 0, 9)
        while [t.kind for t in told].count("ready") < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert hub.pid("kafka") is hub.pid("redis") is None
    assert "ERROR" not in (tmp_path / "log" / "kafka.log").read_text()


async def test_kafka_that_cannot_start_shows_why(kafka_runtime: KafkaRuntime, tmp_path: Path) -> None:
    spec = kafka_spec(kafka_runtime, tmp_path, free_port(), free_port())
    assert spec.prepare
    await spec.prepare()
    (tmp_path / "kafka" / "data" / "meta.properties").write_text("version=1\ncluster.id=other\nnode.id=7\n")
    with pytest.raises(Misconfigured, match="kafka ended with exit code 1 before it was ready") as caught:
        await Supervisor([spec], state=tmp_path).start()
    assert "configured node id" in str(caught.value)


async def test_kafka_works_without_what_java_learned(kafka_runtime: KafkaRuntime, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    shutil.copytree(kafka_runtime.folder, folder)
    bare = replace(kafka_runtime, folder=folder)
    for content in (b"not a cache", b""):
        bare.aot.write_bytes(content)
        state = tmp_path / f"state-{len(content)}"
        child = Child(kafka_spec(bare, state, free_port(), free_port()), state)
        await child.start()
        await child.until_ready()
        await child.stop()


def test_the_redis_installed_here_is_taken_when_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program = tmp_path / "redis-server"
    for version, taken in (("6.2.14", False), ("7.0.15", True), ("10.1", True)):
        program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=00000000:0 malloc=libc bits=64'\n")
        program.chmod(0o755)
        assert (find_redis().path == program) is taken
    program.write_text("#!/bin/sh\nexit 1\n")
    assert look_at(program) is None
    assert find_redis().path != program


def test_a_kind_of_server_that_is_asked_for_is_taken_or_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis("valkey").name == "Valkey"
    with pytest.raises(Misconfigured, match="no Redis"):
        find_redis("redis")
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho 'Redis server v=7.0.15 sha=00000000:0 malloc=libc bits=64'\n")
    program.chmod(0o755)
    assert find_redis("redis").path == program
    assert find_redis("valkey").path != program


def test_the_checks_of_this_machine_pass(kafka_runtime: KafkaRuntime, tmp_path: Path) -> None:
    for ok, what, _advice in checks.local_checks(tmp_path / "not" / "yet", kafka_runtime.folder.parent):
        assert ok, what


def test_a_machine_without_redis_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_path: Path) -> RedisBinary | None:
        return None

    monkeypatch.setattr(redis, "look_at", none)
    ok, what, advice = checks.check_redis()
    assert not ok
    assert "no Redis" in what
    assert "HUB_REDIS_URL" in advice


def test_ports_are_free_and_not_those_of_outgoing_connections() -> None:
    port = free_port()
    assert port in SPARE_PORTS
    assert free_port(port) == port
    assert free_port(port, avoid=[port]) != port
    with socket.create_server((LOCALHOST, port)):
        assert not is_free(port)
        assert free_port(port) != port
    with socket.create_server(("", port)):
        assert not is_free(port)
