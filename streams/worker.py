"""The process `hub worker`: puts the parts together and runs them until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final

from hub import bus, metrics
from hub.errors import Misconfigured, Transient
from hub.logs import get
from hub.settings import Settings
from hub.tuning import calm_collector
from profile_store.arrivals import ArrivalStore
from profile_store.changes import Changes
from profile_store.cluster import ledger
from profile_store.connect import connect, install
from profile_store.shards import only_server
from streams.announce import Announcer
from streams.declared import Declarations
from streams.decode import Marker
from streams.editions import Publisher
from streams.feed import Feed
from streams.foretell import outstanding
from streams.lookout import Lookout
from streams.pipeline import Pipeline
from streams.plain import PlainRunner
from streams.processor import Processor
from streams.redeclare import Redeclarer
from streams.relay import Relay
from streams.runner import Batches, Runner
from streams.timers import Timers
from streams.topic import describe

SWEEP_EVERY: Final = 5.0
TIDY_EVERY: Final = 1.0
LEAVING: Final = 5.0
"""Seconds the runner has to finish its batch and leave the group."""

log = get("worker")


def topic_id(settings: Settings) -> str:
    """A short name of the log as it is now: a topic that was made anew has another. Raises Transient."""
    return describe(settings).id


def _runner(settings: Settings, batches: Batches) -> Runner:
    if settings.runner == "plain":
        return PlainRunner(settings, batches)
    from streams.app import FaustRunner  # noqa: PLC0415  a second and 40 MB that the plain runner does without

    return FaustRunner(settings, batches)


class Worker:
    """One worker: a runner, its processor, its timers and its rules."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = connect(settings)
        self._producer = bus.Producer(settings.kafka_bootstrap_servers, client="hub-worker", linger_ms=0)
        self._ledger = ledger(self._redis, settings.group, feed=settings.profiles_feed)
        self._relay = Relay(self._producer, self._ledger, settings)
        self._declarations = Declarations(settings)
        self._announcer = Announcer(self._redis, self._ledger, self._producer, settings)

    async def run(self) -> None:
        """Run until SIGTERM. Raises Transient or Misconfigured when it cannot start."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await install(self._redis)
        await self._producer.start()
        log_id = await asyncio.to_thread(topic_id, self._settings)
        pipeline, processor, lookout = self._made(log_id)
        self._publisher = Publisher(
            self._settings, self._declarations.editions, self._producer, lambda: processor.assigned
        )
        await self._publisher.start()
        timers = Timers(self._ledger, self._producer, self._settings, lambda: processor.assigned, pipeline.heard)
        runner = _runner(self._settings, processor)
        metrics.serve(
            self._settings.metrics_host,
            self._settings.metrics_port,
            lambda: "" if processor.assigned else "no partitions yet",
        )
        calm_collector()
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # forty lines a second in an outage; we say it once
        beside = [
            asyncio.create_task(one)
            for one in (
                processor.aftermath.run(),
                timers.run(),
                lookout.run(),
                self._sweep(),
                self._tidy(),
                self._publisher.run(),
                Redeclarer(self._declarations, self._ledger, lambda: processor.assigned).run(),
                *self._feed(processor),
            )
        ]
        running = asyncio.create_task(runner.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping, *beside}, return_when=asyncio.FIRST_COMPLETED)
        for task in beside:
            task.cancel()
        failed = [task for task in (running, *beside) if task.done() and not task.cancelled() and task.exception()]
        with contextlib.suppress(Exception):
            await runner.stop()
        # It leaves the group, so that others need not wait for a session to end; a store that is away may hold it up.
        await asyncio.wait({running}, timeout=LEAVING)
        await self._producer.stop()
        await self._redis.aclose()
        if failed:
            failed[0].result()

    def _made(self, log_id: str) -> tuple[Pipeline, Processor, Lookout]:
        lookout = Lookout(
            ArrivalStore(self._redis), lambda: self._declarations.editions.in_force, lambda: processor.assigned
        )
        pipeline = Pipeline(
            self._ledger, self._declarations, self._relay.bury, self._settings.policy, look=lookout.look
        )
        processor = Processor(
            self._ledger,
            pipeline,
            self._relay,
            log_id,
            self._settings.policy,
            outstanding=partial(outstanding, self._settings),
            enter=self._enter,
            switch=self._switch,
        )
        return pipeline, processor, lookout

    def _feed(self, processor: Processor) -> list[Coroutine[Any, Any, None]]:
        if not self._settings.profiles_feed or not self._ledger.one_server:
            return []
        changes, ledger = Changes(only_server(self._redis), self._ledger), self._ledger
        feed = Feed(changes, self._producer, self._settings, lambda: processor.assigned, lambda: ledger.at.generation)
        return [feed.run()]

    async def _enter(self) -> None:
        """Take over what the store in use is folded with, and tell what is still to be told of it."""
        await self._declarations.adopt(self._ledger)
        await self._declarations.editions.refresh()
        await self._announcer.run(self._declarations.book.lot)

    async def _switch(self, marker: Marker) -> None:
        """Have the rules ready that decide behind a marker."""
        await self._publisher.reach(marker.edition)
        self._declarations.editions.history.switch(marker.partition, marker.offset, marker.edition)

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(Transient):
                await self._relay.sweep()
            await asyncio.sleep(SWEEP_EVERY)

    async def _tidy(self) -> None:
        while True:
            with contextlib.suppress(Transient):
                await self._ledger.tidy()
            await asyncio.sleep(TIDY_EVERY)


async def run(settings: Settings) -> None:
    """The process. Raises Misconfigured when Kafka or Redis is not set."""
    if not settings.kafka_bootstrap_servers:
        raise Misconfigured("HUB_KAFKA_BOOTSTRAP_SERVERS is not set and no hub runs here", "Start one with `make run`.")
    await Worker(settings).run()
