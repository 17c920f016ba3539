"""The topic `rules`, read as it grows."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub.beside import beside
from hub.bus import topic
from hub.errors import Transient
from hub.replay import stored
from hub.settings import Settings
from hub.topics import RULES
from rules.history import History, understood

WAIT_MS: Final = 200


def new_key() -> str:
    """The key of a message: each has its own, so that compaction keeps them all."""
    return secrets.token_hex(8)


def whole(settings: Settings) -> History:
    """All that the topic says now, for tools. Raises Transient."""
    history = History()
    for message in stored(settings, RULES):
        history.apply(message.offset, message.value)
    return history


def _understood(records: Sequence[Any]) -> list[tuple[int, dict[str, Any] | None]]:
    return [(record.offset, understood(record.value)) for record in records]


class RuleLog:
    """Keeps a history up to date."""

    def __init__(self, settings: Settings, history: History | None = None) -> None:
        self._settings = settings
        self._place = TopicPartition(topic(settings, RULES), 0)
        self._consumer: AIOKafkaConsumer | None = None
        self._one_at_a_time = asyncio.Lock()
        self.history = history or History()

    async def read(self) -> bool:
        """Read to the end of the topic; whether there was anything new. Raises Transient."""
        async with self._one_at_a_time:
            return await self._read()

    async def _read(self) -> bool:
        before = self.history.read
        try:
            consumer = await self._connected()
            end = (await consumer.end_offsets([self._place]))[self._place]
            while self.history.read < end:
                for records in (await consumer.getmany(self._place, timeout_ms=WAIT_MS)).values():
                    said = await beside(_understood, records)
                    for offset, one in said:
                        self.history.take(offset, one)
                        await asyncio.sleep(0)  # thousands of rules come in many messages
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise Transient(f"Kafka: {error!r}") from error
        return self.history.read > before

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._settings.kafka_bootstrap_servers,
                client_id="hub-rules",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )
            try:
                await consumer.start()
            except (KafkaError, OSError, TimeoutError):
                await consumer.stop()
                raise
            consumer.assign([self._place])
            consumer.seek(self._place, self.history.read)
            self._consumer = consumer
        return self._consumer

    async def close(self) -> None:
        """Hang up."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
