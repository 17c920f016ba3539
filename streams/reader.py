"""A reader of the log beside the group: it is in nobody's way, takes whole fetches, and goes where it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub.bus import topic
from hub.errors import Transient
from hub.settings import Settings
from hub.topics import INTERACTIONS

FETCH: Final = 20_000
"""Events taken at once: nobody waits for a single one of them, and the more, the more there are of each customer."""
FETCH_BYTES: Final = 8 << 20
"""Of one partition: what makes so many events possible."""


@asynccontextmanager
async def reading(settings: Settings, partitions: Iterable[int]) -> AsyncIterator[Any]:
    """aiokafka's consumer with these partitions of `interactions`, closed afterwards. Raises Transient."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.group,  # to see what it committed; who assigns partitions to himself does not join
        client_id="hub-reader",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=50,  # a question about partitions that have nothing holds up all others so long
    )
    name = topic(settings, INTERACTIONS)
    try:
        await consumer.start()
        consumer.assign([TopicPartition(name, one) for one in partitions])
        yield consumer
    except KafkaError as error:
        raise Transient(f"Kafka: {error!r}") from error
    finally:
        await consumer.stop()
