"""The producer on a real Kafka: quick to refuse, never stuck for good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aiokafka.errors import OutOfOrderSequenceNumber

from hub.bus import Producer, ensure_topics
from hub.errors import Rejected, Transient
from hub.settings import Settings
from tests.faults.topic import read_all
from tests.servers import KafkaServer

TOPIC = "p.interactions"


@pytest.fixture
async def producer(kafka_server: KafkaServer) -> AsyncIterator[Producer]:
    settings = Settings(kafka_bootstrap_servers=kafka_server.address, topic_prefix="p.", partitions=6)
    await asyncio.to_thread(ensure_topics, settings)
    one = Producer(kafka_server.address, client="test")
    await one.start()
    await _until_accepted(one, b"warm")  # a new topic has no leaders yet
    yield one
    await one.stop()


async def _until_accepted(producer: Producer, value: bytes) -> float:
    start = time.monotonic()
    while True:
        try:
            await producer.publish(TOPIC, [(f"user_id:{number}", value) for number in range(50)])
        except Transient:
            assert time.monotonic() - start < 20
            await asyncio.sleep(0.1)
        else:
            return time.monotonic() - start


async def test_many_at_once_keep_the_order_of_a_key(producer: Producer, kafka_server: KafkaServer) -> None:
    name = f"order-{time.time_ns()}".encode()
    keys = [f"user_id:{number}" for number in range(20)]
    for turn in range(10):
        await producer.publish(TOPIC, [(key, b"%s %d" % (name, turn)) for key in keys for _ in range(10)])
    settings = Settings(kafka_bootstrap_servers=kafka_server.address, topic_prefix="p.", partitions=6)
    everything = await asyncio.to_thread(read_all, settings, "interactions")
    found = [one for one in everything if name in one.value]
    assert len(found) == 2_000
    by_key = [[int(one.value.split()[1]) for one in found if one.key == key.encode()] for key in keys]
    assert all(turns == sorted(turns) for turns in by_key)


async def test_after_a_fatal_error_it_takes_a_new_connection(producer: Producer) -> None:
    """What an idempotent producer never recovers from by itself."""
    broken = producer._producer
    assert broken is not None
    broken._message_accumulator.fail_all(OutOfOrderSequenceNumber())
    assert await _until_accepted(producer, b"after") < 5
    assert producer._producer is not broken
    assert producer.ready


async def test_a_topic_that_is_missing_blocks_no_other(producer: Producer) -> None:
    start = time.monotonic()
    with pytest.raises(Transient):
        await producer.publish("p.no such topic", [("user_id:1", b"x")])
    assert time.monotonic() - start < 1.2
    await producer.publish(TOPIC, [("user_id:1", b"fine")])


async def test_what_is_too_large_is_rejected(producer: Producer) -> None:
    with pytest.raises(Rejected):
        await producer.publish(TOPIC, [("user_id:1", b"x" * 2_000_000)])
    assert producer.ready
    await producer.publish(TOPIC, [])


async def test_without_a_broker_it_says_so_and_ends_quickly(private_kafka: Callable[[], KafkaServer]) -> None:
    kafka = await asyncio.to_thread(private_kafka)
    settings = Settings(kafka_bootstrap_servers=kafka.address, topic_prefix="p.", partitions=2)
    await asyncio.to_thread(ensure_topics, settings)
    one = Producer(kafka.address, client="test")
    await one.start()
    await asyncio.to_thread(kafka.kill)
    for most in (1.2, 0.1, 0.1):  # the first waits for its acknowledgement, the others know by then
        start = time.monotonic()
        with pytest.raises(Transient):
            await one.publish(TOPIC, [("user_id:1", b"x")])
        assert time.monotonic() - start < most
    assert not one.ready
    start = time.monotonic()
    await one.stop()
    assert time.monotonic() - start < 12
    with pytest.raises(Transient):
        await Producer(kafka.address, client="test").start()
