"""Kafka: connections are made here, and foreign errors become ours here."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError as SyncKafkaError
from kafka.errors import TopicAlreadyExistsError

from hub.errors import Misconfigured, Rejected, Transient
from hub.settings import Settings
from hub.topics import COMMON, TOPICS, full_name

PATIENCE: Final = 0.8
"""Seconds to wait for an acknowledgement before the sender is told to come back."""


class Producer:
    """An idempotent producer with acks=all that fails fast while the broker is away.

    What was handed over and not acknowledged in time may still arrive: the sender repeats it with the same
    id and it has one effect. While something is overdue, new work is refused at once, so that an outage
    costs neither memory nor the senders' time; the overdue message is the probe that ends it.
    """

    def __init__(self, servers: str, *, client: str, linger_ms: int = 0) -> None:
        self._servers = servers
        self._client = client
        self._linger_ms = linger_ms
        self._producer: AIOKafkaProducer | None = None
        self._pending: dict[asyncio.Future[object], float] = {}
        self._replacing = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises Transient when no broker answers."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id=self._client,
            acks="all",
            enable_idempotence=True,
            linger_ms=self._linger_ms,
            max_batch_size=262_144,
            max_request_size=1_048_576,
            request_timeout_ms=15_000,
            retry_backoff_ms=50,
            metadata_max_age_ms=30_000,
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise Transient(f"Kafka does not answer: {error}") from error
        self._producer = producer

    async def stop(self) -> None:
        """Send what is waiting and close."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    @property
    def overdue(self) -> bool:
        """Whether the broker owes us an acknowledgement for longer than our patience."""
        oldest = next(iter(self._pending.values()), None)
        return oldest is not None and time.monotonic() - oldest > PATIENCE

    async def send(self, topic: str, key: str, value: bytes, partition: int | None = None) -> asyncio.Future[object]:
        """Hand one message over; the future ends when the broker has it. Raises Transient or Rejected."""
        producer = self._producer
        if producer is None or self.overdue:
            raise Transient("Kafka does not answer", retry_after=2)
        try:
            future: asyncio.Future[object] = await asyncio.wait_for(
                producer.send(topic, value, key=key.encode(), partition=partition), PATIENCE
            )
        except MessageSizeTooLargeError as error:
            raise Rejected(f"the message is too large: {error}", field="body", limit="1 MB") from error
        except TimeoutError as error:
            raise Transient("Kafka does not answer", retry_after=2) from error
        except KafkaError as error:
            await self._replace(producer)
            raise Transient(f"Kafka: {error}", retry_after=2) from error
        self._pending[future] = time.monotonic()
        future.add_done_callback(self._settle)
        return future

    def _settle(self, future: asyncio.Future[object]) -> None:
        self._pending.pop(future, None)
        if not future.cancelled():
            future.exception()

    async def publish(self, topic: str, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send (key, value) pairs and wait until the broker has them all. Raises Transient or Rejected."""
        futures = [await self.send(topic, key, value) for key, value in messages]
        _, late = await asyncio.wait(futures, timeout=PATIENCE) if futures else ((), ())
        if late:
            raise Transient("Kafka did not acknowledge in time", retry_after=2)
        for future in futures:
            error = future.exception()
            if error is not None:
                if self._producer is not None and not isinstance(error, TimeoutError):
                    await self._replace(self._producer)
                raise Transient(f"Kafka: {error}", retry_after=2) from error

    async def _replace(self, broken: AIOKafkaProducer) -> None:
        """An idempotent producer can be stuck for good after a fatal error: take a new one."""
        async with self._replacing:
            if self._producer is not broken:
                return
            self._producer = None
            closing = asyncio.create_task(broken.stop())
            closing.add_done_callback(lambda task: task.cancelled() or task.exception())
            await self.start()


def topic(settings: Settings, name: str) -> str:
    """The full name of a topic of this installation."""
    return full_name(settings.topic_prefix, name)


def admin(settings: Settings) -> KafkaAdminClient:
    """kafka-python's admin client. Raises Transient when no broker answers."""
    try:
        return KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers, client_id="hub-admin")
    except SyncKafkaError as error:
        raise Transient(f"Kafka does not answer at {settings.kafka_bootstrap_servers}: {error}") from error


def ensure_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing; their names. Raises Misconfigured when one has other settings."""
    client = admin(settings)
    try:
        there = set(client.list_topics())
        missing = [one for one in TOPICS if full_name(settings.topic_prefix, one.name) not in there]
        new = [
            NewTopic(
                full_name(settings.topic_prefix, one.name),
                one.partitions or settings.partitions,
                settings.replication,
                topic_configs={**COMMON, **one.config},
            )
            for one in missing
        ]
        if new:
            with contextlib.suppress(TopicAlreadyExistsError):  # another process was quicker
                client.create_topics(new)
        return [one.name for one in missing]
    except SyncKafkaError as error:
        raise Misconfigured(f"topics cannot be created: {error}", "Check the broker's rights and settings.") from error
    finally:
        client.close()
