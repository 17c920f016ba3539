"""A topic, read from its beginning to its end by whoever checks the result."""

from __future__ import annotations

from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition

from hub import bus
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Message:
    """One record."""

    partition: int
    offset: int
    key: bytes
    value: bytes


class Topic:
    """One topic of an installation."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers, enable_auto_commit=False)
        full = bus.topic(settings, name)
        self._parts = [TopicPartition(full, number) for number in sorted(self._consumer.partitions_for_topic(full))]

    def ends(self) -> dict[int, int]:
        """The offset after the last record of every partition."""
        return {one.partition: int(end) for one, end in self._consumer.end_offsets(self._parts).items()}

    def all(self) -> list[Message]:
        """Everything that is in it now, each partition in order."""
        ends = self.ends()
        self._consumer.assign(self._parts)
        self._consumer.seek_to_beginning(*self._parts)
        found: list[Message] = []
        while any(self._consumer.position(one) < ends[one.partition] for one in self._parts):
            for records in self._consumer.poll(timeout_ms=200).values():
                found += [Message(one.partition, one.offset, one.key or b"", one.value or b"") for one in records]
        return [one for one in found if one.offset < ends[one.partition]]

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()


def read_all(settings: Settings, name: str) -> list[Message]:
    """Everything in a topic."""
    topic = Topic(settings, name)
    try:
        return topic.all()
    finally:
        topic.close()
