"""A topic, read from its beginning to its end by whoever checks the result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
    """One topic of an installation. Connects when it is first asked."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._servers = settings.kafka_bootstrap_servers
        self._parts = [TopicPartition(bus.topic(settings, name), number) for number in range(settings.partitions)]

    @cached_property
    def _consumer(self) -> Any:
        return KafkaConsumer(bootstrap_servers=self._servers, enable_auto_commit=False)

    def ends(self) -> dict[int, int]:
        """The offset after the last record of every partition."""
        return {one.partition: int(end) for one, end in self._consumer.end_offsets(self._parts).items()}

    def committed(self, group: str) -> dict[int, int]:
        """What a consumer group noted as done, by partition."""
        member = KafkaConsumer(bootstrap_servers=self._servers, group_id=group, enable_auto_commit=False)
        try:
            return {one.partition: int(member.committed(one) or 0) for one in self._parts}
        finally:
            member.close()

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
        if "_consumer" in self.__dict__:
            self._consumer.close()


def read_all(settings: Settings, name: str) -> list[Message]:
    """Everything in a topic."""
    topic = Topic(settings, name)
    try:
        return topic.all()
    finally:
        topic.close()
