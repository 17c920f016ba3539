"""A task that waits for Redis ends when it is told to, at whatever moment: on Python 3.11 redis-py alone forgets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hub.settings import read
from profile_store import keys
from profile_store.connect import Client, connect
from tests.clusters import RedisCluster
from tests.servers import RedisServer

STEPS = range(1, 60)
"""Of the loop, before the task is told to end: every moment of some commands."""


@pytest.fixture(params=["server", "cluster"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    server: RedisServer | RedisCluster = request.getfixturevalue(f"redis_{request.param}")
    client = connect(read(redis_url=server.url))
    yield client
    await client.aclose()


async def test_no_cancellation_is_lost(client: Client) -> None:
    name = keys.outbox(0)
    await client.hlen(name)

    async def ask() -> None:
        while True:
            await client.hlen(name)

    lost = []
    for steps in STEPS:
        task = asyncio.create_task(ask())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=1)
        while not task.done():
            lost.append(steps)
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)
        assert task.cancelled()
    assert lost == []
