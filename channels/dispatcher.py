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
from hub.errors import Rejected, Transient
from hub.settings import Settings
from hub.topics import TRIGGERS
from hub.trigger import Trigger

GROUP: Final = "hub-dispatcher"
MOST_OPEN: Final = 1_000
"""Triggers in hand at once; a provider that is away may hold up that many before the others feel it."""
GRACE: Final = 16.0
"""Seconds given to messages on their way out before their partition goes to another dispatcher."""
COMMIT_EVERY: Final = 0.5

log = logs.get("dispatcher")


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

    async def run(settings: Settings, claims: Claims, stop: asyncio.Event | None = None) -> None:
    """The process `hub dispatcher`: work until SIGTERM, SIGINT or `stop`."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # ten lines a second in an outage; we say it once
    dispatcher = Dispatcher(settings, claims, registry.build(settings))
    scraped = metrics.serve(settings.metrics_host, settings.metrics_port, dispatcher.waiting_for)
    try:
        await until_stopped(dispatcher.run(), stop)
    finally:
        scraped.shutdown()
        scraped.server_close()
        await claims.close()
