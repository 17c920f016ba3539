"""The stores that a contract is tried on, beside the shared ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.places import single
from tests.servers import RedisServer


@pytest.fixture(scope="session")
def real_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis that is installed here."""
    yield from single("redis", tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="session")
def real_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Valkey we bring along."""
    yield from single("valkey", tmp_path_factory.mktemp("valkey"))
