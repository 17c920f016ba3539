"""The topic `outcomes`, read again: what became of a trigger, and all claims after Redis lost them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub import bus
from hub.errors import Rejected, Transient
from hub.partition import partition
from hub.settings import Settings
from hub.topics import OUTCOMES
from hub.trigger import Outcome

AT_ONCE: Final = 2_000
STUCK: Final = 30.0
"""Seconds without a record, though there should be some, after which the broker counts as away."""


class Outcomes:
    """Reads the log of outcomes from a moment on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = bus.topic(settings, OUTCOMES)
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._settings.kafka_bootstrap_servers,
            client_id="hub-dispatcher-outcomes",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await consumer.start()
            yield consumer
        except (KafkaError, OSError) as error:
            raise Transient(f"Kafka does not answer: {error}") from error
        finally:
            await consumer.stop()

    async def last(self, trigger: str, customer: str, since_ms: int) -> Outcome | None:
        """The newest outcome of a trigger logged since then. Raises Transient."""
        found: Outcome | None = None
        async with self._lock, self._consumer() as consumer:
            count = len(_partitions(consumer))
            places = [TopicPartition(self._topic, partition(customer, count))]
            async for batch in _read(consumer, places, since_ms):
                for one in batch:
                    if one.trigger == trigger and (found is None or one.state != "claimed"):
                        found = one  # a claim that was logged twice may stand behind its end
        return found

    async def since(self, since_ms: int) -> AsyncIterator[list[Outcome]]:
        """Everything logged since then, in the order of each customer. Raises Transient."""
        async with self._lock, self._consumer() as consumer:
            async for batch in _read(consumer, _partitions(consumer), since_ms):
                yield batch


def _partitions(consumer: Any) -> list[TopicPartition]:
    found = sorted(consumer.assignment())
    if not found:
        raise Transient("the topic of outcomes is not there yet")
    return found


async def _read(consumer: Any, places: list[TopicPartition], since_ms: int) -> AsyncIterator[list[Outcome]]:
    consumer.unsubscribe()
    consumer.assign(places)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
    starts = await consumer.offsets_for_times(dict.fromkeys(places, max(since_ms, 0)))
    for place in places:
        consumer.seek(place, starts[place].offset if starts.get(place) else ends[place])
    waiting = {place for place in places if await consumer.position(place) < ends[place]}
    quiet_since = asyncio.get_running_loop().time()
    while waiting:
        found = await consumer.getmany(timeout_ms=500, max_records=AT_ONCE)
        now = asyncio.get_running_loop().time()
        quiet_since = now if found else quiet_since
        if now - quiet_since > STUCK:
            raise Transient("the log of outcomes cannot be read")
        yield [one for records in found.values() for record in records if (one := _outcome(record.value))]
        waiting = {place for place in waiting if await consumer.position(place) < ends[place]}


def _outcome(raw: bytes) -> Outcome | None:
    try:
        return Outcome.from_json(raw)
    except Rejected:
        return None
