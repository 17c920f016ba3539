"""The log as the broker describes it."""

from __future__ import annotations

from dataclasses import dataclass

from kafka.errors import KafkaError

from hub import bus
from hub.errors import Transient
from hub.settings import Settings
from hub.topics import INTERACTIONS


@dataclass(frozen=True, slots=True)
class Described:
    """Which log it is, and its partitions."""

    id: str
    """A short name of the log as it is now: a topic that was made anew has another."""
    partitions: tuple[int, ...]


def describe(settings: Settings) -> Described:
    """The topic `interactions` of this installation. Raises Transient."""
    client = bus.admin(settings)
    try:
        found = client.describe_topics([bus.topic(settings, INTERACTIONS)])[0]
        partitions = sorted(int(one["partition_index"]) for one in found["partitions"])
        return Described(str(found["topic_id"]).replace("-", "")[:6], tuple(partitions))
    except KafkaError as error:
        raise Transient(f"Kafka: {error}") from error
    finally:
        client.close()
