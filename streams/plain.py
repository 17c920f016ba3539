"""The plain runner: aiokafka's consumer without Faust around it. For rebuilds, and to hold Faust's runner against."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from hub.bus import topic
from hub.errors import Transient
from hub.logs import get
from hub.settings import Settings
from hub.topics import INTERACTIONS
from streams.runner import Batches, check_membership, translated

IDLE_MS: Final = 250

log = get("runner")


class PlainLog:
    """The log as aiokafka's consumer sees it."""

    def __init__(self, consumer: Any, name: str) -> None:
        self._consumer = consumer
        self._name = name

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._name, partition)

    def assigned(self) -> frozenset[int]:
        return frozenset(tp.partition for tp in self._consumer.assignment())

    def partitions(self) -> frozenset[int]:
        return frozenset(self._consumer.partitions_for_topic(self._name) or ())

    def end(self, partition: int) -> int | None:
        with suppress(AssertionError):  # taken away meanwhile
            return cast(int | None, self._consumer.highwater(self._tp(partition)))
        return None

    def asked(self, partition: int) -> int:
        with suppress(AssertionError):
            return int(self._consumer.last_poll_timestamp(self._tp(partition)) or 0)
        return 0

    async def beginnings(self, partitions: Iterable[int]) -> Mapping[int, int]:
        with translated():
            found = await self._consumer.beginning_offsets(list(map(self._tp, partitions)))
        return {tp.partition: offset for tp, offset in found.items()}

    async def committed(self, partition: int) -> int | None:
        with translated():
            return cast(int | None, await self._consumer.committed(self._tp(partition)))

    async def commit(self, offsets: Mapping[int, int]) -> None:
        try:
            await self._consumer.commit({self._tp(one): offset for one, offset in offsets.items()})
        except (CommitFailedError, IllegalStateError):
            # The partitions went to another worker: it finds in the store how far we came.
            log.info("not committed: the partitions are another's now", partitions=sorted(offsets))
        except KafkaError as error:
            raise Transient(f"Kafka: {error!r}") from error

    def seek(self, partition: int, offset: int) -> None:
        with translated():
            self._consumer.seek(self._tp(partition), offset)

    def pause(self, partition: int) -> None:
        with translated():
            self._consumer.pause(self._tp(partition))

    def resume(self, partition: int) -> None:
        with translated():
            self._consumer.resume(self._tp(partition))


class PlainRunner:
    """Reads the log as a member of the group and gives every fetch to `batches`."""

    def __init__(self, settings: Settings, batches: Batches) -> None:
        self._settings = settings
        self._batches = batches
        self._stopping = False

    async def run(self) -> None:
        """Run until stopped. Raises what broke it."""
        settings, name = self._settings, topic(self._settings, INTERACTIONS)
        session = int(settings.session_timeout * 1000)
        consumer = AIOKafkaConsumer(
            name,
            bootstrap_servers=settings.kafka_bootstrap_servers,
            group_id=settings.group,
            client_id="hub-worker",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 4,
            rebalance_timeout_ms=max(10_000, session),
            max_poll_interval_ms=int(settings.poll_interval * 1000),
            max_partition_fetch_bytes=1_572_864,
            metadata_max_age_ms=2_000,
        )
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            raise Transient(f"Kafka does not answer: {error}") from error
        view = PlainLog(consumer, name)
        try:
            while not self._stopping:
                check_membership(consumer)
                found = await consumer.getmany(timeout_ms=IDLE_MS, max_records=settings.fetch)
                await self._batches.take(view, {tp.partition: records for tp, records in found.items() if records})
                # A long fetch may be ready at once, again and again: others want to run too.
                await asyncio.sleep(0)
        finally:
            await consumer.stop()

    async def stop(self) -> None:
        """Let `run` come to its end after the batch in hand."""
        self._stopping = True
