"""The dispatcher: reads `triggers`, sends each once, and says what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from channels import registry
from channels.base import Channel
from channels.claiming import Claims, Stopping
from channels.delivery import Delivery
from channels.ending import until_stopped
from channels.lanes import Lanes, Progress
from channels.log import Log
from channels.outgoing import Connected
from hub import bus, logs, metrics
from hub.bus import Producer
from hub.errors import Misconfigured, Rejected, Transient
from hub.settings import Settings
from hub.topics import TRIGGERS
from hub.trigger import Trigger

MOST_OPEN: Final = 1_000
"""Triggers in hand at once; a provider that is away may hold up that many before the others feel it."""
GRACE: Final = 16.0
"""Seconds given to messages on their way out before their partition goes to another dispatcher."""
COMMIT_EVERY: Final = 0.5

log = logs.get("dispatcher")


def group(settings: Settings) -> str:
    """The dispatchers' consumer group, `hub-dispatcher`."""
    return settings.topic_prefix.replace(".", "-") + "dispatcher"


class Dispatcher(ConsumerRebalanceListener):  # type: ignore[misc]
    """One dispatcher process."""

    def __init__(self, settings: Settings, claims: Claims, channels: Mapping[tuple[str, str], Channel]) -> None:
        self._settings = settings
        self._channels = channels
        self._producer = Producer(settings.kafka_bootstrap_servers, client="hub-dispatcher")
        self._log = Log(settings, self._producer)
        self._delivery = Delivery(settings, claims, channels, self._log)
        self._lanes = Lanes()
        self._progress = Progress()
        self._consumer: Any = None
        self._waiting = "Kafka does not answer yet"

    def waiting_for(self) -> str:
        """For /readyz: empty when it is at work, otherwise what it waits for."""
        return self._waiting

    async def run(self) -> None:
        """Work until cancelled; then finish what is on its way and leave nothing half done that need not be."""
        try:
            for channel in self._channels.values():
                if isinstance(channel, Connected):
                    await channel.open()
            await _until_there(self._producer.start)
            await _until_there(self._subscribe)
            self._waiting = ""
            await self._work()
        finally:
            await asyncio.shield(self._close())

    async def _subscribe(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap_servers,
            client_id="hub-dispatcher",
            group_id=group(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(self._settings.session_timeout * 1000),
            heartbeat_interval_ms=int(self._settings.session_timeout * 1000 / 5),
            rebalance_timeout_ms=30_000,
            metadata_max_age_ms=30_000,
        )
        consumer.subscribe([bus.topic(self._settings, TRIGGERS)], listener=self)
        self._consumer = consumer  # also while it starts: left behind, it would hold partitions and do nothing
        try:
            await consumer.start()
        except (KafkaError, OSError) as error:
            await consumer.stop()
            self._consumer = None
            raise Transient(f"Kafka does not answer: {error}") from error

    async def _work(self) -> None:
        last = 0.0
        clock = asyncio.get_running_loop().time
        while True:
            if self._lanes.fault is not None:
                raise self._lanes.fault
            room = MOST_OPEN - len(self._lanes)
            try:
                if room > 0:
                    found = await self._consumer.getmany(timeout_ms=int(COMMIT_EVERY * 1000), max_records=room)
                    self._start(found)
                else:
                    await asyncio.sleep(0.05)
                if clock() - last >= COMMIT_EVERY:
                    last = clock()
                    await self._commit()
            except KafkaError as error:
                log.warning("Kafka does not answer", error=str(error))
                await asyncio.sleep(0.5)

    def _start(self, found: Mapping[TopicPartition, Iterable[Any]]) -> None:
        for place, records in found.items():
            for record in records:
                self._progress.begin(place, record.offset)
                lane = (record.key or b"").decode("utf-8", "replace") or f"{place.partition}"
                self._lanes.put(lane, partial(self._one, place, record))

    async def _one(self, place: TopicPartition, record: Any) -> None:
        try:
            try:
                trigger = Trigger.from_json(record.value or b"")
            except Rejected as error:
                await self._bury(place, record, str(error))
            else:
                await self._delivery.deliver(trigger, record.timestamp)
        except Stopping:
            return  # not done: whoever has the partition next goes on
        self._progress.done(place, record.offset)

    async def _bury(self, place: TopicPartition, record: Any, reason: str) -> None:
        where: dict[str, object] = {"topic": place.topic, "partition": place.partition, "offset": record.offset}
        key = (record.key or b"").decode("utf-8", "replace")
        await _until_there(lambda: self._log.dead(record.value or b"", key, reason, where))

    async def _commit(self) -> None:
        offsets = self._progress.committable()
        if offsets:
            await self._consumer.commit(offsets)
            self._progress.committed(offsets)

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Finish or let go before another dispatcher gets them."""
        if not revoked:
            return
        self._delivery.stop()
        await self._lanes.drain(GRACE)
        try:
            await self._commit()
        except KafkaError as error:
            log.warning("offsets not committed; the next one asks the claims", error=str(error))
        self._progress.forget(set(revoked))

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Go on."""
        self._delivery.resume()

    async def _close(self) -> None:
        self._waiting = "stopping"
        self._delivery.stop()
        await self._lanes.drain(GRACE)
        if self._consumer is not None:
            with contextlib.suppress(KafkaError):
                await self._commit()
            await self._consumer.stop()
        await self._producer.stop()
        for channel in self._channels.values():
            if isinstance(channel, Connected):
                await channel.close()


async def _until_there(work: Callable[[], Awaitable[None]]) -> None:
    wait = 0.2
    while True:
        try:
            await work()
        except Transient as error:
            log.warning("waiting", error=str(error))
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)
        else:
            return


async def run(settings: Settings, claims: Claims, stop: asyncio.Event | None = None) -> None:
    """The process `hub dispatcher`: work until SIGTERM, SIGINT or `stop`."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # ten lines a second in an outage; we say it once
    dispatcher = Dispatcher(settings, claims, registry.build(settings))
    try:
        scraped = metrics.serve(settings.metrics_host, settings.metrics_port, dispatcher.waiting_for)
    except OSError as error:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        raise Misconfigured(f"metrics cannot be served on {where}: {error.strerror}", "Set HUB_METRICS_PORT.") from None
    try:
        await until_stopped(dispatcher.run(), stop)
    finally:
        scraped.shutdown()
        scraped.server_close()
        await claims.close()
