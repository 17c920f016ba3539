"""How many events one gateway process makes durable: single requests, and batches of a hundred."""

from __future__ import annotations

import asyncio
import time

import orjson

from bench.client import Client
from bench.figures import Figure, percentile
from bench.ground import Ground

SINGLES = 3_000
IN_BATCHES = 20_000
BATCH = 100


def _track(number: int) -> dict[str, object]:
    return {
        "type": "track",
        "userId": f"user-{number % 5000}",
        "event": "Product Viewed",
        "messageId": f"gateway-bench-{number}",
        "properties": {"product": "Trail shoe", "price": 89.9, "quantity": 1},
        "context": {"locale": "en-GB", "page": {"path": "/shoes/trail", "title": "Trail shoes"}},
    }


async def _drive(client: Client, path: str, bodies: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Send all bodies over so many connections at once; requests a second, and each one's seconds."""
    waiting, took = iter(bodies), []

    async def one() -> None:
        for body in waiting:
            start = time.perf_counter()
            status = await client.post(path, body)
            took.append(time.perf_counter() - start)
            if status != 200:
                raise RuntimeError(f"the gateway answered {status}")

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return len(bodies) / (time.perf_counter() - start), took


async def gateway(ground: Ground, share: float = 1.0) -> list[Figure]:
    """The figures of one gateway process, Kafka acknowledging every event."""
    singles = [orjson.dumps(_track(number)) for number in range(int(30_000 * share))]
    batches = [
        orjson.dumps({"batch": [_track(1_000_000 + number * BATCH + one) for one in range(BATCH)]})
        for number in range(int(2_000 * share))
    ]
    async with ground.process("gateway"), Client(ground.settings.gateway_port, 64) as client:
        await _drive(client, "/v1/track", singles[:500], 64)
        rate, took = await _drive(client, "/v1/track", singles[500:], 64)
        batch_rate, batch_took = await _drive(client, "/v1/batch", batches, 16)
    late, batch_late = percentile(took, 0.99) * 1000, percentile(batch_took, 0.99) * 1000
    return [
        Figure("gateway, single requests", rate, "requests/s", SINGLES, note=f"64 connections, p99 {late:.0f} ms"),
        Figure(
            "gateway, batches of 100",
            batch_rate * BATCH,
            "events/s",
            IN_BATCHES,
            note=f"16 connections, p99 {batch_late:.0f} ms",
        ),
    ]
