"""Reading topics for people and for marketing automation. Without a consumer group: nothing is taken from anybody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub import bus
from hub.deadletter import DeadLetter
from hub.errors import Rejected, Transient
from hub.settings import Settings
from hub.topics import DEAD_LETTERS, TRIGGERS
from rules.history import History as RuleHistory
from streams.rulelog import RuleLog

AT_ONCE: Final = 64
"""Followers of the triggers this process serves at the same time: each costs a connection to the broker."""
SHOWN: Final = 20_000
"""Bytes of a dead letter that are shown."""


class KafkaTriggers:
    """The topic `triggers`, followed from anywhere."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = asyncio.Semaphore(AT_ONCE)

    def follow(self, since: str | None, position: str | None) -> AsyncIterator[tuple[str, bytes]]:
        """(position, trigger) for ever. Raises Rejected for a moment or position that is none, or Transient."""
        start = _moment(since) if since else None
        reached = positions(position) if position else {}
        if self._places.locked():
            raise Transient("too many followers already", retry_after=30)
        return self._follow(start, reached)

    async def _follow(self, start: int | None, reached: dict[int, int]) -> AsyncIterator[tuple[str, bytes]]:
        async with self._places, reader(self._settings, TRIGGERS) as (consumer, partitions):
            await _seek(consumer, partitions, start, reached)
            offsets = {one.partition: await consumer.position(one) for one in partitions}
            with translated():
                async for message in consumer:
                    offsets[message.partition] = message.offset + 1
                    yield written(offsets), message.value


class KafkaRules:
    """The topic `rules`, read as it grows."""

    def __init__(self, settings: Settings) -> None:
        self._log = RuleLog(settings)

    async def history(self) -> RuleHistory:
        """All that is published now. Raises Transient."""
        await self._log.read()
        return self._log.history

    async def close(self) -> None:
        """Hang up."""
        await self._log.close()


class KafkaDeadLetters:
    """The newest of what could not be processed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        """The last letters, newest first. Raises Transient."""
        found: list[tuple[int, dict[str, Any]]] = []
        async with reader(self._settings, DEAD_LETTERS) as (consumer, partitions):
            first, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
            for one in partitions:
                consumer.seek(one, max(first[one], ends[one] - limit))
            left = {one for one in partitions if first[one] < ends[one]}
            while left:
                batch = await consumer.getmany(timeout_ms=2000)
                if not batch:
                    break
                for one, messages in batch.items():
                    found += [(message.timestamp, _letter(message)) for message in messages]
                    if messages[-1].offset + 1 >= ends[one]:
                        left.discard(one)
        found.sort(key=lambda item: item[0], reverse=True)
        return [letter for _, letter in found[:limit]]


@contextlib.contextmanager
def translated() -> Any:
    """Kafka's errors as ours."""
    try:
        yield
    except (KafkaError, OSError) as error:
        raise Transient(f"Kafka does not answer: {error}", retry_after=2) from error


@contextlib.asynccontextmanager
async def reader(settings: Settings, name: str) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
    """A consumer of a topic, at its end, and the topic's partitions. Raises Transient."""
    topic = bus.topic(settings, name)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        client_id="hub-desk",
        group_id=None,
        enable_auto_commit=False,
    )
    with translated():
        try:
            await consumer.start()
            yield consumer, sorted(consumer.assignment())
        finally:
            await consumer.stop()


async def _seek(consumer: Any, partitions: list[TopicPartition], start: int | None, reached: dict[int, int]) -> None:
    ends = await consumer.end_offsets(partitions)
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, start)) if start is not None else {}
    for one in partitions:
        at = found.get(one)
        offset = at.offset if at is not None else ends[one]
        consumer.seek(one, min(reached.get(one.partition, offset), ends[one]))


def _moment(text: str) -> int:
    try:
        # A plus sign that was not escaped in the address arrives as a blank.
        return int(datetime.fromisoformat(text.replace(" ", "+")).timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise Rejected("since is no RFC 3339 time", field="since") from error


def positions(text: str) -> dict[int, int]:
    """Offsets by partition, from how `written` puts them. Raises Rejected."""
    try:
        pairs = [pair.split(":") for pair in text.split(",")]
        return {int(partition): max(0, int(offset)) for partition, offset in pairs}
    except ValueError as error:
        raise Rejected("this is no position of ours", field="Last-Event-ID") from error


def written(offsets: dict[int, int]) -> str:
    """Offsets by partition as one short text."""
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))


def _letter(message: Any) -> dict[str, Any]:
    """A letter for people; one that is none of ours is shown as it is."""
    raw: bytes = message.value or b""
    number = f"{message.partition}-{message.offset}"
    try:
        letter = DeadLetter.from_json(raw)
    except Rejected as error:
        return {"id": number, "reason": "unreadable", "error": str(error), "body": _text(raw)}
    return {"id": number, **letter.model_dump(mode="json"), "body": _text(letter.raw)}


def _text(raw: bytes) -> str:
    return raw[:SHOWN].decode("utf-8", "backslashreplace")
