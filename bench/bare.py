"""The baseline: a bare aiokafka loop with one Redis pipeline a batch.

It does the least that could be called keeping a profile: each event is counted for its customer, and becomes the
customer's last one. No identities, no rules, no duplicates, no safety.
"""

from __future__ import annotations

import os
import time

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis


async def count(servers: str, topic: str, url: str, total: int, fetch: int) -> float:
    """Read `total` events and count them in Redis; events a second, from the first batch on."""
    redis = Redis.from_url(url)
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, group_id="bare", auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    seen, start = 0, 0.0
    while seen < total:
        found = await consumer.getmany(timeout_ms=1000, max_records=fetch)
        if not found:
            continue
        start = start or time.perf_counter()
        async with redis.pipeline(transaction=False) as pipe:
            for records in found.values():
                for record in records:
                    event = orjson.loads(record.value)
                    pipe.hincrby(f"bare:{event['subject']}", "events", 1)
                    pipe.set(f"bare-last:{event['subject']}", record.value)
                seen += len(records)
            await pipe.execute()
        await consumer.commit()
    rate = seen / (time.perf_counter() - start)
    await consumer.stop()
    await redis.aclose()
    return rate


if __name__ == "__main__":
    where = os.environ
    print(uvloop.run(count(where["SERVERS"], where["TOPIC"], where["URL"], int(where["TOTAL"]), int(where["FETCH"]))))
