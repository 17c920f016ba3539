"""The Faust runner: Faust keeps the group, the assignment and the commits; fetches reach us whole.

Faust's own consumer starts two tasks for every message. This one takes a fetch as it is and hands it on as one
batch, through an ordinary Faust channel to an ordinary processor. The only file that imports Faust.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import faust
from aiokafka import TopicPartition
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP

from hub.bus import topic
from hub.logs import get
from hub.settings import Settings
from hub.topics import INTERACTIONS
from streams.decode import Record
from streams.runner import Batches, check_membership, translated

IDLE: Final = 0.25
"""Seconds a fetch waits when nothing comes in."""
STOP_PATIENCE: Final = 10.0

log = get("faust")


class FaustLog:
    """The log as Faust's consumer sees it."""

    def __init__(self, consumer: Any, name: str) -> None:
        self._consumer = consumer
        self._name = name

    def _tp(self, partition: int) -> TP:
        return TP(self._name, partition)

    @property
    def _inner(self) -> Any:
        return self._consumer._thread._ensure_consumer()

    def assigned(self) -> frozenset[int]:
        return frozenset(tp.partition for tp in self._consumer.assignment() if tp.topic == self._name)

    def partitions(self) -> frozenset[int]:
        return frozenset(self._inner.partitions_for_topic(self._name) or ())

    def end(self, partition: int) -> int | None:
        with contextlib.suppress(AssertionError):  # taken away meanwhile
            return cast(int | None, self._inner.highwater(self._tp(partition)))
        return None

    def asked(self, partition: int) -> int:
        with contextlib.suppress(AssertionError):
            return int(self._inner.last_poll_timestamp(self._tp(partition)) or 0)
        return 0

    async def beginnings(self, partitions: Iterable[int]) -> Mapping[int, int]:
        with translated():
            found = await self._consumer.earliest_offsets(*map(self._tp, partitions))
        return {tp.partition: offset for tp, offset in found.items()}

    async def committed(self, partition: int) -> int | None:
        thread = self._consumer._thread
        with translated():
            return cast(int | None, await thread.call_thread(self._inner.committed, self._tp(partition)))

    async def commit(self, offsets: Mapping[int, int]) -> None:
        with translated():
            await self._consumer._commit({self._tp(one): offset for one, offset in offsets.items()})

    def seek(self, partition: int, offset: int) -> None:
        self._there(lambda: self._inner.seek(self._tp(partition), offset))

    def pause(self, partition: int) -> None:
        # Not by Faust's own means: a worker all of whose partitions are paused it puts to sleep for a second.
        self._there(lambda: self._inner.pause(TopicPartition(self._name, partition)))

    def resume(self, partition: int) -> None:
        self._there(lambda: self._inner.resume(TopicPartition(self._name, partition)))

    def _there(self, work: Callable[[], None]) -> None:
        """Do something in the consumer's own thread, and wait for it: what that thread has fetched is discarded."""

        async def within() -> None:
            work()

        done = asyncio.run_coroutine_threadsafe(within(), self._consumer._thread.thread_loop)
        with translated():
            done.result(timeout=5)


@dataclass(slots=True)
class Batch:
    """A fetch on its way to the processor."""

    log: FaustLog
    records: Mapping[int, Sequence[Record]]
    taken: bool = False
    """Whether the processor has it."""
    done: asyncio.Event = field(default_factory=asyncio.Event)


async def worked_on(batch: Batch) -> None:
    """Wait until a batch is done, or was thrown away.

    At a rebalance Faust empties its channels. A batch that lay there is never done; it is read again.
    """
    while not batch.done.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE):
                await batch.done.wait()
        if not batch.taken:
            return


