"""Reading a topic from end to end with kafka-python: for tools, not for the hot path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from hub.bus import topic
from hub.errors import Transient
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Stored:
    """One message as a topic holds it."""

    partition: int
    offset: int
    timestamp: int
    key: str
    value: bytes


@contextmanager
def _reading(settings: Settings) -> Iterator[KafkaConsumer]:
    """A consumer of its own, closed afterwards. Raises Transient."""
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
    except KafkaError as error:
        raise Transient(f"Kafka does not answer at {settings.kafka_bootstrap_servers}: {error}") from error
    try:
        yield consumer
    except KafkaError as error:
        raise Transient(f"Kafka: {error}") from error
    finally:
        consumer.close()


def stored(settings: Settings, name: str, partition: int | None = None, offset: int | None = None) -> Iterator[Stored]:
    """Everything a topic holds now, partition by partition; or from one place on. Raises Transient."""
    full = topic(settings, name)
    with _reading(settings) as consumer:
        for number in sorted(consumer.partitions_for_topic(full) or ()):
            if partition is None or number == partition:
                yield from _partition(consumer, TopicPartition(full, number), offset)


def stored_since(settings: Settings, name: str, since: Mapping[int, int]) -> Iterator[Stored]:
    """What a topic holds now from these offsets on, by partition. Raises Transient."""
    full = topic(settings, name)
    with _reading(settings) as consumer:
        for number, offset in sorted(since.items()):
            yield from _partition(consumer, TopicPartition(full, number), offset)


def _partition(consumer: KafkaConsumer, place: TopicPartition, offset: int | None) -> Iterator[Stored]:
    consumer.assign([place])
    end = consumer.end_offsets([place])[place]
    start = consumer.beginning_offsets([place])[place] if offset is None else offset
    consumer.seek(place, start)
    while consumer.position(place) < end:
        for record in consumer.poll(timeout_ms=1000).get(place, ()):
            if record.offset >= end:
                return
            key = (record.key or b"").decode("utf-8", "replace")
            yield Stored(record.partition, record.offset, record.timestamp, key, record.value or b"")


def put_back(settings: Settings, name: str, messages: list[tuple[str, bytes]]) -> None:
    """Send messages again, with acks=all, and wait for all of them. Raises Transient."""
    try:
        producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, acks="all")
        try:
            sent = [producer.send(topic(settings, name), key=key.encode(), value=value) for key, value in messages]
            for future in sent:
                future.get(timeout=30)
        finally:
            producer.close()
    except KafkaError as error:
        raise Transient(f"Kafka: {error}") from error
