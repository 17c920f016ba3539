"""Fixtures of the fault tests. Every run prints its seed; HUB_TEST_SEED repeats one."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import Installation
from tests.servers import KafkaServer, RedisServer

Install = Callable[..., Installation]


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What this run is made from."""
    chosen = int(os.environ.get("HUB_TEST_SEED") or secrets.randbelow(2**32))
    print(f"{request.node.name}: HUB_TEST_SEED={chosen}")
    return chosen


@pytest.fixture
async def install(
    tmp_path_factory: pytest.TempPathFactory, private_kafka: object, private_redis: object
) -> AsyncIterator[Install]:
    """Makes an installation on a Kafka and a Redis; settings by name. Closed before a private server is."""
    made: list[Installation] = []

    def make(kafka: KafkaServer, redis: RedisServer, **settings: Any) -> Installation:
        made.append(Installation(kafka, redis, Path(tmp_path_factory.mktemp("hub")), **settings))
        return made[-1]

    yield make
    for one in made:
        await one.close()