class WholeFetches(Consumer):  # type: ignore[misc]
    """Faust's consumer, handing over what one fetch brought instead of message after message."""

    async def _drain_messages(self, fetcher: Any) -> None:
        batches = self.app.batches
        view = FaustLog(self, self.app.log_name)
        try:
            while not (self.should_stop or fetcher.should_stop):
                check_membership(self._thread._ensure_consumer())
                await self._flowing()
                generation = self.app.consumer_generation_id
                records, _ = await self._wait_next_records(IDLE)
                if self.should_stop or not self.flow_active or generation != self.app.consumer_generation_id:
                    continue
                batch = Batch(view, _by_partition(records or {}))
                await batches.put(batch)
                await worked_on(batch)
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    async def _flowing(self) -> None:
        """Wait for the end of a rebalance, and say meanwhile that we live.

        aiokafka lets a worker that fetched nothing for too long join again only when it fetches, and Faust fetches
        only when it has joined: after a long wait for the store each would wait for the other for ever.
        """
        while not (self.flow_active or self.should_stop):
            check_membership(self._thread._ensure_consumer())
            self._thread.thread_loop.call_soon_threadsafe(self._stir)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE):
                    await self.can_resume_flow.wait()

    def _stir(self) -> None:
        with self._thread._ensure_consumer()._subscription.fetch_context():
            pass  # what counts is that it was entered and left


def _by_partition(records: Mapping[Any, Sequence[Record]]) -> dict[int, Sequence[Record]]:
    return {tp.partition: found for tp, found in records.items() if found}


class FaustRunner:
    """Runs a Faust app whose one processor gives every fetch to `batches`."""

    def __init__(self, settings: Settings, batches: Batches) -> None:
        self._settings = settings
        self._batches = batches
        self._app = self._make()

    def _make(self) -> Any:
        settings = self._settings
        servers = settings.kafka_bootstrap_servers.replace(",", ";kafka://")
        session = settings.session_timeout
        app = faust.App(
            settings.group,
            broker=f"kafka://{servers}",
            datadir=str(Path(settings.state) / "faust"),
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_wait_empty=False,
            stream_recovery_delay=0,
            broker_commit_livelock_soft_timeout=0,
            broker_max_poll_records=settings.fetch,
            broker_session_timeout=session,
            broker_heartbeat_interval=session / 4,
            broker_max_poll_interval=settings.poll_interval,
            broker_request_timeout=max(15.0, session + 5),
            broker_rebalance_timeout=max(10.0, session),
            consumer_max_fetch_size=1_572_864,
            consumer_auto_offset_reset="earliest",
            # A worker that joins while the broker is coming back may find no topic yet: look again soon.
            consumer_metadata_max_age_ms=2_000,
            producer_request_timeout=15.0,
            autodiscover=False,
            loghandlers=[],
        )
        cast(Transport, app.transport).Consumer = WholeFetches
        app.log_name = topic(settings, INTERACTIONS)
        app.batches = app.channel(maxsize=1)
        app.topics.add(app.topic(app.log_name, value_type=bytes))
        app.agent(app.batches, name="processor")(self._process)
        return app

    async def _process(self, stream: Any) -> None:
        async for batch in stream:
            batch.taken = True
            try:
                await self._batches.take(batch.log, batch.records)
            except Exception as error:
                # An exception in a processor would be acknowledged and forgotten: the process ends instead,
                # and whoever supervises it starts it again.
                log.exception("the worker cannot go on", error=str(error))
                self.broken.set_exception(error)
                return
            finally:
                batch.done.set()

    async def run(self) -> None:
        """Run until stopped. Raises what broke it."""
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._app.start()
        stopped = asyncio.ensure_future(self._app.wait_until_stopped())
        await asyncio.wait({self.broken, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if self.broken.done():
            self.broken.result()
        if self._app.crashed:
            raise RuntimeError("Faust gave up") from self._app.crash_reason

    async def stop(self) -> None:
        """Leave the group."""
        started = time.monotonic()
        async with asyncio.timeout(STOP_PATIENCE):
            await self._app.stop()
        log.info("left the group", seconds=round(time.monotonic() - started, 2))
