"""How long from accepted to in the profile, and to the trigger on its topic, at a fixed offered load.

Open loop: events are sent when their time has come, whether or not earlier ones were answered, so that a stall
counts for everything that had to wait.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import orjson
import yaml
from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis

from bench.client import Client
from bench.figures import Figure, percentile
from bench.ground import Ground
from bench.load import rules
from bench.throughput import RULES
from hub import bus
from hub.event import Event
from hub.ids import customer_id
from hub.replay import stored
from hub.settings import Settings
from hub.topics import INTERACTIONS, TRIGGERS
from hub.trigger import Trigger
from hub.tuning import calm_collector

RATE = 500
TRIGGER_P50, TRIGGER_P99, PROFILE_P99 = 15.0, 40.0, 25.0
EVERY = 5
"""One event in so many sets off a message."""
WARM_UP = 10.0
"""Seconds that are not counted: a broker that was just started is still compiling itself on the same cores."""

RULE = {
    "id": "bench-signal",
    "name": {"en": "Signal"},
    "on": {"type": "web.track", "name": "Signal"},
    "send": {
        "channel": ["email"],
        "purpose": "service",
        "subject": {"en": "Hello"},
        "text": {"en": "Hello from the bench"},
    },
}


class Watch:
    """Notes what arrives and when; what it means is worked out afterwards, so that watching costs little."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self._triggers: list[tuple[float, bytes]] = []
        self._changes: dict[bytes, float] = {}

    @property
    def triggers(self) -> int:
        """How many triggers arrived."""
        return len(self._triggers)

    async def topics(self, ground: Ground) -> None:
        """Follow the triggers."""
        consumer = AIOKafkaConsumer(
            bus.topic(ground.settings, TRIGGERS), bootstrap_servers=ground.settings.kafka_bootstrap_servers
        )
        await consumer.start()
        self.ready.set()
        try:
            while True:
                found = await consumer.getmany(timeout_ms=1000)
                now = time.time()
                self._triggers += [(now, record.value) for records in found.values() for record in records]
        finally:
            await consumer.stop()

    async def profiles(self, ground: Ground) -> None:
        """Follow the changes of profiles."""
        redis = Redis.from_url(ground.settings.redis_url.get_secret_value())
        changes = redis.pubsub(ignore_subscribe_messages=True)
        await changes.psubscribe("live:*")
        async for message in changes.listen():
            self._changes.setdefault(message["channel"], time.time())

    def latencies(self, settings: Settings) -> tuple[list[float], list[float]]:
        """Milliseconds from accepted to the profile, and to the trigger, without the warm-up."""
        events = [Event.from_json(one.value) for one in stored(settings, INTERACTIONS)]
        events = [event for event in events if event.type == "web.track"]
        accepted = {event.id: event.receivedat.timestamp() for event in events}
        first = min(accepted.values()) + WARM_UP
        changed = [
            (event.receivedat.timestamp(), self._changes.get(b"live:" + customer_id(event.subject).encode()))
            for event in events
        ]
        triggered = [(accepted[Trigger.from_json(value).cause], at) for at, value in self._triggers]
        return (
            [(at - start) * 1000 for start, at in changed if at is not None and start >= first],
            [(at - start) * 1000 for start, at in triggered if start >= first],
        )


def _body(number: int) -> bytes:
    signal = number % EVERY == 0
    event = {
        "userId": f"latency-{number}",
        "event": "Signal" if signal else "Product Event 001",
        "messageId": f"latency-{number}",
        "properties": {"product": "Trail shoe", "price": 89.9},
        "context": {"traits": {"email": f"latency-{number}@example.com"}} if signal else {},
    }
    return orjson.dumps(event)


async def _offer(client: Client, count: int) -> None:
    """Send at the fixed rate, from the clock and not from the answers."""
    start, sent = time.perf_counter(), set()
    for number in range(count):
        await asyncio.sleep(max(0.0, start + number / RATE - time.perf_counter()))
        task = asyncio.create_task(client.post("/v1/track", _body(number)))
        sent.add(task)
        task.add_done_callback(sent.discard)
    await asyncio.gather(*sent)


async def latency(ground: Ground, share: float = 1.0) -> list[Figure]:
    """The figures at the fixed load."""
    seconds = 20 * share + WARM_UP
    total = int(seconds * RATE)
    rules(ground.settings.rules_dir, RULES)
    (ground.settings.rules_dir / "signal.yaml").write_text(yaml.safe_dump(RULE))
    watch = Watch()
    calm_collector()
    async with ground.process("gateway"), ground.process("worker"), Client(ground.settings.gateway_port, 64) as client:
        following = [asyncio.create_task(watch.topics(ground)), asyncio.create_task(watch.profiles(ground))]
        await watch.ready.wait()
        await _offer(client, total)
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while watch.triggers < total // EVERY:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    to_profile, to_trigger = await asyncio.to_thread(watch.latencies, ground.settings)
    missing = total // EVERY - watch.triggers
    note = f"{RATE}/s for {seconds - WARM_UP:.0f} s after {WARM_UP:.0f} s of warming up, {missing} triggers missing"
    return [
        Figure("accepted to trigger, p50", percentile(to_trigger, 0.5), "ms", TRIGGER_P50, "at most", note=note),
        Figure("accepted to trigger, p99", percentile(to_trigger, 0.99), "ms", TRIGGER_P99, "at most"),
        Figure("accepted to profile, p99", percentile(to_profile, 0.99), "ms", PROFILE_P99, "at most"),
    ]
