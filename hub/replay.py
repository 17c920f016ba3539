"""Reading a topic from end to end with kafka-python: for tools, not for the hot path."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from hub.bus import topic
from hub.errors import Transient
from hub.settings import Settings

AHEAD: Final = 5_000
"""Messages of one partition that may lie ready while another one is waited for."""


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


def ends(settings: Settings, name: str) -> dict[int, int]:
    """Where each partition of a topic ends now: the offset after its last message. Raises Transient."""
    full = topic(settings, name)
    with _reading(settings) as consumer:
        places = [TopicPartition(full, one) for one in sorted(consumer.partitions_for_topic(full) or ())]
        return {place.partition: end for place, end in consumer.end_offsets(places).items()}


def in_order(settings: Settings, name: str, until: Mapping[int, int]) -> Iterator[Stored]:
    """What these partitions of a topic hold, each up to an offset, as one: by time, and in each by its own order.

    Raises Transient.
    """
    full = topic(settings, name)
    with _reading(settings) as consumer:
        yield from Merged(consumer, {TopicPartition(full, one): end for one, end in until.items()})


class Merged:
    """Several partitions as one: of what comes next in each, the oldest first."""

    def __init__(self, consumer: KafkaConsumer, until: Mapping[TopicPartition, int]) -> None:
        self._consumer = consumer
        self._until = until
        self._ready: dict[TopicPartition, deque[Stored]] = {place: deque() for place in until}

    def __iter__(self) -> Iterator[Stored]:
        self._consumer.assign(list(self._until))
        self._consumer.seek_to_beginning()
        heads = [(first.timestamp, place.partition, place) for place in self._until if (first := self._first(place))]
        heapq.heapify(heads)
        while heads:
            place = heads[0][2]
            yield self._ready[place].popleft()
            first = self._first(place)
            if first is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, (first.timestamp, place.partition, place))

    def _first(self, place: TopicPartition) -> Stored | None:
        """What comes next in a partition; None at its end."""
        ready = self._ready[place]
        while not ready and self._consumer.position(place) < self._until[place]:
            self._consumer.resume(place)
            for one, records in self._consumer.poll(timeout_ms=1000).items():
                self._take(one, records)
        return ready[0] if ready else None

    def _take(self, place: TopicPartition, records: Iterable[Any]) -> None:
        ready = self._ready[place]
        for record in records:
            if record.offset < self._until[place]:
                key = (record.key or b"").decode("utf-8", "replace")
                ready.append(Stored(record.partition, record.offset, record.timestamp, key, record.value or b""))
        if len(ready) > AHEAD or self._consumer.position(place) >= self._until[place]:
            self._consumer.pause(place)


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
