"""Kafka: connections are made here, and foreign errors become ours here."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import KafkaError as SyncKafkaError
from kafka.errors import TopicAlreadyExistsError

from hub.errors import HubError, Misconfigured, Rejected, Transient
from hub.partition import partition
from hub.settings import Settings
from hub.topics import COMMON, TOPICS, full_name

Place: TypeAlias = tuple[int, int]
"""Partition and offset."""

PATIENCE: Final = 0.8
"""Seconds to wait for an acknowledgement before the sender is told to come back."""

RETRY_AFTER: Final = 2
"""Seconds a refused sender is asked to wait."""

_STUCK: Final = 5.0
"""Seconds without an acknowledgement after which a new connection is tried beside the old one."""

_CONNECTING: Final = 10.0
_CLOSING: Final = 3.0


class Producer:
    """An idempotent producer with acks=all that fails fast while the broker is away.

    What was handed over and not acknowledged in time may still arrive: the sender repeats it with the same
    id and it has one effect. While something is overdue, new work is refused at once, so that an outage
    costs neither memory nor the senders' time; the overdue message is the probe that ends it. An idempotent
    producer can also be stuck for good, after a fatal error or an outage: it is then replaced by a new one.
    """

    def __init__(self, servers: str, *, client: str, linger_ms: int = 0) -> None:
        self._servers = servers
        self._client = client
        self._linger_ms = linger_ms
        self._producer: AIOKafkaProducer | None = None
        self._waiting: dict[int, float] = {}
        self._numbers = itertools.count()
        self._fatal = False
        self._healing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect. Raises Transient when no broker answers."""
        self._producer = await self._connect()

    async def stop(self) -> None:
        """Send what is waiting and close; what a broker that is away still holds up is given up."""
        healing, self._healing = self._healing, None
        if healing is not None:
            healing.cancel()
            await asyncio.wait([healing])
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)

    @property
    def overdue(self) -> bool:
        """Whether the broker owes us an acknowledgement for longer than our patience."""
        return self._late() > PATIENCE

    @property
    def ready(self) -> bool:
        """Whether messages can be handed over now."""
        return self._producer is not None and not self._fatal and not self.overdue

    async def publish(self, topic: str, messages: Sequence[tuple[str, bytes | None]]) -> None:
        """Send (key, value) pairs and wait until the broker has them all; no value is a tombstone.

        Raises Transient or Rejected.
        """
        if messages:
            await self.place(topic, messages)

    async def place(self, topic: str, messages: Sequence[tuple[str, bytes | None]]) -> list[Place]:
        """The same; and where in the topic each message stands."""
        producer = self._producer
        if producer is None or self._fatal or self.overdue:
            if self._fatal or self._late() > _STUCK:
                self._heal()
            raise Transient("Kafka does not answer", retry_after=RETRY_AFTER)
        number = next(self._numbers)
        start = self._waiting[number] = time.monotonic()
        futures: list[asyncio.Future[Any]] = []
        places: list[Place] = []
        try:
            await self._hand_over(producer, topic, messages, futures)
            for future in futures:
                if not future.done():  # one wait ends the futures of a whole batch: few are ever waited for
                    await asyncio.wait([future], timeout=max(0.0, start + PATIENCE - time.monotonic()))
                if not future.done():
                    raise Transient("Kafka did not acknowledge in time", retry_after=RETRY_AFTER)
                error = future.exception()
                if error is not None:
                    raise self._ours(error) from error
                said = future.result()
                places.append((said.partition, said.offset))
            return places
        finally:
            self._release(number, futures)

    async def _hand_over(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        messages: Sequence[tuple[str, bytes | None]],
        futures: list[asyncio.Future[Any]],
    ) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                count = len(await producer.partitions_for(topic))
                for key, value in messages:
                    place = partition(key, count)
                    futures.append(await producer.send(topic, value, key=key.encode(), partition=place))
        except (TimeoutError, KafkaError) as error:
            raise self._ours(error) from error

    def _ours(self, error: BaseException) -> HubError:
        """Kafka's error in our words; after one that no retry mends, the producer must be replaced."""
        if isinstance(error, TimeoutError):
            return Transient("Kafka does not answer", retry_after=RETRY_AFTER)
        if isinstance(error, MessageSizeTooLargeError):
            return Rejected(f"the message is too large: {error}", field="body", limit="1 MB")
        self._fatal = self._fatal or not getattr(error, "retriable", False)
        return Transient(f"Kafka: {error}", retry_after=RETRY_AFTER)

    def _late(self) -> float:
        oldest = next(iter(self._waiting.values()), None)
        return 0.0 if oldest is None else time.monotonic() - oldest

    def _release(self, number: int, futures: list[asyncio.Future[Any]]) -> None:
        """The call counts as waiting until each of its messages has its answer."""
        while futures and futures[-1].done():
            future = futures.pop()
            if not future.cancelled():
                future.exception()
        if futures:
            futures[-1].add_done_callback(lambda _: self._release(number, futures))
        else:
            self._waiting.pop(number, None)

    def _heal(self) -> None:
        if self._healing is None or self._healing.done():
            self._healing = asyncio.create_task(self._replace(self._producer))

    async def _replace(self, broken: AIOKafkaProducer | None) -> None:
        """Put a new producer in the place of a stuck one, unless that one finds its way back first."""
        while self._fatal or self._late() > _STUCK:
            try:
                fresh = await self._connect()
            except Transient:
                await asyncio.sleep(0.5)
                continue
            self._producer, self._waiting, self._fatal = fresh, {}, False
            if broken is not None:
                await _close(broken)

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id=self._client,
            acks="all",
            enable_idempotence=True,
            linger_ms=self._linger_ms,
            max_batch_size=262_144,
            max_request_size=2_097_152,
            request_timeout_ms=6_000,
            retry_backoff_ms=100,
            metadata_max_age_ms=30_000,
        )
        try:
            async with asyncio.timeout(_CONNECTING):
                await producer.start()
        except (KafkaError, OSError, TimeoutError) as error:
            await _close(producer)
            raise Transient(f"Kafka does not answer: {error}", retry_after=RETRY_AFTER) from error
        except asyncio.CancelledError:
            await _close(producer)
            raise
        return producer


