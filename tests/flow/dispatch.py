"""What the tests of the dispatcher share: an installation of its own, its topics, and providers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from channels import registry
from channels.dispatcher import Dispatcher
from hub import bus
from hub.servers.ports import free_port
from hub.settings import Mail, Meta, Settings, Twilio
from hub.topics import TRIGGERS
from hub.trigger import Trigger
from profile_store.claims import RedisClaims

ACCOUNT = "AC00000000000000000000000000000001"


def installation(kafka: str, redis: str, state: Path, **more: Any) -> Settings:
    """An installation with topics of its own; its providers are the sandbox unless `twilio_url` says otherwise."""
    ports = [free_port() for _ in range(5)]
    sandbox, smtp = ports[0], more.pop("relay_port", ports[1])
    twilio_url = more.pop("twilio_url", f"http://127.0.0.1:{sandbox}")
    settings = Settings(
        state=state,
        kafka_bootstrap_servers=kafka,
        redis_url=redis,
        topic_prefix=f"d{uuid4().hex[:8]}.",
        partitions=4,
        session_timeout=6.0,
        sandbox_port=sandbox,
        sandbox_smtp_port=ports[1],
        gateway_port=ports[2],
        smtp_port=ports[3],
        metrics_port=ports[4],
        public_url=f"http://127.0.0.1:{ports[2]}",
        jwt_secret="a-secret-of-at-least-32-characters!",
        twilio=Twilio(account_sid=ACCOUNT, auth_token="token", from_number="+4930901820", api_url=twilio_url),
        meta=Meta(
            app_secret="app",
            verify_token="verify",
            access_token="access",
            page_id="1000000001",
            phone_number_id="2000000002",
            api_url=f"http://127.0.0.1:{sandbox}/v23.0",
        ),
        mail=Mail(
            relay_host="127.0.0.1", relay_port=smtp, relay_starttls=False, from_address="Hub <hello@hub.example>"
        ),
        **more,
    )
    bus.ensure_topics(settings)
    return settings


def trigger(number: int, channel: str = "sms", to: str = "", **more: Any) -> Trigger:
    """The trigger with this number, to a customer of its own."""
    address = {"sms": f"phone:+49151{10_000_000 + number}", "email": f"email:c{number}@example.de"}
    return Trigger(
        id=f"t{channel}{number:08d}x{uuid4().hex[:6]}",
        rule="r",
        version="1",
        customer=f"c{number}",
        time=datetime.now(UTC),
        channel=channel,
        to=to or address[channel],
        text=f"Hello {number}",
        subject="Hello",
        **more,
    )


async def produce(settings: Settings, triggers: Iterable[Trigger]) -> None:
    """Put triggers on their topic."""
    await produce_raw(settings, [(one.customer, one.to_json()) for one in triggers])


async def produce_raw(settings: Settings, messages: Iterable[tuple[str, bytes]]) -> None:
    """Put anything on the topic of triggers."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    try:
        for key, value in messages:
            await producer.send_and_wait(bus.topic(settings, TRIGGERS), value, key=key.encode())
    finally:
        await producer.stop()


async def read(settings: Settings, name: str) -> list[Any]:
    """Everything on a topic, as JSON."""
    topic = bus.topic(settings, name)
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[Any] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [json.loads(record.value) for record in records]
        return found
    finally:
        await consumer.stop()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  it asks a server
            await asyncio.sleep(0.2)


async def outcomes(settings: Settings) -> dict[str, list[str]]:
    """The states of every trigger, in the order they were logged."""
    found: dict[str, list[str]] = {}
    for one in await read(settings, "outcomes"):
        found.setdefault(one["trigger"], []).append(one["state"])
    return found


async def until_over(settings: Settings, triggers: Iterable[Trigger], seconds: float = 30) -> dict[str, list[str]]:
    """Wait until each trigger has an end; all states."""
    wanted = {one.id for one in triggers}

    async def over() -> bool:
        found = await outcomes(settings)
        return all(found.get(id, ["claimed"])[-1] in {"sent", "failed", "in-doubt"} for id in wanted)

    await until(over, seconds)
    return await outcomes(settings)


@contextlib.asynccontextmanager
async def dispatching(settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    """A dispatcher at work in this process."""
    claims = RedisClaims.from_settings(settings)
    task = asyncio.create_task(Dispatcher(settings, claims, registry.build(settings)).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        await claims.close()
        if not task.cancelled():
            task.result()


@contextlib.asynccontextmanager
async def running(work: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
    """A process of ours as a task, ended by its event."""
    stop = asyncio.Event()
    task = asyncio.ensure_future(work(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait([task])
        with contextlib.suppress(asyncio.CancelledError):
            task.result()


class Provider:
    """A stand-in for Twilio that notes what it takes, and drops the line instead of answering whenever told to."""

    def __init__(self, drops: Callable[[int], bool] = lambda _: False, delay: float = 0) -> None:
        self.taken: list[str] = []
        self._delay = delay
        self._drops = drops
        self.silent = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
                self.taken.append((await reader.readexactly(length)).decode())
                if self.silent:
                    await reader.read()
                    break
                if self._drops(len(self.taken)):
                    break
                await asyncio.sleep(self._delay)
                body = b'{"sid": "SM%d"}' % len(self.taken)
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, closed however it ends."""
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()

    @contextlib.asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[str]:
        """Its address."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", port)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Relay:
    """A mail relay that notes the Message-IDs it takes, and drops the line instead of saying so whenever told to."""

    def __init__(self, drops: Callable[[int], bool]) -> None:
        self.taken: Counter[str] = Counter()
        self._drops = drops

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    whole = await reader.readuntil(b"\r\n.\r\n")
                    self.taken[whole.partition(b"Message-ID: <")[2].partition(b"@")[0].decode()] += 1
                    if self._drops(self.taken.total()):
                        break
                writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
                await writer.drain()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, closed however it ends."""
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Its port."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]
