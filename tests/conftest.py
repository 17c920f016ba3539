"""What all tests share: a clean environment, and the servers."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.net.inet import KafkaNetSocket

from tests.clusters import private_cluster, redis_cluster
from tests.servers import kafka_runtime, kafka_server, private_kafka, private_redis, redis_server

__all__ = [
    "kafka_runtime",
    "kafka_server",
    "private_cluster",
    "private_kafka",
    "private_redis",
    "redis_cluster",
    "redis_server",
]

# Before any test module is imported: no setting of this machine, and no hub that runs on it, is any of our business.
for _name in [name for name in os.environ if name.startswith("HUB_") and not name.startswith("HUB_TEST_")]:
    del os.environ[_name]
_STATE = Path(tempfile.mkdtemp(prefix="hub-tests-"))
os.environ["HUB_STATE"] = str(_STATE)


_connect = KafkaNetSocket.sock_connect


async def _connect_or_close(self: KafkaNetSocket, net: Any, sock: socket.socket, *rest: Any, **named: Any) -> Any:
    """kafka-python forgets the socket of a connection that is refused, or given up before it is there."""
    try:
        return await _connect(self, net, sock, *rest, **named)
    except BaseException:
        sock.close()
        raise


KafkaNetSocket.sock_connect = _connect_or_close


@pytest.fixture(autouse=True, scope="module")
def leaks_are_its_own() -> Iterator[None]:
    """What a module leaves unclosed fails there, not in whichever test the collector happens to run."""
    yield
    gc.collect()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    shutil.rmtree(_STATE, ignore_errors=True)