async def _close(producer: AIOKafkaProducer) -> None:
    """Flush and close; a producer that cannot flush would wait for ever, so after a while it is cut off."""
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSING):
            await producer.stop()
            return
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSING):
            await producer._sender.close()
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSING):
            await producer.client.close()


def topic(settings: Settings, name: str) -> str:
    """The full name of a topic of this installation."""
    return full_name(settings.topic_prefix, name)


def admin(settings: Settings) -> KafkaAdminClient:
    """kafka-python's admin client. Raises Transient when no broker answers."""
    try:
        return KafkaAdminClient(
            bootstrap_servers=settings.kafka_bootstrap_servers, client_id="hub-admin", reconnect_backoff_max_ms=500
        )
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


def topic_faults(settings: Settings) -> list[str]:
    """What is wrong with the topics, one sentence a fault. Raises Transient when no broker answers."""
    client = admin(settings)
    try:
        there = set(client.list_topics())
        wanted = {full_name(settings.topic_prefix, one.name): {**COMMON, **one.config} for one in TOPICS}
        faults = [f"topic {name} is missing" for name in wanted if name not in there]
        present = [name for name in wanted if name in there]
        for name, found in _configs(client, present).items():
            for key, value in wanted[name].items():
                if key in found and found[key] != value:
                    faults.append(f"topic {name}: {key} is {found[key]}, should be {value}")
        return faults
    finally:
        client.close()


def _configs(client: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    described = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        name: {key: str(entry["value"]) for key, entry in entries.items()}
        for name, entries in described["topic"].items()
    }
