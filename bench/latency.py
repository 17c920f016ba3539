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
from hub.topics import INTERACTIONS, TRIGGERS
from hub.trigger import Trigger

RATE = 500
TRIGGER_P50, TRIGGER_P99, PROFILE_P99 = 15.0, 40.0, 25.0
EVERY = 5
"""One event in so many sets off a message."""
WARM_UP = 2.0

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
    """Notes when each event was accepted, when its profile changed and when its trigger was there."""

    def __init__(self) -> None:
        self.accepted: dict[str, float] = {}
        self.customer: dict[str, str] = {}
        self.changed: dict[str, float] = {}
        self.triggered: dict[str, float] = {}

    async def topics(self, ground: Ground) -> None:
        """Follow the log and the triggers."""
        log, triggers = (bus.topic(ground.settings, name) for name in (INTERACTIONS, TRIGGERS))
        consumer = AIOKafkaConsumer(
            log, triggers, bootstrap_servers=ground.settings.kafka_bootstrap_servers, auto_offset_reset="latest"
        )
        await consumer.start()
        self.ready.set()
        try:
            async for record in consumer:
                now = time.time()
                if record.topic == triggers:
                    self.triggered[Trigger.from_json(record.value).cause] = now
                    continue
                event = Event.from_json(record.value)
                if event.type == "web.track":
                    self.accepted[event.id] = event.receivedat.timestamp()
                    self.customer[event.id] = customer_id(event.subject)
        finally:
            await consumer.stop()

    async def profiles(self, ground: Ground) -> None:
        """Follow the changes of profiles."""
        redis = Redis.from_url(ground.settings.redis_url.get_secret_value())
        changes = redis.pubsub(ignore_subscribe_messages=True)
        await changes.psubscribe("live:*")
        async for message in changes.listen():
            self.changed.setdefault(message["channel"][5:].decode(), time.time())

    ready: asyncio.Event


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
    rules(ground.settings.rules_dir, RULES)
    (ground.settings.rules_dir / "signal.yaml").write_text(yaml.safe_dump(RULE))
    watch = Watch()
    watch.ready = asyncio.Event()
    async with ground.process("gateway"), ground.process("worker"), Client(ground.settings.gateway_port, 64) as client:
        following = [asyncio.create_task(watch.topics(ground)), asyncio.create_task(watch.profiles(ground))]
        await watch.ready.wait()
        total = int(seconds * RATE)
        await _offer(client, total)
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while len(watch.triggered) < total // EVERY:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    first = min(watch.accepted.values()) + WARM_UP
    measured = {event: at for event, at in watch.accepted.items() if at >= first}
    to_trigger = [(watch.triggered[event] - at) * 1000 for event, at in measured.items() if event in watch.triggered]
    to_profile = [
        (watch.changed[watch.customer[event]] - at) * 1000
        for event, at in measured.items()
        if watch.customer[event] in watch.changed
    ]
    missing = total // EVERY - len(watch.triggered)
    note = f"{RATE} events/s offered for {seconds:.0f} s, {len(to_trigger):,} triggers, {missing} missing"
    return [
        Figure("accepted to trigger, p50", percentile(to_trigger, 0.5), "ms", TRIGGER_P50, "at most", note=note),
        Figure("accepted to trigger, p99", percentile(to_trigger, 0.99), "ms", TRIGGER_P99, "at most"),
        Figure("accepted to profile, p99", percentile(to_profile, 0.99), "ms", PROFILE_P99, "at most"),
    ]
