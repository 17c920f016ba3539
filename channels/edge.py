"""The edge: where an event becomes ours. Once accepted, it is in Kafka or in the spool, and it stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from time import time
from typing import Any, Final

from channels.base import Channel
from channels.fault import Fault
from channels.frames import Record
from channels.spool import Spool
from hub.bus import RETRY_AFTER, Producer, topic
from hub.deadletter import DeadLetter
from hub.errors import Rejected, Transient
from hub.event import LARGEST, Event
from hub.logs import get
from hub.metrics import ACCEPTED, DEAD, SPOOLED
from hub.settings import Settings
from hub.topics import DEAD_LETTERS, INTERACTIONS

_DEEPEST: Final = 100
"""Objects and lists inside each other; readers of JSON give up a little further down."""
_LARGEST_LETTER: Final = 650_000
"""Bytes of a body that fit into a dead letter, in base64."""
_MOST_IN_FLIGHT: Final = 50_000
_RECONNECT: Final = 0.5

log = get("edge")


class Edge:
    """What the gateway and the SMTP server share: publish, spool, dead letters."""

    def __init__(self, settings: Settings) -> None:
        self._producer = Producer(settings.kafka_bootstrap_servers, client="hub-gateway")
        self._spool = Spool(settings.spool_dir, settings.spool_bytes)
        self._topics = {name: topic(settings, name) for name in (INTERACTIONS, DEAD_LETTERS)}
        self._in_flight = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the spool and begin to connect; what comes before Kafka answers is refused or spooled."""
        self._spool.open()
        self._tasks = [asyncio.create_task(self._connect()), asyncio.create_task(self._spool.drain(self._deliver))]

    async def stop(self) -> None:
        """Flush and close. Call it when nothing more comes in."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._producer.stop()
        await self._spool.close()

    def waiting_for(self) -> str:
        """What the edge waits for, for /readyz; empty when it accepts events."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                return f"a broken task: {task.exception()}"
        return "" if self._producer.ready else "Kafka does not answer"

    async def accept(self, channel: Channel, events: Sequence[Event], *, keep: bool | None = None) -> None:
        """Make the events safe. Raises Transient when they are not: the sender must come again.

        `keep`: spool them when Kafka is away; by default for senders that do not repeat themselves.
        """
        keep = not channel.can.sender_retries if keep is None else keep
        now = time()
        await self._hand_over([self._record(event, channel, now) for event in events], channel, keep=keep)
        ACCEPTED.labels(channel.name, channel.provider).inc(len(events))

    async def dead(self, channel: Channel, faults: Sequence[Fault], *, keep: bool = False) -> None:
        """Put what cannot be an event among the dead letters. Raises Transient."""
        await self._hand_over([_letter(fault, channel) for fault in faults], channel, keep=keep)

    def _record(self, event: Event, channel: Channel, now: float) -> Record:
        """The event as it goes to its topic, or its dead letter: one that no reader could read helps nobody."""
        value = b""
        try:
            value = event.to_json()
            check(event.data, value)
        except (Rejected, ValueError, RecursionError) as error:
            return _letter(Fault("payload", str(error), event.subject, value or _anyhow(event)), channel)
        return Record(INTERACTIONS, event.subject, value, now)

    async def _hand_over(self, records: Sequence[Record], channel: Channel, *, keep: bool) -> None:
        if keep and self._spool.depth:  # behind what waits already, or a customer's order would be lost
            await self._keep(records, channel)
            return
        if self._in_flight > _MOST_IN_FLIGHT:
            raise Transient("too many events at once", retry_after=RETRY_AFTER)
        self._in_flight += len(records)
        try:
            await self._deliver(records)
        except Transient:
            if not keep:
                raise
            await self._keep(records, channel)
        finally:
            self._in_flight -= len(records)

    async def _keep(self, records: Sequence[Record], channel: Channel) -> None:
        await self._spool.append(records)
        SPOOLED.labels(channel.name).inc(len(records))

    async def _deliver(self, records: Iterable[Record]) -> None:
        sorted_out: dict[str, list[tuple[str, bytes]]] = {}
        for record in records:
            sorted_out.setdefault(record.topic, []).append((record.key, record.value))
        for name, messages in sorted_out.items():
            await self._producer.publish(self._topics[name], messages)

    async def _connect(self) -> None:
        told = False
        while True:
            try:
                await self._producer.start()
            except Transient as error:
                if not told:
                    log.warning("Kafka does not answer yet", error=str(error))
                    told = True
                await asyncio.sleep(_RECONNECT)
            else:
                log.info("connected to Kafka")
                return


def _letter(fault: Fault, channel: Channel) -> Record:
    place: dict[str, Any] = {"channel": channel.name, "provider": channel.provider}
    body = fault.body
    if len(body) > _LARGEST_LETTER:
        place["bytes"] = len(body)  # what follows is only its beginning
        body = body[:_LARGEST_LETTER]
    letter = DeadLetter.of(body, key=fault.key, reason=fault.reason, error=fault.error, place=place)
    DEAD.labels(fault.reason).inc()
    return Record(DEAD_LETTERS, fault.key, letter.to_json(), time())


def _anyhow(event: Event) -> bytes:
    """What can still be shown of an event that cannot be written down as JSON."""
    try:
        return repr(event.data).encode("utf-8", "backslashreplace")
    except RecursionError:
        return event.id.encode()


def check(data: object, value: bytes) -> None:
    """Raise Rejected for an event that is larger or deeper than every reader takes."""
    if len(value) > LARGEST:
        raise Rejected(f"{len(value)} bytes are too many", field="event", limit=f"{LARGEST} bytes")
    if value.count(b"{") + value.count(b"[") > _DEEPEST and _depth(data) > _DEEPEST:
        raise Rejected("the event is nested too deep", field="data", limit=f"{_DEEPEST} levels")


def _depth(data: object) -> int:
    level, depth = [data], 0
    while level and depth <= _DEEPEST:
        depth += 1
        inner = [list(one.values()) if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [one for values in inner for one in values]
    return depth
